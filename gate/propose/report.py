"""The report: every argument of a set of tools, what it was taken for, and what nothing bounds; and the rules and the grant to start with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gate.propose.guess import Certainty
from gate.propose.toml import rules_file


class Argument(NamedTuple):
    """One argument, at any depth (`options.paths[]`; "*" for arguments of any name).

    sort: what it was taken for, such as "path", or "" for nothing.  kind: the name of the kind for it, "" when there is none.  entry: the constraint
    to start with, None when nothing bounds it, and then `unbound` says why.  top: it is a whole argument, which a grant can name.  several: its
    values are lists.
    """

    name: str
    top: bool
    required: bool
    sort: str
    kind: str
    certainty: Certainty
    reasons: tuple[str, ...]
    entry: Mapping[str, object] | None
    unbound: str = ""
    several: bool = False

    @property
    def sure(self) -> bool:
        """Whether name or format leave no doubt."""
        return self.certainty == "sure"

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {**self._asdict(), "reasons": list(self.reasons)}


class ToolReport(NamedTuple):
    """One tool: its arguments, and why it cannot be taken as it is (then it is in no rule and no grant). schema: as it was given."""

    name: str
    arguments: tuple[Argument, ...]
    required: tuple[str, ...]
    problems: tuple[str, ...]
    schema: Mapping[str, object]


class Report(NamedTuple):
    """What `gate.inspect` found. workspace: the folder that paths are kept below."""

    tools: tuple[ToolReport, ...]
    workspace: str

    @property
    def unbound(self) -> tuple[str, ...]:
        """Every argument without a constraint, as `tool: argument`."""
        return tuple(f"{_plain(tool.name) or '?'}: {_plain(one.name)}" for tool in self.tools for one in tool.arguments if one.entry is None)

    def text(self) -> str:
        """For a person: tool by tool, then what nothing bounds."""
        lines: list[str] = []
        for tool in self.tools:
            lines += [_plain(tool.name) or "(a tool without a name)", *(f"  REFUSED: {_plain(one)}" for one in tool.problems)]
            lines += [f"  {_line(one)}" for one in tool.arguments] or ["  takes no arguments"]
        loose = [f"  {_plain(tool.name)}: {_plain(one.name)} ({one.unbound})" for tool in self.tools for one in tool.arguments if one.entry is None]
        total = sum(len(tool.arguments) for tool in self.tools)
        lines += [
            "",
            f"{len(loose)} of {total} arguments have no constraint; every call with them asks:" if loose else "every argument has a constraint",
            *loose,
        ]
        return "\n".join(lines) + "\n"

    def grant(self) -> dict[str, dict[str, object]]:
        """Tool → argument → constraint, as `gate grant --tools` and `Gate.grant(tools=…)` take it; what nothing bounds is a wildcard.

        Arguments of any name are not granted.  A tool without arguments is left out: a grant for it would admit any.
        """
        return {tool.name: made for tool in self.tools if not tool.problems and (made := _grant(tool))}

    def toml(self) -> str:
        """The rules file to start with: closed, and asking about every call."""
        return rules_file([(tool.name, tool.schema, tool.arguments) for tool in self.tools if not tool.problems], self.workspace, len(self.unbound))

    def to_json(self) -> dict[str, object]:
        """Everything, as plain data."""
        tools = [{"name": tool.name, "problems": list(tool.problems), "arguments": [one.to_json() for one in tool.arguments]} for tool in self.tools]
        return {"tools": tools, "unbound": list(self.unbound), "toml": self.toml(), "grant": self.grant()}


def _grant(tool: ToolReport) -> dict[str, object]:
    made: dict[str, object] = {}
    for one in tool.arguments:
        if one.top and one.name != "*":
            made[one.name] = {**(one.entry or {"constraint_type": "wildcard"}), **({} if one.required else {"optional": True})}
    return made


def _line(one: Argument) -> str:
    what = f"{one.sort or 'unknown'} ({one.certainty})" if one.sort else "unknown"
    bound = f"kept by {one.entry['constraint_type']}" if one.entry else "NO CONSTRAINT"
    return f"{_plain(one.name)}: {what}, {bound}; {_plain('; '.join(one.reasons))}"


def _plain(text: str) -> str:
    """What others wrote, in ASCII: a letter that only looks like another shows as what it is."""
    return ascii(text[:300])[1:-1]
