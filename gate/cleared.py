"""Cleared: the first four steps of a call as one function, for calls of which only arguments and time differ from one that was allowed.

`decide` looks at the capability, the rules, what is revoked or stopped, the arguments and the time.  For a tool whose effects don't depend on
its arguments, and of which no rule looks at arguments, agent or time, only the last two differ from call to call.  A clearance holds the
rest together with the very rules and standing it was made from; both are immutable, and replaced by others when anything changes.  So it is
worth nothing the moment a rule, a revocation or a stop changes, and it never stands in for looking at arguments, time or budgets.

It leads nowhere else than the path: a call that it does not let through at once (any exception, too) goes the path, which alone asks, waits
for the disk, refuses, and records refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from gate.call import Call, next_serial
from gate.decide import Allow
from gate.permit import Permit, allowed
from gate.tool import ALL_GIVEN, NO_LABELS, make_call

if TYPE_CHECKING:
    from gate.call import Acting
    from gate.capability import Grant
    from gate.decide import Ask, Standing
    from gate.home import Home
    from gate.log.recorder import Form
    from gate.rules import Rules
    from gate.store import Charge
    from gate.tool import Tool

Enter: TypeAlias = Callable[[tuple[Any, ...], Mapping[str, Any]], "Permit | None"]


class Clearance(NamedTuple):
    """`enter` describes, decides and spends the next call; None when that must go the path. silent: it leaves no record."""

    enter: Enter
    silent: bool


def clearance(
    home: Home, tool: Tool, call: Call, allow: Allow | Ask, rules: Rules, standing: Standing, taken: tuple[Charge, ...]
) -> Clearance | None:
    """What an allowed call shows for others of its tool; None when each of them must be decided by itself, or waits for the disk.

    taken: what each such call spends.
    """
    acting = call.acting
    grant = acting.capability.grants.get(call.tool) if acting.capability else None
    if grant is None or not isinstance(allow, Allow) or allow.durability == "durable" or not rules.plain(call):
        return None
    if tool.assessment is None or tool.invoke is None:
        return None
    form = None if allow.durability == "off" else home.records.form(call, allow, rules)
    return Clearance(_enter(home, tool, acting, allow, grant, (rules, standing), taken, form), form is None)


def _enter(
    home: Home,
    tool: Tool,
    acting: Acting,
    allow: Allow,
    grant: Grant,
    since: tuple[Rules, Standing],
    taken: tuple[Charge, ...],
    form: Form | None,
) -> Enter:
    """One function with all it needs in reach, because calling others is most of what a call costs."""
    name, bind, complete, assessment = tool.name, tool.bind_quickly, tool.schema.bind, tool.assessment
    checks, count = grant.checks(tool.schema.parameters), tool.schema.count
    (rules, standing), (start, end) = since, _valid(acting)

    def enter(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Permit | None:
        try:
            arguments, defaulted = bind(*args, **kwargs), ALL_GIVEN
            if checks is not None and len(arguments) == count:  # all are given: only their values are in question
                for argument, admits in checks:
                    if not admits(arguments[argument]):
                        return None
            else:
                arguments, defaulted = complete(args, kwargs)
                if not grant.covers(arguments, defaulted):
                    return None
            if rules is home.rules() and standing is home.standing() and start <= home.now() < end:
                call = make_call(Call, (name, MappingProxyType(arguments), defaulted, acting, assessment, next_serial(), NO_LABELS))
                permit = allowed(call, allow)
                if form is None:
                    home.take(taken)
                elif not home.ledger.enter(home.records.entry(call, taken, form)):
                    return None
                return permit
        except Exception:
            return None
        return None

    return enter


def _valid(acting: Acting) -> tuple[float, float]:
    """From when until before when, in seconds since the epoch."""
    capability = acting.capability
    if capability is None:
        return 0.0, 0.0
    return float("-inf") if capability.not_before is None else capability.not_before, capability.expires
