r"""Stats: how questions are answered: how often with yes, how fast, and how often too fast to have been read.

The time to answer goes from the question to the answer that ended it.  An answer is quick when it comes less than two seconds after its person
was shown the question (after it was asked, where nobody said when it was shown): nobody reads that fast.  What ended by itself, expired or taken back
by an administrator, is no answer.

>>> print(*stats([], 0.0).lines(), sep="\n")
nothing was asked
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.answer import Answer
from gate.fewer.history import was_approved
from gate.shown import plain

if TYPE_CHECKING:
    from gate.answer import Case

QUICK: Final = 2.0
_BY_PEOPLE: Final = frozenset({"approve", "deny", "ask-back", "edit"})
_ENDS: Final = ("open", "approved", "denied", "returned", "edited", "expired", "withdrawn")
_WORDS: Final[Mapping[str, str]] = {"returned": "asked back", "expired": "not answered in time", "withdrawn": "ended by an administrator"}


class Tally(NamedTuple):
    """Some answers. yes, no: approvals and denials.  quick: under two seconds.  median, p95: seconds to answer, None without any."""

    answers: int
    yes: int
    no: int
    quick: int
    median: float | None
    p95: float | None

    @property
    def rate(self) -> float | None:
        """How much of yes and no was yes, from 0 to 1; None without either."""
        return self.yes / (self.yes + self.no) if self.yes + self.no else None

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {**self._asdict(), "rate": self.rate}

    def line(self, name: str) -> str:
        """One line of text, name first."""
        said = [f"{name}: {self.answers} answer{'' if self.answers == 1 else 's'}"]
        said += [] if self.rate is None else [f"{self.rate:.0%} yes"]
        said += [] if self.median is None or self.p95 is None else [f"half within {_span(self.median)}, 95 % within {_span(self.p95)}"]
        return ", ".join([*said, *([f"{self.quick} under {QUICK:g} s"] if self.quick else [])])


class Stats(NamedTuple):
    """All of it. states: how the questions ended.  approvers, tools, channels: the answers by who gave them, about what and how, most first."""

    asked: int
    states: Mapping[str, int]
    answers: Tally
    approvers: Mapping[str, Tally]
    tools: Mapping[str, Tally]
    channels: Mapping[str, Tally]
    since: float | None = None

    def to_json(self) -> dict[str, object]:
        """Plain data; `since` is the time of the first question, in seconds since the epoch."""
        by = {"approvers": self.approvers, "tools": self.tools, "channels": self.channels}
        tallies = {what: {name: tally.to_json() for name, tally in tallies.items()} for what, tallies in by.items()}
        return {"asked": self.asked, "since": self.since, "states": dict(self.states), "answers": self.answers.to_json(), **tallies}

    def lines(self) -> list[str]:
        """The same for a terminal."""
        if not self.asked:
            return ["nothing was asked"]
        ended = ", ".join([f"{count} {_WORDS.get(state, state)}" for state, count in self.states.items() if count])
        found = [f"{self.asked} question{'' if self.asked == 1 else 's'}: {ended}", self.answers.line("in all")]
        for what, tallies in (("by person", self.approvers), ("by tool", self.tools), ("by channel", self.channels)):
            found += [what, *[f"  {tally.line(plain(name) or 'unknown')}" for name, tally in tallies.items()]] if tallies else []
        return found


class _One(NamedTuple):
    """One answer to one question."""

    tool: str
    answer: Answer
    seconds: float
    quick: bool


def stats(cases: Iterable[Case], now: float) -> Stats:
    """The figures of these cases. now: an open question whose time is over counts as not answered in time."""
    known = list(cases)
    ends = Counter([_end(case, now) for case in known])
    said = [_One(case.question.tool, answer, *_times(case, answer)) for case in known for answer in case.answers if answer.verdict in _BY_PEOPLE]
    return Stats(
        len(known),
        {state: ends[state] for state in _ENDS},
        _tally(said),
        _by(said, lambda one: one.answer.approver),
        _by(said, lambda one: one.tool),
        _by(said, lambda one: one.answer.method),
        min([case.question.created for case in known], default=None),
    )


def _end(case: Case, now: float) -> str:
    if case.state == "open" and now >= case.question.expires:
        return "expired"
    return "approved" if was_approved(case) else case.state


def _times(case: Case, answer: Answer) -> tuple[float, bool]:
    """Seconds from the question to the answer, and whether it was quick."""
    created = case.question.created
    shown = min(max(answer.shown_at, created), answer.at) if answer.shown_at > 0 else created
    return max(answer.at - created, 0.0), answer.at - shown < QUICK


def _by(said: Sequence[_One], of: Callable[[_One], str]) -> dict[str, Tally]:
    groups: dict[str, list[_One]] = {}
    for one in said:
        groups.setdefault(of(one), []).append(one)
    return {name: _tally(found) for name, found in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))}


def _tally(said: Sequence[_One]) -> Tally:
    verdicts = Counter([one.answer.verdict for one in said])
    seconds = sorted([one.seconds for one in said])
    quick = sum([one.quick for one in said])
    return Tally(len(said), verdicts["approve"], verdicts["deny"], quick, _rank(seconds, 0.5), _rank(seconds, 0.95))


def _rank(ordered: Sequence[float], part: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least this part of them does not exceed."""
    return ordered[max(ceil(part * len(ordered)) - 1, 0)] if ordered else None


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
