"""History: what was asked before about such calls, in the engine's own sentences, for whoever is asked now.

From the call and the cases of its tool, of every agent; what other tools did says nothing here.  Values are escaped and cut, as in reasons.

>>> from gate.effect import UNDECLARED
>>> from gate.call import NOBODY, Call
>>> history(Call("pay", {"eur": 5}, frozenset(), NOBODY._replace(agent="bot"), UNDECLARED, "c1"), [])
("nobody was asked before about a call of 'bot' to 'pay'",)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.constraints.value import identity
from gate.frozen import Frozen
from gate.regex import regex
from gate.shown import plain, shown

if TYPE_CHECKING:
    from gate.answer import Case, State
    from gate.call import Call

_AMOUNT: Final = regex(r"(\d{1,15}(?:\.\d{1,4})?) ([A-Z]{3})", re.ASCII)
_WORDS: Final[Mapping[State, str]] = {
    "approved": "approved",
    "denied": "denied",
    "expired": "not answered in time",
    "returned": "asked back",
    "edited": "changed by who was asked",
    "withdrawn": "ended by an administrator",
    "open": "still open",
}


class Quantity(NamedTuple):
    """A number, and of what: "" where it does not say."""

    number: Decimal
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".rstrip()


def history(call: Call, cases: Iterable[Case]) -> tuple[str, ...]:
    """What to say of earlier questions about calls of this tool."""
    agent = call.acting.agent
    about = [case for case in cases if case.question.tool == call.tool and case.question.id != call.id]
    mine = [case for case in about if case.question.agent == agent]
    if not mine:
        first = f"nobody was asked before about a call of {shown(agent)} to {shown(call.tool)}"
    else:
        first = f"{_times(len(mine))} about a call of {shown(agent)} to {shown(call.tool)}: {_counts(mine)}"
    same = identity(call.arguments)
    alike = [case for case in about if case.question.arguments == call.arguments]  # and then as JSON is: true is not 1
    again = [case for case in alike if identity(case.question.arguments) == same]
    return (first, *_largest(call, mine), *_again(again, agent))


def was_approved(case: Case) -> bool:
    """Whether enough people said yes and nobody no, whether or not the call then ran in time."""
    return case.state in {"approved", "used"} or (case.state == "expired" and len(set(case.approved_by)) >= case.question.quorum)


def quantity(value: Frozen) -> Quantity | None:
    """The number that a value is, or the amount that it says, as in "12.50 EUR"; None for anything else."""
    if isinstance(value, str):
        found = _AMOUNT.fullmatch(value)
        return Quantity(Decimal(found[1]), found[2]) if found else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return Quantity(Decimal(str(value)))


def _times(count: int) -> str:
    return "people were asked once" if count == 1 else f"people were asked {count} times"


def _counts(cases: Iterable[Case]) -> str:
    counted: Counter[str] = Counter([_WORDS["approved" if was_approved(case) else case.state] for case in cases])
    return ", ".join([f"{counted[word]} {word}" for word in _WORDS.values() if counted[word]])


def _largest(call: Call, mine: list[Case]) -> Iterator[str]:
    """How the one number among the arguments compares with what was approved; nothing where there are none or several."""
    numbers = {name: found for name, value in call.arguments.items() if (found := quantity(value))}
    if len(numbers) != 1 or not mine:
        return
    ((name, now),) = numbers.items()
    before = [found for case in mine if was_approved(case) and (found := quantity(case.question.arguments.get(name))) and found.unit == now.unit]
    if not before:
        yield f"no {plain(name)} of this agent{f' in {now.unit}' if now.unit else ''} was approved before"
        return
    largest = max(before)
    if now.number > largest.number:
        yield f"{plain(name)} is {now}: more than was ever approved for this agent, the largest was {largest}"
    else:
        yield f"the largest {plain(name)} that was approved for this agent is {largest}"


def _again(again: list[Case], agent: str) -> Iterator[str]:
    """What was said about the very same arguments."""
    mine = [case for case in again if case.question.agent == agent]
    if mine:
        yield f"these arguments were asked about before: {_counts(mine)}"
    refused = [case for case in again if case.state == "denied"]
    for whose, cases in (
        ("this agent", [case for case in refused if case.question.agent == agent]),
        ("other agents", [case for case in refused if case.question.agent != agent]),
    ):
        if cases:
            names = dict.fromkeys([shown(case.question.agent) for case in cases])
            whom = whose if whose == "this agent" else f"{whose}, {', '.join(list(names)[:3])}{' and more' if len(names) > 3 else ''},"
            yield f"these arguments were denied to {whom} {'once' if len(cases) == 1 else f'{len(cases)} times'}{_why(cases[-1])}"


def _why(case: Case) -> str:
    no = next((answer for answer in reversed(case.answers) if answer.verdict == "deny"), None)
    if no is None:
        return ""
    return f", last by {shown(no.approver)}{f', who said {shown(no.reason)}' if no.reason else ''}"
