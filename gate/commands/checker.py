"""Checking calls that nobody makes: from a line of input to a decision. Pure, apart from what a kind looks up about a path.

A line is one call:

    {"tool": "shell.run", "args": {"command": "git status"}, "agent": "a", "session": "s", "task": "t"}

`tool` and `args` must be there; further members are left alone.  A line that is no call, because it is no strict JSON, names no tool, or
does not fit the tool's arguments, is denied like any other that may not run, and marked.  A tool that no installed kind knows is judged
by its name and its arguments as plain data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.call import Acting, Call
from gate.commands.strict import decode
from gate.commands.tools import AnyTool
from gate.constraints.value import is_object
from gate.decide import Deny, decide
from gate.effect import Risk
from gate.errors import ConfigError, Denied
from gate.frozen import freeze
from gate.names import check_name
from gate.shown import plain

if TYPE_CHECKING:
    from gate.capability import Capability
    from gate.decide import Decision, Standing
    from gate.rules import Rules

MAX_LINE: Final = 1024 * 1024
RULES_ONLY: Final = "only the rules were checked: a real call also needs a capability that grants it"
_SHOWN: Final = 200


class Verdict(NamedTuple):
    """What would happen to the call of one line. `call` is None where the line is no call, or its value none that the tool's kind takes."""

    decision: str
    reasons: tuple[str, ...]
    rules: tuple[str, ...] = ()
    risk: Risk = Risk.HIGH
    valid: bool = True
    tool: str = ""
    call: Call | None = None
    remedy: str = ""
    not_checked: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The line of output."""
        assessment = self.call.assessment if self.call else None
        return {
            "decision": self.decision,
            "reasons": list(self.reasons),
            "rules": list(self.rules),
            "risk": self.risk.word,
            "effects": sorted(assessment.effects) if assessment else [],
            "techniques": sorted(assessment.techniques) if assessment else [],
            "tool": self.tool,
            "valid": self.valid,
            "not_checked": list(self.not_checked),
        }


class Checker(NamedTuple):
    """What calls are checked against. agent, session, task: those of a line that names none. anyone: the capability is for whoever calls.

    not_checked: what else would have to let a real call through; every answer names it.
    """

    rules: Rules
    capability: Capability | None
    standing: Standing
    now: float
    catalogue: AnyTool
    agent: str = ""
    session: str = ""
    task: str = ""
    anyone: bool = False
    not_checked: tuple[str, ...] = ()

    def check(self, line: bytes) -> Verdict:
        """The verdict about one line. Never raises: what cannot be checked is denied."""
        return self._checked(line)._replace(not_checked=self.not_checked)

    def _checked(self, line: bytes) -> Verdict:
        try:
            request = _request(line)
        except ValueError as error:
            return Verdict("deny", (f"the line is no call: {plain(str(error))}",), valid=False)
        try:
            return self._check(request)
        except Denied as denied:
            return Verdict("deny", tuple(map(_short, denied.reasons)), tool=request.tool)
        except Exception as error:  # a kind that crashes must not stop the others from being checked
            return Verdict("deny", (f"the call could not be checked ({type(error).__name__}: {plain(str(error))})",), tool=request.tool)

    def _check(self, request: Request) -> Verdict:
        if wrong := self._misfits(request):
            return Verdict("deny", wrong, valid=False, tool=request.tool)
        capability = self.capability
        agent = request.agent or self.agent or (capability.agent if capability else "")
        if capability and self.anyone:
            capability = replace(capability, agent=agent)
        principal = capability.principal if capability else ""
        acting = Acting(agent, request.session or self.session, request.task or self.task, principal, capability)
        call = self.catalogue.describe(request.tool, request.args, acting)
        decision = decide(call, capability, self.rules, self.standing, self.now, capability_required=False)
        found = _verdict(decision, call)
        return found if capability or isinstance(decision, Deny) else found._replace(reasons=(*found.reasons, RULES_ONLY))

    def _misfits(self, request: Request) -> tuple[str, ...]:
        """What makes it no call of this tool: names of arguments, not their values."""
        kind = self.catalogue.kinds.get(request.tool)
        if kind is None:
            try:
                check_name(request.tool)
            except ConfigError as error:
                return (str(error),)
            return ()
        missing = [name for name in kind.arguments if name not in request.args and name not in kind.optional]
        unknown = [name for name in request.args if name not in kind.arguments]
        known = ", ".join(kind.arguments)
        return (
            *[f"argument '{name}' is missing" for name in missing],
            *[f"'{request.tool}' has no argument {name[:_SHOWN]!a}; it has {known}" for name in unknown],
        )


class Request(NamedTuple):
    """One line of input, as far as it can be read without knowing the tool."""

    tool: str
    args: Mapping[str, object]
    agent: str
    session: str
    task: str


def _request(line: bytes) -> Request:
    """The call of a line; ValueError says why it is none."""
    if len(line) > MAX_LINE:
        raise ValueError(f"it is longer than {MAX_LINE} bytes")
    if not line.strip():
        raise ValueError("it is empty")
    data = decode(line)
    if not is_object(data):
        raise ValueError('it is no object such as {"tool": "shell.run", "args": {"command": "git status"}}')
    tool, args = data.get("tool"), data.get("args")
    if not isinstance(tool, str) or not tool:
        raise ValueError("its member 'tool' must be the name of a tool")
    if not is_object(args):
        raise ValueError("its member 'args' must be an object of arguments by name")
    for name, value in args.items():
        try:
            freeze({name: value})
        except ValueError as error:
            raise ValueError(f"argument {name[:_SHOWN]!a}: {error}") from None
    return Request(tool, args, _text(data, "agent"), _text(data, "session"), _text(data, "task"))


def _text(data: Mapping[str, object], name: str) -> str:
    value = data.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"its member '{name}' must be text")
    freeze(value)
    return value


def _verdict(decision: Decision, call: Call) -> Verdict:
    remedy = getattr(decision, "remedy", "")
    return Verdict(type(decision).__name__.lower(), decision.reasons, decision.rules, decision.risk, tool=call.tool, call=call, remedy=remedy)


def _short(reason: str) -> str:
    return plain(reason)
