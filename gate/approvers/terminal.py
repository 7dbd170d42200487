"""Terminal: the person at this machine's terminal answers.

The question is written to, and the answer read from, the controlling terminal itself, not standard input or output, which a tool or an
agent may have redirected; `gate.approvers.tty` says who else may write there.  What is shown is the document every channel renders, as text.
From high risk on the person types the number shown under the exact call, so that a reflex is not a yes; `gate.approvers.typed` has what else
may be typed.  What is not understood is asked again, twice, and then denies; silence is no answer, and what is cut or needs a passkey cannot be
approved here.

As an approver of a gate this asks inside the agent's process, whose tools could write to the same terminal: it is a person's yes as far as
those tools do not work against them.  `gate ask`, in a terminal of its own, is the stronger way.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.answer import Answer, Case
from gate.approval import sign
from gate.approvers.document import document
from gate.approvers.text import render
from gate.approvers.tty import Tty
from gate.approvers.typed import Typed, again, prompt, understood
from gate.call import b64url
from gate.errors import GateError

if TYPE_CHECKING:
    from gate.approvers.document import Document
    from gate.ask import Question
    from gate.gate import Gate

TRIES: Final = 3  # lines that are not understood, of which the last denies


class Shown(NamedTuple):
    """What was typed under a question, and the digest of the very bytes that stood above it, with the time."""

    typed: Typed
    shown: str
    shown_at: float


class Terminal:
    """Asks at the controlling terminal, or at `device`; ConfigError where that is no terminal, or others may write to it."""

    def __init__(self, gate: Gate, *, name: str = "owner", device: str = "/dev/tty") -> None:
        self.name = name
        self._gate, self._device = gate, device

    def ask(self, question: Question) -> Answer | None:
        """The person's answer, None when the question expired unanswered or was left for later."""
        home = self._gate.home
        with Tty(self._device) as tty, tty.alone(question.expires - home.now()) as alone:
            kept = home.desk.case(question.id) or Case(question, "open")
            case = home.desk.seen_by(replace(kept, question=question), self.name)  # what is signed is what is shown, whatever the row says
            said = ask_at(tty, case, home.now()) if alone else None
            if said is None:
                tty.write("\nno answer in time: not approved\n")
                return None
            typed, token = said.typed, ""
            if typed.verdict == "later" or typed.verdict == "unclear" or typed.verdict == "help":  # noqa: PLR1714  # as mypy can follow it
                tty.write("left for later: not approved\n")
                return None
            if typed.verdict == "approve":
                key, scope = home.keys.signing(f"approver-{self.name}"), question.scopes[typed.scope]
                token = sign(question, key, approver=self.name, audience=home.origin, now=home.now(), scope=scope)
            tty.write(done(said.typed))
            return Answer(
                typed.verdict,
                self.name,
                token=token,
                reason="" if typed.verdict == "hand-over" else typed.text,
                to=typed.text if typed.verdict == "hand-over" else "",
                stop=typed.stop,
                method="terminal",
                shown=said.shown,
                shown_at=said.shown_at,
            )


class Unshown(GateError):
    """A question of which no document can be made; nobody can answer it here."""


def ask_at(tty: Tty, case: Case, now: float) -> Shown | None:
    """Shows a question at a terminal and waits for an answer; None when its time is over before one came. now: seconds since the epoch.

    Only what is typed after each time something is shown counts.  Unshown where the question cannot be shown.
    """
    end = time.monotonic() + case.question.expires - now
    made, text = _screen(case, now, tty.width)
    tty.write(text)
    unclear = 0
    while True:
        line = tty.line(end - time.monotonic())
        if line is None:
            return None
        typed = understood(line, made)
        unclear += typed.verdict == "unclear"
        if unclear >= TRIES:
            tty.write("  that was not understood either\n")
            typed = Typed("deny")
        if typed.verdict not in {"unclear", "help"}:
            return Shown(typed, b64url(sha256(text.encode()).digest()), now)
        tty.write(prompt(made) if typed.verdict == "help" else again(line, made))


def _screen(case: Case, now: float, width: int) -> tuple[Document, str]:
    """The document of a question, and all of what is shown of it."""
    styled = not os.environ.get("NO_COLOR")
    try:
        made = document(case, now=now)
        text = render(made, min(width, 120), stand_out=_reverse if styled else str, strong=_bold if styled else str)
    except Exception as error:  # whatever an agent sent, the other questions can be answered
        raise Unshown(f"cannot be shown: {str(error) or type(error).__name__}") from error
    return made, text + "\n" + prompt(made)


def done(typed: Typed) -> str:
    """What is said of an answer that counted."""
    if typed.verdict == "approve":
        return "approved, once\n" if typed.scope == 0 else f"approved, as in [{typed.scope + 1}]\n"
    words = {"ask-back": "the agent is asked back", "hand-over": "handed over", "later": "left for later"}
    return f"{words.get(typed.verdict, 'denied')}{', the agent is stopped' if typed.stop else ''}: not approved\n"


def _reverse(text: str) -> str:
    return f"\x1b[7m{text}\x1b[27m"


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[22m"
