"""Which programs a script starts, as far as its words say it: pure, for constraints.

    timeout 5 git log | head     → ("timeout", …), ("git", "log"), ("head",)

Every command counts, also in branches, loops and substitutions.  Programs with option data must be used within it, so that what they start
in turn is known; programs without are started with whatever words follow.  A word that is only known when it runs may be any word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from capabilities._shell import builtins, find, git
from capabilities._shell.expand import expand
from capabilities._shell.grammar import lex
from capabilities._shell.judge import PLAIN, SHELLS, SYSTEM, TAKES_ANYTHING, for_shell, known, program
from capabilities._shell.marks import ANY, SPLIT, STREAM
from capabilities._shell.programs import INERT, READERS
from capabilities._shell.roles import check_text
from capabilities._shell.script import Block, Command, Redirect, Script, Step, Word
from capabilities._shell.spec import Uninspectable, matched, show
from capabilities._shell.writers import CHANGERS, HARMLESS_VARIABLES, MAYBE, WATCH, WRAPPERS, WRITERS

_MAX_NESTING: Final = 6
HARMLESS_TARGETS: Final = frozenset(["/dev/null"])


class Start(NamedTuple):
    """One program that is started: its name and words, and whether its options were looked into."""

    argv: tuple[str, ...]
    inspected: bool


def starts(script: Script) -> list[Start]:
    """Every start, at any depth; `Uninspectable` or ValueError when that cannot be told, or a file is redirected to or from."""
    found: list[Start] = []
    for pipeline in script.pipelines:
        for step in pipeline.steps:
            if isinstance(step, Command) and not step.redirects and not step.assigns and not any([word.pieces for word in step.words]):
                found += _of(step.words, 0)  # as most are
            else:
                for command in _every(step):
                    found += _by(command)
    return found


def _by(command: Command) -> Iterable[Start]:
    """What one command starts by itself, not by what is inside its words."""
    if not command.words:
        return ()
    names = [name for name, _ in command.assigns if name not in HARMLESS_VARIABLES and name != "IFS"]
    if names:
        raise Uninspectable(f"what the variable {show(names[0])} changes is not known")
    if command.words[0].pieces:
        raise Uninspectable("which program it starts is only known when it runs")
    return _of(tuple([made for word in command.words for made in expand(word, _mark)]), 0)


def _mark(piece: object) -> str:
    kind, quoted = getattr(piece, "kind", ""), getattr(piece, "quoted", False)
    return STREAM if kind == "from" else ANY if quoted else SPLIT


def every(script: Script) -> Iterator[Command]:
    """Every simple command of a script, also inside blocks, words and redirections, whose targets are looked at."""
    for pipeline in script.pipelines:
        for step in pipeline.steps:
            yield from _every(step)


def _every(step: Step) -> Iterator[Command]:
    yield from _redirected(step.redirects)
    yield from _inside(step.words)
    if isinstance(step, Block):
        for part in step.parts:
            yield from every(part)
    else:
        yield from _inside(tuple([word for _, word in step.assigns]))
        yield step


def _inside(words: tuple[Word, ...]) -> Iterator[Command]:
    for word in words:
        for piece in word.pieces:
            if piece.inner:
                yield from every(piece.inner)


def _redirected(redirects: tuple[Redirect, ...]) -> Iterator[Command]:
    for redirect in redirects:
        yield from _inside((redirect.word,))
        if redirect.op not in (">&", "<<<") and (redirect.word.pieces or redirect.target not in HARMLESS_TARGETS):
            raise Uninspectable(f"a redirection to or from {show(redirect.target)} is not covered by a list of programs")


def _of(words: tuple[Word, ...], nesting: int) -> Iterable[Start]:
    if nesting > _MAX_NESTING:
        raise Uninspectable("commands are nested too deep")
    name, rest = identity(words[0]), words[1:]
    argv = (name, *[word.text for word in rest])
    if name in PLAIN or name in builtins.NAMES:
        if name == "export" and any(word.text.partition("=")[0] not in HARMLESS_VARIABLES for word in rest):
            raise Uninspectable("what an exported variable changes is not known")
        return (Start(argv, inspected=True),)
    if name in READERS or name in WRITERS:
        _check(name, READERS[name] if name in READERS else WRITERS[name], rest)
        return (Start(argv, inspected=True),)
    if name == "find":
        return _find(argv, rest, nesting)
    if name == "git":
        return (_git(argv, rest),)
    if name == "watch":
        return (Start(argv, inspected=True), *starts(lex(for_shell("sh", " ".join([word.text for word in matched(WATCH, rest).command])))))
    if name in MAYBE:
        return _wrapped(argv, MAYBE[name], rest, nesting)
    if name in WRAPPERS or name in CHANGERS:
        return _wrapped(argv, WRAPPERS[name] if name in WRAPPERS else CHANGERS[name][0], rest, nesting)
    if name in SHELLS and len(rest) == 2 and rest[0].text == "-c":
        return (Start(argv, inspected=True), *starts(lex(for_shell(name, rest[1].text))))
    return (Start(argv, inspected=False),)


def identity(word: Word) -> str:
    """What a list of programs calls this one: its name when it is one of the system's, else its path as written, which is another program."""
    if "/" not in word.text:
        return program(word)
    if not word.pattern and not word.sort and word.text.isprintable() and word.text.rpartition("/")[0] not in SYSTEM:
        return word.text
    return program(word)


def _check(name: str, line: str, rest: tuple[Word, ...]) -> None:
    if name in TAKES_ANYTHING and not (name == "printf" and rest and not rest[0].text.isprintable()):
        rest = known(rest)
    for role, word, many in matched(line, rest).uses:
        if word.sort:
            raise Uninspectable("a word of it is only known when it runs")
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
    if (line := git.READS.get(sub)) is not None:
        _check(f"git {sub}", line, words)
    return Start(argv, inspected=line is not None)


def _wrapped(argv: tuple[str, ...], line: str, rest: tuple[Word, ...], nesting: int) -> Iterator[Start]:
    name = argv[0]
    if name == "env":
        while rest and (rest[0].text in ("-i", "--ignore-environment") or "=" in rest[0].text.lstrip("-")):
            if "=" in rest[0].text and rest[0].text.partition("=")[0] not in HARMLESS_VARIABLES:
                raise Uninspectable(f"what the variable {show(rest[0].text)} changes is not known")
            rest = rest[1:]
        if rest and rest[0].text == "-":
            raise Uninspectable("env - takes away what keeps programs such as git from running others")
    inner = matched(line, rest).command
    yield Start(argv, inspected=True)
    if inner and name == "xargs" and program(inner[0]) not in INERT:
        raise Uninspectable(f"what words xargs gives {show(inner[0].text)} is only known when it runs")
    if inner:
        yield from _of(inner, nesting + 1)
