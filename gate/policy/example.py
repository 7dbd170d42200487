"""Example: one line under `match` or `not_match` of a rule, a call that the rule is meant to match or not.

    [@agent=NAME] [@time=HH:MM] TOOL [NAME=VALUE …]

VALUE is a JSON text, array or object, or a bare word; a bare word that reads as a JSON number, true, false or null is that value.
`@time` is the wall clock in the time zone of the rule, or a moment such as `2026-11-23T22:30:00Z`.

>>> parse_example('@agent=intern pay to="A. Smith" eur=12.5 now=true note=lunch')
Example(text='@agent=intern pay to="A. Smith" eur=12.5 now=true note=lunch', tool='pay', \
arguments={'to': 'A. Smith', 'eur': 12.5, 'now': True, 'note': 'lunch'}, agent='intern', time='')
>>> parse_example('pay eur=12 eur=13')
Traceback (most recent call last):
ValueError: 'eur' is given twice
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from gate.constraint import show
from gate.regex import regex

_NAME: Final = regex(r"[^\s=\"'\[\]{},@]+")
_WORD: Final = regex(r"(?!')[^\s\"]+")
_SPACE: Final = regex(r"\s*")
_CLOCK: Final = regex(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_OPTIONS: Final = ("agent", "time")


class Example(NamedTuple):
    """The call of an example. `agent` and `time` are empty when it does not name them."""

    text: str
    tool: str
    arguments: Mapping[str, object]
    agent: str = ""
    time: str = ""


def parse_example(text: str) -> Example:
    """The call that `text` writes down; ValueError says what is wrong with it."""
    at, options = _space(text, 0), dict[str, str]()
    while text.startswith("@", at):
        name, value, at = _pair(text, at + 1, str)
        if name not in _OPTIONS:
            raise ValueError(f"there is no option '@{name}'; the options are @agent and @time")
        if name in options:
            raise ValueError(f"'@{name}' is given twice")
        options[name] = str(value)
    tool, at = _match(_NAME, text, at, "the name of a tool")
    if text[at : at + 1] == "=":
        raise ValueError(f"the tool comes first; {show(tool)} is written like an argument")
    arguments = dict[str, object]()
    at = _gap(text, at)
    while at < len(text):
        name, value, at = _pair(text, at, _bare)
        if name in arguments:
            raise ValueError(f"{show(name)} is given twice")
        arguments[name] = value
    return Example(text, tool, arguments, options.get("agent", ""), _time(options.get("time", "")))


def minutes(clock: str) -> int:
    """The minute of the day that "22:30" is; ValueError for any other text."""
    found = _CLOCK.fullmatch(clock)
    if not found:
        raise ValueError(f"{show(clock)} is no time of day such as 22:30")
    return int(found[1]) * 60 + int(found[2])


def moment(time: str) -> float | None:
    """Seconds since the epoch of "2026-11-23T22:30:00Z"; None for a time of day."""
    return None if _CLOCK.fullmatch(time) else datetime.fromisoformat(time).timestamp()


def _time(text: str) -> str:
    if not text or _CLOCK.fullmatch(text):
        return text
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{show(text)} is no time such as 22:30 or 2026-11-23T22:30:00Z") from None
    if parsed.tzinfo is None:
        raise ValueError(f"{show(text)} needs an offset, such as {text}Z, or write the time of day alone")
    return text


def _pair(text: str, at: int, bare: Callable[[str], object]) -> tuple[str, object, int]:
    name, at = _match(_NAME, text, at, "the name of an argument")
    if text[at : at + 1] != "=":
        raise ValueError(f"{show(name)} needs a value: {name}=…")
    value, at = _value(text, at + 1, bare)
    return name, value, _gap(text, at)


def _value(text: str, at: int, bare: Callable[[str], object]) -> tuple[object, int]:
    if text[at : at + 1] in ('"', "[", "{"):
        try:
            return _JSON.raw_decode(text, at)
        except RecursionError:
            raise ValueError("a value is nested too deep") from None
        except ValueError as error:
            raise ValueError(f"{show(text[at : at + 40])} is no JSON value: {str(error).split(':')[0].lower()}") from None
    word, at = _match(_WORD, text, at, "a value")
    return bare(word), at


def _bare(word: str) -> object:
    try:
        return _JSON.decode(word)
    except ValueError:
        return word


def _match(pattern: re.Pattern[str], text: str, at: int, what: str) -> tuple[str, int]:
    found = pattern.match(text, at)
    if not found:
        raise ValueError(f"{what} is expected at {show(text[at : at + 40])}" if at < len(text) else f"{what} is expected at the end")
    return found[0], found.end()


def _gap(text: str, at: int) -> int:
    """The start of the next part, which a space must precede."""
    end = _space(text, at)
    if end == at < len(text):
        raise ValueError(f"a space is expected before {show(text[at : at + 40])}")
    return end


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a member is given twice")
    return made


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


_JSON: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
