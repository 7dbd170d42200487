"""Given: whether what a program passes to the gate is of the sort that is wanted; ConfigError says in one line what to write instead.

Types say the same before anything runs, to those who check them.  Here is what everybody else is told, instead of an error from deep inside.

>>> check("grant", agent=(["me"], TEXT, "'researcher'"))
Traceback (most recent call last):
gate.errors.ConfigError: grant: 'agent' must be text such as 'researcher', not ['me']
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gate.constraints.value import is_object
from gate.describe.schema import shown
from gate.errors import ConfigError

Wanted: TypeAlias = "tuple[object, Sort, str]"
"""What was given, the sort that is wanted, an example of it."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of value, in words and as a predicate."""

    words: str
    admits: Callable[[object], bool]


_SHOWN: Final = frozenset({str, bytes, int, float, bool, list, tuple, dict, set, type(None)})
_MOST: Final = 10**15  # beyond it no time and no amount of anything makes sense, and a float no longer counts


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_MOST <= value <= _MOST


def _several(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray))


def _names(value: object) -> bool:
    """Text is not meant as the names of its letters; what can be read only once is not read here."""
    if not _several(value) or is_object(value):
        return False
    several: Collection[object] = value if isinstance(value, Collection) else ()  # pyright: ignore[reportUnknownVariableType]  # whatever it holds
    return all(map(_text, several))


def _text(value: object) -> bool:
    return isinstance(value, str)


def _by_name(value: object) -> bool:
    return is_object(value) and all(map(_text, value))


def _path(value: object) -> bool:
    from os import PathLike

    return isinstance(value, (str, PathLike))


def _optional(sort: Sort) -> Sort:
    return Sort(sort.words, lambda value: value is None or sort.admits(value))


TEXT: Final = Sort("text", _text)
NUMBER: Final = Sort("a number", _number)
MAYBE_NUMBER: Final = _optional(NUMBER)
WHOLE: Final = Sort("a whole number", lambda value: _number(value) and not isinstance(value, float))
MAYBE_WHOLE: Final = _optional(WHOLE)
FLAG: Final = Sort("a flag", lambda value: isinstance(value, bool))
PATH: Final = Sort("a path", _path)
MAYBE_PATH: Final = _optional(PATH)
BY_NAME: Final = Sort("a mapping from names", _by_name)
MAYBE_BY_NAME: Final = _optional(BY_NAME)
SEVERAL: Final = Sort("several", _several)
NAMES: Final = Sort("several names", _names)
MAYBE_NAMES: Final = _optional(NAMES)
NAME_OR_NAMES: Final = Sort("a name or several", lambda value: isinstance(value, str) or _names(value))


def check(where: str, **wanted: Wanted) -> None:
    """ConfigError about the first argument that is not of its sort. where: what was called."""
    for name, (value, sort, example) in wanted.items():
        if not sort.admits(value):
            raise ConfigError(wrong(f"{where}: '{name}'", sort, example, value))


def wrong(what: str, sort: Sort, example: str, value: object) -> str:
    """What must be written instead."""
    return f"{what} must be {sort.words} such as {example}, not {_briefly(value)}"


def _briefly(value: object) -> str:
    """The value, or its type where it would say no more."""
    return shown(value) if type(value) in _SHOWN else f"a {type(value).__name__}"
