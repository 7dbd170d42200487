"""Arithmetic over whole numbers of 64 bits, as `$((…))` means it; only what changes nothing.

>>> compute("2 + x * 3", {"x": "4"}.get)
14
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from gate.regex import regex

_LEVELS: Final = (("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"), ("+", "-"), ("*", "/", "%"), ("**",))
_NUMBER: Final = regex(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_MOST: Final = 1 << 63
_OPERATORS: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "**": lambda left, right: int(left**right),
    "<<": lambda left, right: left << right,
    ">>": lambda left, right: left >> right,
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
    "&&": lambda left, right: int(bool(left and right)),
    "||": lambda left, right: int(bool(left or right)),
    "==": lambda left, right: int(left == right),
    "!=": lambda left, right: int(left != right),
    "<": lambda left, right: int(left < right),
    ">": lambda left, right: int(left > right),
    "<=": lambda left, right: int(left <= right),
    ">=": lambda left, right: int(left >= right),
}


def compute(text: str, variable: Callable[[str], str | None]) -> int:
    """The value of an expression as the lexer writes it, its tokens parted by blanks; ValueError where a shell would stop or go on oddly."""
    reader = _Sum(text.split(), variable)
    made = reader.choice()
    if reader.tokens:
        raise ValueError("the arithmetic has a part too many")
    return made


class _Sum:
    def __init__(self, tokens: list[str], variable: Callable[[str], str | None]) -> None:
        self.tokens, self.variable = tokens[::-1], variable

    def take(self) -> str:
        if not self.tokens:
            raise ValueError("the arithmetic ends early")
        return self.tokens.pop()

    def next(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def choice(self) -> int:
        made = self.level(0)
        if self.next() != "?":
            return made
        self.take()
        yes = self.choice()
        if self.take() != ":":
            raise ValueError("the arithmetic lacks a ':'")
        no = self.choice()
        return yes if made else no

    def level(self, number: int) -> int:
        if number == len(_LEVELS):
            return self.single()
        made = self.level(number + 1)
        while self.next() in _LEVELS[number]:
            op = self.take()
            made = _apply(op, made, self.level(number) if op == "**" else self.level(number + 1))
        return made

    def single(self) -> int:
        token = self.take()
        if token in ("+", "-", "!", "~"):
            value = self.single()
            return {"+": value, "-": -value, "!": int(not value), "~": ~value}[token]
        if token == "(":
            made = self.choice()
            if self.take() != ")":
                raise ValueError("the arithmetic lacks a bracket")
            return made
        text = token if token[0].isdigit() else (self.variable(token) or "0").strip()
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"{text[:40]!a} is no plain number")
        return int(text)


def _apply(op: str, left: int, right: int) -> int:
    if op in ("/", "%"):
        if right == 0:
            raise ValueError("division by 0")
        whole = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return whole if op == "/" else left - whole * right
    if op in ("**", "<<", ">>") and not 0 <= right < 64:
        raise ValueError("an exponent or shift out of bounds")
    made = _OPERATORS[op](left, right) if op != "**" or abs(left) < _MOST else _MOST
    if not -_MOST <= made < _MOST:
        raise ValueError("the number is too large")
    return made
