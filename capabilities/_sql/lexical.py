r"""The words of a statement, in the part of SQL that every server of a dialect cuts into the same words, whatever its settings.

A parser of our own is only worth something where the real one reads the same text.  They part ways at comments (`/*! */` runs in MySQL,
`/* /* */ */` nests in PostgreSQL, `--` needs a blank in MySQL, `#` is a comment or an operator), backslashes in strings (a setting in
PostgreSQL and in MySQL), dollar quotes, prefixed strings (`E''`, `U&''`, `_utf8''`), `"` (text in MySQL, by a setting), brackets, user
variables, numbers that run into a word.  All of that is refused here, outside of string literals; values belong in parameters anyway.

>>> [word.text for word in words("SELECT a FROM t WHERE b = 'it''s'", "sqlite")][-1]
"'it''s'"
>>> words("SELECT 1 /*! INTO OUTFILE 'x' */", "mysql")
Traceback (most recent call last):
ValueError: a comment ('/*') is read differently by different servers
>>> words("SELECT 1; DROP TABLE t", "sqlite")
Traceback (most recent call last):
ValueError: there is more than one statement (a ';' that is not at the end)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

Dialect: TypeAlias = Literal["sqlite", "postgres", "mysql"]
DIALECTS: Final[tuple[Dialect, ...]] = ("sqlite", "postgres", "mysql")
MOST_TEXT: Final = 10_000
MOST_WORDS: Final = 800
MOST_DEPTH: Final = 40
_MOST_ALIKE: Final = 20  # times that a word is repeated, or names are joined by dots
_OPERATORS: Final = frozenset("= == <> != < <= > >= + - * / % || -> ->> & | << >> :: <=> ~ , ( ) . ; ?".split())
_SIGNED: Final = frozenset({"=", "<", ">", "<=", ">=", "<>", "!=", "*", "/", "+", "%", "||"})  # what a sign may follow without a blank
_WORD: Final = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"[A-Za-z_][A-Za-z0-9_ .-]*"|`[A-Za-z_][A-Za-z0-9_ .-]*`)
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<parameter>\$[1-9][0-9]?|:[A-Za-z_][A-Za-z0-9_]*)
    |(?P<operator>[(),.;?]|[=<>!+\-*/%|&~:]+)""",
    re.VERBOSE | re.ASCII,
)
_LIKE_QUOTES: Final = frozenset("\u02b9\u02ba\u02bb\u02bc\u02c8\u2018\u2019\u201a\u201b\u2032\u2035\uff07")
_ODD: Final = (
    ("/*", "a comment ('/*') is read differently by different servers"),
    ("--", "a comment ('--') is read differently by different servers; write a blank between two minus signs"),
    ("#", "'#' begins a comment in some servers"),
    ("\\", "a backslash is read by the server's settings; pass such a value as a parameter"),
    ("\0", "it holds a NUL"),
)


class Word(NamedTuple):
    """One word: sort is "string", "quoted", "number", "word", "parameter" or "operator"; start and end are offsets, end exclusive."""

    sort: str
    text: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """An identifier without its quotes; another word in lower case."""
        return self.text[1:-1] if self.sort == "quoted" else self.text.lower()


@lru_cache(maxsize=64)  # parse and check of one call read the same text
def words(text: str, dialect: Dialect) -> tuple[Word, ...]:
    """The words of one statement, without a `;` at its end; ValueError says what is refused, and where it is."""
    if len(text) > MOST_TEXT:
        raise ValueError(f"a statement is at most {MOST_TEXT} characters long, and this has {len(text)}")
    found, at, deep, alike = list[Word](), 0, 0, 0
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None or match.lastgroup is None:
            raise ValueError(_refusal(text, at))
        word = Word(match.lastgroup, match[0], at, match.end())
        at = word.end
        if word.sort == "blank":
            continue
        deep += (word.text == "(") - (word.text == ")")
        if deep > MOST_DEPTH or len(found) >= MOST_WORDS:
            raise ValueError(f"a statement has at most {MOST_WORDS} words and {MOST_DEPTH} levels of parentheses")
        alike = alike + 1 if len(found) > 1 and word.text in {found[-1].text, found[-2].text} else 0
        if alike > _MOST_ALIKE and word.sort != "number":
            raise ValueError(f"{word.text[:20]!a} is repeated more than people write")
        found += _checked(word, found[-1] if found else None, dialect)
    while found and found[-1].text == ";":
        found.pop()
    if any(word.text == ";" for word in found):
        raise ValueError("there is more than one statement (a ';' that is not at the end)")
    if not found:
        raise ValueError("there is no statement")
    return tuple(found)


def _checked(word: Word, before: Word | None, dialect: Dialect) -> list[Word]:  # noqa: PLR0912  # one case per sort of word
    """The word, or its parts when a sign follows an operator."""
    adjacent = before is not None and before.end == word.start
    match word.sort:
        case "string":
            if "\\" in word.text or "\0" in word.text:
                raise ValueError(_refusal(word.text, 0))
            if dialect == "mysql" and not _LIKE_QUOTES.isdisjoint(word.text):
                raise ValueError("a character that some character sets turn into a quote; pass such a value as a parameter")
            if before is not None and (
                before.sort == "string"
                or before.text.startswith("_")
                or (adjacent and (before.sort in {"word", "number", "quoted"} or before.text == "&"))
            ):
                raise ValueError("a text with a prefix, or beside another text, is read differently by different servers")
        case "quoted":
            if (word.text[0] == '"') is (dialect == "mysql"):
                raise ValueError(f"names in {word.text[0]} are read differently by different servers of {dialect}")
            if adjacent and before is not None and before.sort != "operator":
                raise ValueError("write a blank before a quoted name")
        case "word" | "number":
            if adjacent and before is not None and before.sort in {"number", "string", "quoted", "parameter", "word"}:
                raise ValueError(f"{before.text[-20:]}{word.text[:20]} runs a value into a word, which servers cut differently")
            if word.sort == "number" and before is not None and adjacent and before.text in {".", "?"}:
                raise ValueError(f"a number right after '{before.text}' is read differently by different servers")
        case "parameter":
            if (word.text[0] == "$") is not (dialect == "postgres") or (adjacent and before is not None and before.sort != "operator"):
                raise ValueError(f"'{word.text[0]}' is no parameter in {dialect}; write {'$1' if dialect == 'postgres' else '?'}")
        case _:
            return _operators(word, dialect)
    return [word]


def _operators(word: Word, dialect: Dialect) -> list[Word]:
    for odd, why in _ODD:
        if odd in word.text:
            raise ValueError(why)
    if (word.text == "::" and dialect != "postgres") or (word.text == "?" and dialect == "postgres") or (word.text == "<=>" and dialect != "mysql"):
        raise ValueError(f"'{word.text}' is no operator of {dialect}")
    if word.text in _OPERATORS:
        return [word]
    body, sign = word.text[:-1], word.text[-1]
    if sign in "+-" and body in _SIGNED:
        return [Word("operator", body, word.start, word.end - 1), Word("operator", sign, word.end - 1, word.end)]
    raise ValueError(f"there is no operator {word.text[:20]!a} that every server knows")


def _refusal(text: str, at: int) -> str:
    rest = text[at:]
    for odd, why in _ODD:
        if rest.startswith(odd) or (odd == "\\" and rest[0] == "'" and odd in rest) or (odd == "\0" and rest[0] == "'" and odd in rest):
            return why
    if rest[0] in "'\"`":
        return f"{rest[:20]!a} is not closed, or no plain name"
    return f"{rest[0]!a} (character {at + 1}) is nothing that every server reads alike"
