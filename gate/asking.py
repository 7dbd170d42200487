"""Asking: from a decision that says ask to a permit, or to a refusal.

The question is built from the frozen call, so nothing that changes while a person thinks changes what runs.  Every approval is a token
checked against that question; when enough distinct people have approved, the call is decided once more, because time has passed: a
capability may have been revoked, an agent stopped, the rules changed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from gate.answer import Answer
from gate.approval import Approval, check
from gate.ask import Question, previewed, question
from gate.decide import Allow, Deny, decide
from gate.errors import Denied, NeedsApproval, TokenError
from gate.permit import Permit, approved

if TYPE_CHECKING:
    from gate.ask import Approver
    from gate.call import Call
    from gate.decide import Ask
    from gate.gate import Gate
    from gate.home import Home
    from gate.store import Charge
    from gate.tool import Tool
    from gate.waiting import Waiting

_taking = Lock()


def _fresh_lock() -> None:
    global _taking  # a thread that held it when this process was forked is not here
    _taking = Lock()


os.register_at_fork(after_in_child=_fresh_lock)


async def asked_permit(gate: Gate, tool: Tool, call: Call, decision: Ask, wait: Waiting, presented: list[str], takes: tuple[Charge, ...]) -> Permit:
    """The permit that people's approvals make; Denied, or NeedsApproval with the question, when there are not enough.

    Of the approval tokens `presented`, those that this call uses are taken out, so that the next call finds its own.  takes: what the call
    takes at least; nobody is asked about one that its budgets cannot pay for.  It is spent only when the permit is.
    """
    home = gate.home
    version = home.rules().version
    asked = question(call, decision, rules_version=version, now=home.now(), like=tool.like)
    taken, void = _taken(home, presented, asked, call)
    try:
        approvals = list(taken.values())
        if len(approvals) < decision.quorum:
            await wait.afford(home.ledger, takes)
            asked = replace(asked, preview=await wait.look(previewed, call, tool.like))
            approvals = await _answered(gate, asked, call, approvals, wait)
        if len(approvals) < decision.quorum:
            raise _unanswered(asked, call, decision, gate.approvers, void)
        _still_allowed(home, call, version, decision)
    except BaseException:  # also an interruption: nothing of them is used up, and the same call may be made again
        presented.extend(taken)
        raise
    return approved(call, decision, tuple(approvals), asked.binding_hash)


async def _answered(gate: Gate, asked: Question, call: Call, approvals: list[Approval], wait: Waiting) -> list[Approval]:
    """The approvals and what people answer, one person after the other, until there are enough."""
    home = gate.home
    home.records.question(asked, call)
    for approver in _eligible(gate.approvers, asked):
        answer = await wait.ask(approver, asked, max(asked.expires - home.now(), 0.0))
        if answer is not None:
            approvals = [*approvals, _granted(home, answer, asked, call)]
        if len(_people(approvals)) >= asked.quorum:
            break
    return list(_people(approvals).values())[: asked.quorum]


def _taken(home: Home, presented: list[str], asked: Question, call: Call) -> tuple[dict[str, Approval], list[str]]:
    """The presented approvals of this call by their tokens, out of reach of any other call now, and why the others are none."""
    taken: dict[str, Approval] = {}
    void: list[str] = []
    with _taking:
        for token in tuple(presented):
            try:
                approval = _checked(home, token, asked, call)
            except Denied as denial:
                void += denial.reasons
                continue
            if len(taken) < asked.quorum and len(_people([*taken.values(), approval])) > len(taken):
                presented.remove(token)
                taken[token] = approval
    return taken, void


def _people(approvals: list[Approval]) -> dict[str, Approval]:
    """One approval per person: two names with one key are one person, and so are two keys with one name."""
    by_name: dict[str, Approval] = {}
    for approval in approvals:
        if approval.approver not in by_name and all(approval.kid != other.kid for other in by_name.values()):
            by_name[approval.approver] = approval
    return by_name


def _eligible(approvers: tuple[Approver, ...], asked: Question) -> list[Approver]:
    """Who may be asked: those the rule names (anyone, if it names none), never the agent that asks."""
    named = [approver for approver in approvers if not asked.approvers or approver.name in asked.approvers]
    return [approver for approver in named if approver.name != asked.agent]


def _checked(home: Home, token: str, asked: Question, call: Call) -> Approval:
    try:
        approval = _opened(home, token, asked)
    except TokenError as error:
        raise Denied(str(error), tool=call.tool, call_id=call.id) from error
    if asked.approvers and approval.approver not in asked.approvers:
        raise Denied(f"'{approval.approver}' is not among the approvers {', '.join(asked.approvers)}", tool=call.tool, call_id=call.id)
    if approval.approver == asked.agent:
        raise Denied("an agent cannot approve its own call", tool=call.tool, call_id=call.id)
    return approval


def _opened(home: Home, token: str, asked: Question) -> Approval:
    """The approval in a token. Before it is refused, the trusted keys are read anew: one may have been added just now."""
    try:
        return check(token, binding_hash=asked.binding_hash, anchors=home.anchors("approver"), audience=home.origin, now=home.now())
    except TokenError:
        return check(token, binding_hash=asked.binding_hash, anchors=home.anchors("approver", fresh=True), audience=home.origin, now=home.now())


def _granted(home: Home, answer: Answer, asked: Question, call: Call) -> Approval:
    """The approval in an answer; Denied when the answer is no, or came too late to be a yes."""
    home.records.answer(answer, asked, call)
    if answer.verdict != "approve":
        why = f": {answer.reason}" if answer.reason else ""
        raise Denied(f"{answer.approver} refused it{why}", tool=call.tool, call_id=call.id)
    if home.now() >= asked.expires:
        raise Denied("the approval came after the question had expired", tool=call.tool, call_id=call.id)
    return _checked(home, answer.token, asked, call)


def _unanswered(asked: Question, call: Call, decision: Ask, approvers: tuple[Approver, ...], void: list[str]) -> NeedsApproval:
    reached = "nobody who may approve answered" if approvers else "this gate has no approvers"
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
