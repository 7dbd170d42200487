r"""JSON that people edit: where each value lies in the text, so that one can be replaced and everything else stays as it was written.

Comments and a comma after the last item are taken, as the editors do that read such files; a member that appears twice is not, because programs
differ about which of the two counts.

>>> text = '{"a": 1, // one\n "b": [2, 3,]}'
>>> tree = read(text)
>>> tree.value, text[tree.members["b"].node.start : tree.members["b"].node.end]
({'a': 1, 'b': [2, 3]}, '[2, 3,]')
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from gate.commands.strict import JSON

DEEPEST: Final = 64
_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)


class Node(NamedTuple):
    """A value and the place of its text; an object also has its members."""

    start: int
    end: int
    value: object
    members: Mapping[str, Member] = MappingProxyType({})


class Member(NamedTuple):
    """A member of an object. start: of its name."""

    start: int
    node: Node


def read(text: str) -> Node:
    """The tree of one JSON text; ValueError says what is wrong and in which line."""
    node = _value(text, _skip(text, 1 if text.startswith("\ufeff") else 0), DEEPEST)
    if _skip(text, node.end) != len(text):
        _wrong(text, node.end, "something follows the value")
    return node


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> Node:
    sign = text[at : at + 1]
    if not depth:
        _wrong(text, at, "it is nested too deep")
    if sign == "{":
        return _object(text, at, depth)
    if sign == "[":
        return _array(text, at, depth)
    value, end = _plain(text, at)
    return Node(at, end, value)


def _object(text: str, start: int, depth: int) -> Node:
    members: dict[str, Member] = {}
    at = _skip(text, start + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            _wrong(text, at, "a name in quotes is missing")
        name, colon = _name(text, at)
        colon = _skip(text, colon)
        if text[colon : colon + 1] != ":":
            _wrong(text, colon, "':' is missing")
        if name in members:
            _wrong(text, at, f"the member {name[:40]!a} appears twice")
        node = _value(text, _skip(text, colon + 1), depth - 1)
        members[name] = Member(at, node)
        at = _next(text, node.end, "}")
    return Node(start, at + 1, {name: member.node.value for name, member in members.items()}, members)


def _array(text: str, start: int, depth: int) -> Node:
    values: list[object] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        node = _value(text, at, depth - 1)
        values.append(node.value)
        at = _next(text, node.end, "]")
    return Node(start, at + 1, values)


def _next(text: str, at: int, close: str) -> int:
    """Where the next item begins, or the bracket that closes."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != close:
        _wrong(text, at, f"',' or '{close}' is missing")
    return at


def _name(text: str, at: int) -> tuple[str, int]:
    value, end = _plain(text, at)
    return str(value), end


def _plain(text: str, at: int) -> tuple[object, int]:
    """A text, a number, true, false or null."""
    try:
        value, end = JSON.raw_decode(text, at)
    except ValueError as error:
        _wrong(text, at, f"a value is missing or wrong ({str(error).split(':')[0].lower()})")
    return value, end


def _wrong(text: str, at: int, what: str) -> NoReturn:
    raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: {what}")


# ---- changing it ---------------------------------------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """A piece of text in place of another."""

    start: int
    end: int
    text: str


def changed(text: str, changes: list[Change]) -> str:
    """The text with pieces replaced, none of which overlap."""
    for change in sorted(changes, reverse=True):
        text = text[: change.start] + change.text + text[change.end :]
    return text


def beside(text: str, member: Member) -> str:
    """What stands between two members where they are written like this one: ", " or a new line with the same indentation."""
    line = text.rfind("\n", 0, member.start) + 1
    indent = text[line : member.start]
    end = "\r\n" if text[line - 2 : line] == "\r\n" else "\n"
    return f",{end}{indent}" if line and not indent.strip() else ", "


def renamed(text: str, member: Member, name: str) -> Change:
    """Gives a member another name."""
    return Change(member.start, _name(text, member.start)[1], json.dumps(name, ensure_ascii=False))


def dropped(members: Mapping[str, Member], name: str) -> Change:
    """Takes a member out, with the comma that belongs to it."""
    ordered = [member for _, member in sorted(members.items(), key=lambda item: item[1].start)]
    at = ordered.index(members[name])
    if at + 1 < len(ordered):
        return Change(ordered[at].start, ordered[at + 1].start, "")
    before = ordered[at - 1].node.end if at else ordered[at].start
    return Change(before, ordered[at].node.end, "")
