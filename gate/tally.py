"""Tally: which approvals count for a call, and whether they are enough.

Whatever says yes is a token, and every token is checked here against the question, whoever brings it: presented with the call, kept at the
desk, given for several calls before.  A person counts once, by name and by key, and who may not approve (`gate.eligible`) does not count.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING

from gate.ask import LASTING_TYP
from gate.charges import use_of
from gate.eligible import why_not
from gate.errors import Denied, TokenError
from gate.store import questions
from gate.tokens.jose import typ

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.approval import Approval
    from gate.ask import Question
    from gate.call import Call
    from gate.home import Home
    from gate.keys import TrustAnchors

_taking = Lock()


def _fresh_lock() -> None:
    global _taking  # a thread that held it when this process was forked is not here
    _taking = Lock()


os.register_at_fork(after_in_child=_fresh_lock)


def verified(home: Home, token: str, asked: Question) -> Approval:
    """The approval in a token, if it answers this question; TokenError says why not.

    Before it is refused, the trusted keys are read anew: one may have been added just now.
    """
    try:
        return _verified(home, token, asked, home.anchors("approver"))
    except TokenError:
        return _verified(home, token, asked, home.anchors("approver", fresh=True))


def _verified(home: Home, token: str, asked: Question, anchors: TrustAnchors) -> Approval:
    from gate.approval import check, check_lasting, lifetime

    origin, now = home.origin, home.now()
    if typ(token) == LASTING_TYP:
        found = check_lasting(token, asked, anchors=anchors, audience=origin, now=now)
    else:
        found = check(token, binding_hash=asked.binding_hash, anchors=anchors, audience=origin, now=now, seconds=lifetime(asked))
    _check_passkey(home, found, asked)
    return found


def _check_passkey(home: Home, found: Approval, asked: Question) -> None:
    """TokenError where the question, or the person, wants a passkey's signature and this approval has none that is right."""
    if found.passkey is None:
        person = home.people().person(found.approver)
        if asked.passkey or (person is not None and person.passkey):
            raise TokenError("this is approved with a passkey, and the approval has none")
        return
    from gate.approval import challenge
    from gate.tokens import assertion, passkey

    wanted = challenge(found.question, found.approver, found.granted)
    assertion.check(found.passkey, challenge=wanted, credentials=passkey.credentials(home.keys.directory, found.approver), fresh=False)


def by_somebody_who_may(home: Home, one: Approval, asked: Question) -> None:
    """TokenError for the approval of somebody who may not approve it."""
    agents = (asked.agent, *asked.chain)
    if why := why_not(one.approver, agents=agents, principal=asked.principal, approvers=asked.approvers, people=home.people()):
        raise TokenError(why)


def checked(home: Home, token: str, asked: Question) -> Approval:
    """The approval in a token that answers the question, by somebody who may; TokenError otherwise."""
    one = verified(home, token, asked)
    by_somebody_who_may(home, one, asked)
    return one


def taken(home: Home, presented: list[str], asked: Question) -> tuple[dict[str, Approval], list[str]]:
    """The presented approvals of this call by their tokens, out of reach of any other call now, and why the others are none."""
    mine: dict[str, Approval] = {}
    void: list[str] = []
    with _taking:
        for token in tuple(presented):
            try:
                if typ(token) == LASTING_TYP:
                    raise TokenError("an approval for several calls is left at the desk, not presented with a call")
                one = checked(home, token, asked)
            except TokenError as error:
                void.append(str(error))
                continue
            if len(mine) < asked.quorum and len(persons([*mine.values(), one])) > len(mine):
                presented.remove(token)
                mine[token] = one
    return mine, void


def with_lasting(home: Home, approvals: list[Approval], asked: Question, call: Call) -> list[Approval]:
    """These and, as far as they are missing, approvals for several calls of this session that cover this one and have uses left."""
    found = approvals if len(approvals) >= asked.quorum else list(persons([*approvals, *_lasting(home, asked, call)]).values())
    return found[: asked.quorum]


def _lasting(home: Home, asked: Question, call: Call) -> list[Approval]:
    """A no to this very call stands against every yes to several: none counts then."""
    found: list[Approval] = []
    tokens = questions.lasting(home.ledger.query, asked.session, asked.agent, call.tool, home.now())
    if tokens and any(case.state == "denied" for case in home.desk.about(asked.session, call.claim())):
        return []
    for _, token in tokens:
        try:
            one = checked(home, token, asked)
            home.ledger.afford((use_of(one),))
        except (TokenError, Denied):
            continue
        found.append(one)
    return found


def at_desk(home: Home, case: Case, asked: Question) -> list[Approval]:
    """What was approved at the desk, verified anew against the question as this process asks it: rows are no authority."""
    found: list[Approval] = []
    for answer in case.answers:
        if answer.verdict == "approve":
            try:
                found.append(checked(home, answer.token, asked))
            except TokenError:
                continue
    return found


def settled(home: Home, case: Case, asked: Question, approvals: list[Approval]) -> bool:
    """Whether nothing more has to be waited for: it is answered, or what was presented and what was said are enough together."""
    if case.state != "open":
        return True
    return bool(case.approved_by) and len(persons([*approvals, *at_desk(home, case, asked)])) >= asked.quorum


def still(home: Home, approvals: list[Approval], asked: Question) -> None:
    """Denied when an approval ended, or its key or its person was taken away, while others were asked."""
    trusted = {anchor.key.kid for anchor in home.anchors("approver", fresh=True)}
    for one in approvals:
        try:
            by_somebody_who_may(home, one, asked)
        except TokenError as error:
            raise Denied(str(error), tool=asked.tool) from error
        if one.kid not in trusted or home.now() >= one.expires:
            raise Denied(f"the approval of {one.approver} has ended while others were asked", tool=asked.tool)


def persons(approvals: list[Approval]) -> dict[str, Approval]:
    """One approval per person: two names with one key are one person, and so are two keys with one name, however it is written."""
    by_name: dict[str, Approval] = {}
    for one in approvals:
        if one.approver.casefold() not in by_name and all(one.kid != other.kid for other in by_name.values()):
            by_name[one.approver.casefold()] = one
    return by_name
