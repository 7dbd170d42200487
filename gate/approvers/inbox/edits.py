r"""Edits: a call's arguments as fields of a form, and other arguments from what was posted.

A text of plain lines is a field of text; every other value, and a text with anything in it that a form would lose or a reader would not see,
is JSON, in which it is escaped.  A field that nobody touched gives back the very value that it showed.

>>> fields = editable({"note": "two\nlines", "eur": 5, "odd": "a\u202eb"})
>>> [(field.field, field.value, field.json) for field in fields]
[('argument-0', 'two\nlines', False), ('argument-1', '5', True), ('argument-2', '"a\\u202eb"', True)]
>>> edited({"note": "two\nlines", "eur": 5}, {"argument-0": "two\r\nlines", "argument-1": "7"})
{'note': 'two\nlines', 'eur': 7}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from gate.errors import TokenError
from gate.frozen import Frozen, thaw
from gate.shown import visible
from gate.tokens import jose

if TYPE_CHECKING:
    from collections.abc import Iterator


class Field(NamedTuple):
    """One argument in the form."""

    name: str
    field: str
    value: str
    json: bool
    rows: int

    @property
    def hint(self) -> str:
        """How it is written."""
        return "as JSON" if self.json else "as text"


def editable(arguments: Mapping[str, Frozen], given: Mapping[str, str] | None = None) -> list[Field]:
    """The fields of a call, with what was typed in them before, if anything was."""
    return list(_fields(arguments, given or {}))


def edited(arguments: Mapping[str, Frozen], given: Mapping[str, str]) -> dict[str, object]:
    """The arguments that were posted; ValueError when one is missing or no JSON."""
    return {field.name: _value(field, arguments[field.name], given) for field in editable(arguments)}


def _fields(arguments: Mapping[str, Frozen], given: Mapping[str, str]) -> Iterator[Field]:
    for at, (name, value) in enumerate(arguments.items()):
        as_text = isinstance(value, str) and all([visible(line) == line for line in value.split("\n")])
        text = value if as_text and isinstance(value, str) else json.dumps(thaw(value), indent=2)
        typed = given.get(f"argument-{at}", text)
        yield Field(name, f"argument-{at}", typed, not as_text, min(max(typed.count("\n") + 1, 1), 24))


def _value(field: Field, value: Frozen, given: Mapping[str, str]) -> object:
    if field.field not in given:
        raise ValueError(f"the argument '{field.name}' is missing")
    typed = given[field.field].replace("\r\n", "\n")
    if typed == field.value:
        return thaw(value)
    if not field.json:
        return typed
    try:
        return jose.loads(typed)
    except (ValueError, TokenError) as error:
        raise ValueError(f"the argument '{field.name}' is no JSON: {error}") from None
