"""Desk: where every channel finds the questions that wait, and leaves the answers.

A question is in the ledger's own file before anybody is shown it, and every answer is written there in one transaction with its record; so
any number of channels in any number of processes may ask and answer at once, and a restart loses nothing.  The agent has no part in it: it
waits, or calls again later.  What is kept here is no authority: whoever waits verifies the approvals in it again before the call runs.

An answer says what its person was shown, by the binding hash of the call; where that is not this question's, it is void.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypedDict, Unpack, cast

from gate import approval, ask, tally
from gate.answer import Answer, Case, judge, parse
from gate.ask import bound
from gate.effect import Risk
from gate.eligible import why_not
from gate.errors import GateError, KeyFileError, TamperError, TokenError, Void
from gate.fewer.scopes import covered, lowered
from gate.frozen import members
from gate.store import questions
from gate.watch import Watch

if TYPE_CHECKING:
    from gate.answer import State
    from gate.ask import Question, Scope
    from gate.home import Home
    from gate.keys import SigningKey

OWNER: Final = "owner"
MOST_KEPT: Final = 16_384  # bytes of a question that is kept in memory once it was read
_log: Final = logging.getLogger("gate")
_UNSEEN: Final = frozenset({"slack", "webhook"})  # channels that cannot show that somebody looked at the exact call


class Told(TypedDict, total=False):
    """What an answer says of how it came about. method: see `gate.answer.Answer`; shown: the digest of what was shown; shown_at: when."""

    method: str
    shown: str
    shown_at: float


class Desk:
    """The questions of one gate. Everything that answers raises Void when the answer does not count, and then nothing of it was kept."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._watch = Watch(home.turn)

    # ---- reading ------------------------------------------------------------------------------------------------------------------

    def case(self, question: str) -> Case | None:
        """The question of an id with what was said about it."""
        found = questions.rows(self.home.ledger.query, "id = ?", (question,))
        return self._read(found[0], questions.answers_to(self.home.ledger.query, [question]).get(question, [])) if found else None

    def cases(self, *states: State, agent: str = "", limit: int = 50, skip: int = 0) -> list[Case]:
        """Those in these states, open ones by default: the gravest first, then the one that expires first. Closed ones: the latest first."""
        now, wanted = self.home.now(), states or ("open",)
        where = f"state IN ({', '.join('?' * len(_kept(wanted)))}) AND (? = '' OR agent = ?)"
        values: tuple[object, ...] = (*_kept(wanted), agent, agent)
        if wanted == ("open",):
            where, values = f"{where} AND expires > ? ORDER BY risk DESC, expires, id", (*values, now)
        else:
            where += " ORDER BY created DESC, id"
        rows = questions.rows(self.home.ledger.query, f"{where} LIMIT ? OFFSET ?", (*values, limit, skip))
        return [case for case in self._readable(rows) if case.state in wanted]

    def count(self) -> int:
        """How many are open."""
        return questions.count(self.home.ledger.query, self.home.now())

    def since(self, moment: float, *, agent: str = "", tool: str = "", session: str = "", most: int = 10_000, whole: bool = True) -> list[Case]:
        """What was asked since then (seconds since the epoch), at most the latest so many, the first first.

        whole: large ones too; otherwise of those only what their row says, for whoever counts them.
        """
        where = "created >= ? AND (? = '' OR agent = ?) AND (? = '' OR tool = ?) AND (? = '' OR session = ?) ORDER BY created DESC, id DESC LIMIT ?"
        values = (moment, agent, agent, tool, tool, session, session, most)
        rows = questions.rows(self.home.ledger.query, where, values, most=0 if whole else MOST_KEPT)
        return self._readable(rows, whole=whole)[::-1]

    def about(self, session: str, claim: str) -> list[Case]:
        """What was asked before about the same call in the same session and still says something about it, the latest first."""
        where = "session = ? AND claim = ? AND state IN ('open', 'approved', 'denied', 'returned', 'edited') ORDER BY created DESC LIMIT 20"
        return self._readable(questions.rows(self.home.ledger.query, where, (session, claim)))

    def _readable(self, rows: list[questions.Row], *, whole: bool = True) -> list[Case]:
        """The cases; one that somebody spoiled does not hide the others, nor is it shown. whole: as in `since`."""
        found: list[Case] = []
        said = questions.answers_to(self.home.ledger.query, [row.id for row in rows])
        for row in rows:
            try:
                found.append(self._read(row, said.get(row.id, [])) if row.body or whole else _counted(row))
            except TamperError:
                _log.exception("the question '%s' is left out", row.id)
        return found

    def _read(self, row: questions.Row, bodies: Sequence[bytes]) -> Case:
        try:
            asked, binding = _seen(row.body) if len(row.body) <= MOST_KEPT else _parsed(row.body)
            said = tuple([parse(body) for body in bodies])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise TamperError(f"the question '{row.id}' in the ledger cannot be read: {error}; run `gate verify`") from error
        if (asked.id, binding, asked.quorum, int(asked.risk)) != (row.id, row.binding, row.quorum, row.risk):
            raise TamperError(f"the question '{row.id}' in the ledger is about something else than its row says; run `gate verify`")
        return Case(asked, _now(row, said, self.home.now()), said, row.turn)

    def may_approve(self, case: Case, name: str) -> str:
        """Why this person may not approve it: "" when they may."""
        asked = case.question
        people = self.home.people()
        if any(people.same(name, other) for other in case.approved_by):
            return f"{name} has approved it already"
        return why_not(name, agents=(asked.agent, *asked.chain), principal=asked.principal, approvers=case.question.approvers, people=people)

    def seen_by(self, case: Case, name: str) -> Case:
        """The case as this person is asked: with a passkey where theirs always need one."""
        person = self.home.people().person(name)
        if case.question.passkey or person is None or not person.passkey:
            return case
        return replace(case, question=replace(case.question, passkey=True))

    @property
    def turn(self) -> int:
        """Another number whenever something was asked or answered, in any process; reading it costs nothing."""
        return self.home.ledger.turn

    def wait(self, turn: int, seconds: float) -> int:
        """Blocks until something was asked or answered since `turn`, at most so long; the turn then."""
        return self._watch.wait(turn, seconds)

    async def await_turn(self, turn: int, seconds: float) -> int:
        """`wait` in an event loop."""
        return await self._watch.await_turn(turn, seconds)

    # ---- answering ----------------------------------------------------------------------------------------------------------------

    def approve(
        self,
        question: str,
        *,
        by: str,
        binding_hash: str,
        scope: int = 0,
        uses: int | None = None,
        seconds: float | None = None,
        number: str = "",
        passkey: Mapping[str, object] | None = None,
        **told: Unpack[Told],
    ) -> Case:
        """A yes by `by`, whose key on this machine signs it.

        binding_hash: of the call that they were shown.  scope: which of the question's scopes, and fewer uses or seconds of it.  number:
        what they typed, where the question is grave.  passkey: the assertion over `challenge`, as `PublicKeyCredential.toJSON` gives it.
        """
        case = self._found(question, binding_hash)
        asked = case.question
        if asked.grave and told.get("method") not in _UNSEEN and not hmac.compare_digest(number.strip().encode(), asked.number.encode()):
            raise Void("the number is not the one under the exact call; look at the call again")
        chosen = narrowed(asked, scope, uses, seconds)
        key = self._key(case, by)
        if passkey is not None:
            passkey = self._accepted(by, passkey, approval.challenge(asked.id, by, approval.granted(asked, chosen)))
        signed = {"approver": by, "audience": self.home.origin, "now": self.home.now()}
        token = approval.sign(asked, key, scope=chosen, passkey=passkey, **signed)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # texts and a number
        return self.answer(question, Answer("approve", by, token=token, **told), binding_hash=binding_hash)

    def challenge(self, question: str, *, by: str, scope: int = 0, uses: int | None = None, seconds: float | None = None) -> bytes:
        """What a passkey signs for exactly this yes: 32 bytes."""
        asked = self._found(question).question
        return approval.challenge(asked.id, by, approval.granted(asked, narrowed(asked, scope, uses, seconds)))

    def deny(self, question: str, *, by: str, reason: str = "", stop: bool = False, **told: Unpack[Told]) -> Case:
        """A no, with its reason for the agent. stop: the agent may call nothing any more, until `gate resume`."""
        return self.answer(question, Answer("deny", by, reason=reason, stop=stop, **told))

    def ask_back(self, question: str, *, by: str, reason: str, **told: Unpack[Told]) -> Case:
        """A question to the agent, which reads it as the reason of a refusal and may call again with its words."""
        if not reason.strip():
            raise Void("say what you ask the agent")
        return self.answer(question, Answer("ask-back", by, reason=reason, **told))

    def hand_over(self, question: str, *, by: str, to: str, **told: Unpack[Told]) -> Case:
        """Somebody else shall answer: somebody who may."""
        case, people = self._found(question), self.home.people()
        asked = case.question
        if why := why_not(to, agents=(asked.agent, *asked.chain), principal=asked.principal, approvers=asked.approvers, people=people):
            raise Void(f"it cannot be handed to '{to}': {why}")
        if people.same(by, to) or not to.strip():
            raise Void("name somebody else to hand it to")
        return self.answer(question, Answer("hand-over", by, to=to, **told))

    def edit(self, question: str, *, by: str, arguments: Mapping[str, object], **told: Unpack[Told]) -> Case:
        """Other arguments, whole: a new call, which is checked and decided as if the agent had made it."""
        try:
            changed = members(arguments)
        except ValueError as error:
            raise Void(f"the arguments cannot be used: {error}") from None
        if changed == self._found(question).question.arguments:
            raise Void("nothing is changed")
        return self.answer(question, Answer("edit", by, arguments=changed, **told))

    def withdraw(self, question: str, *, by: str, reason: str = "") -> None:
        """An administrator ends a question, also one that cannot be read any more, or takes a no back so that it may be asked again."""
        records, answer = self.home.records, Answer("withdraw", by, reason=reason, method="administrator")

        def record(state: State) -> bytes:
            return records.withdrawn(answer, question, state)

        self.home.ledger.do(questions.Say(question, answer, record))

    def answer(self, question: str, answer: Answer, *, binding_hash: str = "") -> Case:
        """An answer with an approval that somebody's key signed, or without one. Void when it does not count."""
        case = self._found(question, binding_hash)
        if answer.verdict in {"withdraw", "expire"}:
            raise Void("this is no answer of an approver")
        if answer.verdict == "approve":
            return self._say(case, self._approving(case, answer))
        if why := self._why_no_answer(case, answer.approver):
            raise Void(why)
        return self._say(case, replace(answer, token="", lasting=False, until=0.0, granted=""))

    def late(self, question: Question, answer: Answer) -> None:
        """Leaves what a person said to somebody who waits for it no longer: a no counts, and a yes is there for who calls again.

        Nothing where the gate was closed meanwhile: nobody opens it again for that.
        """
        if self.home.turn() < 0:
            return
        try:
            self.answer(question.id, answer)
        except (GateError, OSError) as error:
            _log.info("an answer to '%s' does not count: %s", question.id, error)

    def expire(self, question: str) -> None:
        """Records that nobody answered in time. Nothing when somebody did, or it is recorded already."""
        case = self.case(question)
        if case is None or case.state != "expired" or len(case.approved_by) >= case.question.quorum:
            return
        if not any(answer.verdict == "expire" for answer in case.answers):
            self._say(case, Answer("expire", "", method="clock"))

    # ---- what it takes --------------------------------------------------------------------------------------------------------------

    def _found(self, question: str, binding_hash: str = "") -> Case:
        case = self.case(question)
        if case is None:
            raise Void("there is no such question")
        if binding_hash and not hmac.compare_digest(binding_hash.encode(), case.question.binding_hash.encode()):
            raise Void("the call is not the one that was shown; nothing was approved")
        return case

    def _why_no_answer(self, case: Case, name: str) -> str:
        """Who may not approve may not refuse either, but for who has approved already, and for the principal: a no to one's own is a no."""
        asked = case.question
        return why_not(name, agents=(asked.agent, *asked.chain), principal="", approvers=case.question.approvers, people=self.home.people())

    def _approving(self, case: Case, answer: Answer) -> Answer:
        """The answer with what its token grants; Void when whoever waits would not take it."""
        asked = case.question
        judge(case.state, case.answers, asked.quorum, answer, late=False)  # the plainest reason first; it is judged again when it is kept
        if why := self.may_approve(case, answer.approver):
            raise Void(why)
        if asked.grave and answer.method in _UNSEEN:
            raise Void(f"{asked.risk.word} risk is approved on the page or at a terminal, where the exact call is in view")
        try:
            given = tally.verified(self.home, answer.token, asked)
        except TokenError as error:
            raise Void(str(error)) from None
        if given.approver != answer.approver:
            raise Void(f"the approval is by '{given.approver}', not by '{answer.approver}'")
        if given.question != asked.id:
            raise Void("the approval answers another question")
        if given.uses and not offered(asked, answer.token):
            raise Void("the approval is for more than the question offers")
        if any(given.kid == other for other in self._keys(case)):
            raise Void("this key has approved it already; it needs different people")
        return replace(answer, granted=given.granted, lasting=given.uses > 0, until=float(given.expires), reason="")

    def _keys(self, case: Case) -> list[str]:
        """The keys that approved it so far."""
        found = list[str]()
        for said in case.answers:
            if said.verdict == "approve":
                try:
                    found.append(tally.verified(self.home, said.token, case.question).kid)
                except TokenError:
                    continue
        return found

    def _key(self, case: Case, name: str) -> SigningKey:
        """The key on this machine of somebody who may approve; made for who is in the file of approvers, or the owner where there is none."""
        if why := self.may_approve(case, name):
            raise Void(why)
        keys, people = self.home.keys, self.home.people()
        try:
            if name != OWNER and people.person(name) is None and not keys.has(f"approver-{name}"):
                raise Void(f"there is no key of '{name}' on this machine; make one: gate keys new approver-{name}")
            return keys.signing(f"approver-{name}")
        except KeyFileError as error:
            raise Void(str(error)) from error

    def _accepted(self, name: str, said: Mapping[str, object], challenge: bytes) -> Mapping[str, object]:
        """What a passkey has signed just now, as it is kept; its counter moves on. Void when it did not sign exactly this yes."""
        from gate.tokens import assertion
        from gate.tokens import passkey as passkeys

        try:
            passkeys.accept(self.home.keys.directory, name, said, challenge=challenge)
            return assertion.kept(said)
        except TokenError as error:
            raise Void(str(error)) from None

    def _say(self, case: Case, answer: Answer) -> Case:
        records = self.home.records

        def record(state: State) -> bytes:
            return records.answered(answer, case.question, state)

        self.home.ledger.do(questions.Say(case.question.id, answer, record))
        return self._found(case.question.id)


def _counted(row: questions.Row) -> Case:
    """A case of which only the row was read; TamperError for a risk that is none."""
    try:
        risk = Risk(row.risk)
    except ValueError as error:
        raise TamperError(f"the question '{row.id}' in the ledger cannot be read: {error}; run `gate verify`") from error
    return Case(ask.counted(row.id, row.tool, row.agent, row.session, risk, row.quorum, row.created, row.expires), row.state)


def _parsed(body: bytes) -> tuple[Question, str]:
    asked = ask.parse(cast("Mapping[str, object]", json.loads(body)))
    return asked, bound(asked)


_seen = lru_cache(2048)(_parsed)
"""The same bytes are the same question: whoever looks at a thousand of them every second reads each once."""


def offered(asked: Question, token: str) -> bool:
    """Whether an approval for several calls covers no more than a scope that the question offers."""
    said = approval.scope_of(token)
    return any(
        scope.arguments is not None and said.scope == covered(asked, scope) and said.uses <= scope.uses and said.seconds <= scope.seconds
        for scope in asked.scopes
    )


def narrowed(asked: Question, scope: int, uses: int | None, seconds: float | None) -> Scope:
    """One of the question's scopes, with fewer uses or less time if wanted. Void for one that it does not have."""
    if not 0 <= scope < len(asked.scopes):
        raise Void("the question offers no such scope")
    chosen = asked.scopes[scope]
    try:
        return chosen if chosen.arguments is None and (uses or 1) == 1 else lowered(chosen, uses, None if seconds is None else float(int(seconds)))
    except ValueError as error:
        raise Void(str(error)) from None


def _kept(states: tuple[State, ...]) -> tuple[str, ...]:
    """The states in which a row may be that reads as one of these: time passes without a word."""
    return tuple(dict.fromkeys([*states, *(("open", "approved") if "expired" in states else ())]))


def _now(row: questions.Row, said: tuple[Answer, ...], now: float) -> State:
    """The state at this moment: open questions end with their time, approvals that nobody used with theirs."""
    if row.state == "open" and now >= row.expires:
        return "expired"
    if row.state == "approved" and any(answer.until <= now for answer in said if answer.verdict == "approve"):
        return "expired"
    return row.state
