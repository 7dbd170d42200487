"""Edit: what a person wants instead of what the agent asked for is a new call: bound, validated, frozen and decided as if the agent had made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.frozen import thaw
from gate.shown import shown

if TYPE_CHECKING:
    from gate.asking import Edited
    from gate.call import Call
    from gate.gate import Gate
    from gate.tool import Tool


def edited(gate: Gate, tool: Tool, call: Call, edit: Edited) -> tuple[Call, tuple[str, ...]]:
    """The changed call, and what the agent is told of it. BadCall when the tool does not take such arguments."""
    left_out = {name for name in call.defaulted if edit.arguments.get(name) == call.arguments[name]}
    given = {name: thaw(value) for name, value in edit.arguments.items() if name not in left_out}
    changed = tool.describe((), given, call.acting)
    gate.home.records.event("edit", call=call.id, to=changed.id, question=edit.question, by=edit.by)
    return changed, differences(call, changed, edit.by)


def differences(before: Call, after: Call, by: str) -> tuple[str, ...]:
    """One sentence per argument that a person changed."""
    names = [name for name in {**before.arguments, **after.arguments} if before.arguments.get(name) != after.arguments.get(name)]
    return tuple([f"{by} changed '{name}' from {_said(before, name)} to {_said(after, name)}" for name in names])


def _said(call: Call, name: str) -> str:
    return shown(call.arguments[name]) if name in call.arguments else "nothing"
