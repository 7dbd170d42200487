r"""Reads a strict subset of the shell language into a `Script`; refuses everything else.

Taken besides words (see `lexer`): `|`, `|&`, `&&`, `||`, `;`, line breaks, comments, `!`, `time`, the redirections `<`, `>`, `>>`, `&>`,
`&>>`, `2>&1`, `<<<` and here-documents, assignments, `(…)`, `{…}`, `for … in`, `while`, `until`, `if`.  Not taken: functions, `case`,
`[[`, `((`, arrays, background jobs, `eval`, `exec` and `.`, and what changes the shell itself.

>>> str(lex('git  log "-5"&&echo \'a b\' 2>/dev/null'))
"git log -5 && echo 'a b' 2>/dev/null"
>>> str(lex("for f in a b; do echo $f $NOT_SET; done"))
'for f in a b; do echo ${f}; done'
>>> lex("eval id")
Traceback (most recent call last):
ValueError: 'eval' is part of the shell's own language, which is not taken; give a program and its arguments
"""

from __future__ import annotations

import re
from typing import Final

from capabilities._shell.lexer import OWN, SETTABLE_NOT, Words, never
from capabilities._shell.script import RESERVED, Block, Command, Piece, Pipeline, Redirect, Script, Step, Word
from gate.regex import regex

MAX_LENGTH: Final = 16_384
MAX_COMMANDS: Final = 64
MAX_NESTING: Final = 8
_SIMPLE: Final = regex(r"[ \t]*([A-Za-z0-9_@%+=:,./^-]+)(?=[ \t|;]|&&|$)")  # a whole word without anything special
_FLAT: Final = regex(r"[A-Za-z0-9_@%+=:,./^-]+(?:(?: (?:(?:\|\|?|&&) )?|; )[A-Za-z0-9_@%+=:,./^-]+)*")
_JOINT: Final = regex(r" ?(\|\|?|&&|;) ")
_BLANK: Final = regex(r"(?:[ \t]|\\\n)*")
_BREAKS: Final = regex(r"(?:[ \t\n]|\\\n|(?<![^ \t\n;])#[^\n]*)*")
_COMMENT: Final = regex(r"#[^\n]*")
_ASSIGNMENT: Final = regex(r"([A-Za-z_]\w*)=(?!\()", re.ASCII)
_ASSIGNMENT_LIKE: Final = regex(r"[A-Za-z_]\w*(\[[^]]*\])?\+?=", re.ASCII)
_OPERATOR: Final = regex(r"&&|\|\||;(?!;)|\||\n")
_REDIRECT: Final = regex(r"([0-2])?(>>|>&[12](?![^\s|&;<>)])|>\|?(?![>&|(])|<<<|<<-?(?!<)|<(?![<>&(]))|&>>?(?!>)")
_KEYWORD: Final = regex(r"(if|then|elif|else|fi|for|while|until|do|done|case|esac|select|function|time|coproc|\[\[|!|\{|\}|in)(?=[\s;|&()<>]|$)")
_DELIMITER: Final = regex(r"(['\"]?)([A-Za-z_]\w*)\1(?=([^'\"\\`$#\n()<]*)\n)", re.ASCII)
_STREAM: Final = regex(r"<\(")
_PROGRAM: Final = regex(r"[^\\'\"$`{}]+|'[^']+'|\"[^\\\"$`]+\"")
_SETS: Final = regex(r"([A-Za-z_]\w*)\+?=|\bfor\s+([A-Za-z_]\w*)|\b(?:read|export|unset|local|declare|typeset|readonly)\b([^;|&\n)]*)", re.ASCII)
_ENDS: Final = frozenset(["then", "elif", "else", "fi", "do", "done", "}", "esac", "in"])


def lex(text: str, home: str = "", *, foreign: bool = False) -> Script:
    """The script `text` is; ValueError says what is not taken, and where. foreign: a shell that has variables of its own reads it."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the command is {len(text)} characters long; at most {MAX_LENGTH} are taken")
    if made := flat(text):
        return made
    if not text.isprintable():
        _check_printable(text)
    text = text.strip(" \t\n")
    if text.startswith("#!"):
        raise ValueError("'#!' at character 1: this is no script file, and what it names would not read it; give the commands themselves")
    assigned = _assigned(text) if "$" in text or "`" in text else frozenset[str]()
    while True:
        reader = (_Foreign if foreign else _Reader)(text, home, assigned)
        script = reader.script()
        if reader.at < len(reader.text):
            raise reader.refuse(reader.at)
        if not assigned or assigned == (assigned := assigned & _assigned(str(script))):
            return script


def flat(text: str) -> Script | None:
    """The script of a text that is already in its one form and holds plain words only, as most do; None for any other text."""
    if not _FLAT.fullmatch(text):
        return None
    pipelines, steps, after = list[Pipeline](), list[Step](), ""
    parts = _JOINT.split(text)
    parts.append("")  # joints stand between commands; one more ends the last pipeline
    for at in range(0, len(parts), 2):
        words, joint = parts[at].split(" "), parts[at + 1]
        if words[0] in RESERVED or "=" in words[0]:
            return None
        steps.append(Command(tuple(map(Word, words))))
        if joint != "|":
            pipelines.append(Pipeline(after, tuple(steps)))
            steps, after = [], joint
    return Script(tuple(pipelines)) if len(parts) <= 2 * MAX_COMMANDS else None


def _check_printable(text: str) -> None:
    for position, char in enumerate(text, 1):
        if not char.isprintable() and char not in "\n\t":
            raise ValueError(f"the unprintable character U+{ord(char):04X} at character {position} is not taken")


def _assigned(text: str) -> frozenset[str]:
    """The names that the text may set; more than it does is fine, because a name that is not set is empty all the same."""
    found: set[str] = set()
    for one, other, several in _SETS.findall(text):
        found |= {one, other, *re.findall(r"[A-Za-z_]\w*", several, re.ASCII)}
    return frozenset(found - {""})


class _Reader(Words):
    """Commands and what joins them."""

    count = 0

    def script(self, _end: str = "") -> Script:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise ValueError(f"commands are nested deeper than {MAX_NESTING}")
        pipelines: list[Pipeline] = []
        after = ""
        self.at = _BREAKS.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches the empty text too
        while True:
            pipelines.append(self.pipeline(after))
            found = _OPERATOR.match(self.text, self.at)
            if found is None:
                break
            self.at, after = found.end(), found.group()
            self.at = _BREAKS.match(self.text, self.at).end()  # type: ignore[union-attr]  # as above
            if after == "\n":
                after = ";"
            if after == ";" and self.ended():
                break
        self.nesting -= 1
        return Script(tuple(pipelines))

    def ended(self) -> bool:
        """Whether nothing more of this script follows: the end, a bracket, or a word that ends a block."""
        found = _KEYWORD.match(self.text, self.at)
        return self.at >= len(self.text) or self.text[self.at] == ")" or (found is not None and found.group() in _ENDS)

    def blank(self) -> None:
        """Goes over blanks, and over a comment."""
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches the empty text too
        if self.text[self.at : self.at + 1] == "#" and (found := _COMMENT.match(self.text, self.at)):
            self.at = found.end()

    def pipeline(self, after: str) -> Pipeline:
        """Steps joined by `|`."""
        prefix, steps = "", list[Step]()
        self.blank()
        if (found := _KEYWORD.match(self.text, self.at)) and found.group() in ("!", "time"):
            prefix, self.at = found.group(), found.end()
            self.blank()
        while True:
            step = self.step()
            steps.append(step)
            self.count += 1
            if self.count > MAX_COMMANDS:
                raise ValueError(f"more than {MAX_COMMANDS} commands")
            if self.text[self.at : self.at + 1] != "|" or self.text.startswith("||", self.at):
                return Pipeline(after, tuple(steps), prefix)
            if self.text.startswith("|&", self.at):
                steps[-1] = step._replace(redirects=(*step.redirects, Redirect(2, ">&", "1")))
                self.at += 1
            self.at = _BREAKS.match(self.text, self.at + 1).end()  # type: ignore[union-attr]  # as above

    def step(self) -> Step:
        """A simple command or a block."""
        self.blank()
        if self.text.startswith("((", self.at):
            raise self.refuse(self.at, "arithmetic as a command is not taken")
        if self.text.startswith("(", self.at):
            self.at += 1
            return self.redirected(Block("(", (self.until(")"),)))
        if found := _KEYWORD.match(self.text, self.at):
            return self.block(found.group(), found.end())
        return self.command()

    def until(self, *ends: str) -> Script:
        """The script before one of these words, which is left where it is but for the last character read; for `)` it is gone over."""
        made = self.script()
        self.blank()
        if ends == (")",):
            if self.text[self.at : self.at + 1] != ")":
                raise self.refuse(self.at, "a bracket is not closed" if self.at >= len(self.text) else "")
            self.at += 1
            return made
        found = _KEYWORD.match(self.text, self.at)
        if found is None or found.group() not in ends:
            raise self.refuse(self.at, f"{' or '.join(ends)!a} must follow")
        return made

    def take(self, word: str) -> None:
        """Goes over a word that must be here."""
        self.blank()
        if (found := _KEYWORD.match(self.text, self.at)) is None or found.group() != word:
            raise self.refuse(self.at, f"{word!a} must follow")
        self.at = found.end()

    def block(self, kind: str, at: int) -> Step:
        """What begins with one of the shell's own words."""
        begin, self.at = self.at, at
        if kind == "{":
            inside = self.until("}")
            self.take("}")
            return self.redirected(Block("{", (inside,)))
        if kind in ("while", "until"):
            condition = self.until("do")
            return self.redirected(Block(kind, (condition, self.body())))
        if kind == "for":
            return self.redirected(self.loop())
        if kind == "if":
            return self.redirected(self.choice())
        self.at = begin
        return never(repr(kind))

    def body(self) -> Script:
        """`do … done`."""
        self.take("do")
        made = self.until("done")
        self.take("done")
        return made

    def loop(self) -> Block:
        """The rest of `for NAME in WORDS; do … done`."""
        self.blank()
        found = re.compile(r"([A-Za-z_]\w*)\s+in(?=[ \t;\n])", re.ASCII).match(self.text, self.at)
        if found is None or found.group(1) in SETTABLE_NOT or OWN.fullmatch(found.group(1)):
            raise self.refuse(self.at, "only 'for NAME in WORDS' is taken")
        self.at, words = found.end(), list[Word]()
        self.blank()
        while self.text[self.at : self.at + 1] not in ("", ";", "\n"):
            words += self.word()
            self.blank()
        if not self.text[self.at : self.at + 1]:
            raise self.refuse(self.at)
        self.at = _BREAKS.match(self.text, self.at + 1).end()  # type: ignore[union-attr]  # as above
        return Block("for", (self.body(),), found.group(1), tuple(words))

    def choice(self) -> Block:
        """The rest of `if …; then …; [elif …; then …;] [else …;] fi`."""
        condition = self.until("then")
        self.take("then")
        yes = self.until("elif", "else", "fi")
        found = _KEYWORD.match(self.text, self.at)
        word = found.group() if found else ""
        self.take(word)
        if word == "fi":
            return Block("if", (condition, yes))
        if word == "elif":
            return Block("if", (condition, yes, Script((Pipeline("", (self.choice(),)),))))
        other = self.until("fi")
        self.take("fi")
        return Block("if", (condition, yes, other))

    def redirected(self, block: Block) -> Block:
        """The block with the redirections that follow it."""
        redirects: list[Redirect] = []
        while True:
            self.blank()
            found = _REDIRECT.match(self.text, self.at)
            if found is None:
                break
            redirects += self.redirect(found)
        ended = (word := _KEYWORD.match(self.text, self.at)) is not None and word.group() in _ENDS
        if self.text[self.at : self.at + 1] not in ("", "|", ";", "\n", ")", "&") and not ended:
            raise self.refuse(self.at)
        if self.text[self.at : self.at + 1] == "&" and not self.text.startswith("&&", self.at):
            raise self.refuse(self.at)
        return block._replace(redirects=tuple(redirects))

    def command(self) -> Command:
        """A simple command, or assignments."""
        words: list[Word] = []
        redirects: list[Redirect] = []
        assigns: list[tuple[str, Word]] = []
        begin = self.at
        while True:
            while words and (plain := _SIMPLE.match(self.text, self.at)):
                words.append(Word(plain.group(1)))
                self.at = plain.end()
            self.blank()
            char = self.text[self.at : self.at + 1]
            if not char or char in "|;)\n(" or self.text.startswith("&&", self.at):
                break
            if char in "012<>&" and (found := _REDIRECT.match(self.text, self.at)):
                redirects += self.redirect(found)
            elif char in "&<>":
                words += self.stream(char)
            elif not words and (found := _ASSIGNMENT.match(self.text, self.at)):
                assigns.append(self.assignment(found))
            elif words and words[0].text == "export" and (found := _ASSIGNMENT.match(self.text, self.at)):
                words.append(self.exported(found))
            else:
                words += self.argument(first=not words)
        if not words and not assigns and not redirects:
            at = _BLANK.match(self.text, begin).end()  # type: ignore[union-attr]  # as above
            raise self.refuse(at, "a command is missing" if self.text[at : at + 1] in ("|", ";", "&", ">", "<") else "")
        for name, value in assigns:
            reading = bool(words) and words[0].text == "read"
            if (name == "IFS" and (not reading or value.text)) or (OWN.fullmatch(name) and name != "IFS" and not words):
                raise ValueError(f"the assignment {name + '='!a} changes how the shell itself works; it is not taken")
        return Command(tuple(words), tuple(redirects), tuple(assigns))

    def assignment(self, found: re.Match[str]) -> tuple[str, Word]:
        """`NAME=value`."""
        name = found.group(1)
        if name in SETTABLE_NOT:
            raise ValueError(f"the assignment {found.group()!a}: {name} is fixed")
        self.at = found.end()
        if self.text[self.at : self.at + 1] in ("", *" \t\n|&;)<>"):
            return name, Word("")
        (value,) = self.word(plain=True)
        return name, value

    def exported(self, found: re.Match[str]) -> Word:
        """`NAME=value` after `export`: its value is one word, as in an assignment."""
        name, value = self.assignment(found)
        if not value.pieces:
            return Word(f"{name}={value.text}")
        pieces = (Piece("text", f"{name}="), *[piece._replace(quoted=True) for piece in value.pieces])
        source = "".join(map(str, pieces))
        return Word(source, "", source, pieces)

    def argument(self, *, first: bool) -> list[Word]:
        """A word of a command; the name of the program must be written plainly."""
        begin = self.at
        made = self.word()
        raw = self.text[begin : self.at]
        if first:
            if raw in RESERVED:
                never(repr(raw))
            if _ASSIGNMENT_LIKE.match(raw):
                raise ValueError(f"the assignment {raw[:40]!a} is not taken")
            if not (made and (made[0].pieces or made[0].pattern)) and not _PROGRAM.fullmatch(raw):
                raise self.refuse(begin, "the name of a program is written plainly or in one pair of quotes, so that everybody reads the same")
        if raw.isdigit() and self.text[self.at : self.at + 1] in ("<", ">") and self.text[self.at : self.at + 1]:
            raise self.refuse(self.at, "only the descriptors 0, 1 and 2 can be redirected")
        return made

    def stream(self, char: str) -> list[Word]:
        """`<(…)`: the output of a script as a file to read."""
        if char != "<" or not _STREAM.match(self.text, self.at):
            raise self.refuse(self.at)
        begin = self.at
        self.at += 2
        inner = self.nested()
        if self.text[self.at : self.at + 1] not in ("", *" \t\n|&;)<>"):
            raise self.refuse(begin)
        made = self.made_stream(inner)
        return [made]

    @staticmethod
    def made_stream(inner: Script) -> Word:
        """The word that stands for that file."""
        piece = Piece("from", "", inner=inner)
        return Word(str(piece), "", str(piece), (piece,))

    def redirect(self, found: re.Match[str]) -> list[Redirect]:
        """One redirection; `&>` is two."""
        self.at = found.end()
        fd, op = found.group(1), found.group(2)
        if op and op.startswith(">&"):
            if fd == "0":
                raise self.refuse(found.start())
            return [Redirect(int(fd or 1), ">&", op[2])]
        if op in ("<<", "<<-"):
            return [self.document(found.start(), fd, strip=op == "<<-")]
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # as above
        if self.text[self.at : self.at + 1] in ("", *" \t\n|&;<>()"):
            raise self.refuse(self.at)
        targets = self.word(plain=op == "<<<")
        if len(targets) != 1 or targets[0].pattern:
            raise ValueError("a redirection to a pattern or to nothing is not taken; name one file")
        (target,) = targets
        word = target if target.pieces else Word("")
        if op:
            return [Redirect(int(fd or (0 if op[0] == "<" else 1)), op.removesuffix("|"), target.text, word)]
        return [Redirect(1, found.group()[1:], target.text, word), Redirect(2, ">&", "1")]

    def document(self, at: int, fd: str | None, *, strip: bool) -> Redirect:
        """A here-document; its lines are taken out of the text."""
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # as above
        found = _DELIMITER.match(self.text, self.at)
        if found is None or self.nesting > 1 or (fd or "0") != "0":
            raise self.refuse(at, "this here-document is not taken; its line must hold nothing special after a plain delimiter")
        begin = self.text.index("\n", found.end()) + 1
        lines, after = list[str](), begin
        while True:
            if after >= len(self.text):
                raise self.refuse(at, "the here-document has no end")
            stop = self.text.find("\n", after)
            line = self.text[after : stop if stop >= 0 else len(self.text)]
            line = line.lstrip("\t") if strip else line
            after = stop + 1 if stop >= 0 else len(self.text)
            if line == found.group(2):
                break
            lines.append(line + "\n")
        body = "".join(lines)
        self.text = self.text[: begin - 1] + ("\n" + self.text[after:] if self.text[after:] else "")
        self.at = found.end()
        return self.text_redirect(body, literal=bool(found.group(1)))

    def text_redirect(self, body: str, *, literal: bool) -> Redirect:
        """A here-document as the here-string that gives the same input."""
        if not body:
            return Redirect(0, "<", "/dev/null")
        if literal:
            return Redirect(0, "<<<", body[:-1])
        from capabilities._shell.lexer import built

        reader = type(self)(body[:-1], self.home, self.assigned, self.nesting)
        word = built(reader.double(""), quoted=True) or Word("")
        return Redirect(0, "<<<", word.text, word if word.pieces else Word(""))


class _Foreign(_Reader):
    """The same for a shell that is not ours: a variable that the text does not set may hold anything."""

    foreign = True
