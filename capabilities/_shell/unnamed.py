"""Unnamed: what a command comes to although none of its words names it, where some places are closed to the call or may only be read.

    rg -uuu kty           everything below the folder it is in          git stash            the whole work tree
    unzip -o x.zip        whatever names the archive holds              git commit -F KEY    a file, by a word whose role is not known

`roles` judges the places that words name.  Here a command is taken to come to everything below its folder, unless it is known to come to no more
than it names: by default yes, so that what nobody thought of asks.  Commands that start others are left to those; what is high anyway, too.
Without such places (`Setting.closed`, `Setting.kept`) there is nothing to say.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final

from capabilities._paths.links import resolve
from capabilities._paths.place import Setting
from capabilities._shell import git
from capabilities._shell.programs import READERS
from capabilities._shell.script import Word
from capabilities._shell.spec import Uninspectable, matched, parse, show
from capabilities._shell.writers import MAYBE, WRAPPERS, WRITERS
from gate.effect import Assessment, Risk
from gate.regex import regex

# they start another command, which is judged in its place, or take every word as it is
_OTHERS: Final = frozenset(["find", "xargs", "env", "watch", "bash", "sh", "dash", "echo", "test", "[", *WRAPPERS, *MAYBE])
_SPREADS: Final = frozenset(["unzip", "patch"])
"""Programs that write whatever names their input holds."""
_MAKERS: Final = frozenset(["ln", "unzip", "bash", "sh", "dash"])
_COPIES_LINKS: Final = regex(r" -[A-Za-z]*[adPRrs]| --(arch|rec|no-d|sym)")
_HARMLESS: Final = frozenset(["echo", "printf", "test", "[", "true", "false", "pwd", "ls", "mkdir", "stat"])
_LINKED: Final = {"zip": (("-r",), ("-y",)), "diff": (("-r", "--recursive"), ("--no-dereference",))}
"""Programs that follow links they meet, with these options and without those."""
# of git: what shows no content of files, and what changes no file of the work tree
_QUIET: Final = frozenset(
    "status branch tag rev-parse remote ls-files describe merge-base for-each-ref show-ref version rev-list symbolic-ref check-ignore "
    "check-ref-format shortlog name-rev count-objects var help".split()
)
_STILL: Final = frozenset(
    "add commit branch tag notes remote config replace pack-refs repack maintenance write-tree commit-tree update-index hash-object mktag "
    "mktree symbolic-ref index-pack unpack-objects fast-import".split()
)


def parts(words: tuple[Word, ...], setting: Setting) -> Iterator[Assessment]:
    """What is to be said of a command beyond what its words name."""
    if not (setting.closed or setting.kept):
        return
    name = words[0].text.rpartition("/")[2]
    for word in words[1:]:
        yield from _named(name, word.text, setting)
    if name == "git":
        yield from _git(words[1:], setting)
    elif name in READERS or name in WRITERS:
        yield from _program(name, words[1:], setting)
    elif name not in _OTHERS:
        yield from _reach(name, setting.cwd, setting)


def linked(started: Sequence[tuple[str, ...]], setting: Setting) -> Iterator[Assessment]:
    """What is to be said of a script that may make a link and go through it: where that leads is not known before it is there."""
    if not (setting.closed or setting.kept):
        return
    names = [(argv[0].rpartition("/")[2], argv) for argv in started if argv]
    makers = [name for name, argv in names if name in _MAKERS or (name == "cp" and _COPIES_LINKS.search(" ".join(argv)))]
    if makers and sum(name not in _HARMLESS for name, _ in names) > 1:
        yield _high(f"cannot be inspected: {makers[0]} may make a link, and where what runs with it then leads is only known when it runs")


def _named(name: str, text: str, setting: Setting) -> Iterator[Assessment]:
    """A word that leads to a closed place in whatever role: as it is, as the value of an option, or after a colon."""
    for place in {text, text.partition("=")[2], text.rpartition(":")[2], text[2:] if text[:1] == "-" else ""} - {""}:
        try:
            path = resolve(place, setting.cwd)
        except ValueError:
            continue
        if why := setting.refuses(path):
            yield _high(f"{name} is given {show(path)}, which {why}")._replace(risk=Risk.CRITICAL)


def _program(name: str, rest: tuple[Word, ...], setting: Setting) -> Iterator[Assessment]:
    line = READERS[name] if name in READERS else WRITERS[name]  # a line may be empty
    spec, found = parse(line), matched(line, rest)
    on, off = _LINKED.get(name, ((), ()))
    if found.options.intersection(on) and not found.options.intersection(off):
        raise Uninspectable(f"{name} follows links that it meets, and where they lead is only known when it runs")
    if name in _SPREADS and not found.upgraded:
        yield from _reach(name, setting.cwd, setting, writes=True)
    whole = spec.operands[-1:] == ("tree",) or any(spec.options[option].upgrade == "tree" for option in found.options if option in spec.options)
    if whole and not any(role == "tree" for role, _, _ in found.uses):
        yield from _reach(name, setting.cwd, setting)


def _git(rest: tuple[Word, ...], setting: Setting) -> Iterator[Assessment]:
    """Git works on the work tree that the folder is in, which may begin above it."""
    sub, words, folders = git.subcommand(rest)
    cwd = setting.cwd
    for folder in folders:
        cwd = resolve(folder.text, cwd)
    first, top = sub.partition(" ")[0], _top(cwd)
    if first not in _QUIET:
        yield from _reach(f"git {sub}", top, setting)
    line = git.READS.get(sub)
    reads = line is not None and not any(role == "never" for role, _, _ in matched(line, words).uses)
    if not reads and first not in _STILL:
        yield from _reach(f"git {sub}", top, setting, writes=True)


def _top(folder: str) -> str:
    """The nearest folder, upwards, that holds a repository; the folder itself when there is none."""
    above = [folder]
    while above[-1] != "/":
        above.append(os.path.dirname(above[-1]))
    return next((one for one in above if os.path.lexists(f"{one}/.git")), folder)


def _reach(name: str, folder: str, setting: Setting, *, writes: bool = False) -> Iterator[Assessment]:
    if why := setting.refuses(folder, below=True, writes=writes):
        yield _high(f"{name} {'may change' if writes else 'may read'} everything in {show(folder)}, which {why}")


def _high(reason: str) -> Assessment:
    return Assessment(frozenset(["reads", "writes"]), Risk.HIGH, (reason,))
