"""Charges: what one call takes from which budgets.

A call spends against its own capability and against every capability that one was delegated from, so that two sub-agents with 60 calls
each never make more than their parent's 100.  Amounts are integers: calls, microseconds of wall time, millionths of a cost unit.

A tool that declares its cost is charged in the units it names.  A kind that tells a call's cost tells all of it, so a unit it does not
name costs nothing; and where the topmost capability that limits any unit does not limit one that the call costs, the call is refused:
a limit in EUR is no permission to pay in USD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.call import b64url, canonical
from gate.errors import BadCall, ConfigError
from gate.frozen import thaw
from gate.quota import CALLS, Quota
from gate.store import Charge

if TYPE_CHECKING:
    from gate.approval import Approval
    from gate.call import Call
    from gate.capability import Capability
    from gate.limits import Limits
    from gate.tool import Tool

MICRO: Final = 1_000_000
DEFAULT_WALL: Final = 60.0
HALVINGS: Final = 8
TOOL: Final = "tool:"
_MOST: Final = 2**62


class Plan(NamedTuple):
    """The budgets a tool spends under one capability; made once, so that a call only adds what depends on it."""

    calls: tuple[Charge, ...]
    rates: tuple[tuple[str, int, int], ...]  # key, calls, seconds
    walls: tuple[tuple[str, int], ...]  # key, microseconds
    costs: tuple[tuple[str, str, int], ...]  # key, unit, millionths
    varies: bool  # whether calls of the tool take different amounts, or from different windows
    quotas: tuple[tuple[str, Quota], ...] = ()  # key without the argument's value and the window
    units: frozenset[str] = frozenset()  # those that the topmost capability which limits any unit limits


def plan(capability: Capability, tool: str) -> Plan:
    """The budgets of every link of the capability's chain that a call of `tool` spends."""
    scopes = [(account, limits) for account, limits, _ in capability.budgets]
    scopes += [(f"{account}/{scope_of(tool)}", by_tool[tool]) for account, _, by_tool in capability.budgets if tool in by_tool]
    calls = tuple([Charge(f"{scope}/calls", 1, limits.calls) for scope, limits in scopes if limits.calls is not None])
    rates = tuple([(f"{scope}/rate/{limits.rate[1]}", *limits.rate) for scope, limits in scopes if limits.rate is not None])
    walls = tuple([(f"{scope}/wall", micro(limits.wall)) for scope, limits in scopes if limits.wall is not None])
    costs = tuple([(f"{scope}/cost/{unit}", unit, micro(total)) for scope, limits in scopes for unit, total in limits.cost.items()])
    quotas = tuple([(f"{scope}/quota/{quota.unit}/{quota.seconds}", quota) for scope, limits in scopes for quota in limits.quota])
    units = next(filter(None, [_units(limits) | _units(by_tool.get(tool)) for _, limits, by_tool in capability.budgets]), frozenset[str]())
    return Plan(calls, rates, walls, costs, varies=bool(rates or walls or costs or quotas), quotas=quotas, units=units)


def use_of(approval: Approval) -> Charge:
    """One use of an approval for several calls."""
    return Charge(f"approval/{approval.jti}", 1, approval.uses, float(approval.expires))


def scope_of(tool: str) -> str:
    """The part of a budget's key for one tool: no part that anything else has, whatever the tool is called ("cost", "a/wall")."""
    return f"{TOOL}{tool.replace('/', '%')}"  # no tool's name holds a "%"


def is_wall(key: str) -> bool:
    """Whether a budget is one of tool time; a unit of cost may be called "wall" too."""
    return key.endswith("/wall") and not key.endswith("/cost/wall")


def _units(limits: Limits | None) -> frozenset[str]:
    return frozenset() if limits is None else frozenset([*limits.cost, *[quota.unit for quota in limits.quota if quota.unit != CALLS]])


def charges(made: Plan, tool: Tool, call: Call, now: float) -> tuple[Charge, ...]:
    """What this call takes: its share of each budget of the plan. BadCall when its cost cannot be told."""
    if not made.varies:
        return made.calls
    taken = list(made.calls)
    for key, limit, seconds in made.rates:
        window = int(now // seconds)
        taken.append(Charge(f"{key}/{window}", 1, limit, (window + 1) * seconds))
    wall = wall_limit(made, tool)
    taken += [Charge(key, max(micro(wall), 1), limit) for key, limit in made.walls if wall is not None]
    cost = _cost(made, tool, call) if made.units else dict[str, int]()
    taken += [Charge(key, cost[unit], limit) for key, unit, limit in made.costs]
    for key, quota in made.quotas:
        window = int(now // quota.seconds)
        amount, limit = (1, int(quota.total)) if quota.unit == CALLS else (cost[quota.unit], micro(quota.total))
        taken.append(Charge(f"{key}/{_whose(quota, tool, call)}/{window}", amount, limit, (window + 1) * quota.seconds))
    return tuple(taken)


def least(made: Plan, tool: Tool, call: Call, now: float) -> tuple[Charge, ...]:
    """The least that this call takes: where only a wall-time budget limits its run, it may get as little time as is ever tried."""
    taken, shortest = charges(made, tool, call, now), time_outs(made, tool)[-1]
    if not made.walls or shortest is None:
        return taken
    walls = {key for key, _ in made.walls}
    return tuple([charge._replace(amount=max(micro(shortest), 1)) if charge.key in walls else charge for charge in taken])


def _cost(made: Plan, tool: Tool, call: Call) -> Mapping[str, int]:
    """What the call costs in every unit that is limited; BadCall where that is not told, or where it costs what the limits do not cover."""
    cost = estimate(tool, call)
    told = _told(tool, call)
    if uncovered := sorted(told.keys() - made.units):
        raise BadCall(f"the capability limits {' and '.join(sorted(made.units))}, and the call costs {uncovered[0]}", tool=tool.name)
    limited = {unit for _, unit, _ in made.costs} | {quota.unit for _, quota in made.quotas if quota.unit != CALLS}
    unsaid = sorted(limited - cost.keys())
    if unsaid and not told:
        raise BadCall(f"the capability limits cost in {unsaid[0]}, and the tool '{tool.name}' does not say what it costs", tool=tool.name)
    return dict.fromkeys(unsaid, 0) | cost


def _whose(quota: Quota, tool: Tool, call: Call) -> str:
    """The part of a quota's key for the value of its argument: a digest of its canonical bytes, so that no value can imitate another's key."""
    if quota.by is None:
        return "all"
    if quota.by not in call.arguments:
        raise BadCall(f"the capability has a quota by '{quota.by}', and the call has no such argument", tool=tool.name)
    return f"{quota.by}={b64url(sha256(canonical(thaw(call.arguments[quota.by]))).digest())}"


def wall_limit(made: Plan, tool: Tool) -> float | None:
    """Seconds a run may take: the tool's own time-out; without one, where a wall-time budget must hold, all of that but at most 60 s."""
    if tool.timeout is not None or not made.walls:
        return tool.timeout
    return min(DEFAULT_WALL, *[limit / MICRO for _, limit in made.walls])


def time_outs(made: Plan, tool: Tool) -> list[float | None]:
    """The time-outs to try for a run. Only where a wall-time budget sets it there are several: less and less of it may be left."""
    most = wall_limit(made, tool)
    return [most] if most is None or most == tool.timeout else [most / 2**halved for halved in range(HALVINGS)]


def estimate(tool: Tool, call: Call) -> dict[str, int]:
    """Millionths of each unit that the call is said to cost before it runs; BadCall when that is no amount."""
    try:
        return _told(tool, call) | {unit: micro(_amount(spec, call.arguments)) for unit, spec in tool.cost.items()}
    except Exception as error:
        raise BadCall(f"the cost cannot be told: {error}", tool=tool.name) from error


def _told(tool: Tool, call: Call) -> dict[str, int]:
    """What the tool's kind says the call costs, in millionths of each unit."""
    cost = tool.like.cost if tool.like else None
    return {unit: micro(amount) for unit, amount in cost(call.arguments).items()} if cost else {}


def micro(amount: object) -> int:
    """An amount in millionths, rounded up; ValueError for what is not a finite amount of at least nothing."""
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str, Decimal)):
        raise ValueError(f"{amount!r} is not an amount")
    try:
        exact = Decimal(str(amount)) * MICRO
    except InvalidOperation:
        raise ValueError(f"{amount!r} is not an amount") from None
    if not exact.is_finite() or not 0 <= exact <= _MOST:
        raise ValueError(f"{amount} is not an amount of at least nothing")
    return int(exact.to_integral_value(rounding="ROUND_CEILING"))


def _amount(spec: object, arguments: Mapping[str, object]) -> object:
    if isinstance(spec, str):
        return arguments[spec]
    if isinstance(spec, Callable):  # type: ignore[arg-type]  # a protocol class, which isinstance does accept
        return spec({name: thaw(value) for name, value in arguments.items()})  # type: ignore[arg-type, operator]  # frozen values only
    return spec


def check_cost(tool: Tool) -> None:
    """ConfigError when the declared cost names an argument that does not exist or is no amount."""
    for unit, spec in tool.cost.items():
        if isinstance(spec, str) and spec not in tool.schema.parameters:
            raise ConfigError(f"the cost in {unit} names the argument '{spec}', which '{tool.name}' does not have")
        if not isinstance(spec, str) and not callable(spec):
            micro(spec)
