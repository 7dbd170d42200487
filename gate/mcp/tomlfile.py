r"""TOML that people edit: the tables `[TABLE.NAME]` of a text, so that one can be replaced and everything else stays as it was written.

Only that way of writing is understood, the one the client itself writes (a table with a header of its own, with sub-tables after it or not).  Whoever
changes a text reads the outcome with `tomllib` and refuses it unless it means exactly what was wanted, so another way of writing is a refusal.

>>> text = '[mcp_servers.time]\ncommand = "uvx" # quick\n'
>>> table = tables(text, "mcp_servers")["time"]
>>> text[slice(*value_of(text, table, "command"))]
'"uvx"'
"""

from __future__ import annotations

import re
import tomllib
from typing import Final, NamedTuple

_KEY: Final = r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'"""
_HEADER: Final = re.compile(rf"^[ \t]*\[\[?[ \t]*(?P<path>(?:{_KEY})(?:[ \t]*\.[ \t]*(?:{_KEY}))*)[ \t]*\]\]?[ \t]*(?:#.*)?$", re.MULTILINE)
_LINE: Final = re.compile(rf"^[ \t]*(?P<path>(?:{_KEY})(?:[ \t]*\.[ \t]*(?:{_KEY}))*)[ \t]*=", re.MULTILINE)
_PART: Final = re.compile(_KEY)


class Table(NamedTuple):
    """Where a table lies: from its header to its first sub-table, and to the end of its last one."""

    start: int
    body: int
    end: int


def tables(text: str, parent: str) -> dict[str, Table]:
    """Name → place of the tables of a parent; ValueError for a text that is no TOML."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {str(error).lower()}") from None
    headers = [(found.start(), _path(found["path"])) for found in _HEADER.finditer(text)]
    ends = [at for at, _ in headers[1:]] + [len(text)]
    found: dict[str, Table] = {}
    for (start, path), end in zip(headers, ends, strict=True):
        if len(path) < 2 or path[0] != parent:
            continue
        if path[1] not in found:
            found[path[1]] = Table(start, end if len(path) == 2 else start, end)
        elif len(path) > 2 and found[path[1]].end == start:
            found[path[1]] = found[path[1]]._replace(end=end)
    return found


def value_of(text: str, table: Table, key: str) -> tuple[int, int]:
    """Where the value of a key of the table itself begins and ends; ValueError when it is not written as `key = value`."""
    found = re.compile(rf"^[ \t]*(?:{key}|\"{key}\"|'{key}')[ \t]*=[ \t]*", re.MULTILINE).search(text, table.start, table.body)
    if found is None:
        raise ValueError(f"'{key}' is written in a way that is not understood")
    start = found.end()
    for sign in re.compile(r"#|\r?$", re.MULTILINE).finditer(text, start, table.body):
        piece = text[start : sign.start()]
        if piece.strip() and _is_value(piece):
            return start, start + len(piece.rstrip())
    raise ValueError(f"'{key}' is written in a way that is not understood")


def line_of(text: str, table: Table, key: str) -> tuple[int, int]:
    """Where the whole line or lines of a key begin and end."""
    start, end = value_of(text, table, key)
    line, after = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    return line, len(text) if after < 0 else after + 1


def names_of(text: str, table: Table, key: str) -> dict[str, tuple[int, int]]:
    """Where each name in a table's table begins and ends, that has a header of its own or is written `key.name = value`; {} for any other.

    A text of several lines may look like such a name; whoever changes it there finds that the outcome means something else.
    """
    found: dict[str, tuple[int, int]] = {}
    headers = [*_HEADER.finditer(text, table.start, table.end)]
    for header, end in zip(headers, [*[one.start() for one in headers[1:]], table.end], strict=True):
        path = _path(header["path"])[2:]
        if path in ([], [key]):
            for line in _LINE.finditer(text, header.end(), end):
                parts = [*_PART.finditer(line["path"])]
                if [*path, *_path(line["path"])][:-1] == [key]:
                    found[_path(line["path"])[-1]] = line.start("path") + parts[-1].start(), line.start("path") + parts[-1].end()
    return found


def _is_value(piece: str) -> bool:
    try:
        tomllib.loads(f"v = {piece}")
    except tomllib.TOMLDecodeError:
        return False
    return True


def _path(header: str) -> list[str]:
    return [next(iter(tomllib.loads(f"{part} = 0"))) for part in _PART.findall(header)]
