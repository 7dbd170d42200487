"""Which programs a script starts, as far as its words say it: pure, for constraints.

    timeout 5 git log | head     → ("timeout", …), ("git", "log"), ("head",)

Programs with option data must be used within it, so that what they start in turn is known; programs without are started with whatever
words follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from capabilities._shell import find, git
from capabilities._shell.judge import PLAIN, SHELLS, SYSTEM, program
from capabilities._shell.lexer import lex
from capabilities._shell.programs import INERT, READERS
from capabilities._shell.roles import check_text
from capabilities._shell.script import Script, Word
from capabilities._shell.spec import Uninspectable, match, parse, show
from capabilities._shell.writers import CHANGERS, HARMLESS_VARIABLES, WRAPPERS, WRITERS

_MAX_NESTING: Final = 6
HARMLESS_TARGETS: Final = frozenset(["/dev/null"])


class Start(NamedTuple):
    """One program that is started: its name and words, and whether its options were looked into."""

    argv: tuple[str, ...]
    inspected: bool


def starts(script: Script) -> list[Start]:
    """Every start, at any depth; `Uninspectable` or ValueError when that cannot be told, or a file is redirected to or from."""
    found: list[Start] = []
    for command in script.commands:
        for redirect in command.redirects:
            if redirect.op != ">&" and redirect.target not in HARMLESS_TARGETS:
                raise Uninspectable(f"a redirection to or from {show(redirect.target)} is not covered by a list of programs")
        found += _of(command.words, 0)
    return found


def _of(words: tuple[Word, ...], nesting: int) -> Iterator[Start]:
    if nesting > _MAX_NESTING:
        raise Uninspectable("commands are nested too deep")
    name, rest = identity(words[0]), words[1:]
    argv = (name, *[word.text for word in rest])
    if name in PLAIN or name == "cd":
        yield Start(argv, inspected=True)
    elif name in READERS or name in WRITERS:
        _check(name, READERS[name] if name in READERS else WRITERS[name], rest)
        yield Start(argv, inspected=True)
    elif name == "find":
        yield from _find(argv, rest, nesting)
    elif name == "git":
        yield _git(argv, rest)
    elif name in WRAPPERS or name in CHANGERS:
        yield from _wrapped(argv, WRAPPERS[name] if name in WRAPPERS else CHANGERS[name][0], rest, nesting)
    elif name in SHELLS and len(rest) == 2 and rest[0].text == "-c":
        yield Start(argv, inspected=True)
        yield from starts(lex(rest[1].text))
    else:
        yield Start(argv, inspected=False)


def identity(word: Word) -> str:
    """What a list of programs calls this one: its name when it is one of the system's, else its path as written, which is another program."""
    if "/" in word.text and not word.pattern and word.text.rpartition("/")[0] not in SYSTEM:
        return word.text
    return program(word)


def _check(name: str, line: str, rest: tuple[Word, ...]) -> None:
    for role, word, many in match(parse(line), rest).uses:
        if word.pattern and (not many or (word.pattern[0] in "*?[" and name not in INERT)):
            raise Uninspectable(f"which files {show(word.text)} names, and whether as options, is only known when it runs")
        check_text(name, role, word.text)


def _find(argv: tuple[str, ...], rest: tuple[Word, ...], nesting: int) -> Iterator[Start]:
    found = find.parse(rest)
    yield Start(argv, inspected=True)
    for command in found.commands:
        yield from _of(command, nesting + 1)


def _git(argv: tuple[str, ...], rest: tuple[Word, ...]) -> Start:
    sub, words, _ = git.subcommand(rest)
    if line := git.READS.get(sub):
        _check(f"git {sub}", line, words)
    return Start(argv, inspected=bool(line))


def _wrapped(argv: tuple[str, ...], line: str, rest: tuple[Word, ...], nesting: int) -> Iterator[Start]:
    name = argv[0]
    if name == "env":
        while rest and "=" in rest[0].text.lstrip("-"):
            if rest[0].text.partition("=")[0] not in HARMLESS_VARIABLES:
                raise Uninspectable(f"what the variable {show(rest[0].text)} changes is not known")
            rest = rest[1:]
    inner = match(parse(line), rest).command
    yield Start(argv, inspected=True)
    if inner and name == "xargs" and program(inner[0]) not in INERT:
        raise Uninspectable(f"what words xargs gives {show(inner[0].text)} is only known when it runs")
    if inner:
        yield from _of(inner, nesting + 1)
