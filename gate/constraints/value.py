"""When two values are the same, and how a value is shown in a reason.

Constraints compare values by their canonical JSON form (RFC 8785): `1` and `1.0` are one number, `true` is never `1`, objects don't
depend on the order of their members.  `identity` gives a hashable stand-in with just these equalities, without writing any JSON.

>>> identity(1) == identity(1.0), identity(True) == identity(1), identity(("a", 1)) == identity(("a", 1.0))
(True, False, True)
>>> identity(float("nan")) is NOT_DATA
True
"""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeGuard

from gate.frozen import Frozen, Scalar, freeze, thaw

NOT_DATA: Final = object()  # the identity of whatever is no JSON value: equal to no literal, and admitted by nothing
MAX_FLOAT: Final = sys.float_info.max
_TRUE: Final = object()
_FALSE: Final = object()
_OBJECT: Final = object()
_MAX_DEPTH: Final = 64
_SHOWN: Final = 80


def identity(value: object, depth: int = 0) -> Hashable:
    """A hashable that is equal for two values exactly when their RFC 8785 forms are; `NOT_DATA` for what has none. Never raises."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is int or kind is float:
        return value if -MAX_FLOAT <= value <= MAX_FLOAT else NOT_DATA  # type: ignore[operator]  # `kind` narrows, unseen by mypy
    if kind is bool:
        return _TRUE if value else _FALSE
    return _composite(value, depth + 1) if depth < _MAX_DEPTH else NOT_DATA


def _composite(value: object, depth: int) -> Hashable:
    if is_array(value) and isinstance(value, tuple):
        items = tuple([identity(item, depth) for item in value])
        return NOT_DATA if NOT_DATA in items else items
    if is_object(value):
        members = {name: identity(item, depth) for name, item in value.items()}
        return NOT_DATA if NOT_DATA in members.values() else (_OBJECT, frozenset(members.items()))
    return NOT_DATA


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether `value` is a JSON object."""
    return type(value) is dict or (value is not None and isinstance(value, Mapping))  # the last takes five times as long, and is hardly ever needed


def is_array(value: object) -> TypeGuard[Sequence[object]]:
    """Whether `value` is a JSON array."""
    return isinstance(value, (list, tuple))


def is_set(value: object) -> TypeGuard[AbstractSet[object]]:
    """Whether `value` is a set."""
    return isinstance(value, (set, frozenset))


def identities(values: Iterable[Frozen]) -> frozenset[Hashable]:
    """The identities of literals."""
    return frozenset(identity(value) for value in values)


def literals(values: Iterable[object], member: str) -> tuple[Frozen, ...]:
    """The frozen literals of a list or set, duplicates dropped; ValueError when it is none or holds what JSON cannot carry."""
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise ValueError(f"'{member}' must be a list of values")
    if is_set(values):
        values = sorted(values, key=_order)  # sets have no order, tokens need one
    frozen = [freeze(value) for value in values]
    return tuple({identity(value): value for value in reversed(frozen)}.values())[::-1]


def _order(value: object) -> tuple[str, str]:
    return type(value).__name__, str(value)


def scalar(value: object, member: str) -> Scalar:
    """A frozen scalar; ValueError for arrays and objects."""
    frozen = freeze(value)
    if frozen is None or isinstance(frozen, (bool, int, float, str)):
        return frozen
    raise ValueError(f"'{member}' must be text, a number, true, false or null")


def show(value: object) -> str:
    """`value` as a reason shows it: text in quotes with everything unprintable escaped, other values as JSON, cut when long."""
    if isinstance(value, str):
        text = repr(value[: _SHOWN + 1])
        return text if len(value) <= _SHOWN else f"{repr(value[:_SHOWN])[:-1]}…'"
    if is_array(value):
        return f"[{show_some(value, ', ')}]"
    if is_object(value):
        return f"an object with the members {show_some(tuple(value), ', ')}" if value else "an empty object"
    return json.dumps(value)[:_SHOWN] if value is None or isinstance(value, (bool, int, float)) else f"a {type(value).__name__}"


def show_some(values: Iterable[object], joint: str = " or ", limit: int = 5) -> str:
    """The first few of many values: `'a', 'b' or 'c'`, and how many there are when not all fit."""
    shown = [show(value) for value in values]
    if len(shown) > limit:
        return f"{', '.join(shown[:limit])} … ({len(shown)} in all)"
    return joint.join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def array(value: object, member: str) -> tuple[Frozen, ...]:
    """The frozen items of a JSON array as it came off the wire; ValueError for anything else."""
    if not is_array(value):
        raise ValueError(f"'{member}' must be an array")
    return literals(value, member)


def thawed(values: tuple[Frozen, ...]) -> list[object]:
    """Fresh plain data of literals, for the wire."""
    return [thaw(value) for value in values]
