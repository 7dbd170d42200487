"""Constraint: a predicate over one argument, with a sound answer to "is that one narrower than me?".

A type subclasses `Constraint`, names itself by `type` (the wire's `constraint_type`) and gives five methods.  The laws, which
`tests/reference.py` checks with random values:

- `compile()` returns a closure that never raises; a value of the wrong sort is simply not admitted;
- `a.subsumes(b)` is True only if `a` admits every value that `b` admits (sound; it may be False when it cannot tell);
- `from_json(to_json())` is the same constraint.

Two more are for a person who may say yes to more than one value: `around(value)` gives constraints that hold the value and are within this
one, none by default, and `words()` says in whole what a constraint admits.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import ClassVar, Final, Self, TypeAlias

from gate.constraints.value import identity
from gate.frozen import Frozen, freeze

Check: TypeAlias = Callable[[Frozen], bool]
MAX_DEPTH: Final = 32  # nesting of `all` and `any`: MAX_CONSTRAINT_DEPTH of draft-niyikiza-oauth-attenuating-agent-tokens-02, section 3.4
_SHOWN: Final = 160


class Constraint(ABC):
    """A predicate over one argument. Instances are immutable, hashable and equal by what they say on the wire."""

    __slots__ = ()

    type: ClassVar[str]

    @abstractmethod
    def compile(self) -> Check:
        """A fast check of frozen values. It never raises; a value of the wrong sort is not admitted."""

    @abstractmethod
    def explain(self, value: Frozen) -> str:
        """Why `value` is not admitted, as in "500 is over the maximum 100"; asked only when it is not."""

    @abstractmethod
    def subsumes(self, other: Constraint) -> bool:
        """True only if every value that `other` admits is admitted here."""

    @abstractmethod
    def to_json(self) -> dict[str, object]:
        """The constraint on the wire, `{"constraint_type": "range", "max": 100}`."""

    @classmethod
    @abstractmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """The constraint of its wire form; ValueError for a member that is missing, unknown or malformed."""

    def around(self, value: Frozen) -> Sequence[Constraint]:  # noqa: ARG002  # what lies around a value is for each type to know
        """What a person may say yes to instead of `value` alone: constraints that admit it, within this one, the narrowest first."""
        return ()

    def words(self) -> str:
        """What is admitted, whole and in words that follow "is", as in "at most 100"; only where no type says it better the wire form."""
        return " ".join([self.type, *[f"{name}={json.dumps(value)}" for name, value in self.to_json().items() if name != "constraint_type"]])

    def check(self, value: Frozen) -> bool:
        """Whether `value` is admitted. For many checks compile once instead."""
        return self.compile()(value)

    @property
    def parts(self) -> tuple[Constraint, ...]:
        """The constraints nested directly in this one."""
        return ()

    def identity(self) -> Hashable:
        """What makes two constraints the same."""
        return self.type, identity(freeze(self.to_json()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constraint) and self.identity() == other.identity()

    def __str__(self) -> str:
        """The constraint as a reason shows it, `range max=100`."""
        shown = [f"{name}={json.dumps(value, ensure_ascii=True)}" for name, value in self.to_json().items() if name != "constraint_type"]
        return " ".join([self.type, *shown])[:_SHOWN]

    def __hash__(self) -> int:
        return hash(self.identity())


def depth(constraint: Constraint) -> int:
    """How deep `all` and `any` are nested: 1 for any other constraint."""
    return 1 + max((depth(part) for part in constraint.parts), default=0)


def members(data: Mapping[str, object], kind: str, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> list[object]:
    """The values of `required` then `optional` members (None where left out); ValueError for missing and for unknown ones."""
    known = {"constraint_type", *required, *optional}
    if data.get("constraint_type") != kind:
        raise ValueError(f"this is no '{kind}' constraint")
    if missing := [name for name in required if name not in data]:
        raise ValueError(f"a '{kind}' constraint needs '{missing[0]}'")
    if unknown := sorted(set(data) - known):
        raise ValueError(f"a '{kind}' constraint has no member {unknown[0]!r}")
    return [data.get(name) for name in (*required, *optional)]
