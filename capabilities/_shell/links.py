"""Links: what a command is given when it runs is judged once more, because only then it is known which names are links, and where they lead.

A pattern was judged by the folder it looks in, `find … -exec` by the places it searches.  A name that it finds there may be a link to anywhere.
So the command with its names is judged as if it had been written that way: where that is worse than what it was judged to be, it does not run.
Names that are no links and in the workspace were there to be read when the pattern was judged; they count as judged.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final

from capabilities._paths.place import Setting, look
from capabilities._paths.text import below
from capabilities._shell import find
from capabilities._shell.judge import Context, Fed, words_parts
from capabilities._shell.script import Word
from capabilities._shell.spec import Uninspectable
from gate.effect import Risk

MOST_NAMES: Final = 100_000


def judged(words: tuple[Word, ...], names: tuple[tuple[str, ...], ...], setting: Setting, fed: Fed | None) -> list[tuple[str, ...]]:
    """The searches of a command that are to be looked at before it runs; ValueError where its names make it worse than it was judged to be.

    words: as they were judged.  names: for each word the words it stands for.
    """
    searching = any("find" in word.text or word.text == "diff" for word in words)
    if not searching and not any(word.pattern for word in words):
        return []
    before, started = words_parts(words, Context(setting, fed, [])), list[tuple[str, ...]]()
    made = [Word(text) for word, texts in zip(words, names, strict=True) for text in texts if not word.pattern or _matters(text, setting)]
    after = words_parts(tuple(made), Context(setting, fed, started))
    known = {reason for part in before for reason in part.reasons}
    worst = max([part.risk for part in before], default=Risk.LOW)
    fresh = [part for part in after if set(part.reasons) - known and part.risk > Risk.LOW]
    for part in fresh:
        if part.risk > worst or (part.risk >= Risk.HIGH and part.effects <= {"reads"}):
            raise ValueError(f"{part.reasons[0]}; that is worse than what its pattern was judged by")
    return [argv for argv in started if worst < Risk.HIGH and _searches(argv)]


def _matters(name: str, setting: Setting) -> bool:
    """Whether a name that a pattern found was not judged with it: it is a link, is behind one, or is not in the workspace."""
    path = os.path.normpath(os.path.join(setting.cwd, name))
    real = os.path.realpath(path)
    return real != path or not below(real, setting.workspace)


def _searches(argv: tuple[str, ...]) -> bool:
    name = argv[0].rpartition("/")[2]
    return (name == "find" and bool({"-exec", "-execdir"} & set(argv))) or (name == "diff" and any(_recursive(text) for text in argv[1:]))


def _recursive(option: str) -> bool:
    return option == "--recursive" or (option[:1] == "-" and option[1:2] != "-" and "r" in option)


def listing(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The words that list every name which a `find` with `-exec` may give to its commands, each ended by a null.

    Whatever ends or narrows the search by what a command answered is left out, so rather more names are listed than fewer.
    """
    made: list[str] = []
    words = iter(argv)
    before = ""
    for word in words:
        if word in ("-exec", "-execdir"):
            for inner in words:
                if inner == ";" or (inner == "+" and before == "{}"):
                    break
                before = inner
            made.append("-print0")
        elif word in find.VALUED:
            made += [word, next(words)]
        elif word in find.ACTIONS:
            for _ in range(find.ACTIONS[word]):
                next(words)
            made.append("-true")
        else:
            made.append(word)
    return tuple(made)


def roots(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The places that a `find` searches."""
    try:
        return find.parse(tuple(map(Word, argv[1:]))).roots
    except Uninspectable as reason:
        raise ValueError(str(reason)) from None


def below_diff(argv: tuple[str, ...], cwd: str) -> Iterator[str]:
    """Every name at or below the operands of a recursive `diff`, which follows links; ValueError for too many."""
    count = 0
    for root in (text for text in argv[1:] if text[:1] != "-"):
        for folder, folders, names in os.walk(os.path.join(cwd, root)):
            count += len(folders) + len(names)
            if count > MOST_NAMES:
                raise ValueError(f"there are more than {MOST_NAMES} names to be looked at before it may run")
            yield from (f"{folder}/{name}" for name in [*folders, *names])


def lead_out(names: Iterable[str], places: tuple[str, ...], setting: Setting) -> str:
    """The first of these names that is a link to a place that is neither below `places` nor in the workspace, or where secrets are kept."""
    real = [os.path.realpath(os.path.join(setting.cwd, place)) for place in places]
    for name in names:
        path = os.path.normpath(os.path.join(setting.cwd, name))
        if os.path.islink(path) and leads_out(path, real, setting):
            return name
    return ""


def leads_out(path: str, real: list[str], setting: Setting) -> bool:
    """Whether what is at `path` was not judged with the places `real`."""
    place = look(path, setting)
    return bool(place.secret) or place.endless or not (place.inside or any(below(place.path, root) for root in real))
