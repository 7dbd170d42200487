"""Posing: a question is put to people once.  The same call that comes again finds its question; one that was refused is not asked again."""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from gate import tally
from gate.answer import Case, judge
from gate.ask import BOUND, bound
from gate.eligible import why_not
from gate.errors import Denied, Unavailable, Void
from gate.fewer.fatigue import HOUR, refused
from gate.fewer.history import history
from gate.fewer.scopes import scopes
from gate.store import questions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.answer import Answer, State
    from gate.approval import Approval
    from gate.ask import Approver, Question
    from gate.call import Call
    from gate.decide import Ask
    from gate.gate import Gate
    from gate.home import Home
    from gate.waiting import Waiting


async def pose(gate: Gate, asked: Question, call: Call, decision: Ask, wait: Waiting, *, reads: bool) -> tuple[Case, Question]:
    """The question as it is kept now, a new one or the one that this call has already, and as this process asks it.

    reads: a person reads it, and no program; then they are told what was asked before, and nobody is asked more than they can read.
    Denied when somebody refused the call before, or everybody has been asked too much already.
    """
    home = gate.home
    asked, before = _prepared(home, asked, call, decision)
    if reads and not (before and before[0].state in {"open", "approved"}):  # one that is there already costs nobody anything
        asked = replace(asked, history=_history(home, asked, call))
    try:
        found = await wait.pose(home.ledger, questions.Pose(row_of(asked, call.claim()), home.records.asked(asked, call)))
    except questions.DeniedBefore as denied:
        case = home.desk.case(str(denied))
        raise refused_before(case, call, again=True) if case else Denied("it was refused before", tool=call.tool, call_id=call.id) from None
    case = home.desk.case(found)
    if case is None:
        raise Unavailable("the question could not be read back")
    return case, _ours(asked, case.question, decision)


def _history(home: Home, asked: Question, call: Call) -> tuple[str, ...]:
    """What was asked before about such calls. Denied when everybody who may answer was asked too much in this hour."""
    now, people = home.now(), home.people()
    recent = home.desk.since(now - HOUR, most=MOST_RECENT, whole=False)
    known = sorted(people.named(asked.approvers)) or [person.name for person in people.people]
    agents = (asked.agent, *asked.chain)
    names = [name for name in known if not why_not(name, agents=agents, principal=asked.principal, approvers=asked.approvers, people=people)]
    if refusal := refused(people, names, recent, now, asked):
        raise Denied(refusal, tool=call.tool, call_id=call.id)
    return history(call, home.desk.since(0.0, tool=call.tool, most=MOST_EARLIER, whole=False))


MOST_RECENT: Final = 1000
MOST_EARLIER: Final = 100


class AtOnce(NamedTuple):
    """What came of asking a program. case: with its yes or no, None for anything else; approvals: of a yes; said: what it said otherwise."""

    case: Case | None = None
    approvals: tuple[Approval, ...] = ()
    said: Mapping[Approver, Answer | None] = MappingProxyType({})


async def at_once(gate: Gate, asked: Question, call: Call, decision: Ask, program: Approver, wait: Waiting) -> AtOnce:
    """The question and what a program said about it, neither of which waits for the disk: the call that goes on brings both there.

    It is not asked where the same call has a question already.
    """
    home = gate.home
    asked, before = _prepared(home, asked, call, decision)
    if before:
        return AtOnce()
    home.ledger.note(questions.Pose(row_of(asked, call.claim()), home.records.asked(asked, call)))
    answer = await wait.ask(program, asked, max(asked.expires - home.now(), 0.0), home.desk.late)
    if answer is None or answer.stop or answer.verdict not in {"approve", "deny"}:
        return AtOnce(said={program: answer})
    state: State = judge("open", (), 1, answer, late=home.now() >= asked.expires)
    kept, given = replace(answer, method=answer.method or type(program).__name__.lower()), None
    if answer.verdict == "approve":
        given = tally.checked(home, answer.token, asked)
        if (given.approver, given.question, given.uses) != (answer.approver, asked.id, 0):
            raise Void("the approval answers another question, or more than this one")
        kept = replace(kept, granted=given.granted, until=float(given.expires))

    records = home.records  # now: it is written while the ledger may be closing, when nothing may be opened

    def record(led: State) -> bytes:
        return records.answered(kept, asked, led)

    home.ledger.note(questions.Say(asked.id, kept, record))
    return AtOnce(Case(asked, state, (kept,)), (given,) if given else ())


def _prepared(home: Home, asked: Question, call: Call, decision: Ask) -> tuple[Question, list[Case]]:
    """The question with all that people are told and may choose, and what was asked about the same call and is not over. Denied after a no."""
    before = home.desk.about(asked.session, call.claim())
    if before and before[0].state == "denied":
        raise refused_before(before[0], call, again=True)
    asked = _following(asked, before)
    return replace(asked, scopes=scopes(call, call.acting.capability, decision), passkey=home.wants_passkey(asked.risk)), before


def row_of(asked: Question, claim: str) -> questions.Row:
    """A question as it is kept, open and waited for by nobody. claim: of the call it is about, see `gate.call.Call.claim`."""
    return questions.Row(
        id=asked.id,
        session=asked.session,
        agent=asked.agent,
        tool=asked.tool,
        claim=claim,
        binding=bound(asked),
        risk=int(asked.risk),
        quorum=asked.quorum,
        created=asked.created,
        expires=asked.expires,
        state="open",
        turn=0,
        waiter="",
        body=json.dumps(asked.to_json(), separators=(",", ":")).encode(),
    )


def _ours(asked: Question, kept: Question, decision: Ask) -> Question:
    """The question that approvals must answer: ours, under the id and for the time of the one that is kept. A row says nothing else.

    Unavailable where it is about something else, for then whoever wrote it showed people something else.
    """
    if any(getattr(asked, name) != getattr(kept, name) for name in (*BOUND, "arguments")):
        raise Unavailable(f"the question '{kept.id}' in the ledger is not the one that was asked", remedy="run `gate verify`")
    created = min(kept.created, asked.created)
    return replace(asked, id=kept.id, created=created, expires=min(kept.expires, created + decision.expires))


def refused_before(case: Case, call: Call, *, again: bool = False) -> Denied:
    """The refusal of a call that somebody said no to."""
    no = next((answer for answer in reversed(case.answers) if answer.verdict == "deny"), None)
    why = f"{no.approver if no else 'somebody'} refused it{f': {no.reason}' if no and no.reason else ''}"
    if not again:
        return Denied(why, tool=call.tool, call_id=call.id)
    remedy = f"The same question is not asked again in this session; an administrator can take the no back: gate ask --withdraw {case.question.id}"
    return Denied(f"{why}, in this session", tool=call.tool, call_id=call.id, remedy=remedy)


def _following(asked: Question, before: list[Case]) -> Question:
    """The question with what was said about the same call before."""
    earlier = [f"{answer.approver} asked back: {answer.reason}" for case in before for answer in case.answers if answer.verdict == "ask-back"]
    return replace(asked, earlier=(*asked.earlier, *reversed(earlier)), follows=asked.follows or (before[0].question.id if earlier else ""))
