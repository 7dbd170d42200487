"""Limits: how much a capability, or one of its tools, may be used. A capability delegated from another spends against both.

On the wire, members left out don't limit:

    {"calls": 100, "rate": [10, 60], "wall": 30.5, "cost": {"usd": "1.50"}, "quota": [{"unit": "EUR", "total": "200", "seconds": 86400, "by": "to"}]}

`calls` in all; `rate` calls per seconds, counted in fixed windows from the epoch; `wall` seconds of tool time in all; `cost` per unit in
all, as decimal text with at most six digits after the point; `quota` per window, and for each value of an argument (gate.quota).

>>> Limits.from_json({"calls": 100}).widenings(Limits.from_json({"calls": 200}))
('calls: 200 is over 100',)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from gate.constraint import show
from gate.constraints.value import is_array, is_object
from gate.frozen import MAX_INT, number
from gate.quota import Quota, amount, narrowed, quotas, unit

__all__ = ["NO_LIMITS", "Limits", "Quota"]

_MAX_WALL: Final = 10.0**9
_RATE: Final = ("rate calls", "rate seconds")


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds; None and an absent unit don't limit. `cost` may be given as text, int or Decimal and is kept as Decimal."""

    calls: int | None = None
    rate: tuple[int, int] | None = None
    wall: float | None = None
    cost: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    quota: tuple[Quota, ...] = ()

    def __post_init__(self) -> None:
        if self.calls is not None:
            _whole(self.calls, "calls", 0)
        if self.rate is not None:
            object.__setattr__(self, "rate", _rate(self.rate))
        if self.wall is not None:
            object.__setattr__(self, "wall", _wall(self.wall))
        object.__setattr__(self, "cost", MappingProxyType(_costs(self.cost)))
        object.__setattr__(self, "quota", quotas(self.quota))

    @classmethod
    def of(
        cls,
        *,
        calls: int | None = None,
        rate: tuple[int, int] | None = None,
        wall: float | None = None,
        cost: Mapping[str, float | str | Decimal] | None = None,
        quota: Iterable[Quota] = (),
    ) -> Limits:
        """Limits as people write them; a cost may also be a float, which counts as what Python prints for it."""
        written = {unit: str(total) if isinstance(total, float) else total for unit, total in (cost or {}).items()}
        return cls(calls, rate, wall, _costs(written), tuple(quota))

    def __hash__(self) -> int:
        return hash((self.calls, self.rate, self.wall, tuple(sorted(self.cost.items())), self.quota))

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return not (self.calls is None and self.rate is None and self.wall is None and not self.cost and not self.quota)

    def within(self, parent: Limits) -> Limits:
        """These limits with everything left out taken from the parent's."""
        return Limits(
            parent.calls if self.calls is None else self.calls,
            parent.rate if self.rate is None else self.rate,
            parent.wall if self.wall is None else self.wall,
            {**parent.cost, **self.cost},
            narrowed(parent.quota, self.quota),
        )

    def widenings(self, child: Limits) -> tuple[str, ...]:
        """Where `child` would allow more than these limits; a limit it leaves out is inherited, so that's never one."""
        found: list[str] = []
        for name, mine, theirs in (("calls", self.calls, child.calls), ("wall", self.wall, child.wall)):
            if mine is not None and theirs is not None and theirs > mine:
                found.append(f"{name}: {theirs} is over {mine}")
        if self.rate and child.rate and not _slower(child.rate, self.rate):
            found.append(f"rate: {_per(child.rate)} is not surely within {_per(self.rate)}")
        found += [f"{quota} is over what is passed on" for quota in child.quota if not quota.within(self.quota)]
        over = [unit for unit in child.cost if unit in self.cost and child.cost[unit] > self.cost[unit]]
        return (*found, *[f"cost in {show(unit)}: {child.cost[unit]} is over {self.cost[unit]}" for unit in over])

    def to_json(self) -> dict[str, object]:
        """The wire form above."""
        data: dict[str, object] = {"calls": self.calls, "wall": self.wall, "rate": list(self.rate) if self.rate else None}
        data["cost"] = {unit: format(total, "f") for unit, total in self.cost.items()} or None
        data["quota"] = [quota.to_json() for quota in self.quota] or None
        return {name: value for name, value in data.items() if value is not None}

    @classmethod
    def from_json(cls, data: object) -> Limits:
        """The limits of their wire form; ValueError for an unknown or malformed member."""
        if not is_object(data):
            raise ValueError("limits are an object")
        if unknown := sorted(set(data) - {"calls", "rate", "wall", "cost", "quota"}):
            raise ValueError(f"there is no limit {unknown[0]!r}; the limits are calls, rate, wall, cost and quota")
        calls, rate, wall = data.get("calls"), data.get("rate"), data.get("wall")
        return cls(
            None if calls is None else _whole(calls, "calls", 0),
            None if rate is None else _rate(rate),
            None if wall is None else _wall(wall),
            _costs(data.get("cost", {})),
            quotas(data.get("quota", [])),
        )

    def for_all_tools(self) -> Limits:
        """These limits, as those of a whole capability; ValueError for a quota that only the calls of one tool can have."""
        if named := [quota for quota in self.quota if quota.by is not None]:
            raise ValueError(f"'{named[0]}' is kept by an argument, so it belongs under one tool")
        return self


def _whole(value: object, name: str, least: int) -> int:
    if type(value) is not int or not least <= value <= MAX_INT:
        raise ValueError(f"'{name}' must be a whole number of at least {least}, not {show(value)}")
    return value


def _rate(value: object) -> tuple[int, int]:
    if not is_array(value) or len(value) != len(_RATE):
        raise ValueError("'rate' is two whole numbers: calls, and the seconds they may be made in")
    return _whole(value[0], _RATE[0], 0), _whole(value[1], _RATE[1], 1)


def _wall(value: object) -> float:
    if not isinstance(value, (int, float)) or not 0 <= (seconds := number(value)) <= _MAX_WALL:
        raise ValueError(f"'wall' must be a number of seconds, not {show(value)}")
    return seconds


def _costs(value: object) -> dict[str, Decimal]:
    if not is_object(value):
        raise ValueError('\'cost\' is an object of unit to total, such as {"usd": "1.50"}')
    return {unit(name): amount(total, str(name)) for name, total in value.items()}


def _slower(child: tuple[int, int], parent: tuple[int, int]) -> bool:
    """Whether the child's rate surely never exceeds the parent's; windows that don't divide each other overlap, so they never do."""
    (few, span), (many, window) = child, parent
    if span % window == 0:
        return few <= many
    return window % span == 0 and few * (window // span) <= many


def _per(rate: tuple[int, int]) -> str:
    return f"{rate[0]} calls per {rate[1]} s"


NO_LIMITS: Final = Limits()
