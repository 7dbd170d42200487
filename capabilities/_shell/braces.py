"""Brace expansion, as bash does it: `a{b,c}` is two words, `{1..3}` three, whatever files there are.

>>> ["".join(piece.text for piece in word) for word in expand([Piece("text", "a", False), *marked("{b,c}")])]
['ab', 'ac']
"""

from __future__ import annotations

import re
from typing import Final

from capabilities._shell.script import Piece
from gate.regex import regex

MAX_WORDS: Final = 512
_NUMBERS: Final = regex(r"(-?\d{1,6})\.\.(-?\d{1,6})(?:\.\.(-?\d{1,4}))?", re.ASCII)
_LETTERS: Final = regex(r"([a-z])\.\.([a-z])|([A-Z])\.\.([A-Z])")


def marked(text: str) -> list[Piece]:
    """Text with its braces and commas marked, as the lexer does while it reads a word."""
    return [Piece("brace" if part in "{,}" else "text", part, quoted=False) for part in re.split(r"([{,}])", text) if part]


def expand(pieces: list[Piece]) -> list[list[Piece]]:
    """The words that one word with marked braces stands for; ValueError where shells would have to be asked."""
    begin = next((n for n, piece in enumerate(pieces) if piece.kind == "brace" and piece.text == "{"), -1)
    if begin < 0:
        return [[_plain(piece) for piece in pieces]]
    end = _closing(pieces, begin)
    if end < 0:
        if sum(piece.kind == "brace" for piece in pieces) > 1:
            raise ValueError("a brace without its partner; put it in quotes")
        return [[_plain(piece) for piece in pieces]]
    before, after = [_plain(piece) for piece in pieces[:begin]], expand(pieces[end + 1 :])
    made = [[*before, *middle, *rest] for middle in _middle(pieces[begin + 1 : end]) for rest in after]
    if len(made) > MAX_WORDS:
        raise ValueError(f"braces that stand for more than {MAX_WORDS} words")
    return made


def _middle(inside: list[Piece]) -> list[list[Piece]]:
    parts: list[list[Piece]] = [[]]
    depth = 0
    for piece in inside:
        if piece.kind == "brace":
            depth += {"{": 1, "}": -1}.get(piece.text, 0)
            if piece.text == "," and depth == 0:
                parts.append([])
                continue
        parts[-1].append(piece)
    if len(parts) > 1:
        return [word for part in parts for word in expand(part)]
    if inside and all(piece.kind == "text" and not piece.quoted for piece in inside):
        text = "".join(piece.text for piece in inside)
        if made := _range(text):
            return [[Piece("text", item)] for item in made]
        if ".." in text:
            raise ValueError(f"the braces around {text!a} are read differently by different shells; put them in quotes")
    return [[Piece("text", "{"), *word, Piece("text", "}")] for word in expand(inside)]


def _range(text: str) -> list[str]:
    if found := _NUMBERS.fullmatch(text):
        first, last = int(found[1]), int(found[2])
        step = abs(int(found[3] or 1)) or 1
        if abs(last - first) // step > MAX_WORDS:
            raise ValueError(f"braces that stand for more than {MAX_WORDS} words")
        padded = any(re.match(r"-?0\d", found[n]) for n in (1, 2))
        if padded and (first < 0 or last < 0):
            raise ValueError("a range of negative numbers with leading zeros is not taken")
        width = max(len(found[1]), len(found[2])) if padded else 0
        numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
        return [str(number).zfill(width) for number in numbers]
    if found := _LETTERS.fullmatch(text):
        first, last = ord(found[1] or found[3]), ord(found[2] or found[4])
        return [chr(code) for code in (range(first, last + 1) if first <= last else range(first, last - 1, -1))]
    return []


def _closing(pieces: list[Piece], begin: int) -> int:
    depth = 0
    for at in range(begin, len(pieces)):
        if pieces[at].kind == "brace":
            depth += {"{": 1, "}": -1}.get(pieces[at].text, 0)
            if depth == 0:
                return at
    return -1


def _plain(piece: Piece) -> Piece:
    return piece._replace(kind="text") if piece.kind == "brace" else piece
