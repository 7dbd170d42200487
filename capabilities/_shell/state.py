"""State: what is known, while a script is judged, about its variables and about where it works.

A pipeline may go well or not, and what follows depends on it: `Ends` has the state after each.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from capabilities._paths.place import Setting
from capabilities._shell.marks import ANY

MOST_SETTINGS: Final = 4


class Value(NamedTuple):
    """What a variable or substitution gives: a text with marks; with `roots`, any number of names at or below one of these places."""

    text: str
    roots: tuple[str, ...] = ()


UNKNOWN: Final = Value(ANY)


class State(NamedTuple):
    """Variables that were set, the folders that the script may be in, the names that programs get, and why the folder is not known."""

    values: Mapping[str, Value]
    settings: tuple[Setting, ...]
    exported: frozenset[str] = frozenset()
    lost: str = ""

    def set(self, name: str, value: Value) -> State:
        """The state in which a variable has that value."""
        return self._replace(values=MappingProxyType({**self.values, name: value}))

    def blurred(self, names: frozenset[str]) -> State:
        """The state in which these variables may have any value."""
        return self._replace(values=MappingProxyType({**self.values, **dict.fromkeys(names, UNKNOWN)})) if names else self


class Ends(NamedTuple):
    """The state when something went well, and when not; None when that cannot be."""

    well: State | None
    badly: State | None

    @property
    def either(self) -> State | None:
        """The state when nobody asks which it was."""
        return union(self.well, self.badly)


def union(one: State | None, other: State | None) -> State | None:
    """What is known when it is one of two states."""
    if one is None or other is None or one is other:
        return one if other is None else other
    values = one.values if one.values is other.values else _values(one.values, other.values)
    settings = tuple(dict.fromkeys(one.settings + other.settings))
    lost = one.lost or other.lost or ("it may be in too many folders" if len(settings) > MOST_SETTINGS else "")
    return State(values, settings[:MOST_SETTINGS], one.exported | other.exported, lost)


def _values(one: Mapping[str, Value], other: Mapping[str, Value]) -> Mapping[str, Value]:
    values = dict(one)
    for name in {*one, *other}:
        mine, theirs = one.get(name), other.get(name)  # None: what the shell had before, which only ours has empty
        values[name] = mine if mine is not None and mine == theirs else UNKNOWN
    return MappingProxyType(values)
