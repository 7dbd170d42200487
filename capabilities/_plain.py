"""Kinds for arguments that do nothing by themselves: text, numbers, switches.

>>> Number("seconds", 0, 60).parse(5)
5
>>> Number("seconds", 0, 60).parse(True)
Traceback (most recent call last):
ValueError: seconds must be a number, not a bool
"""

from __future__ import annotations

from typing import Final

from gate.effect import Assessment, Risk
from gate.frozen import freeze, number

NOTHING: Final = Assessment(frozenset(), Risk.LOW)


class Text:
    """Text of at most `limit` characters."""

    def __init__(self, name: str, limit: int = 10_000_000) -> None:
        self.name, self.limit = name, limit

    def parse(self, value: object) -> str:
        """The text itself; ValueError for anything else, for what is too long and for lone surrogates."""
        if not isinstance(value, str):
            raise ValueError(f"{self.name} must be text, not {_named(value)}")
        if len(value) > self.limit:
            raise ValueError(f"{self.name} is {len(value)} characters long; at most {self.limit} are taken")
        frozen = freeze(value)
        return frozen if isinstance(frozen, str) else ""

    def assess(self, value: object) -> Assessment:  # the Kind protocol
        """Nothing."""
        return NOTHING


class Number:
    """A finite number over `low` and at most `high`; `whole` for integers."""

    def __init__(self, name: str, low: float, high: float, *, whole: bool = False) -> None:
        self.name, self.low, self.high, self.whole = name, low, high, whole

    def parse(self, value: object) -> float:
        """The number itself; ValueError for booleans, text, NaN, infinities and what is out of bounds."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{self.name} must be a number, not {_named(value)}")
        found = number(value)
        if self.whole and not isinstance(found, int):
            raise ValueError(f"{self.name} must be a whole number")
        if not self.low < found <= self.high:
            raise ValueError(f"{self.name} must be over {self.low:g} and at most {self.high:g}")
        return found

    def assess(self, value: object) -> Assessment:  # the Kind protocol
        """Nothing."""
        return NOTHING


class Switch:
    """True or false. `on` is what a call does when it is true."""

    def __init__(self, name: str, on: Assessment = NOTHING) -> None:
        self.name, self.on = name, on

    def parse(self, value: object) -> bool:
        """The boolean itself; ValueError for anything else."""
        if not isinstance(value, bool):
            raise ValueError(f"{self.name} must be true or false, not {_named(value)}")
        return value

    def assess(self, value: object) -> Assessment:
        """`on`, when it is."""
        return self.on if value is True else NOTHING


def _named(value: object) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
