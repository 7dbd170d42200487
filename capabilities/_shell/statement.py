"""Statement: SQL that only reads, as far as its text says so; strict and small, because three dialects have to agree on it.

One `SELECT`, `SHOW`, `DESCRIBE` or `EXPLAIN SELECT`, of words, numbers, '…' strings, plain operators and a short list of functions.  Comments,
backslashes, variables, `WITH` (which may loop, or change rows), `INTO`, `FOR UPDATE` and a second statement are not taken.  Nor are the
virtual tables of SQLite's shell that read files or count forever, whose arguments may hide in a `WHERE`.

>>> only_reads("SELECT count(*) FROM users WHERE name = 'x'"), only_reads("SELECT readfile('/etc/shadow')"), only_reads("SELECT * FROM 'fsdir'")
(True, False, False)
"""

# lists of words are data, and read best as text
from __future__ import annotations

import re
from typing import Final

from gate.regex import regex

_TOKEN: Final = regex(
    r"\s+|[A-Za-z_]\w*|'[^'\\]*'|\"[\w ]+\"|\d+(\.\d+)?|::|<>|[<>!]=|\|\||[-+*/%=<>,.()]",
    re.ASCII,
)
_BEGIN: Final = regex(r"(explain\s+)?select\b|(show|desc|describe)\s+\w", re.IGNORECASE)
_FUNCTIONS: Final = frozenset("count sum avg min max total abs round length lower upper trim ltrim rtrim coalesce ifnull nullif date cast".split())
# what a bracket may follow without calling a function, and what a string may follow without naming a table
_BEFORE_BRACKET: Final = frozenset(
    "and as by case distinct else exists from having in join limit not on or select then union all when where "
    "( , = < > <> != <= >= + - * / % ||".split()
)
_BEFORE_STRING: Final = frozenset("and between by else having like ilike not or select then when where = < > <> != <= >= + - * / % ||".split())
_NEVER: Final = frozenset(
    "into outfile dumpfile with recursive for update delete insert replace merge drop alter create truncate grant revoke attach detach pragma "
    "vacuum reindex analyze call do exec execute load copy set lock unlock procedure handler install use begin commit rollback savepoint "
    "declare kill shutdown prepare lateral "
    "fsdir zipfile generate_series completion dbstat sqlite_dbpage sqlite_dbdata sqlite_dbptr sqlite_stmt bytecode tables_used "
    "lsmode carray csv".split()
)
_MAX_LENGTH: Final = 2000
_MAX_TABLES: Final = 4  # so that a product of tables stays small enough


def only_reads(text: str) -> bool:
    """Whether this is one statement that only reads."""
    text = text.strip().removesuffix(";").strip()
    if len(text) > _MAX_LENGTH or not _BEGIN.match(text) or "--" in text:
        return False
    tokens = _tokens(text)
    return bool(tokens) and _harmless([token.lower().strip('"') for token in tokens if token[0] != "'"]) and _in_place(tokens)


def _tokens(text: str) -> list[str]:
    """The tokens of a text; none when a character of it belongs to no token."""
    tokens: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return []
        at = found.end()
        if not found.group().isspace():
            tokens.append(found.group())
    return tokens


def _harmless(words: list[str]) -> bool:
    """Whether no word changes, loops or reads files; `SHOW CREATE TABLE` names in its second word what it shows."""
    rest = words[2:] if words[0] == "show" else words
    tables = words.count("join") + words.count("select") + words.count(",") // 8
    return not _NEVER.intersection(rest) and not any([word.startswith("pragma_") for word in rest]) and tables <= _MAX_TABLES


def _in_place(tokens: list[str]) -> bool:
    """Whether only functions on the list are called, and no string stands where it would name a table (`FROM 'fsdir'`)."""
    lower = ["", "", *[token.lower() for token in tokens]]
    for at in range(2, len(lower)):
        earlier, before, token = lower[at - 2 : at + 1]
        if token == "(" and not (before in _BEFORE_BRACKET or (before in _FUNCTIONS and earlier != ".")):
            return False
        if token[0] == "'" and not (before in _BEFORE_STRING or _listed(lower, at)):
            return False
    return True


def _listed(tokens: list[str], at: int) -> bool:
    """Whether the string at a position is one of a list of values: behind `IN (` or a function's bracket, or a comma that follows such a value."""
    before, earlier = tokens[at - 1], tokens[at - 2]
    if before == "(":
        return earlier == "in" or earlier in _FUNCTIONS
    return before == "," and (earlier[0].isdigit() or (earlier[0] == "'" and (tokens[at - 3] in _BEFORE_STRING or _listed(tokens, at - 2))))
