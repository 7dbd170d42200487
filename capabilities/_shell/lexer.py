r"""Reads the words of a strict subset of the shell language (IEEE 1003.1-2024, XCU 2; bash 5) and refuses everything else.

Taken in a word: text, `'…'`, `"…"`, `$'…'`, `\`, `*` `?` `[…]` as patterns, braces, a leading `~/` when a home folder is known, variables,
`${x%pattern}` and the like, `$(…)` and backquotes, `$((…))` over whole numbers.  A variable that the script does not set has a value that
is known: HOME, USER and a few others have theirs, all others are empty, because programs get an environment made from scratch.  Such
values are written out, so that nobody can read them differently.  The rest of the language is in `grammar`.

On everything taken, a real shell sees the same words (tests/capabilities/test_shell_lexer.py compares with bash).
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Final, NoReturn

from capabilities._process.environment import fresh
from capabilities._shell import braces
from capabilities._shell.apart import telling
from capabilities._shell.script import Piece, Script, Word
from gate.regex import regex

_PLAIN: Final = regex(r"[A-Za-z0-9_@%+=:,./^~#!\]-]+|[^\x00-\x7f]+")
_PLAIN_INSIDE: Final = regex(r"[A-Za-z0-9_@%+=:./^~#!\]-]+|[^\x00-\x7f]+")
_SINGLE: Final = regex(r"'([^']*)'")
_DOUBLE: Final = regex(r'"((?:[^"\\$`]|\\[^\n]|\$(?=["\s|)/.,%:;&=+<>^~\]]))*)"')
_DOUBLE_ESCAPE: Final = regex(r'\\(["\\$`])')
_ANSI: Final = regex(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ANSI_ESCAPE: Final = regex(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_ANSI_LETTERS: Final = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"', "?": "?"}
_BRACKET: Final = regex(r"\[[!^]?\]?[A-Za-z0-9_@%+=:,.-]*\]")
_GLOB_SPECIAL: Final = regex(r"([*?[])")
_NAME: Final = regex(r"[A-Za-z_]\w*", re.ASCII)
_BRACED: Final = regex(r"\$\{(#?)([A-Za-z_]\w*|[0-9@*$?!#])(?:(:?[-+=?]|%%?|##?|//?|\^\^?|,,?|:)([^}$`\\'\"]*))?\}", re.ASCII)
_SAFE: Final = regex(r"[\w.,:@/+=-]*", re.ASCII)
_TRIM: Final = regex(r"[\w.,:@ *?/+=-]*", re.ASCII)
_SUM: Final = regex(r"\$\(\(((?:[^()$`\"'\\]|\$\{?[A-Za-z_]\w*\}?|\((?:[^()$`\"'\\]|\$\{?[A-Za-z_]\w*\}?)*\))*)\)\)", re.ASCII)
_SUM_TOKEN: Final = regex(
    r"\s+|\$\{([A-Za-z_]\w*)\}|\$?([A-Za-z_]\w*)|(0|[1-9]\d{0,17})(?![\w#])|(<<|>>|<=|>=|==|!=|&&|\|\||\*\*|[-+*/%<>!~&|^?:()])"
)
_WORD_END: Final = frozenset(" \t\n|&;<>()")
_PAIRS: Final = frozenset(["$(", "${", "<<", "<(", ">(", ">&", "|&", "&>"])
# what a shell sets by itself, and what changes how it or programs work
OWN: Final = regex(
    r"BASH.*|RANDOM|SRANDOM|SECONDS|LINENO|EPOCH.*|DIRSTACK|FUNCNAME|GROUPS|HIST.*|HOSTTYPE|OSTYPE|MACHTYPE|IFS|OPT\w+|PIPESTATUS|PPID|PS4|SHELLOPTS|"
    r"SHLVL|COMP_.*|COPROC|MAPFILE|READLINE_.*|REPLY|OLDPWD|_|GIT_.*|LD_.*|ENV|GLOBIGNORE|CDPATH|EXECIGNORE|FIGNORE|PROMPT_COMMAND|TMOUT|COLUMNS|LINES"
)
OURSELVES: Final = frozenset("HOME USER LOGNAME UID EUID HOSTNAME".split())
"""What is the same in every shell of ours, whoever starts it."""
SETTABLE_NOT: Final = frozenset("PATH HOME PWD USER LOGNAME SHELL UID EUID HOSTNAME".split())
_WHY: Final = {
    "$": "what this would give cannot be checked beforehand",
    "`": "what a substitution would give cannot be checked beforehand",
    "(": "a function or array is not taken here",
    ")": "a bracket without meaning here; put it in quotes",
    "{": "braces are not taken here; put a literal brace in quotes",
    "}": "a group is not taken here; put a literal brace in quotes",
    "\n": "a line break is not taken here",
    "&": "background jobs are not taken",
    "<": "this redirection is not taken; only '<', '>', '>>', '&>', '2>&1', here-documents and '<(…)' are",
    ">": "this redirection is not taken; only '<', '>', '>>', '&>', '2>&1', here-documents and '<(…)' are",
    "'": "the quote is not closed",
    '"': "the quote is not closed",
    "\\": "nothing to escape follows",
    "|": "this operator is not taken",
    "#": "put a literal '#' in quotes",
    "~": "this use of '~' is not taken; write the folder out",
}


@cache
def constants() -> dict[str, str]:
    """Variables that are the same for every command: who we are and where, and what programs are given."""
    try:
        import pwd

        user = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        user = ""
    number = str(os.getuid()) if hasattr(os, "getuid") else ""
    given = {name: value for name, value in fresh().items() if name != "HOME"}
    return given | {"USER": user, "LOGNAME": user, "UID": number, "EUID": number, "SHELL": "/bin/bash", "HOSTNAME": os.uname().nodename}


class Words:
    """One pass over one text; `at` is where it is. `assigned`: the names that the whole text may set."""

    foreign = False

    def __init__(self, text: str, home: str, assigned: frozenset[str], nesting: int = 0) -> None:
        self.text, self.home = text, home
        self.at: int = 0
        self.spread = 0
        self.assigned, self.inside = assigned, 0
        self.nesting: int = nesting

    def script(self, _end: str = "") -> Script:
        """A whole script, up to what ends it; see `grammar`."""
        raise NotImplementedError

    def refuse(self, at: int, why: str = "") -> ValueError:
        """The error that names what is at `at`, and why it is not taken."""
        what = self.text[at : at + 2] if self.text[at : at + 2] in _PAIRS else self.text[at : at + 1]
        if not what:
            return ValueError("the command ends where more must follow" if self.text else "the command is empty")
        return ValueError(f"{what!a} at character {at + 1}: {why or _WHY.get(what[0], 'is not taken')}")

    def word(self, *, plain: bool = False) -> list[Word]:
        """The words that the next one stands for: none when it is an empty variable, several for braces. `plain`: a value to be assigned."""
        begin, pieces, quoted, braced = self.at, list[Piece](), False, False
        self.inside = 0
        while self.at < len(self.text) and self.text[self.at] not in _WORD_END:
            quoted = quoted or self.text[self.at] in "'\"\\" or self.text.startswith("$'", self.at)
            more = self.piece(begin, plain=plain)
            braced = braced or any(piece.kind == "brace" for piece in more)
            pieces += more
        if self.text[self.at : self.at + 1] == "(":
            raise self.refuse(self.at)
        if not pieces and not quoted:
            if self.at == begin:
                raise self.refuse(self.at)
            return [Word("")] if plain else []
        several = braces.expand(pieces) if braced else [pieces]
        self.spread += len(several) if braced else 0
        if self.spread > 4 * braces.MAX_WORDS:
            raise ValueError(f"braces that stand for more than {4 * braces.MAX_WORDS} words together")
        return [made for one in several if (made := built(one, quoted=quoted or not braced)) is not None]

    def piece(self, begin: int, *, plain: bool) -> list[Piece]:  # one branch for each sort of piece
        """The next part of a word."""
        text, at = self.text, self.at
        char = text[at]
        if found := (_PLAIN_INSIDE if self.inside else _PLAIN).match(text, at):
            return self.plain(found, begin)
        if char == "'" and (found := _SINGLE.match(text, at)):
            self.at = found.end()
            return [Piece("text", found.group(1))]
        if char == '"':
            if found := _DOUBLE.match(text, at):
                self.at = found.end()
                return [Piece("text", _DOUBLE_ESCAPE.sub(r"\1", found.group(1)))]
            self.at = at + 1
            return self.double('"')
        if char == "\\" and at + 1 < len(text):
            self.at = at + 2
            return [] if text[at + 1] == "\n" else [Piece("text", text[at + 1])]
        if char in "$`":
            return self.dollar(quoted=plain)
        if plain and char in "*?[{},":
            self.at = at + 1
            return [Piece("text", char)]
        if char in "*?":
            self.at = at + 1
            return [Piece("glob", char, quoted=False)]
        if char == "[":
            return self.bracket(at, begin)
        if char in "{},":
            return self.brace(char)
        raise self.refuse(at)

    def brace(self, char: str) -> list[Piece]:
        """A brace, or the comma inside one."""
        if self.text.startswith("{}", self.at):
            self.at += 2
            return [Piece("text", "{}")]
        self.at += 1
        self.inside = max(0, self.inside + {"{": 1, "}": -1, ",": 0}[char])
        return [Piece("brace", char, quoted=False)]

    def plain(self, found: re.Match[str], begin: int) -> list[Piece]:
        """Text without quotes; a tilde at its beginning is the home folder."""
        piece, at = found.group(), self.at
        if at == begin and piece[0] == "~":
            if not self.home or piece[1:2] not in ("", "/") or (len(piece) == 1 and self.text[at + 1 : at + 2] not in ("", *_WORD_END)):
                raise self.refuse(at)
            self.at = found.end()
            self.check_tildes(piece[1:], at + 1)
            return [Piece("text", self.home + piece[1:])]
        if at == begin and piece[0] == "#":
            raise self.refuse(at)
        self.check_tildes(piece, at)
        if piece[0] == "~" and at and self.text[at - 1] in "=:":
            raise self.refuse(at)
        self.at = found.end()
        return [Piece("text", piece, quoted=False)]

    def check_tildes(self, piece: str, at: int) -> None:
        """Refuses a tilde that a shell expands in words that look like assignments."""
        for mark in ("=~", ":~"):
            if mark in piece:
                raise self.refuse(at + piece.index(mark) + 1)

    def bracket(self, at: int, begin: int) -> list[Piece]:
        """A set of characters as a pattern, or the name of the program `[`."""
        if found := _BRACKET.match(self.text, at):
            self.at = found.end()
            return [Piece("glob", found.group(), quoted=False)]
        if at == begin and self.text[at + 1 : at + 2] in ("", " ", "\t"):
            self.at = at + 1
            return [Piece("text", "[")]
        raise self.refuse(at, "this pattern is not taken; put a literal '[' in quotes")

    def double(self, end: str) -> list[Piece]:
        """What is between double quotes, or in a here-document when `end` is ""."""
        pieces, begin = [Piece("text", "")], self.at
        while self.text[self.at : self.at + 1] != end:
            char = self.text[self.at : self.at + 1]
            if not char:
                raise self.refuse(begin - 1)
            if char in "$`":
                pieces += self.dollar(quoted=True)
            elif char == "\\" and self.text[self.at + 1 : self.at + 2] == "\n":
                self.at += 2
            elif char == "\\" and self.text[self.at + 1 : self.at + 2] in ("$", "`", "\\", end or "\\"):
                pieces.append(Piece("text", self.text[self.at + 1]))
                self.at += 2
            else:
                pieces.append(Piece("text", char))
                self.at += 1
        self.at += len(end)
        return pieces

    def dollar(self, *, quoted: bool) -> list[Piece]:
        """A variable, a substitution, a sum, `$'…'`, or a dollar that is just one."""
        text, at = self.text, self.at
        follows = text[at + 1 : at + 2]
        if text[at] == "`":
            return [self.backquoted(quoted=quoted)]
        if follows == "(":
            if text.startswith("$((", at):
                return [self.sum(quoted=quoted)]
            self.at = at + 2
            return [Piece("run", "", quoted, self.nested())]
        if follows == "{":
            return self.braced(quoted=quoted)
        if found := _NAME.match(text, at + 1):
            self.at = found.end()
            return self.variable(found.group(), quoted=quoted)
        if follows and follows in "0123456789@*#?$!":
            self.at = at + 2
            return self.variable(follows, quoted=quoted)
        if follows == "'" and not quoted and (found := _ANSI.match(text, at)):
            self.at = found.end()
            return [Piece("text", _ANSI_ESCAPE.sub(self.ansi, found.group(1)))]
        if follows in ("", " ", "\t", "|", ";", "\n", ")", "/", ".", ",", "%", ":", "=", "+", "]") or (quoted and follows == '"'):
            self.at = at + 1
            return [Piece("text", "$")]
        raise self.refuse(at)

    def ansi(self, found: re.Match[str]) -> str:
        """The character that an escape in `$'…'` stands for."""
        code = found.group(1)
        if code in _ANSI_LETTERS:
            return _ANSI_LETTERS[code]
        if code[0] == "x" and len(code) > 1 and 32 <= int(code[1:], 16) < 127:
            return chr(int(code[1:], 16))
        if code.isdigit() and 32 <= int(code, 8) < 127:
            return chr(int(code, 8))
        raise ValueError(f"the escape {found.group()!a} in a quote is not taken")

    def nested(self) -> Script:
        """The script up to the bracket that ends a substitution."""
        made = self.script(")")
        if self.text[self.at : self.at + 1] != ")":
            raise self.refuse(self.at, "a substitution is not closed" if self.at >= len(self.text) else "")
        self.at += 1
        return made

    def backquoted(self, *, quoted: bool) -> Piece:
        """A substitution in backquotes: its text with one level of escapes removed."""
        end = self.at + 1
        while end < len(self.text) and self.text[end] != "`":
            end += 2 if self.text[end] == "\\" else 1
        inside = self.text[self.at + 1 : end]
        if end >= len(self.text) or (quoted and '\\"' in inside):
            raise self.refuse(self.at, "write it as '$(…)'")
        reader = type(self)(re.sub(r"\\([$`\\])", r"\1", inside), self.home, self.assigned, self.nesting + 1)
        script = reader.script()
        if reader.at < len(reader.text):
            raise reader.refuse(reader.at)
        self.at = end + 1
        return Piece("run", "", quoted, script)

    def variable(self, name: str, *, quoted: bool, change: tuple[str, str] = ("", "")) -> list[Piece]:
        """A variable by its name: written out when its value is known."""
        if name in ("PWD", "?", "$") or (name in self.assigned and name not in SETTABLE_NOT and not OWN.fullmatch(name)):
            return [Piece("var", name, quoted, None, change)]
        theirs = self.foreign and _NAME.fullmatch(name) and name not in OURSELVES and not OWN.fullmatch(name)
        if theirs or telling(name):  # empty where we run it, but others may run the text with variables of their own
            return [Piece("var", name, quoted, None, _untold(name, change))]
        if name == "@" and quoted:
            raise ValueError("'$@' in quotes is not taken: there are no arguments")
        if OWN.fullmatch(name):
            raise ValueError(f"the variable {name!a} is one that a shell sets by itself, or that changes how programs work; it is not taken")
        if name == "HOME" and not self.home:
            raise ValueError("the variable 'HOME' is not known here")
        value = self.home if name == "HOME" else {"#": "0", "0": "/bin/bash"}.get(name) or constants().get(name, "")
        if not quoted and not _SAFE.fullmatch(value):
            raise ValueError(f"the variable {name!a} holds blanks or patterns; put it in quotes")
        made = changed(value, change)
        return made if quoted or made[0].text else []

    def braced(self, *, quoted: bool) -> list[Piece]:
        """`${…}` with a plain name, and the few changes that are taken."""
        found = _BRACED.match(self.text, self.at)
        if found is None:
            raise self.refuse(self.at)
        length, name, op, rest = found.group(1), found.group(2), found.group(3) or "", found.group(4) or ""
        known = name not in self.assigned and name not in ("PWD", "?", "$")
        if (length and op) or (op and not known and (op not in ("%", "%%", "#", "##") or not _TRIM.fullmatch(rest))):
            raise self.refuse(self.at)
        if op and known and (op in ("=", ":=", ":?", "?") or "~" in rest or (not quoted and re.search(r"[ *?]", rest))):
            raise self.refuse(self.at)
        self.at = found.end()
        return self.variable(name, quoted=quoted, change=("#len", "") if length else (op, rest))

    def sum(self, *, quoted: bool) -> Piece:
        """`$((…))`: only numbers, variables and operators that change nothing."""
        found = _SUM.match(self.text, self.at)
        if found is None:
            raise self.refuse(self.at, "this arithmetic is not taken")
        if "++" in found.group() or "--" in found.group():
            raise self.refuse(self.at, "'++' and '--' in arithmetic is not taken")
        parts, inside, at = list[str](), found.group(1), 0
        while at < len(inside):
            token = _SUM_TOKEN.match(inside, at)
            if token is None:
                raise self.refuse(self.at, f"{inside[at : at + 8]!a} in arithmetic is not taken")
            at = token.end()
            if name := token.group(1) or token.group(2):
                known = name not in self.assigned and not self.foreign
                if OWN.fullmatch(name) or (known and name in constants()) or name in ("HOME", "PWD"):
                    raise self.refuse(self.at, f"the variable {name!a} in arithmetic is not taken")
                parts.append("0" if known else name)
            elif not token.group().isspace():
                parts.append(token.group())
        self.at = found.end()
        return Piece("sum", " ".join(parts) or "0", quoted)


def _untold(name: str, change: tuple[str, str]) -> tuple[str, str]:
    """The change of a variable that is not written out; ValueError for one that is only taken where the value is."""
    if change[0] not in ("", "#len", "%", "%%", "#", "##"):
        raise ValueError(f"the variable {name!a} may hold a secret, and is only taken as it is")
    return change


def changed(value: str, change: tuple[str, str]) -> list[Piece]:
    """A known value after `${x…}` has changed it."""
    op, rest = change
    if op == "#len":
        return [Piece("text", str(len(value)))]
    if op in (":-", "-"):
        value = value or rest
    elif op in (":+", "+"):
        value = rest if value else ""
    elif op and value:
        raise ValueError(f"the change {op + rest!a} of a variable is not taken")
    return [Piece("text", value)]


def built(pieces: list[Piece], *, quoted: bool) -> Word | None:
    """The word of these pieces; None when braces left nothing of it."""
    if all(piece.kind == "text" for piece in pieces):
        text = "".join([piece.text for piece in pieces])
        return Word(text) if text or quoted else None
    joined = merged(pieces)
    if any([piece.text if piece.kind in ("text", "glob") else piece.quoted for piece in joined]):
        joined = [piece for piece in joined if piece.kind != "text" or piece.text]  # else an empty quote keeps the word from vanishing
    source = "".join([str(piece) for piece in joined])
    if any(piece.kind not in ("text", "glob") for piece in joined):
        return Word(source, "", source, tuple(joined))
    return patterned(joined, source)


def patterned(pieces: list[Piece], source: str = "") -> Word:
    """A word that is a pattern, of pieces that are all known."""
    glob = "".join([piece.text.replace("[^", "[!") if piece.kind == "glob" else _GLOB_SPECIAL.sub(r"[\1]", piece.text) for piece in pieces])
    return Word("".join([piece.text for piece in pieces]), glob, source or "".join([str(piece) for piece in pieces]))


def merged(pieces: list[Piece]) -> list[Piece]:
    """The pieces with neighbouring texts joined."""
    made: list[Piece] = []
    for piece in pieces:
        if piece.kind == "text" and made and made[-1].kind == "text":
            made[-1] = Piece("text", made[-1].text + piece.text)
        elif piece.kind == "text":
            made.append(Piece("text", piece.text))
        else:
            made.append(piece)
    return made


def never(what: str) -> NoReturn:
    """Refuses a part of the language, named."""
    raise ValueError(f"{what} is part of the shell's own language, which is not taken; give a program and its arguments")
