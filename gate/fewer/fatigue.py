"""Fatigue: how many questions one person is asked in an hour, and that it is no more than they can read.

Whoever is asked too often says yes unread, so a person has a budget, `Person.per_hour`.  When everybody who may answer a question is over theirs,
it is not asked: the call is refused, and a rule would have to decide instead.  One agent takes at most two thirds of it, so that it cannot keep
people from another's questions.  Counted from the cases of the last hour, whichever process asked.

Questions that come in one go count once: of the same agent, session, task and tool, below high risk, within 60 seconds of the first, at most 20.

>>> spare(People.EMPTY, ["ann"], [], 0.0).refusal
''
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.fewer.batch import MOST
from gate.people import People, Person
from gate.shown import shown

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.ask import Question

HOUR: Final = 3600.0
AT_ONCE: Final = 60.0
SHARE: Final = 2 / 3
_USUAL: Final = Person("").per_hour
_NAMED: Final = 3


class Spare(NamedTuple):
    """What is left. asked: by name, how many questions counted in the last hour.  left: who may be asked one more, in the order they were named.

    refusal: why nobody may be, "" where somebody may.  again: seconds until somebody may.
    """

    asked: Mapping[str, int]
    left: tuple[str, ...]
    refusal: str = ""
    again: float = 0.0


def refused(people: People, names: Iterable[str], cases: Sequence[Case], now: float, coming: Question) -> str:
    """Why a question is not asked: everybody who may answer has been asked enough, or this agent has had its share of them. "" when it is.

    One agent takes at most two thirds of anybody's hour, so that another's question is still asked.
    """
    wanted = tuple(names)
    if everybody := spare(people, wanted, cases, now, coming).refusal:
        return everybody
    mine = spare(people, wanted, [case for case in cases if case.question.agent == coming.agent], now, coming, part=SHARE)
    return mine.refusal and f"{mine.refusal}; the rest of the hour is kept for other agents"


def spare(people: People, names: Iterable[str], cases: Iterable[Case], now: float, coming: Question | None = None, *, part: float = 1.0) -> Spare:
    """Who of those that may answer can take one more question.

    names: of those who may answer; none where nobody knows who that is, and then everything counts against one usual budget.  cases: at
    least all of the last hour.  coming: the question that is about to be asked; one that comes in one go with counted ones costs nothing.
    part: of everybody's budget that there is.
    """
    recent = sorted([case for case in cases if now - HOUR < case.question.created], key=lambda case: case.question.created)
    starts, joined = _counted(recent, coming)
    wanted = tuple(dict.fromkeys(names)) or ("",)
    times = {name: [case.question.created for case in starts if not name or _is_asked(people, case, name)] for name in wanted}
    asked = {name: len(found) for name, found in times.items()}
    left = tuple([name for name in wanted if joined or asked[name] < _budget(people, name, part)])
    if left:
        return Spare(asked, left)
    again = min([_free(times[name], _budget(people, name, part)) for name in wanted]) - now
    return Spare(asked, (), _refusal(asked, starts, again), again)


def _counted(recent: list[Case], coming: Question | None) -> tuple[list[Case], bool]:
    """The cases that count, one for those that came in one go, and whether the coming one comes with them."""
    starts: list[Case] = []
    open_: dict[Hashable, tuple[float, int]] = {}
    for case in recent:
        key, created = _go(case.question), case.question.created
        began, count = open_.get(key, (0.0, MOST))
        if key is None or count >= MOST or created - began > AT_ONCE:
            began, count = created, 0
            starts.append(case)
        open_[key] = began, count + 1
    key = _go(coming) if coming else None
    began, count = open_.get(key, (0.0, MOST)) if coming and key is not None else (0.0, MOST)
    return starts, coming is not None and count < MOST and coming.created - began <= AT_ONCE


def _go(question: Question) -> Hashable:
    """What questions that come in one go have in common; None for one that always counts."""
    if question.grave or not question.session:
        return None
    return question.agent, question.session, question.task, question.tool, question.approvers


def _is_asked(people: People, case: Case, name: str) -> bool:
    """Whether a question is one that this person is asked: the rule named nobody, or them, or they answered or were handed it."""
    named = case.question.approvers
    if not named or any(people.same(name, other) for other in people.named(named)):
        return True
    return any(people.same(name, other) for answer in case.answers for other in (answer.approver, answer.to))


def _budget(people: People, name: str, part: float) -> int:
    person = people.person(name)
    return ceil((person.per_hour if person else _USUAL) * part)


def _free(times: list[float], budget: int) -> float:
    """When the oldest question that is one too many is an hour old; an hour from now at the earliest when the budget is nothing."""
    return (times[len(times) - budget] if 0 < budget <= len(times) else times[-1] if times else 0.0) + HOUR


def _refusal(asked: Mapping[str, int], starts: list[Case], again: float) -> str:
    if list(asked) == [""]:
        who, counts = "people", [asked[""]]
    else:
        names = [shown(name) for name in asked]
        who = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        counts = sorted(set(asked.values()))
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    most = Counter([case.question.agent for case in starts]).most_common(1)
    by = f", most of them by {shown(most[0][0])}" if most else ""
    verb = "was" if len(asked) == 1 and "" not in asked else "were"
    wait = f"; another may be asked in {ceil(again / 60)} min" if again > 0 else ""
    what = "1 question" if many == "1" else f"{many} questions"
    help_ = "raise per_hour in approvers.toml, or see what gate ask --rules proposes (below high risk only)"
    return f"{who} {verb} asked {what} in the last hour{by}, and more would not be read{wait}; {help_}"
