r"""Reads a strict subset of the POSIX shell language (IEEE 1003.1-2024, XCU 2) into a `Script`; refuses everything else.

Taken: words, `'…'`, `"…"` and `\` without expansions, `*` `?` `[…]` as patterns, a leading `~/` when a home folder is known, `|`, `&&`,
`||`, `;`, and the redirections `<`, `>`, `>>`, `&>`, `&>>`, `2>&1`.  Not taken, because what would run isn't in the text: variables,
substitutions, arithmetic, brace expansion, here-documents, assignments, functions, groups, control flow, comments, line breaks outside
quotes, background jobs.

On everything taken, a real shell sees the same words (tests/capabilities/test_shell_lexer.py compares with bash).

>>> str(lex('git  log "-5"&&echo \'a b\' 2>/dev/null'))
"git log -5 && echo 'a b' 2>/dev/null"
>>> lex("echo $(id)")
Traceback (most recent call last):
ValueError: '$(' at character 6: what a variable or substitution would give cannot be checked beforehand
"""

from __future__ import annotations

import re
from typing import Final

from capabilities._shell.script import RESERVED, Command, Pipeline, Redirect, Script, Word, quote

MAX_LENGTH: Final = 16_384
MAX_COMMANDS: Final = 64
_SIMPLE: Final = re.compile(r"[ \t]*([A-Za-z0-9_@%+=:,./^-]+)(?=[ \t|;]|&&|$)")  # a whole word without anything special
_PROGRAM: Final = re.compile(r"[^\\'\"]+|'[^']+'|\"[^\\\"]+\"")
_BRACKET: Final = re.compile(r"\[[!^]?\]?[A-Za-z0-9_@%+=:,.-]*\]")
_BLANK: Final = re.compile(r"[ \t]*")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./^~#!\]-]+|[^\x00-\x7f]+")
_SINGLE: Final = re.compile(r"'([^']*)'")
_DOUBLE: Final = re.compile(r'"((?:[^"\\$`]|\\[^\n]|\$(?=["\s|)/.,%:;&=+<>^~\]]))*)"')
_DOUBLE_ESCAPE: Final = re.compile(r'\\(["\\$`])')
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*(\[[^]]*\])?\+?=", re.ASCII)
_OPERATOR: Final = re.compile(r"&&|\|\||;|\|(?!&)")
_REDIRECT: Final = re.compile(r"([0-2])?(>>|>&[12](?![^\s|&;<>])|>(?![>&|(])|<(?![<>&(]))|&>>?(?!>)")
_TILDE: Final = re.compile(r"~(?=/|[\s|&;<>]|$)")
_GLOB_SPECIAL: Final = re.compile(r"([*?[])")
_WORD_END: Final = frozenset(" \t\n|&;<>()")
_PAIRS: Final = frozenset(["$(", "${", "<<", "<(", ">(", ">&", "|&", "&>"])
_WHY: Final = {
    "$": "what a variable or substitution would give cannot be checked beforehand",
    "`": "what a substitution would give cannot be checked beforehand",
    "(": "a subshell or function is not taken; give each command by itself",
    ")": "a bracket without meaning here; put it in quotes",
    "{": "brace expansion and groups are not taken; write the words out",
    "}": "a group is not taken; put a literal brace in quotes",
    "\n": "a line break outside quotes is not taken; join commands with '&&' or ';'",
    "&": "background jobs are not taken",
    "<": "this redirection is not taken; only '<', '>', '>>', '&>' and '2>&1' with plain words are",
    ">": "this redirection is not taken; only '<', '>', '>>', '&>' and '2>&1' with plain words are",
    "'": "the quote is not closed",
    '"': "the quote is not closed, or holds a variable or substitution",
    "\\": "nothing to escape follows",
    "|": "this operator is not taken",
    "#": "comments are not taken; put a literal '#' in quotes",
    "~": "this use of '~' is not taken; write the folder out",
}


def lex(text: str, home: str = "") -> Script:
    """The script `text` is; ValueError says what is not taken, and where."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the command is {len(text)} characters long; at most {MAX_LENGTH} are taken")
    if not text.isprintable():
        _check_printable(text)
    return _Reader(text.strip(" \t\n"), home).script()


def _check_printable(text: str) -> None:
    for position, char in enumerate(text, 1):
        if not char.isprintable() and char not in "\n\t":
            raise ValueError(f"the unprintable character U+{ord(char):04X} at character {position} is not taken")


class _Reader:
    """One pass over one text; `at` is where it is."""

    def __init__(self, text: str, home: str) -> None:
        self.text, self.home, self.at = text, home, 0

    def refuse(self, at: int, why: str = "") -> ValueError:
        what = self.text[at : at + 2] if self.text[at : at + 2] in _PAIRS else self.text[at : at + 1]
        if not what:
            return ValueError("the command ends where more must follow" if self.text else "the command is empty")
        return ValueError(f"{what!a} at character {at + 1}: {why or _WHY.get(what[0], 'is not taken')}")

    def script(self) -> Script:
        pipelines: list[Pipeline] = []
        commands: list[Command] = []
        after, count = "", 0
        while True:
            commands.append(self.command())
            count += 1
            if count > MAX_COMMANDS:
                raise ValueError(f"more than {MAX_COMMANDS} commands")
            found = _OPERATOR.match(self.text, self.at)
            if found is None:
                break
            self.at = found.end()
            if found.group() != "|":
                pipelines.append(Pipeline(after, tuple(commands)))
                commands, after = [], found.group()
                if after == ";" and not self.text[self.at :].strip(" \t"):
                    return Script(tuple(pipelines))
        if self.at < len(self.text):
            raise self.refuse(self.at)
        pipelines.append(Pipeline(after, tuple(commands)))
        return Script(tuple(pipelines))

    def command(self) -> Command:
        words: list[Word] = []
        redirects: list[Redirect] = []
        begin = self.at
        while True:
            while words and (plain := _SIMPLE.match(self.text, self.at)):
                words.append(Word(plain.group(1)))
                self.at = plain.end()
            self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches the empty text too
            char = self.text[self.at : self.at + 1]
            if not char or char in "|;)\n(" or self.text.startswith("&&", self.at):
                break
            if char in "012<>&" and (found := _REDIRECT.match(self.text, self.at)):
                redirects += self.redirect(found)
            elif char in "&<>":
                raise self.refuse(self.at)
            else:
                words.append(self.word(first=not words))
        if not words:
            at = _BLANK.match(self.text, begin).end()  # type: ignore[union-attr]  # as above
            raise self.refuse(at, "a command is missing" if self.text[at : at + 1] in ("|", ";", "&", ">", "<") else "")
        return Command(tuple(words), tuple(redirects))

    def redirect(self, found: re.Match[str]) -> list[Redirect]:
        self.at = found.end()
        fd, op = found.group(1), found.group(2)
        if op and op.startswith(">&"):
            return [Redirect(int(fd or 1), ">&", op[2])]
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # as above
        if self.text[self.at : self.at + 1] in ("", *_WORD_END):
            raise self.refuse(self.at)
        target = self.word(first=False)
        if target.pattern:
            raise ValueError(f"a redirection to the pattern {target.text!a} is not taken; name one file")
        if op:
            return [Redirect(int(fd or (0 if op == "<" else 1)), op, target.text)]
        return [Redirect(1, found.group()[1:], target.text), Redirect(2, ">&", "1")]

    def word(self, *, first: bool) -> Word:
        begin, pieces, pattern = self.at, list[tuple[str, bool]](), False
        if self.home and (found := _TILDE.match(self.text, self.at)):
            pieces.append((self.home, False))
            self.at = found.end()
        while self.at < len(self.text) and self.text[self.at] not in _WORD_END:
            piece, special = self.piece(begin)
            pieces.append((piece, special))
            pattern = pattern or special
        raw, follows = self.text[begin : self.at], self.text[self.at : self.at + 1]
        if follows in ("<", ">") and raw.isdigit():
            raise self.refuse(self.at, "only the descriptors 0, 1 and 2 can be redirected")
        if follows == "(":
            raise self.refuse(self.at)
        if first and (raw in RESERVED or _ASSIGNMENT.match(raw)):
            what = f"{raw!a} is part of the shell's own language" if raw in RESERVED else f"the assignment {raw[:40]!a}"
            raise ValueError(f"{what}, which is not taken; give a program and its arguments")
        if first and not pattern and not _PROGRAM.fullmatch(raw):
            raise self.refuse(begin, "the name of a program is written plainly or in one pair of quotes, so that everybody reads the same")
        text = "".join(piece for piece, _ in pieces)
        if not pattern:
            return Word(text)
        glob = "".join(piece.replace("[^", "[!") if special else _GLOB_SPECIAL.sub(r"[\1]", piece) for piece, special in pieces)
        return Word(text, glob, "".join(piece if special else quote(piece) for piece, special in pieces if piece))

    def piece(self, begin: int) -> tuple[str, bool]:  # one return for each sort of piece
        """The next part of a word, and whether it is a character of a pattern."""
        text, at = self.text, self.at
        char = text[at]
        if found := _PLAIN.match(text, at):
            self.check_plain(found.group(), at, begin)
            self.at = found.end()
            return found.group(), False
        if char == "'" and (found := _SINGLE.match(text, at)):
            self.at = found.end()
            return found.group(1), False
        if char == '"' and (found := _DOUBLE.match(text, at)):
            self.at = found.end()
            return _DOUBLE_ESCAPE.sub(r"\1", found.group(1)), False
        if char == "\\" and at + 1 < len(text) and text[at + 1] != "\n":
            self.at = at + 2
            return text[at + 1], False
        if char in "*?":
            self.at = at + 1
            return char, True
        if char == "[":
            return self.bracket(at, begin)
        if char == "{" and text[at + 1 : at + 2] == "}":
            self.at = at + 2
            return "{}", False
        if char == "$" and text[at + 1 : at + 2] in ("", " ", "\t", "|", ";"):
            self.at = at + 1
            return "$", False
        raise self.refuse(at)

    def bracket(self, at: int, begin: int) -> tuple[str, bool]:
        if found := _BRACKET.match(self.text, at):
            self.at = found.end()
            return found.group(), True
        if at == begin and self.text[at + 1 : at + 2] in ("", " ", "\t"):
            self.at = at + 1
            return "[", False
        raise self.refuse(at, "this pattern is not taken; put a literal '[' in quotes")

    def check_plain(self, piece: str, at: int, begin: int) -> None:
        if at == begin and piece[0] in "#~":
            raise self.refuse(at)
        for mark in ("=~", ":~"):  # a shell expands these in words that look like assignments
            if mark in piece:
                raise self.refuse(at + piece.index(mark) + 1)
        if piece[0] == "~" and at and self.text[at - 1] in "=:":
            raise self.refuse(at)
