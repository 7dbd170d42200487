"""People: from a held call to its tickets, a refusal, or a question to the client, whichever way a person is reached.

    decided = await people.decide(hold, elicit)      # permissions, a refusal, or the body that asks a modern client

elicit: sends a legacy client the gate's own form and gives what came back.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from gate.errors import Void
from gate.mcp import asking
from gate.mcp.behind import Behind, Decided, Refusal
from gate.mcp.era import modern
from gate.mcp.state import Resume, States, is_ours, resume_of
from gate.mcp.verdict import Settled
from gate.mcp.wire import BadMessage

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.mcp.core import Session
    from gate.mcp.flight import Pending
    from gate.mcp.verdict import Hold
    from gate.mcp.wire import Body

Elicit: TypeAlias = "Callable[[Body, float], Awaitable[object]]"
_LOOK: Final = 1.0  # seconds after which whoever waits looks for itself


class People:
    """Reaches people for one session. answers: the approver whose yes the client's dialogue brings, "" for nobody; waits: seconds a call is held."""

    def __init__(self, behind: Behind, session: Session, *, answers: str = "", waits: float = 0.0, states: States | None = None) -> None:
        self._behind, self._session, self._answers, self._waits = behind, session, answers, waits
        self._states = states
        session.results.wrap = self._wrapped

    @property
    def states(self) -> States:
        """Seals what a modern client brings back; its key is made when it is first needed."""
        if self._states is None:
            home = self._behind.gate.home
            self._states = States(home.keys.secret("mcp-state"), home.now)
        return self._states

    def waits_for(self, hold: Hold) -> bool:
        """Whether a call goes on from one that was asked about, so that it is not to be decided on the spot."""
        return is_ours(hold.message.params.get("requestState"))

    async def decide(self, hold: Hold, elicit: Elicit) -> Decided | Body:
        """What becomes of a held message."""
        if self.waits_for(hold):
            return await self._resumed(hold, elicit)
        return await self._asked(hold, await self._behind.decide(hold), elicit)

    async def _resumed(self, hold: Hold, elicit: Elicit) -> Decided | Body:
        """A call that brings the gate's own state back."""
        try:
            resume, answer, message = asking.unwrapped(hold.message, self.states)
        except BadMessage as wrong:
            return Refusal(f"Refused by Gate, it did not run: {wrong}")
        plain = hold._replace(message=message)
        if resume is None or not asking.bound(resume, hold, self._behind.gate.home.rules_version):
            return Refusal("Refused by Gate: the requestState belongs to another call")
        if answer is not None:
            approve = asking.said(answer)
            if approve is None:
                return Refusal("Refused by Gate, it did not run: nobody answered")
            self._answered(resume.question, approve=approve)
        if resume.up is not None:
            hold.pending.extra["up"] = resume.up
        tickets = self._session.results.kept.pop(resume.ref, ())
        if resume.ref and not tickets:  # it does not wait for another round: it is on its way, or over
            return Refusal("Refused by Gate, it did not run: the call that this requestState goes on with is not open; make it again without it")
        ref = resume.ref or secrets.token_urlsafe(16)  # of this one try: nothing that is on its way is ever taken up under it
        decided = await self._behind.decide(plain, ref=ref)
        if isinstance(decided, Refusal):
            self._behind.settle([Settled(ticket, "error", None, "it was refused when it was to go on") for ticket in tickets])
            return await self._asked(plain, decided, elicit)
        hold.pending.extra["resume"] = resume_of(hold, resume.rules, resume.question, ref)
        hold.pending.extra["message"] = message
        return decided

    async def _asked(self, hold: Hold, decided: Decided, elicit: Elicit) -> Decided | Body:
        if not isinstance(decided, Refusal) or decided.question is None or hold.hidden:
            return decided
        question = decided.question
        if not asking.askable(question, hold, self._session.initialized, self._answers):
            return await self._held(hold, decided, question)
        if modern(hold.message):
            body = asking.input_required(hold, question, self.states)
            return decided if body is None else body
        seconds = max(0.0, question.expires - self._behind.gate.home.now())
        approve = asking.said(await elicit(asking.form(question), seconds))
        if approve is None:
            return decided
        self._answered(question.id, approve=approve)
        return await self._behind.decide(hold)

    async def _held(self, hold: Hold, decided: Decided, question: Question) -> Decided:
        """The call waits until somebody answered elsewhere, for so long as it may."""
        home = self._behind.gate.home
        until = min(home.now() + self._waits, question.expires)
        while isinstance(decided, Refusal) and decided.question is not None and home.now() < until:
            turn = home.desk.turn
            case = home.desk.case(decided.question.id)
            if case is None or case.state != "open":
                decided = await self._behind.decide(hold)
                if isinstance(decided, Refusal) and decided.question is not None and decided.question.id == question.id:
                    return decided
                continue
            await home.desk.await_turn(turn, min(until - home.now(), _LOOK))
        return decided

    def _answered(self, question: str, *, approve: bool) -> None:
        with suppress(Void):  # it does not count; the decision says why
            asking.answered(self._behind.gate, question, self._answers, approve=approve)

    def _wrapped(self, pending: Pending, up: object) -> tuple[str, str]:
        resume = pending.extra["resume"]
        if not isinstance(resume, Resume):
            raise TypeError("the pending call has no state")
        return resume.ref, self.states.seal(resume._replace(up=up if isinstance(up, str) else None))
