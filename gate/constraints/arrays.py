"""contains and subset: constraints over an argument that is an array, taken as a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from gate.constraints.base import Check, Constraint, members
from gate.constraints.value import NOT_DATA, array, identities, identity, literals, show, show_some, thawed
from gate.frozen import Frozen


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Contains(Constraint):
    """An array that holds at least these elements."""

    type: ClassVar[str] = "contains"
    required: tuple[Frozen, ...]

    def __init__(self, required: Iterable[object]) -> None:
        object.__setattr__(self, "required", literals(required, "required"))

    def compile(self) -> Check:
        required = identities(self.required)

        def check(value: Frozen) -> bool:
            if type(value) is not tuple:
                return False
            elements = {identity(item) for item in value}
            return required <= elements and NOT_DATA not in elements

        return check

    def explain(self, value: Frozen) -> str:
        if not isinstance(value, tuple):
            return f"{show(value)} is not a list"
        present = identities(value)
        return f"the list lacks {show_some([item for item in self.required if identity(item) not in present], ' and ')}"

    def subsumes(self, other: Constraint) -> bool:
        return isinstance(other, Contains) and identities(other.required) >= identities(self.required)

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "required": thawed(self.required)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (required,) = members(data, cls.type, ("required",))
        return cls(array(required, "required"))


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Subset(Constraint):
    """An array of nothing but these elements; the empty array always is one."""

    type: ClassVar[str] = "subset"
    allowed: tuple[Frozen, ...]

    def __init__(self, allowed: Iterable[object]) -> None:
        object.__setattr__(self, "allowed", literals(allowed, "allowed"))

    def compile(self) -> Check:
        allowed = identities(self.allowed)

        def check(value: Frozen) -> bool:
            if type(value) is not tuple:
                return False
            for item in value:  # noqa: SIM110  # a generator would double the cost of the hot path
                if identity(item) not in allowed:
                    return False
            return True

        return check

    def explain(self, value: Frozen) -> str:
        if not isinstance(value, tuple):
            return f"{show(value)} is not a list"
        allowed = identities(self.allowed)
        extra = show_some([item for item in value if identity(item) not in allowed], " and ")
        return f"the list holds {extra}, and may hold only {show_some(self.allowed, ' and ') or 'nothing'}"

    def subsumes(self, other: Constraint) -> bool:
        return isinstance(other, Subset) and identities(other.allowed) <= identities(self.allowed)

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "allowed": thawed(self.allowed)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (allowed,) = members(data, cls.type, ("allowed",))
        return cls(array(allowed, "allowed"))
