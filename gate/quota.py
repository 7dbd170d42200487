"""Quota: at most so much of a unit per window of time, in all or for each value of one argument.

On the wire, in the limits of a capability or of one of its tools:

    {"unit": "EUR", "total": "200", "seconds": 2592000, "by": "to"}

At most 200 EUR in each window of 30 days for each value of the argument `to`, as the call has it: canonical, so that two spellings of one
payee share one quota.  `unit` is "calls", or a unit of cost.  Without `by` all calls share it; with it, it belongs to one tool.  Windows are
fixed and counted from the epoch, as those of a rate are, so that around the end of one up to twice the total may be spent in its length.

Quotas of the same unit, argument and window are one: a delegated capability may lower its total.  Any other is a further one, and those of
the capabilities above stay, so that it can only narrow.

>>> month = Quota.of(unit="EUR", total=200, seconds=2592000, by="to")
>>> str(month)
'quota.EUR=200/2592000/to'
>>> month.within([Quota.of(unit="EUR", total=250, seconds=2592000, by="to")])
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from gate.constraint import show
from gate.constraints.value import is_array, is_object
from gate.frozen import MAX_INT

CALLS: Final = "calls"
MAX_TOTAL: Final = Decimal(10) ** 12  # in millionths this still fits 63 bits, which a database integer holds
_STEP: Final = Decimal("0.000001")
_MOST: Final = 32  # quotas of one tool: each is one more budget that a call spends
_REQUIRED: Final = frozenset({"unit", "total", "seconds"})


@dataclass(frozen=True, slots=True)
class Quota:
    """`total` of `unit` in each window of `seconds`, for each value of the argument `by` (None: for all calls together)."""

    unit: str
    total: Decimal
    seconds: int
    by: str | None = None

    def __post_init__(self) -> None:
        unit(self.unit)
        object.__setattr__(self, "total", amount(self.total, self.unit))
        if self.unit == CALLS and self.total != self.total.to_integral_value():
            raise ValueError(f"a quota of calls is a whole number, not {self.total}")
        if type(self.seconds) is not int or not 1 <= self.seconds <= MAX_INT:
            raise ValueError(f"the seconds of a quota must be a whole number of at least 1, not {show(self.seconds)}")
        if self.by is not None and not _plain(self.by):
            raise ValueError(f"a quota is kept by the name of an argument without '/' and '=', not {show(self.by)}")

    @classmethod
    def of(cls, *, unit: str, total: float | str | Decimal, seconds: int, by: str | None = None) -> Quota:
        """A quota as people write it; a float counts as what Python prints for it."""
        return cls(unit, amount(str(total) if isinstance(total, float) else total, unit), seconds, by)

    @classmethod
    def from_json(cls, data: object) -> Quota:
        """The quota of its wire form; ValueError for a member that is missing, unknown or malformed."""
        if not is_object(data):
            raise ValueError("a quota is an object")
        if wrong := sorted((set(data) - {"by"}) ^ _REQUIRED):
            raise ValueError(f"a quota has the members unit, total and seconds, and may have by; look at {show(wrong[0])}")
        seconds, total, by = data["seconds"], data["total"], data.get("by")
        if type(seconds) is not int or ("by" in data and by is None) or not isinstance(by, (str, type(None))) or not isinstance(total, str):
            raise ValueError("a quota's total is decimal text, its seconds a whole number, and by the name of an argument")
        return cls(unit(data["unit"]), amount(total, str(data["unit"])), seconds, by)

    def to_json(self) -> dict[str, object]:
        """The wire form above."""
        data: dict[str, object] = {"unit": self.unit, "total": format(self.total, "f"), "seconds": self.seconds}
        return data if self.by is None else data | {"by": self.by}

    @property
    def key(self) -> tuple[str, int, str | None]:
        """What makes two quotas the same one, with whatever total."""
        return self.unit, self.seconds, self.by

    def within(self, others: Iterable[Quota]) -> bool:
        """Whether none of them is the same quota with less."""
        return all(other.key != self.key or self.total <= other.total for other in others)

    def __str__(self) -> str:
        """As it is typed."""
        return f"quota.{self.unit}={self.total:f}/{self.seconds}{f'/{self.by}' if self.by else ''}"


def quotas(value: object) -> tuple[Quota, ...]:
    """Quotas of their wire forms, or as they are; ValueError for two of one key."""
    if not is_array(value) or len(value) > _MOST:
        raise ValueError(f"'quota' is a list of at most {_MOST} quotas")
    made = tuple([each if isinstance(each, Quota) else Quota.from_json(each) for each in value])
    if len({each.key for each in made}) < len(made):
        raise ValueError("'quota' names one unit, window and argument twice")
    return made


def narrowed(parent: tuple[Quota, ...], child: tuple[Quota, ...]) -> tuple[Quota, ...]:
    """The child's quotas, and those of the parent's that it leaves out."""
    own: Mapping[object, Quota] = {each.key: each for each in (*parent, *child)}
    return tuple(own.values())


def unit(name: object) -> str:
    """The name of a unit; ValueError for what is none."""
    if not isinstance(name, str) or not name or not name.isprintable() or "/" in name:
        raise ValueError(f"a unit of cost is a short name without '/', not {show(name)}")
    return name


def amount(value: object, name: str) -> Decimal:
    """A total of a unit; ValueError for what is no exact amount of at least nothing."""
    try:
        total = Decimal(value) if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        total = Decimal("NaN")
    if not total.is_finite() or not 0 <= total <= MAX_TOTAL or total != total.quantize(_STEP):
        raise ValueError(f'the cost in {show(name)} must be decimal text such as "1.50" with at most six digits after the point')
    return total


def _plain(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= 128 and name.isprintable() and not set("/= ") & set(name)
