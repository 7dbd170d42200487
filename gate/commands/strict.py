"""JSON as it must be: no member twice, no NaN or infinity, no number that a double cannot hold.

Python's own reader takes the last of two members of one name where others take the first, and reads a number of a million digits; a
checker that did the same would judge another call than the one that runs.

>>> decode(b'{"tool": "save", "tool": "shell.run"}')
Traceback (most recent call last):
ValueError: the member 'tool' appears twice
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, NoReturn

_MAX_DIGITS: Final = 400
_SHOWN: Final = 40


def decode(raw: bytes) -> object:
    """The value of one JSON text; ValueError says what is wrong with it."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is no UTF-8") from None
    try:
        return JSON.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg.lower()} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"the member {name[:_SHOWN]!a} appears twice")
        made[name] = value
    return made


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits is none that a call can carry")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:_SHOWN]} is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


JSON: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_whole, parse_float=_fraction, parse_constant=_constant)
