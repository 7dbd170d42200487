"""Script: a command line as the data that is checked, shown and run.

    git log --oneline 2>/dev/null | head -5 && echo 'all done'

is two pipelines: `git log` into `head`, then, if that went well, `echo`.  `str(script)` writes it back in one form, quoted only where
needed, which means the same to this package and to a POSIX shell.  That text is the canonical value of a command.
"""

# lists of words are data, and read best as text
from __future__ import annotations

import re
from typing import Final, NamedTuple

RESERVED: Final = frozenset(
    "if then elif else fi do done case esac while until for in select function time coproc { } [[ ]] ! . : eval exec".split(),
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./^-]+|\{\}", re.ASCII)
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*(\[.*\])?\+?=", re.ASCII | re.DOTALL)


class Word(NamedTuple):
    """One word: the text a program gets, and the pattern in `glob` syntax if it names files by `*`, `?` or `[…]`."""

    text: str
    pattern: str = ""
    source: str = ""

    def __str__(self) -> str:
        return self.source or quote(self.text)


class Redirect(NamedTuple):
    """`fd` `op` `target`; op is `<`, `>`, `>>` with a file, or `>&` with the number of another descriptor."""

    fd: int
    op: str
    target: str

    def __str__(self) -> str:
        fd = "" if self.fd == (0 if self.op == "<" else 1) else str(self.fd)
        return f"{fd}{self.op}{self.target if self.op == '>&' else quote(self.target)}"


class Command(NamedTuple):
    """One program with its arguments and redirections."""

    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        """The words as text, patterns not expanded."""
        return tuple([word.text for word in self.words])

    def __str__(self) -> str:
        first, *rest = self.words
        name = str(first)
        if name in RESERVED or _ASSIGNMENT.match(name):
            name = f"'{name}'"  # quoted, so that a shell reads it as the name of a program too
        return " ".join([name, *map(str, rest), *map(str, self.redirects)])


class Pipeline(NamedTuple):
    """Commands whose output goes into the next one. `after` is "", `&&`, `||` or `;`: when it runs, seen from the one before."""

    after: str
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        return " | ".join(map(str, self.commands))


class Script(NamedTuple):
    """Pipelines, run from left to right."""

    pipelines: tuple[Pipeline, ...]

    @property
    def commands(self) -> tuple[Command, ...]:
        """Every command, in order."""
        return tuple([command for pipeline in self.pipelines for command in pipeline.commands])

    def __str__(self) -> str:
        parts = [f"{pipeline.after} {pipeline}" if pipeline.after not in ("", ";") else str(pipeline) for pipeline in self.pipelines]
        joints = ["" if n == 0 else "; " if pipeline.after == ";" else " " for n, pipeline in enumerate(self.pipelines)]
        return "".join(joint + part for joint, part in zip(joints, parts, strict=True))


def of_argv(argv: list[str]) -> Script:
    """The script that runs one program with exactly these arguments."""
    return Script((Pipeline("", (Command(tuple([Word(text) for text in argv])),)),))


def quote(text: str) -> str:
    """`text` as one word of a shell, in quotes only where it needs them."""
    if _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"
