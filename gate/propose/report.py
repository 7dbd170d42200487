"""The report: every argument of a set of tools, what it was taken for, and what nothing bounds; and the rules and the grant to start with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gate.constraints.value import is_array, is_object
from gate.kind import Kind
from gate.propose.guess import Certainty, guess
from gate.propose.kinds import checkable
from gate.propose.reading import Seen, read, text_list
from gate.propose.toml import rules_file
from gate.propose.walk import Leaf, walk
from gate.propose.words import SORTS


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


def report(tools: object, workspace: str) -> Report:
    """See `gate.inspect`; `workspace` is absolute and leads through no link."""
    return Report(tuple([_tool(seen, workspace) for seen in read(tools)]), workspace)


def _tool(seen: Seen, folder: str) -> ToolReport:
    required = tuple(text_list(seen.schema.get("required")))
    leaves = walk(seen.schema)
    named = {leaf.name for leaf in leaves}
    leaves += [
        Leaf(name, top=True, types=frozenset(), form="", words="", open=True, why="it is required and not described")
        for name in required
        if name not in named
    ]
    arguments = [_argument(leaf, leaf.name in required, folder, seen.known.get(leaf.name)) for leaf in leaves]
    whole = {one.name: one.entry for one in arguments if one.entry and one.top}
    placed = [_within(one, leaf.within, whole.get(leaf.within)) for one, leaf in zip(arguments, leaves, strict=True)]
    return ToolReport(seen.name, tuple(placed), required, seen.problems, seen.schema)


def _within(one: Argument, around: str, entry: Mapping[str, object] | None) -> Argument:
    """What lies inside an argument that has a constraint is kept by that."""
    return one if one.top or entry is None else one._replace(entry=entry, unbound="", reasons=(*one.reasons, f"'{around}' is kept as a whole"))


def _argument(leaf: Leaf, required: bool, folder: str, known: Kind | None) -> Argument:  # noqa: FBT001  # one caller, just above
    if known:
        sort = next((name for name, one in SORTS.items() if one.kind.partition(".")[0] == known.name.partition(".")[0]), "kind")
        entry, why = _entry(sort, leaf, folder)
        return Argument(leaf.name, leaf.top, required, sort, known.name, "sure", ("its annotation names the kind",), entry, why)
    if leaf.name.endswith("*"):
        return Argument(leaf.name, leaf.top, required, "", "", "unknown", (leaf.why,), None, leaf.why)
    found = guess(leaf)
    entry, why = (
        (None, f"it may be a {found.sort}, which only its description says") if found.certainty == "unsure" else _entry(found.sort, leaf, folder)
    )
    kind = SORTS[found.sort].kind if found.sort in SORTS else ""
    return Argument(
        leaf.name,
        leaf.top,
        required,
        found.sort,
        kind,
        found.certainty,
        found.reasons,
        entry,
        why,
        "array" in leaf.types and "string" not in leaf.types,
    )


def _entry(sort: str, leaf: Leaf, folder: str) -> tuple[Mapping[str, object] | None, str]:
    """The constraint to start with, or why there is none."""
    if not leaf.top:
        return None, leaf.why or "it lies inside another argument, and a grant names whole ones"
    if not leaf.name or not leaf.name.isprintable() or set(leaf.name) & set(" =\"'[]{},@\\*"):
        return None, "its name cannot be written in an example"
    if sort == "switch":
        return {"constraint_type": "one_of", "values": [True, False, *([None] if "null" in leaf.types else [])]}, ""
    if sort == "choice" and not [one for one in leaf.fixed if one is not None]:
        return None, "its only value is null"
    if sort == "choice":
        return {"constraint_type": "one_of", "values": list(leaf.fixed)}, ""
    if not sort or sort not in SORTS:
        return None, leaf.why or "what it is is not known"
    entry = filled(SORTS[sort].entry, folder)
    if not is_object(entry) or not entry:
        return None, f"it is a {sort}, for which no constraint can be proposed"
    if not checkable(entry):
        return None, f"it is a {sort}, and no kind for it is installed"
    if (
        leaf.types
        and not leaf.types & (frozenset(["number", "integer"]) if sort == "money" else frozenset(["string"]))
        and sort not in ("recipients", "command")
    ):
        return None, f"it is a {sort} in a form ({', '.join(sorted(leaf.types))}) that the constraint does not take"
    return entry, ""


def filled(value: object, folder: str) -> object:
    """Plain data with the workspace put in."""
    if isinstance(value, str):
        return value.replace("{workspace}", folder)
    if is_object(value):
        return {name: filled(item, folder) for name, item in value.items()}
    return [filled(item, folder) for item in value] if is_array(value) else value


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
