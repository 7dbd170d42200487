"""Making the report: each tool read, its schema walked, each argument guessed, and a constraint found where one can be."""

from __future__ import annotations

from collections.abc import Mapping

from gate.constraints.value import is_array, is_object
from gate.kind import Kind
from gate.propose.guess import guess
from gate.propose.kinds import checkable
from gate.propose.reading import Seen, read, text_list
from gate.propose.report import Argument, Report, ToolReport
from gate.propose.walk import Leaf, walk
from gate.propose.words import SORTS


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
        why = leaf.why or "its name ends with '*', which stands for any name"
        return Argument(leaf.name, leaf.top, required, "", "", "unknown", (why,), None, why)
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
