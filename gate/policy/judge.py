"""Judge: a constraint's answer about a value in a rule: yes, no, or "can't tell" (True, False, None).

In a grant, whatever a constraint does not admit is refused, so two answers are enough.  A rule that denies or asks is the other way round:
a value that cannot be compared (`"500"`, `[500]` or null against a minimum of 100) must not slip past it as a "no".  So a rule that
denies or asks also matches what it cannot tell, and a rule that allows never does.

>>> from gate.constraint import Range, AllOf, Exact
>>> over = judge(Range(min=100))
>>> over(500), over(5), over("500"), over(None), over(True)
(True, False, None, None, None)
>>> judge(Exact("prod"))(("prod",)) is None
True

A value can be compared when its sort (null, boolean, number, text, list, object) is one that the constraint speaks about.  A constraint
type of a kind may say so itself with a method `tells(value) -> bool`; without one it is taken to speak about text only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias, runtime_checkable

from gate.constraint import AllOf, AnyOf, Check, Constraint, Contains, Exact, NotOneOf, OneOf, Range, Subset, Wildcard
from gate.frozen import Frozen

Judge: TypeAlias = Callable[[Frozen], "bool | None"]
_SORTS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    tuple: "list",
    MappingProxyType: "object",
    dict: "object",
}
TYPES: Final = tuple(_SORTS)
"""Every type of a frozen value."""


@runtime_checkable
class Telling(Protocol):
    """A constraint that says itself about which values it can tell anything."""

    def tells(self, value: Frozen) -> bool:
        """False when `value` cannot be compared, so that `check` being False means nothing."""
        ...


def judge(constraint: Constraint) -> Judge:
    """The three-valued check of `constraint`. It never raises; a constraint that breaks is one that can't tell."""
    if isinstance(constraint, AllOf):
        return _all([judge(part) for part in constraint.constraints])
    if isinstance(constraint, AnyOf):
        return _any([judge(part) for part in constraint.constraints])
    return _either(constraint.compile(), _tells(constraint), excludes=isinstance(constraint, NotOneOf))


def literals(constraint: Constraint) -> tuple[Frozen, ...]:
    """The values of a constraint that admits exactly these; empty for any other."""
    if isinstance(constraint, Exact):
        return (constraint.value,)
    return constraint.values if isinstance(constraint, OneOf) else ()


def _either(check: Check, tells: Callable[[Frozen], bool], *, excludes: bool) -> Judge:
    def judged(value: Frozen) -> bool | None:
        try:
            admitted = check(value)
            if admitted and not excludes:
                return True
            return bool(admitted) if tells(value) else None
        except Exception:  # a constraint that breaks its promise not to raise cannot tell
            return None

    return judged


def _tells(constraint: Constraint) -> Callable[[Frozen], bool]:
    if isinstance(constraint, Wildcard):
        return lambda _: True
    if isinstance(constraint, Range):
        return _finite
    if isinstance(constraint, (Exact, OneOf, NotOneOf)):
        known = types_like(constraint.excluded if isinstance(constraint, NotOneOf) else literals(constraint))
        return lambda value: type(value) in known
    if isinstance(constraint, (Contains, Subset)):
        within = types_like(constraint.required if isinstance(constraint, Contains) else constraint.allowed)
        return lambda value: type(value) is tuple and within.issuperset(map(type, value))
    if isinstance(constraint, Telling):
        return constraint.tells
    return lambda value: type(value) is str


def _finite(value: Frozen) -> bool:
    return (type(value) is int or type(value) is float) and value - value == 0


def types_like(values: Iterable[Frozen]) -> frozenset[type]:
    """The types of those frozen values that can be compared with one of these."""
    sorts = {_SORTS.get(type(value)) for value in values}
    return frozenset([kind for kind, name in _SORTS.items() if name in sorts])


def _all(parts: list[Judge]) -> Judge:
    def judged(value: Frozen) -> bool | None:
        answers = [part(value) for part in parts]
        return False if False in answers else None if None in answers else True

    return judged


def _any(parts: list[Judge]) -> Judge:
    def judged(value: Frozen) -> bool | None:
        answers = [part(value) for part in parts]
        return True if True in answers else None if None in answers else False

    return judged
