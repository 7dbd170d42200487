"""argv: the constraint over commands, by the programs they start.

    {"constraint_type": "argv", "programs": [["ls"], ["git", "log"]]}

A value is admitted when every program it starts, at any depth, begins with one of these lists of words.  Pure: nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from capabilities._shell import git
from capabilities._shell.script import Command, Script, Word, quote
from capabilities._shell.spec import Uninspectable
from capabilities._shell.starts import Start, identity, starts
from capabilities._shell.value import script_of
from gate.constraint import Check, Constraint, by_parts, members, register, show
from gate.constraints.value import is_array
from gate.frozen import Frozen
from gate.shown import visible


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class Programs(Constraint):
    """Commands that start nothing but these, each given by the words it must begin with; made by `programs`.

    Programs with option data must keep to it, so that what they start in turn is covered too. Others, and git's subcommands that change
    something, are admitted with any further words: naming them is the statement. Redirections are admitted to /dev/null only.
    """

    type: ClassVar[str] = "argv"
    programs: tuple[tuple[str, ...], ...]

    def __init__(self, programs: Iterable[Iterable[str]]) -> None:
        made = {_checked(tuple(words)): None for words in programs}
        if not made:
            raise ValueError("name at least one program")
        object.__setattr__(self, "programs", tuple(made))

    def compile(self) -> Check:
        admits = _admitting(self.programs)

        def check(value: Frozen) -> bool:
            try:
                return all(map(admits, starts(script_of(value))))
            except (ValueError, Uninspectable):
                return False

        return check

    def explain(self, value: Frozen) -> str:
        admits = _admitting(self.programs)
        try:
            other = next((start.argv for start in starts(script_of(value)) if not admits(start)), ())
        except (ValueError, Uninspectable) as error:
            return f"which programs {show(value) if isinstance(value, str) else 'this'} starts cannot be told: {error}"
        return f"{show(' '.join(other))} is not among the programs {show(', '.join(map(' '.join, self.programs)))}"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other)) is not None:
            return known
        return isinstance(other, Programs) and all(any(_covers(mine, theirs) for mine in self.programs) for theirs in other.programs)

    def around(self, value: Frozen) -> Sequence[Constraint]:
        """The words that the grant gives for the one program that a plain command starts, of git with its subcommand too.

        None for anything compound, with a redirection, a variable or a substitution, and none for a program whose options are not looked into.
        """
        try:
            script = script_of(value)
            (argv, inspected), *more = starts(script)
        except (ValueError, Uninspectable):
            return ()
        if more or not inspected or not _plain(script):
            return ()
        length = max([len(words) for words in self.programs if argv[: len(words)] == words], default=0)
        if argv[0] == "git" and length == 1 and len(argv) > 1 and argv[1] in git.READS:
            length = 2
        return (Programs([argv[:length]]),) if length else ()

    def words(self) -> str:
        programs = [visible(" ".join(map(quote, words))) for words in self.programs]
        return f"a command that starts nothing but {' or '.join(programs)}, with any further words"

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "programs": [list(words) for words in self.programs]}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (found,) = members(data, cls.type, ("programs",))
        if not is_array(found):
            raise ValueError("'programs' must be a list of lists of words")
        return cls([_checked(words) for words in found])


def _plain(script: Script) -> bool:
    """Whether it is one command of known words and nothing else."""
    steps = [step for pipeline in script.pipelines for step in pipeline.steps]
    only = steps[0] if len(steps) == 1 and not script.pipelines[0].prefix else None
    return isinstance(only, Command) and not (only.redirects or only.assigns or any([word.pieces for word in only.words]))


def _admitting(programs: Iterable[tuple[str, ...]]) -> Callable[[Start], bool]:
    """Whether a start is among these: one look-up for each number of words that they have, however many they are."""
    admitted = frozenset(programs)
    lengths = sorted({len(words) for words in admitted})

    def admits(start: Start) -> bool:
        argv, inspected = start
        least = 1 if inspected or argv[0] != "git" else 2  # git alone does not name what changes something
        return any([argv[:length] in admitted for length in lengths if least <= length <= len(argv)])

    return admits


def _checked(words: object) -> tuple[str, ...]:
    if not is_array(words):
        raise ValueError("'programs' must be a list of lists of words")
    texts = [word for word in words if isinstance(word, str) and word and word.isprintable()]
    if not texts or len(texts) != len(words):
        raise ValueError("each program is a list of words, the program first")
    return (identity(Word(texts[0])), *texts[1:])


def _covers(mine: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    if theirs[: len(mine)] != mine:
        return False
    return mine != ("git",) or mine == theirs or theirs[1] in git.READS or " ".join(theirs[1:3]) in git.READS
