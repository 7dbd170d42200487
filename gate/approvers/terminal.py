"""Terminal: the person at this machine's terminal answers.

The question is written to, and the answer read from, the controlling terminal itself, not standard input or output, which a tool or an
agent may have redirected.  What the engine wrote comes first, arguments whole; the agent's own words last, fenced.  From high risk on the
person types the number shown under the exact call, so that a reflex is not a yes.  Anything else than that, silence included, denies.
"""

from __future__ import annotations

import os
import secrets
import select
import time
from typing import IO, TYPE_CHECKING

from gate.answer import Answer
from gate.approval import sign
from gate.call import canonical
from gate.effect import Risk
from gate.errors import ConfigError
from gate.frozen import thaw
from gate.shown import visible

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.gate import Gate


class Terminal:
    """Asks at the controlling terminal, or at `device`; ConfigError where that is no terminal."""

    def __init__(self, gate: Gate, *, name: str = "owner", device: str = "/dev/tty") -> None:
        self.name = name
        self._gate, self._device = gate, device

    def ask(self, question: Question) -> Answer | None:
        """The person's answer, None when the question expired unanswered."""
        home = self._gate.home
        try:
            tty = os.fdopen(os.open(self._device, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0)
        except OSError as error:
            raise ConfigError(f"there is no terminal to ask at ({self._device}: {error.strerror}); use another approver") from error
        with tty:
            if not tty.isatty():
                raise ConfigError(f"'{self._device}' is no terminal, so nobody can be asked there")
            number = f"{secrets.randbelow(900) + 100}" if question.risk >= Risk.HIGH else ""
            _write(tty, render(question, number))
            said = _line(tty, question.expires - home.now())
            if said is None:
                _write(tty, "\nno answer in time: not approved\n")
                return None
            if said.strip() != (number or "yes"):
                _write(tty, "not approved\n")
                return Answer("deny", self.name, reason="", method="terminal")
            token = sign(question, home.keys.signing(f"approver-{self.name}"), approver=self.name, audience=home.origin, now=home.now())
            _write(tty, "approved, once\n")
            return Answer("approve", self.name, token=token, method="terminal")


def render(question: Question, number: str = "") -> str:
    """The question as text: what, with which exact values, why asked, what a yes covers, and last the agent's own words."""
    lines = ["", "─" * 72, f"  {visible(question.headline)}", ""]
    for name, value in question.arguments.items():
        lines += [f"    {visible(name)} = {part}" if i == 0 else f"      {part}" for i, part in enumerate(_value(value))]
    for panel in question.preview:
        lines += ["", f"    {panel.title}:", *[f"      {line}" for line in panel.lines()]]
    if number:
        lines += ["", f"    number of this call: {number}"]
    lines += ["", f"  risk {question.risk.word}; effects: {', '.join(question.effects) or 'not declared'}"]
    lines += [f"    - {visible(reason)}" for reason in question.reasons]
    if question.techniques:
        lines.append(f"  technique: {', '.join(question.techniques)}")
    if question.requires:
        lines.append(f"  the operating system must bound: {', '.join(question.requires)}")
    who = question.agent + (f" for {question.principal}" if question.principal else "")
    lines += [f"  agent {visible(who)}, session {visible(question.session) or '-'}, task {visible(question.task) or '-'}"]
    lines += ["  a yes runs exactly this call, once"]
    if question.words:
        lines += ["", "  the agent says (not checked):", *(f"    | {visible(line)}" for line in question.words.splitlines())]
    lines += ["", f"  type {number} to approve; anything else denies: " if number else "  type yes to approve; anything else denies: "]
    return "\n".join(lines)


def _value(value: object) -> list[str]:
    """Text with its real lines, each with invisible characters shown; other values as canonical JSON."""
    if isinstance(value, str) and "\n" in value:
        return ["(text)", *(visible(line) for line in value.split("\n"))]
    return [visible(canonical(thaw(value)).decode())]  # type: ignore[arg-type]  # a frozen value


def _write(tty: IO[bytes], text: str) -> None:
    data = text.encode()
    while data:
        data = data[tty.write(data) :]


def _line(tty: IO[bytes], seconds: float) -> str | None:
    """One line, typed within so many seconds; what was typed before the question was shown does not count."""
    import termios

    termios.tcflush(tty, termios.TCIFLUSH)
    end, typed = time.monotonic() + seconds, b""
    while b"\n" not in typed:
        left = end - time.monotonic()
        if left <= 0 or not select.select([tty], [], [], left)[0]:
            return None
        part = os.read(tty.fileno(), 1024)
        if not part:
            return None
        typed += part
    return typed.split(b"\n", 1)[0].decode("utf-8", "replace")
