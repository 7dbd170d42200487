"""Which constraint types exist: the nine, those registered at run time, and those that installed packages bring.

A package brings a type by an entry point in the group `gate.constraints` whose name is the type; it is loaded when first met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gate.constraints.arrays import Contains, Subset
from gate.constraints.base import MAX_DEPTH, Constraint
from gate.constraints.logic import AllOf, AnyOf, Unknown
from gate.constraints.scalars import Exact, NotOneOf, OneOf, Range, Wildcard
from gate.constraints.value import is_array, is_object, is_set, show

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

C = TypeVar("C", bound=type[Constraint])
ANY = Wildcard()
_types: dict[str, type[Constraint]] = {cls.type: cls for cls in (Exact, Range, OneOf, NotOneOf, Contains, Subset, Wildcard, AllOf, AnyOf)}


class Entry(NamedTuple):
    """What a grant says about one argument: its constraint, and whether it may be left out."""

    constraint: Constraint
    optional: bool = False

    def to_json(self) -> dict[str, object]:
        """The entry of a constraint map on the wire."""
        return self.constraint.to_json() | ({"optional": True} if self.optional else {})


def register(cls: C) -> C:
    """Add a constraint type; usable as a decorator. ValueError when the name is taken by another class."""
    if _types.setdefault(cls.type, cls) is not cls:
        raise ValueError(f"the constraint type '{cls.type}' is already registered")
    return cls


def parse(data: object) -> Constraint:
    """The constraint of its wire form. A type nobody here knows gives one that admits nothing; ValueError for what is malformed."""
    if not is_object(data) or not isinstance(name := data.get("constraint_type"), str):
        raise ValueError("a constraint is an object with a text member 'constraint_type'")
    if "optional" in data:
        raise ValueError("'optional' belongs to an argument, not to a constraint inside another one")
    _limit_depth(data)
    cls = _types.get(name) or _installed(name)
    return cls.from_json(data) if cls else Unknown.from_json(data)


def parse_entry(data: object) -> Entry:
    """One entry of a constraint map: a constraint that may carry `optional`."""
    if not is_object(data):
        raise ValueError("a constraint is an object with a text member 'constraint_type'")
    optional = data.get("optional", False)
    if not isinstance(optional, bool):
        raise ValueError("'optional' is true or false")
    return Entry(parse({name: value for name, value in data.items() if name != "optional"}), optional)


def coerce(value: object) -> Constraint:
    """A constraint from what people write in Python: one as it is, a plain value for `Exact`, a list or set of values for `OneOf`.

    >>> coerce("a"), coerce([1, 2])
    (Exact(value='a'), OneOf(values=(1, 2)))
    """
    if isinstance(value, Constraint):
        return value
    if value is None or isinstance(value, (str, int, float)):
        return Exact(value)
    if is_array(value) or is_set(value):
        return OneOf(value)
    if is_object(value) and "constraint_type" in value:
        return parse(value)
    raise ValueError(f"{show(value)} is no constraint; write a value, a list of values, ANY, or a constraint such as Range(max=100)")


def coerce_entry(value: object) -> Entry:
    """As `coerce`, for an argument of a grant, which may be `optional(…)`."""
    if isinstance(value, Entry):
        return value
    return parse_entry(value) if is_object(value) else Entry(coerce(value))


def optional(value: object) -> Entry:
    """An argument that may be left out; when it is there, its value must satisfy this."""
    return Entry(coerce(value), optional=True)


def unknown_types(constraint: Constraint) -> tuple[str, ...]:
    """The types, at any depth, that nobody here implements."""
    if isinstance(constraint, Unknown):
        return (constraint.name,)
    return tuple([name for part in constraint.parts for name in unknown_types(part)])


def _limit_depth(data: Mapping[str, object]) -> None:
    level: list[object] = [data]
    for _ in range(MAX_DEPTH):
        nested = [each.get("constraints") for each in level if is_object(each)]
        level = [clause for clauses in nested if is_array(clauses) for clause in clauses]
        if not level:
            return
    raise ValueError(f"constraints are nested deeper than {MAX_DEPTH} levels")


@cache
def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # reads files, so only when a type is met that is not one of the nine

    return {point.name: point for point in entry_points(group="gate.constraints")}


def _installed(name: str) -> type[Constraint] | None:
    point = _entry_points().get(name)
    if point is None:
        return None
    load: Callable[[], object] = point.load
    try:
        cls = load()
    except Exception:  # a package that cannot be loaded implements nothing: its type stays unknown, so it is refused
        return None
    return register(cls) if isinstance(cls, type) and issubclass(cls, Constraint) and cls.type == name else None
