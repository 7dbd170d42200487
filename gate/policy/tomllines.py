"""Lines: where a TOML document says something. The standard parser gives values without lines; this walks the text once and keeps them.

It is meant for documents that `tomllib` has accepted: it finds its way through strings, comments, arrays and tables, and judges nothing.

>>> lines = Lines('''
... [[rule]]
... id = "a"
... match = [
...     "x",   # ] not the end
...     "y",
... ]
... [rule.deny]
... tool = "z"
... ''')
>>> lines.of("rule", 0, "id"), lines.of("rule", 0, "match", 1), lines.of("rule", 0, "deny", "tool"), lines.of("rule", 0, "none")
(3, 6, 9, 2)
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final, TypeAlias

from gate.regex import regex

Path: TypeAlias = "tuple[str | int, ...]"

_BLANK: Final = regex(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = regex(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_STRING: Final = regex(
    r'''"""(?:\\.|[^\\])*?"""(?:"{0,2})'''
    r"""|'''.*?'''(?:'{0,2})"""
    r'''|"(?:\\.|[^"\\])*"'''
    r"""|'[^']*'""",
    re.DOTALL,
)
_SCALAR: Final = regex(r"[^,\]}\n#]+")


class Lines:
    """The line, from 1, of every key, table and array element of a document."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._found: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}
        try:
            self._document()
        except (_LostError, RecursionError):
            return  # the document is none that tomllib accepts: the lines found so far are still right

    def of(self, *path: str | int) -> int:
        """The line of `path`, or of the nearest thing around it that has one; 0 when nothing has."""
        for length in range(len(path), 0, -1):
            if line := self._found.get(path[:length]):
                return line
        return 0

    def at(self, offset: int) -> int:
        """The line of a character."""
        return bisect_right(self._ends, offset - 1) + 1

    def _note(self, path: Path, offset: int) -> None:
        self._found.setdefault(path, self.at(offset))

    def _document(self) -> None:
        text, at = self._text, self._blank(0)
        table: Path = ()
        while at < len(text):
            if text[at] == "[":
                table, at = self._header(at)
            else:
                at = self._pair(table, at)
            at = self._blank(at)

    def _header(self, start: int) -> tuple[Path, int]:
        array = self._text.startswith("[[", start)
        parts, at = self._keys(start + (2 if array else 1))
        path: Path = ()
        for part in parts[:-1]:
            path = self._inside((*path, part))
        path = (*path, parts[-1])
        if array:
            number = self._arrays.get(path, 0)
            self._arrays[path] = number + 1
            self._note(path, start)
            path = (*path, number)
        else:
            path = self._inside(path)
        self._note(path, start)
        return path, at + (2 if array else 1)

    def _inside(self, path: Path) -> Path:
        """The last element of an array of tables, which later headers speak about."""
        return (*path, self._arrays[path] - 1) if path in self._arrays else path

    def _pair(self, table: Path, start: int) -> int:
        parts, at = self._keys(start)
        if self._text[at : at + 1] != "=":
            raise _LostError
        for length in range(1, len(parts) + 1):
            self._note((*table, *parts[:length]), start)
        return self._value((*table, *parts), self._blank(at + 1))

    def _value(self, path: Path, at: int) -> int:
        character = self._text[at : at + 1]
        if character == "[":
            return self._array(path, at + 1)
        if character == "{":
            return self._inline(path, at + 1)
        found = (_STRING if character in ("'", '"') else _SCALAR).match(self._text, at)
        if not found:
            raise _LostError
        return found.end()

    def _array(self, path: Path, at: int) -> int:
        number, at = 0, self._blank(at)
        while self._text[at : at + 1] != "]":
            self._note((*path, number), at)
            at = self._comma(self._value((*path, number), at))
            number += 1
        return at + 1

    def _inline(self, path: Path, at: int) -> int:
        at = self._blank(at)
        while self._text[at : at + 1] != "}":
            at = self._comma(self._pair(path, at))
        return at + 1

    def _comma(self, at: int) -> int:
        at = self._blank(at)
        return self._blank(at + 1) if self._text[at : at + 1] == "," else at

    def _keys(self, at: int) -> tuple[list[str], int]:
        parts = list[str]()
        while found := _KEY.match(self._text, at):
            parts.append(next(part for part in found.groups() if part is not None))
            at = found.end()
            if self._text[at : at + 1] != ".":
                return parts, at
            at += 1
        raise _LostError

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return found.end() if found else at


class _LostError(Exception):
    """The text is no TOML."""
