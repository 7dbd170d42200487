"""Script: a command line as the data that is checked, shown and run.

    git log --oneline 2>/dev/null | head -5 && echo 'all done'

is two pipelines: `git log` into `head`, then, if that went well, `echo`.  `str(script)` writes it back in one form, quoted only where
needed, which means the same to this package and to a POSIX shell.  That text is the canonical value of a command.

What is only known when it runs (a variable that the script sets, the output of a command, a sum) is kept as the pieces of a word, and
expanded by `flow` when it is judged and by `execute` when it runs; a word without pieces is known.
"""

# lists of words are data, and read best as text
from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from gate.regex import regex

RESERVED: Final = frozenset(
    "if then elif else fi do done case esac while until for in select function time coproc { } [[ ]] ! . eval exec".split(),
)
_PLAIN: Final = regex(r"[A-Za-z0-9_@%+=:,./^-]+|\{\}", re.ASCII)
_ASSIGNMENT: Final = regex(r"[A-Za-z_]\w*(\[.*\])?\+?=", re.ASCII | re.DOTALL)


class Piece(NamedTuple):
    """A part of a word: `text`, `glob`, `var` a name, `run` the output of `inner`, `sum` arithmetic, `from` and `to` a stream of `inner`.

    change: for `${x%p}` and the like, the operator and its pattern.
    """

    kind: str
    text: str
    quoted: bool = True
    inner: Script | None = None
    change: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        if self.kind == "text":
            return quote(self.text)
        if self.kind == "glob":
            return self.text
        made = self.written()
        return f'"{made}"' if self.quoted and self.kind not in ("from", "to") else made

    def written(self) -> str:
        """The piece as it stands inside double quotes."""
        if self.kind == "var":
            name = self.text if self.change[0] != "#len" else f"#{self.text}"
            return f"${{{name}{'' if self.change[0] == '#len' else ''.join(self.change)}}}"
        if self.kind == "sum":
            return f"$(({self.text}))"
        return f"{ {'run': '$', 'from': '<', 'to': '>'}[self.kind] }({self.inner})"


class Word(NamedTuple):
    """One word: the text a program gets, and the pattern in `glob` syntax if it names files by `*`, `?` or `[…]`.

    pieces: of what it is made, when that is only known when it runs; `text` is then what was written.
    sort: of a word that was expanded for judging: "split" for any number of any words, "names" for any number of names at or below `text`.
    """

    text: str
    pattern: str = ""
    source: str = ""
    pieces: tuple[Piece, ...] = ()
    sort: str = ""

    def __str__(self) -> str:
        return self.source or quote(self.text)


class Redirect(NamedTuple):
    """`fd` `op` `target`; op is `<`, `>`, `>>` with a file, `>&` with the number of another descriptor, `<<<` with the text itself."""

    fd: int
    op: str
    target: str
    word: Word = Word("")

    def __str__(self) -> str:
        fd = "" if self.fd == (0 if self.op[0] == "<" else 1) else str(self.fd)
        return f"{fd}{self.op}{self.word if self.word.pieces else self.target if self.op == '>&' else quote(self.target)}"


class Command(NamedTuple):
    """One program with its arguments and redirections, and the variables set for it or, without words, from here on."""

    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()
    assigns: tuple[tuple[str, Word], ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        """The words as text, patterns not expanded."""
        return tuple([word.text for word in self.words])

    def __str__(self) -> str:
        sets = [f"{name}={value}" if value.text or value.pieces else f"{name}=" for name, value in self.assigns]
        if not self.words:
            return " ".join([*sets, *map(str, self.redirects)])
        first, *rest = self.words
        name = str(first)
        if name in RESERVED or _ASSIGNMENT.match(name):
            name = f"'{name}'"  # quoted, so that a shell reads it as the name of a program too
        return " ".join([*sets, name, *map(str, rest), *map(str, self.redirects)])


class Block(NamedTuple):
    """A compound command: `(`, `{`, `for` name in words, `while` and `until` with condition and body, `if` with condition, body and else."""

    kind: str
    parts: tuple[Script, ...]
    name: str = ""
    words: tuple[Word, ...] = ()
    redirects: tuple[Redirect, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.written(), *map(str, self.redirects)])

    def written(self) -> str:
        """The block without its redirections."""
        if self.kind == "(":
            return f"( {self.parts[0]} )"
        if self.kind == "{":
            return f"{{ {self.parts[0]}; }}"
        if self.kind == "for":
            return f"for {self.name} in {' '.join(map(str, self.words))}; do {self.parts[0]}; done"
        if self.kind == "if":
            condition, yes, *no = self.parts
            return f"if {condition}; then {yes};{f' else {no[0]};' if no else ''} fi"
        return f"{self.kind} {self.parts[0]}; do {self.parts[1]}; done"


Step: TypeAlias = "Command | Block"


class Pipeline(NamedTuple):
    """Steps whose output goes into the next one. `after` is "", `&&`, `||` or `;`: when it runs, seen from the one before; `prefix` `!` or `time`."""

    after: str
    steps: tuple[Step, ...]
    prefix: str = ""

    @property
    def commands(self) -> tuple[Command, ...]:
        """The simple commands among its steps."""
        return tuple([step for step in self.steps if isinstance(step, Command)])

    def __str__(self) -> str:
        return f"{self.prefix}{' ' if self.prefix else ''}{' | '.join(map(str, self.steps))}"


class Script(NamedTuple):
    """Pipelines, run from left to right."""

    pipelines: tuple[Pipeline, ...]

    @property
    def commands(self) -> tuple[Command, ...]:
        """Every simple command that is not inside a block or a substitution, in order."""
        return tuple([command for pipeline in self.pipelines for command in pipeline.commands])

    def __str__(self) -> str:
        parts = [f"{pipeline.after} {pipeline}" if pipeline.after not in ("", ";") else str(pipeline) for pipeline in self.pipelines]
        joints = ["" if n == 0 else "; " if pipeline.after == ";" else " " for n, pipeline in enumerate(self.pipelines)]
        return "".join(joint + part for joint, part in zip(joints, parts, strict=True))


def of_argv(argv: Iterable[str]) -> Script:
    """The script that runs one program with exactly these arguments."""
    return Script((Pipeline("", (Command(tuple(map(Word, argv))),)),))


def quote(text: str) -> str:
    """`text` as one word of a shell, in quotes only where it needs them."""
    if _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"
