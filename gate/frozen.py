"""Frozen: the one value of an argument, deeply immutable and safe to canonicalise.

    Frozen = None | bool | int | float | str | tuple[Frozen, ...] | MappingProxyType[str, Frozen]

`freeze` copies plain JSON-like data into that form and refuses what RFC 8785 cannot carry without loss: integers beyond ±(2^53-1), NaN
and infinities, lone surrogates, names that are not strings, anything that is not data.  `thaw` gives fresh lists and dicts, so that a
tool may change what it was handed without changing what was checked, shown and recorded.

>>> freeze({"to": ["a", "b"], "n": 1})["to"]
('a', 'b')
>>> thaw(freeze([{"x": 1.5}]))
[{'x': 1.5}]
>>> freeze(float("nan"))
Traceback (most recent call last):
ValueError: nan is not a finite number
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias, cast

Scalar: TypeAlias = None | bool | int | float | str
Frozen: TypeAlias = "Scalar | tuple[Frozen, ...] | Mapping[str, Frozen]"

MAX_INT: Final = 2**53 - 1
MAX_DEPTH: Final = 32
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_INF: Final = float("inf")


def freeze(value: object, depth: int = 0) -> Frozen:
    """A deep immutable copy of JSON-like `value`; ValueError says what cannot be carried."""
    kind = type(value)
    if kind is str:
        return _string(value)  # type: ignore[arg-type]  # `kind is str` narrows, which mypy cannot see
    if value is None or kind is bool:
        return value  # type: ignore[return-value]  # as above
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return _string(str.__str__(value))
    if depth >= MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, (list, tuple)):
        return tuple([freeze(item, depth + 1) for item in cast("Sequence[object]", value)])
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return MappingProxyType({_name(name): freeze(item, depth + 1) for name, item in members.items()})
    raise ValueError(f"a {kind.__name__} is not plain data")


def members(value: object) -> Mapping[str, Frozen]:
    """The members of an object, each frozen for itself, as the arguments of a call are; ValueError where it is none."""
    if not isinstance(value, Mapping):
        raise ValueError("these are no arguments by name")
    found = cast("Mapping[object, object]", value)
    return MappingProxyType({_name(name): freeze(item) for name, item in found.items()})


def number(value: float) -> int | float:
    """`value` as a plain int or float; ValueError for booleans, NaN, infinities and integers that JSON cannot carry exactly."""
    if isinstance(value, bool):
        raise ValueError("a boolean is not a number")
    if isinstance(value, int):
        whole = int.__int__(value)  # what it holds; a subclass may say something else each time it is asked
        if not -MAX_INT <= whole <= MAX_INT:
            raise ValueError("an integer beyond ±(2^53-1) cannot be carried exactly; declare the argument as a string")
        return whole
    plain = float.__float__(value)
    if not -_INF < plain < _INF:
        raise ValueError(f"{plain} is not a finite number")
    return plain


def thaw(value: Frozen) -> object:
    """Fresh, ordinary Python data of a frozen value."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, tuple):
        return [thaw(item) for item in value]
    if isinstance(value, Mapping):
        return {name: thaw(item) for name, item in value.items()}
    return value


def _string(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("the text holds a lone surrogate, which is not valid Unicode") from None
    return value


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise ValueError(f"a member name must be text, not a {type(name).__name__}")
    return _string(str.__str__(name))
