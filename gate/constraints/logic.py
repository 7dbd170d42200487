"""all and any: constraints made of others, and the place holder for a type nobody here knows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Self

from gate.constraints.base import MAX_DEPTH, Check, Constraint, depth, members
from gate.constraints.scalars import Exact, OneOf
from gate.constraints.value import is_array, show
from gate.frozen import Frozen, freeze, thaw

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, eq=False, init=False)
class AllOf(Constraint):
    """What every clause admits. A narrower one keeps a clause under each of these and may add more."""

    type: ClassVar[str] = "all"
    constraints: tuple[Constraint, ...]

    def __init__(self, constraints: Iterable[object]) -> None:
        object.__setattr__(self, "constraints", _clauses(constraints, self.type))

    def compile(self) -> Check:
        checks = tuple([clause.compile() for clause in self.constraints])

        def check(value: Frozen) -> bool:
            for admits in checks:  # noqa: SIM110  # a generator would double the cost of the hot path
                if not admits(value):
                    return False
            return True

        return check

    def explain(self, value: Frozen) -> str:
        return _joined([clause.explain(value) for clause in self.constraints if not clause.check(value)])

    def subsumes(self, other: Constraint) -> bool:
        if not isinstance(other, AllOf):
            return False
        return all(any(clause.subsumes(narrower) for narrower in other.constraints) for clause in self.constraints)

    def around(self, value: Frozen) -> Sequence[Constraint]:
        """What lies around the value in one clause, with all the others."""
        clauses = self.constraints
        return tuple([AllOf([*clauses[:at], found, *clauses[at + 1 :]]) for at, clause in enumerate(clauses) for found in clause.around(value)])

    def words(self) -> str:
        return " and ".join([clause.words() for clause in self.constraints])

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "constraints": [clause.to_json() for clause in self.constraints]}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(_parsed(data, cls.type))

    @property
    def parts(self) -> tuple[Constraint, ...]:
        return self.constraints

    def identity(self) -> Hashable:
        return self.type, tuple([clause.identity() for clause in self.constraints])


@dataclass(frozen=True, slots=True, eq=False, init=False)
class AnyOf(Constraint):
    """What at least one clause admits. A narrower one has each of its clauses under one of these."""

    type: ClassVar[str] = "any"
    constraints: tuple[Constraint, ...]

    def __init__(self, constraints: Iterable[object]) -> None:
        object.__setattr__(self, "constraints", _clauses(constraints, self.type))

    def compile(self) -> Check:
        checks = tuple([clause.compile() for clause in self.constraints])

        def check(value: Frozen) -> bool:
            for admits in checks:  # noqa: SIM110  # a generator would double the cost of the hot path
                if admits(value):
                    return True
            return False

        return check

    def explain(self, value: Frozen) -> str:
        return _joined([clause.explain(value) for clause in self.constraints])

    def subsumes(self, other: Constraint) -> bool:
        if not isinstance(other, AnyOf):
            return False
        return all(any(clause.subsumes(narrower) for clause in self.constraints) for narrower in other.constraints)

    def around(self, value: Frozen) -> Sequence[Constraint]:
        """What lies around the value in the clauses that admit it."""
        return tuple([AnyOf([found]) for clause in self.constraints if clause.check(value) for found in clause.around(value)])

    def words(self) -> str:
        return " or ".join([clause.words() for clause in self.constraints])

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "constraints": [clause.to_json() for clause in self.constraints]}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(_parsed(data, cls.type))

    @property
    def parts(self) -> tuple[Constraint, ...]:
        return self.constraints

    def identity(self) -> Hashable:
        return self.type, tuple([clause.identity() for clause in self.constraints])


@dataclass(frozen=True, slots=True, eq=False)
class Unknown(Constraint):
    """A constraint of a type that nobody here implements: it admits nothing, because whoever wrote it meant to restrict."""

    type: ClassVar[str] = "unknown"
    data: Mapping[str, Frozen]

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", MappingProxyType({name: freeze(value) for name, value in self.data.items()}))

    @property
    def name(self) -> str:
        """The type's name on the wire."""
        return str(self.data.get("constraint_type", ""))

    def compile(self) -> Check:
        return _never

    def explain(self, value: Frozen) -> str:
        return f"nothing here can check the constraint type {show(self.name)}, so {show(value)} is refused"

    def subsumes(self, other: Constraint) -> bool:
        return self == other

    def to_json(self) -> dict[str, object]:
        return {name: thaw(value) for name, value in self.data.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls({name: freeze(value) for name, value in data.items()})


def by_parts(whole: Constraint, other: Constraint, *, values: bool = True) -> bool | None:
    """Whether `other` is within `whole`, where no type has to know; None where only the type of `whole` can tell.

    Of `all`, one clause must be within it; of `any`, each; of single values, each must be admitted.
    values: False where what is admitted now may not be later, such as a path that may become a link; then `whole` must look again.
    """
    if isinstance(other, AllOf):
        return any(map(whole.subsumes, other.constraints))
    if isinstance(other, AnyOf):
        return all(map(whole.subsumes, other.constraints))
    if values and isinstance(other, (Exact, OneOf)):
        return all(map(whole.check, (other.value,) if isinstance(other, Exact) else other.values))
    return None


def _joined(reasons: list[str]) -> str:
    more = f" and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    return f"{' and '.join(reasons[:_SHOWN])}{more}"


def _never(_: Frozen) -> bool:
    return False


def _clauses(clauses: Iterable[object], kind: str) -> tuple[Constraint, ...]:
    from gate.constraints.registry import coerce  # here, because the registry needs these classes

    if not isinstance(clauses, Iterable) or isinstance(clauses, (str, bytes, Mapping)):  # pyright: ignore[reportUnnecessaryIsInstance]  # anybody may pass anything
        raise ValueError(f"'{kind}' is made of a list of constraints, such as [Range(min=1), NotOneOf([7])]")
    made = tuple([coerce(clause) for clause in clauses])
    if not made:
        raise ValueError(f"'{kind}' without clauses admits everything or nothing; name at least one")
    if 1 + max(depth(clause) for clause in made) > MAX_DEPTH:
        raise ValueError(f"constraints are nested deeper than {MAX_DEPTH} levels")
    return made


def _parsed(data: Mapping[str, object], kind: str) -> tuple[Constraint, ...]:
    from gate.constraints.registry import parse

    (clauses,) = members(data, kind, ("constraints",))
    if not is_array(clauses):
        raise ValueError(f"'constraints' of '{kind}' must be an array")
    return tuple([parse(clause) for clause in clauses])
