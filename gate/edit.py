"""Edit: what a person wants instead of what the agent asked for is a new call: bound, validated, frozen and decided as if the agent had made it.

Where that call is refused, the question ends, so that the agent may ask again about what it wanted itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.decide import Allow, Ask, Deny, decide
from gate.errors import Denied
from gate.frozen import thaw
from gate.shown import shown

if TYPE_CHECKING:
    from gate.asking import Edited
    from gate.call import Call
    from gate.gate import Gate
    from gate.tool import Tool


def edited(gate: Gate, tool: Tool, call: Call, edit: Edited) -> tuple[Call, Allow | Ask, tuple[str, ...]]:
    """The changed call, what is decided about it, and what the agent is told of it. Denied when it cannot be made."""
    home = gate.home
    left_out = {name for name in call.defaulted if edit.arguments.get(name) == call.arguments[name]}
    given = {name: thaw(value) for name, value in edit.arguments.items() if name not in left_out}
    try:
        changed = tool.describe((), given, call.acting)
        told = differences(call, changed, edit.by)
        home.records.event("edit", call=call.id, to=changed.id, question=edit.question, by=edit.by)
        again = decide(changed, changed.acting.capability, home.rules(), home.standing(), home.now())
        if isinstance(again, Deny):
            raise Denied(*told, *again.reasons, tool=tool.name, decision=again, remedy=again.remedy, call_id=changed.id)
    except Denied as denial:
        home.desk.withdraw(edit.question, by="gate", reason=f"the call as it was changed is refused: {'; '.join(denial.reasons)}"[:1000])
        raise
    return changed, again, told


def differences(before: Call, after: Call, by: str) -> tuple[str, ...]:
    """One sentence per argument that a person changed."""
    names = [name for name in {**before.arguments, **after.arguments} if before.arguments.get(name) != after.arguments.get(name)]
    return tuple([f"{by} changed '{name}' from {_said(before, name)} to {_said(after, name)}" for name in names])


def _said(call: Call, name: str) -> str:
    return shown(call.arguments[name]) if name in call.arguments else "nothing"
