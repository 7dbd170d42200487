"""Expanding words: variables, substitutions and sums put in, what is not quoted split at blanks, as XCU 2.6 says.

The same code expands for judging, with marks for what is not known, and for running.

>>> from capabilities._shell.grammar import lex
>>> word = lex('x=1; w a"$x"b').commands[1].words[1]
>>> [made.text for made in expand(word, lambda piece: "1 2")]
['a1 2b']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from capabilities._shell.lexer import merged, patterned
from capabilities._shell.marks import SPLIT
from capabilities._shell.script import Piece, Word
from gate.regex import regex

MOST: Final = 1024 * 1024  # characters of a value, of a word, and of all words of a command
_TRIMMING: Final = 10**8
_BLANKS: Final = regex(r"[ \t\n]+")
_GLOBS: Final = regex(r"([*?]|\[[!^]?\]?[A-Za-z0-9_@%+=:,.-]*\])")
_TRIM_PART: Final = regex(r"([*?])")


def expand(word: Word, value: Callable[[Piece], str]) -> list[Word]:
    """The words that `word` stands for; ValueError for a value with patterns that nobody could read."""
    if not word.pieces:
        return [word]
    return [_word(pieces) for pieces in fields(word.pieces, value)]


def joined(word: Word, value: Callable[[Piece], str]) -> str:
    """The one text that a word is where nothing is split: an assigned value, a file that is redirected to."""
    if not word.pieces:
        return word.text
    return "".join(bounded(piece.text if piece.kind in ("text", "glob") else value(piece) for piece in word.pieces))


def bounded(texts: Iterable[str]) -> list[str]:
    """The texts; ValueError as soon as they are more than `MOST` characters together, each counted as one more."""
    made: list[str] = []
    length = 0
    for text in texts:
        length += len(text) + 1
        if length > MOST:
            raise ValueError(f"a value, or the words of a command, are longer than {MOST} characters")
        made.append(text)
    return made


def fields(pieces: tuple[Piece, ...], given: Callable[[Piece], str]) -> list[list[Piece]]:
    """The pieces of each word, only text and patterns."""
    made: list[list[Piece]] = []
    current: list[Piece] | None = None
    length = 0

    def value(piece: Piece) -> str:
        nonlocal length
        text = given(piece)
        length += len(text)
        if length > MOST:
            raise ValueError(f"a word is longer than {MOST} characters")
        return text

    for piece in pieces:
        if piece.kind in ("text", "glob") or piece.quoted:
            fixed = piece if piece.kind in ("text", "glob") else Piece("text", value(piece))
            current = [*(current or []), fixed]
            continue
        for number, part in enumerate(_BLANKS.split(value(piece))):
            if number and current is not None:
                made.append(current)
                current = None
            if part:
                current = [*(current or []), *_unquoted(part)]
    return made if current is None else [*made, current]


def _unquoted(text: str) -> list[Piece]:
    if not any(char in text for char in "*?["):
        return [Piece("text", text)]
    if "\\" in text:
        raise ValueError(f"the value {text[:40]!a} holds patterns and backslashes; put the variable in quotes")
    return [Piece("glob" if _GLOBS.fullmatch(part) else "text", part) for part in _GLOBS.split(text) if part]


def _word(pieces: list[Piece]) -> Word:
    if any(piece.kind == "glob" for piece in pieces):
        return patterned(merged(pieces))
    text = "".join([piece.text for piece in pieces])
    return Word(text, sort="split") if SPLIT in text else Word(text)


def trimmed(text: str, op: str, pattern: str) -> str:
    """`${x%p}`, `%%`, `#` and `##`: the text without the shortest or longest end or beginning that the pattern matches."""
    body = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in _TRIM_PART.split(pattern))
    if (len(text) + 1) ** (1 + min(pattern.count("*"), 4)) > _TRIMMING:
        raise ValueError(f"the value is too long, {len(text)} characters, for the pattern {pattern[:40]!a}")
    whole = re.compile(body, re.DOTALL)
    lengths = range(len(text) + 1) if len(op) == 1 else range(len(text), -1, -1)
    for length in lengths:
        part = text[:length] if op[0] == "#" else text[len(text) - length :]
        if whole.fullmatch(part):
            return text[length:] if op[0] == "#" else text[: len(text) - length]
    return text
