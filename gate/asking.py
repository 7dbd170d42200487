"""Asking: from a decision that says ask to a permit, or to a refusal.

The question is built from the frozen call, so nothing that changes while a person thinks changes what runs.  It is kept before anybody sees
it (`gate.desk`); who calls again takes up what is still open or was approved meanwhile, also in another process.  Every approval is a token
checked against that question; when enough distinct people have approved, the call is decided once more, because time has passed: a
capability may have been revoked, an agent stopped, the rules changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gate import tally
from gate.ask import previewed, question
from gate.decide import Allow, Deny, decide
from gate.eligible import why_not
from gate.errors import Denied, NeedsApproval, TokenError, Void
from gate.permit import Permit, approved
from gate.posing import AtOnce, at_once, pose, refused_before

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.answer import Answer, Case
    from gate.approval import Approval
    from gate.ask import Approver, Question
    from gate.call import Call
    from gate.decide import Ask
    from gate.frozen import Frozen
    from gate.gate import Gate
    from gate.home import Home
    from gate.store import Charge
    from gate.tool import Tool
    from gate.waiting import Waiting


class Edited(Exception):  # no error: somebody wants other arguments
    """A person changed the arguments. by: who; question: the one that was answered so."""

    def __init__(self, arguments: Mapping[str, Frozen], by: str, question: str) -> None:
        super().__init__(by)
        self.arguments, self.by, self.question = arguments, by, question


class Background(NamedTuple):
    """What came before a question. follows: the one before it; earlier: what was said."""

    follows: str = ""
    earlier: tuple[str, ...] = ()


async def asked_permit(
    gate: Gate,
    tool: Tool,
    call: Call,
    decision: Ask,
    wait: Waiting,
    presented: list[str],
    takes: tuple[Charge, ...],
    background: Background,
) -> Permit:
    """The permit that people's approvals make; Denied, or NeedsApproval with the question, when there are not enough; Edited for another call.

    Of the approval tokens `presented`, those that this call uses are taken out, so that the next call finds its own.  takes: what the call
    takes at least; nobody is asked about one that its budgets cannot pay for.  It is spent only when the permit is.
    """
    home = gate.home
    version = home.rules().version
    asked = question(call, decision, rules_version=version, now=home.now(), words=gate.words(), like=tool.like)
    asked = replace(asked, passkey=home.wants_passkey(asked.risk))
    taken, void = tally.taken(home, presented, asked)
    try:
        approvals = tally.with_lasting(home, list(taken.values()), asked, call)
        if len(approvals) < decision.quorum:
            await wait.afford(home.ledger, takes)
            asked = replace(asked, preview=await wait.look(previewed, call, tool.like), **background._asdict())
            approvals, asked = await _answered(gate, asked, call, decision, approvals, wait)
        if len(approvals) < decision.quorum:
            raise _unanswered(asked, call, decision, gate, void)
        _still_allowed(home, call, version, decision)
    except BaseException:  # also an interruption: nothing of them is used up, and the same call may be made again
        presented.extend(taken)
        home.ledger.let_go(asked.id)
        raise
    return approved(call, decision, tuple(approvals), asked.binding_hash)


# ---- who answers --------------------------------------------------------------------------------------------------------------------


async def _answered(
    gate: Gate, asked: Question, call: Call, decision: Ask, approvals: list[Approval], wait: Waiting
) -> tuple[list[Approval], Question]:
    """The approvals and what people answer: those whom this process reaches itself, one after the other, then whoever else finds the question."""
    home = gate.home
    mine = _eligible(gate, asked)
    program = mine[0] if mine and getattr(mine[0], "tireless", False) else None
    told = await _at_once(gate, asked, call, decision, program, wait) if program and asked.quorum == 1 else AtOnce()
    if told.case is not None:
        return list(told.approvals) or _people_of(home, told.case, told.case.question, approvals, call), told.case.question
    case, asked = await _posed(gate, asked, call, decision, approvals, wait, reads=program is None)
    try:
        for approver in () if tally.settled(home, case, asked, approvals) else mine:
            if approver.name in case.approved_by:
                continue
            answer = (
                told.said[approver]
                if approver in told.said
                else await wait.ask(approver, asked, max(asked.expires - home.now(), 0.0), home.desk.late)
            )
            if answer is not None:
                case = await _said(home, case, answer, approver, wait)
            if tally.settled(home, case, asked, approvals):
                break
        if not tally.settled(home, case, asked, approvals):
            case = await _waited(gate, case, asked, approvals, wait)
        found = _people_of(home, case, asked, approvals, call)
        tally.still(home, found, asked)
    except BaseException as error:
        home.ledger.let_go(asked.id, read=case.state == "returned")  # whoever calls again takes it up
        if isinstance(error, Void):
            raise Denied(str(error), tool=call.tool, call_id=call.id) from error
        raise
    return found, asked


async def _posed(
    gate: Gate, asked: Question, call: Call, decision: Ask, approvals: list[Approval], wait: Waiting, *, reads: bool
) -> tuple[Case, Question]:
    """The question, or another in its place where it was approved by people who may not any more."""
    home = gate.home
    case, ours = await pose(gate, asked, call, decision, wait, reads=reads)
    if case.state == "approved" and len(tally.persons([*approvals, *tally.at_desk(home, case, ours)])) < ours.quorum:
        home.ledger.let_go(case.question.id, read=True)  # nobody takes it up again; what is written about it stays
        case, ours = await pose(gate, asked, call, decision, wait, reads=reads)
    return case, ours


async def _said(home: Home, case: Case, answer: Answer, approver: Approver, wait: Waiting) -> Case:
    """The question with one more answer; Void where it does not count, and nothing else was said meanwhile that does."""
    try:
        return await wait.say(home.desk, case.question.id, _method(answer, approver))
    except Void:
        now = home.desk.case(case.question.id)
        if now is None or now.turn == case.turn:
            raise
        return now  # somebody was faster at another channel


async def _at_once(gate: Gate, asked: Question, call: Call, decision: Ask, program: Approver, wait: Waiting) -> AtOnce:
    try:
        return await at_once(gate, asked, call, decision, program, wait)
    except (Void, TokenError) as error:
        raise Denied(str(error), tool=call.tool, call_id=call.id) from error


async def _waited(gate: Gate, case: Case, asked: Question, approvals: list[Approval], wait: Waiting) -> Case:
    """The question after somebody answered it elsewhere, or when this call waits no longer for that."""
    home = gate.home
    until = min(home.now() + gate.waits, asked.expires)
    while not tally.settled(home, case, asked, approvals):
        turn = home.desk.turn
        case = home.desk.case(asked.id) or case
        left = until - home.now()
        if tally.settled(home, case, asked, approvals) or left <= 0:
            break
        await wait.turn(home.desk, turn, min(left, _LOOK))
    if case.state == "expired":
        home.desk.expire(asked.id)
    return case


_LOOK = 1.0  # seconds after which whoever waits looks for itself, whatever it was told


def _people_of(home: Home, case: Case, asked: Question, approvals: list[Approval], call: Call) -> list[Approval]:
    """The approvals that the question's state leaves; Denied, or Edited, when somebody said something else."""
    last = case.closing
    if case.state == "denied":
        raise refused_before(case, call)
    if case.state == "edited" and last is not None and last.arguments is not None:
        raise Edited(last.arguments, last.approver, case.question.id)
    if case.state == "returned" and last is not None:
        raise Denied(
            f"{last.approver} asks back: {last.reason}",
            tool=call.tool,
            call_id=call.id,
            remedy="Answer in the agent's own words, with gate.saying(…), and call again",
        )
    if case.state == "used":  # by another call, under a yes to several of them
        return tally.with_lasting(home, approvals, asked, call)
    if case.state not in {"open", "approved"}:
        return approvals
    return list(tally.persons([*tally.at_desk(home, case, asked), *approvals]).values())[: asked.quorum]


def _eligible(gate: Gate, asked: Question) -> list[Approver]:
    """Whom this process may ask: those the rule names (anyone, if it names none), never who asks."""
    people = gate.home.people()
    agents = (asked.agent, *asked.chain)
    return [
        approver
        for approver in gate.approvers
        if not why_not(approver.name, agents=agents, principal=asked.principal, approvers=asked.approvers, people=people)
    ]


def _method(answer: Answer, approver: Approver) -> Answer:
    return answer if answer.method else replace(answer, method=type(approver).__name__.lower())


# ---- refusals -----------------------------------------------------------------------------------------------------------------------


def _unanswered(asked: Question, call: Call, decision: Ask, gate: Gate, void: list[str]) -> NeedsApproval:
    reached = "nobody who may approve answered" if gate.approvers or gate.waits else "nobody has answered yet"
    who = f" of {', '.join(asked.approvers)}" if asked.approvers else ""
    denial = NeedsApproval(
        *decision.reasons,
        *dict.fromkeys(void),
        reached,
        tool=call.tool,
        decision=decision,
        call_id=call.id,
        remedy=f"It needs the approval of {'one person' if asked.quorum == 1 else f'{asked.quorum} people'}{who}; question {asked.id}",
    )
    denial.question = asked
    return denial


def _still_allowed(home: Home, call: Call, version: str, before: Ask) -> None:
    """Decides again after waiting; only what the person saw may have changed nothing."""
    if home.rules().version != version:
        raise Denied("the rules changed while the question was open; ask again", tool=call.tool, call_id=call.id)
    again = decide(call, call.acting.capability, home.rules(), home.standing(), home.now())
    if isinstance(again, Deny):
        raise Denied(*again.reasons, tool=call.tool, decision=again, remedy=again.remedy, call_id=call.id)
    if not isinstance(again, Allow) and (again.quorum, again.approvers) != (before.quorum, before.approvers):
        raise Denied("who must approve changed while the question was open; ask again", tool=call.tool, call_id=call.id)
