"""exact, range, one_of, not_one_of and wildcard: constraints that look at one value as a whole."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from gate.constraints.base import Check, Constraint, members
from gate.constraints.value import MAX_FLOAT, NOT_DATA, array, identities, identity, literals, scalar, show, show_some, thawed
from gate.frozen import Frozen, Scalar, number


@dataclass(frozen=True, slots=True, eq=False)
class Wildcard(Constraint):
    """Any value. Use the instance `ANY`."""

    type: ClassVar[str] = "wildcard"

    def compile(self) -> Check:
        return _always

    def explain(self, value: Frozen) -> str:
        return f"{show(value)} is not admitted"

    def subsumes(self, other: Constraint) -> bool:  # noqa: ARG002  # whatever it is, it is within anything
        return True

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        members(data, cls.type)
        return cls()


def _always(_: Frozen) -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Exact(Constraint):
    """This value only: text, number, true, false or null. `1` is also `1.0`, and never `true`."""

    type: ClassVar[str] = "exact"
    value: Scalar

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", scalar(self.value, "value"))

    def compile(self) -> Check:
        literal = self.value
        if literal is None or isinstance(literal, bool):
            return lambda value: value is literal
        if isinstance(literal, str):
            return lambda value: type(value) is str and value == literal
        return lambda value: (type(value) is int or type(value) is float) and value == literal

    def explain(self, value: Frozen) -> str:
        return f"{show(value)} is not {show(self.value)}"

    def subsumes(self, other: Constraint) -> bool:  # whatever it is, it is within anything
        return isinstance(other, Exact) and identity(other.value) == identity(self.value)

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "value": self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (value,) = members(data, cls.type, ("value",))
        return cls(scalar(value, "value"))

    def words(self) -> str:
        return f"exactly {json.dumps(self.value)}"


@dataclass(frozen=True, slots=True, eq=False)
class Range(Constraint):
    """A number between two bounds; a bound left out does not bound, and each is included unless said otherwise."""

    type: ClassVar[str] = "range"
    min: float | None = None
    max: float | None = None
    min_inclusive: bool = True
    max_inclusive: bool = True

    def __post_init__(self) -> None:
        for bound, inclusive in (("min", self.min_inclusive), ("max", self.max_inclusive)):
            value: object = getattr(self, bound)
            if value is not None:
                object.__setattr__(self, bound, _bound(value, bound))
            if type(inclusive) is not bool or (value is None and not inclusive):
                raise ValueError(f"'{bound}_inclusive' is true or false, and needs '{bound}'")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"the minimum {show(self.min)} is over the maximum {show(self.max)}")

    def compile(self) -> Check:
        low = -MAX_FLOAT if self.min is None else self.min  # finite, so that infinities and NaN stay outside an open side too
        high = MAX_FLOAT if self.max is None else self.max
        if self.min_inclusive and self.max_inclusive:
            return lambda value: (type(value) is int or type(value) is float) and low <= value <= high
        if self.min_inclusive:
            return lambda value: (type(value) is int or type(value) is float) and low <= value < high
        if self.max_inclusive:
            return lambda value: (type(value) is int or type(value) is float) and low < value <= high
        return lambda value: (type(value) is int or type(value) is float) and low < value < high

    def explain(self, value: Frozen) -> str:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"{show(value)} is not a number"
        if self.max is not None and value >= self.max:
            return f"{show(value)} is {'over' if value > self.max else 'not under'} the maximum {show(self.max)}"
        if self.min is not None and value <= self.min:
            return f"{show(value)} is {'under' if value < self.min else 'not over'} the minimum {show(self.min)}"
        return f"{show(value)} is not a finite number"

    def subsumes(self, other: Constraint) -> bool:  # whatever it is, it is within anything
        if isinstance(other, Exact):
            return self.check(other.value)
        if not isinstance(other, Range):
            return False
        above = self.min is None or (other.min is not None and (other.min, not other.min_inclusive) >= (self.min, not self.min_inclusive))
        below = self.max is None or (other.max is not None and (other.max, other.max_inclusive) <= (self.max, self.max_inclusive))
        return above and below

    def around(self, value: Frozen) -> Sequence[Constraint]:
        """Numbers from nothing to this one, where there is a maximum: whoever gave it meant that less is less."""
        if self.max is None or isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            return ()
        nothing = self.min is None or self.min < 0
        return (Range(0 if nothing else self.min, value, min_inclusive=nothing or self.min_inclusive),)

    def words(self) -> str:
        low = None if self.min is None else f"{'at least' if self.min_inclusive else 'over'} {json.dumps(self.min)}"
        high = None if self.max is None else f"{'at most' if self.max_inclusive else 'under'} {json.dumps(self.max)}"
        return " and ".join([each for each in (low, high) if each]) or "a number"

    def to_json(self) -> dict[str, object]:
        data: dict[str, object] = {"constraint_type": self.type}
        data |= {name: getattr(self, name) for name in ("min", "max") if getattr(self, name) is not None}
        return data | {name: False for name in ("min_inclusive", "max_inclusive") if not getattr(self, name)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        members(data, cls.type, (), ("min", "max", "min_inclusive", "max_inclusive"))
        given: dict[str, float] = {name: _bound(data[name], name) for name in ("min", "max") if name in data}
        inclusive = {name: data[name] for name in ("min_inclusive", "max_inclusive") if name in data}
        if any(name.removesuffix("_inclusive") not in given for name in inclusive):
            raise ValueError("'min_inclusive' needs 'min' and 'max_inclusive' needs 'max'")
        if any(type(value) is not bool for value in inclusive.values()):
            raise ValueError("'min_inclusive' and 'max_inclusive' are true or false")
        return cls(given.get("min"), given.get("max"), inclusive.get("min_inclusive", True) is True, inclusive.get("max_inclusive", True) is True)


def _bound(value: object, member: str) -> float:
    if isinstance(value, (int, float)):
        return number(value)
    raise ValueError(f"'{member}' must be a number")


@dataclass(frozen=True, slots=True, eq=False, init=False)
class OneOf(Constraint):
    """One of these values, of any JSON type."""

    type: ClassVar[str] = "one_of"
    values: tuple[Frozen, ...]

    def __init__(self, values: Iterable[object]) -> None:
        object.__setattr__(self, "values", literals(values, "values"))
        if not self.values:
            raise ValueError("'values' is empty, so nothing could ever be admitted; leave the tool out instead")

    def compile(self) -> Check:
        known = identities(self.values)
        return lambda value: (value if type(value) is str else identity(value)) in known

    def explain(self, value: Frozen) -> str:
        return f"{show(value)} is {'not one of' if len(self.values) > 1 else 'not'} {show_some(self.values)}"

    def subsumes(self, other: Constraint) -> bool:  # whatever it is, it is within anything
        if isinstance(other, Exact):
            return self.check(other.value)
        return isinstance(other, OneOf) and identities(other.values) <= identities(self.values)

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "values": thawed(self.values)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (values,) = members(data, cls.type, ("values",))
        return cls(array(values, "values"))

    def words(self) -> str:
        return f"exactly {' or '.join([json.dumps(value) for value in thawed(self.values)])}"


@dataclass(frozen=True, slots=True, eq=False, init=False)
class NotOneOf(Constraint):
    """Any value but these."""

    type: ClassVar[str] = "not_one_of"
    excluded: tuple[Frozen, ...]

    def __init__(self, excluded: Iterable[object]) -> None:
        object.__setattr__(self, "excluded", literals(excluded, "excluded"))

    def compile(self) -> Check:
        refused: frozenset[Hashable] = identities(self.excluded) | {NOT_DATA}
        return lambda value: (value if type(value) is str else identity(value)) not in refused

    def explain(self, value: Frozen) -> str:
        return f"{show(value)} is excluded"

    def subsumes(self, other: Constraint) -> bool:  # whatever it is, it is within anything
        return isinstance(other, NotOneOf) and identities(other.excluded) >= identities(self.excluded)

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "excluded": thawed(self.excluded)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (excluded,) = members(data, cls.type, ("excluded",))
        return cls(array(excluded, "excluded"))
