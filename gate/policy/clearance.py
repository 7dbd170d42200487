"""Clearance: the part of an allowing decision that is the same for every call of a tool while nothing changes.

`decide` looks at the capability, the rules, what is revoked or stopped, the arguments and the time.  For a tool whose effects don't depend on
its arguments, and of which no rule looks at arguments, agent or time, only the last two differ from call to call.  A clearance holds the
rest together with the very rules and standing it was made from; both are immutable, and replaced by others when anything changes.  So it is
worth nothing the moment a rule, a revocation or a stop changes, and it never stands in for looking at arguments, time or budgets.

A call that a clearance does not cover is decided at length: the shorter way leads nowhere else than `decide`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from gate.decide import Allow

if TYPE_CHECKING:
    from gate.call import Call
    from gate.decide import Ask, Standing
    from gate.frozen import Frozen
    from gate.log.recorder import Form
    from gate.rules import Rules
    from gate.store import Charge


class Clearance(NamedTuple):
    """Valid while `rules` and `standing` are the ones in force, for times in [start, end), for arguments that `covers` admits.

    `taken` is what each such call spends, `form` what its records have in common, None when it leaves none.
    """

    rules: Rules
    standing: Standing
    start: float
    end: float
    covers: Callable[[Mapping[str, Frozen], frozenset[str]], bool]
    allow: Allow
    taken: tuple[Charge, ...]
    form: Form | None = None


def clearance(
    call: Call,
    allow: Allow | Ask,
    rules: Rules,
    standing: Standing,
    taken: tuple[Charge, ...],
    form: Callable[[Call, Allow, Rules], Form],
) -> Clearance | None:
    """What an allowed call shows for others of its tool; None when each of them must be decided by itself, or waits for the disk."""
    capability = call.acting.capability
    grant = capability.grants.get(call.tool) if capability else None
    if not isinstance(allow, Allow) or allow.durability == "durable" or capability is None or grant is None or not rules.plain(call):
        return None
    start = float("-inf") if capability.not_before is None else capability.not_before
    recorded = None if allow.durability == "off" else form(call, allow, rules)
    return Clearance(rules, standing, start, capability.expires, grant.covers, allow, taken, recorded)
