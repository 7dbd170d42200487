"""Answering: the approvers' half of the HTTP API: what waits for a person, and their answers, from a client of theirs.

A yes is an approval that the person's own key signed where the client is (`gate.approval`), or, for who is signed in at the page, one that
this machine signs for them.  Nothing else in a request is a yes: no flag, no name, no number.  What a person must look at closely (a grave
question, one that needs a passkey, one too large to be shown at once) is approved at the page or the terminal only; a no is taken anywhere.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, cast, get_args

from starlette.concurrency import run_in_threadpool

from gate.answer import Answer, State
from gate.approval import TYP
from gate.approvers.document import document, to_json
from gate.approvers.inbox.caller import Caller, Callers
from gate.approvers.inbox.resource import OURS, PREFIX, Problem, json_object, json_response, rfc3339
from gate.approvers.inbox.rules import RulesFile
from gate.approvers.inbox.waits import Waits
from gate.ask import binding_of
from gate.call import b64url, canonical
from gate.constraints.value import is_object
from gate.errors import TokenError
from gate.shown import visible
from gate.tokens import jose

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from gate.answer import Case
    from gate.desk import Desk
    from gate.people import People

_log: Final = logging.getLogger("gate")
METHOD: Final = "api"
MOST: Final = 100
_SINGLE: Final = 2_000  # characters of a reason
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_TAKES: Final[Mapping[str, frozenset[str]]] = {
    "approve": frozenset({"binding_hash", "token"}),
    "deny": frozenset({"reason", "stop"}),
    "ask-back": frozenset({"reason"}),
    "hand-over": frozenset({"to"}),
    "edit": frozenset({"arguments"}),
}
_NEEDS: Final[Mapping[str, str]] = {"approve": "binding_hash", "ask-back": "reason", "hand-over": "to", "edit": "arguments"}
_ALWAYS: Final = frozenset({"verdict", "shown", "shown_at"})


class Said(NamedTuple):
    """The answer in a request, as it was checked."""

    verdict: str
    binding_hash: str = ""
    token: str = ""
    reason: str = ""
    stop: bool = False
    to: str = ""
    arguments: Mapping[str, object] | None = None
    shown: str = ""
    shown_at: float = 0.0


class Answering:
    """What approvers' clients read and send. review: the path of a question's page, with {id}."""

    def __init__(self, desk: Desk, callers: Callers, waits: Waits, review: str) -> None:
        self._desk, self._callers, self._waits, self._review = desk, callers, waits, review
        self._rules = RulesFile(desk.home.path.parent / "gate.toml")

    async def waiting(self, request: Request, body: bytes) -> Response:
        """The questions in some states that this person may see; with `turn` and `wait`, when something changed since that turn."""
        caller = self._person(request, body)
        query = request.query_params
        states, skip = _states(query.getlist("state")), _number(query.get("skip"), 0)
        limit = max(1, min(_number(query.get("limit"), 50), MOST))
        turn = self._desk.turn
        if query.get("turn") == str(turn):
            turn = await self._waits.turn(turn, self._waits.seconds(request))
        found = await run_in_threadpool(partial(self._desk.cases, *states, limit=limit, skip=skip))
        told = [self._summary(request, case) for case in found if caller.may_read(case, self._people())]
        more = {"next": skip + len(found)} if len(found) == limit else {}
        return json_response({"questions": told, "turn": turn} | more)

    async def question(self, request: Request, body: bytes) -> Response:
        """One question with every fact, and what an approval of it must say."""
        caller = self._person(request, body)
        return json_response(await run_in_threadpool(lambda: self._whole(request, self._theirs(caller, request), caller)))

    async def answer(self, request: Request, body: bytes) -> Response:
        """Takes one answer; the question as it is then."""
        caller, said = self._person(request, body), _said(json_object(request, body))
        case = await run_in_threadpool(self._theirs, caller, request)
        if self._people().same(caller.person, case.question.agent):
            raise Problem(403, OURS + "own-call", "Who asks does not answer")
        if said.verdict == "approve":
            await run_in_threadpool(self._may_approve_here, case, said, caller)
        after = await run_in_threadpool(self._say, case.question.id, caller, said)
        return json_response(await run_in_threadpool(self._whole, request, after, caller))

    def _say(self, question: str, caller: Caller, said: Said) -> Case:
        """Leaves the answer at the desk, which decides whether it counts."""
        desk, by, shown, shown_at = self._desk, caller.person, said.shown, said.shown_at
        match said.verdict:
            case "approve":
                return self._approve(question, by, said)
            case "deny":
                return desk.deny(question, by=by, method=METHOD, reason=said.reason, stop=said.stop, shown=shown, shown_at=shown_at)
            case "ask-back":
                return desk.ask_back(question, by=by, method=METHOD, reason=said.reason, shown=shown, shown_at=shown_at)
            case "hand-over":
                return desk.hand_over(question, by=by, method=METHOD, to=said.to, shown=shown, shown_at=shown_at)
            case _:
                return desk.edit(question, by=by, method=METHOD, arguments=said.arguments or {}, shown=shown, shown_at=shown_at)

    def _approve(self, question: str, by: str, said: Said) -> Case:
        """A yes that somebody's key signed elsewhere, or that this machine signs for who is signed in."""
        desk, shown, shown_at = self._desk, said.shown, said.shown_at
        if not said.token:
            return desk.approve(question, by=by, binding_hash=said.binding_hash, method=METHOD, shown=shown, shown_at=shown_at)
        given = Answer("approve", by, token=said.token, method=METHOD, shown=shown, shown_at=shown_at, at=desk.home.now())
        return desk.answer(question, given, binding_hash=said.binding_hash)

    def _may_approve_here(self, case: Case, said: Said, caller: Caller) -> None:
        self._rules.check()
        made = document(case, now=self._desk.home.now())
        why = [("its number must be typed", made.grave), ("it needs a passkey", made.passkey), ("it is too long to be shown whole", bool(made.cut))]
        if any(holds for _, holds in why):
            said_why = "; ".join([text for text, holds in why if holds])
            raise Problem(403, OURS + "page-only", "This question is approved at the page or the terminal only", said_why)
        if not said.token and not caller.page:
            raise Problem(400, OURS + "no-approval", "A yes needs 'token', an approval that the approver's key signed")
        if said.token and _signer(said.token) != caller.person:
            raise Problem(403, OURS + "other-approver", "The approval in 'token' is not by who sends it")

    def _person(self, request: Request, body: bytes) -> Caller:
        caller = self._callers.caller(request, body)
        if not caller.person:
            raise Problem(403, OURS + "no-approver", "Only approvers read and answer questions; who holds a capability polls its task")
        return caller

    def _theirs(self, caller: Caller, request: Request) -> Case:
        """The question of the address, if it is put to them. What is put to others is not there."""
        case = self._desk.case(request.path_params["id"])
        if case is None or not caller.may_read(case, self._people()):
            raise Problem(404, OURS + "unknown-question", "There is no such question for this approver")
        return case

    def _people(self) -> People:
        return self._desk.home.people()

    def _summary(self, request: Request, case: Case) -> dict[str, object]:
        question = case.question
        itself = self._callers.address(request, f"{PREFIX}/questions/{question.id}")
        return {
            "id": question.id,
            "state": case.state,
            "headline": question.headline,
            "agent": question.agent,
            "risk": question.risk.word,
            "created_at": rfc3339(question.created),
            "expires_at": rfc3339(question.expires),
            "quorum": question.quorum,
            "approved_by": list(case.approved_by),
            "links": {
                "self": itself,
                "answers": f"{itself}/answers",
                "review": self._callers.address(request, self._review.replace("{id}", question.id)),
            },
        }

    def _whole(self, request: Request, case: Case, caller: Caller) -> dict[str, object]:
        """A question and all that was said; `shown` is the digest of the document, for a client that shows it and answers."""
        now = self._desk.home.now()
        shown = _document(case, now)
        return self._summary(request, case) | {
            "why_not": self._desk.may_approve(case, caller.person),
            "binding": binding_of(case.question),
            "binding_hash": case.question.binding_hash,
            "audience": self._desk.home.origin,
            "document": shown,
            "shown": b64url(sha256(canonical(shown)).digest()),
            "answers": [_told(answer) for answer in case.answers],
        }


def _said(data: Mapping[str, object]) -> Said:
    """The answer in a request; a Problem for a member it does not take, one it lacks, and a value of another type."""
    verdict = data.get("verdict")
    if not isinstance(verdict, str) or verdict not in _TAKES:
        raise _bad(f"'verdict' is one of {', '.join(_TAKES)}")
    if unknown := data.keys() - _TAKES[verdict] - _ALWAYS:
        raise _bad(f"an answer '{verdict}' has no {visible(min(unknown))!r}")
    for name, value in data.items():
        if not _fits(name, value):
            raise _bad(f"'{name}' is not what it must be; see the reference")
    if not data.get(_NEEDS.get(verdict, "verdict")):
        raise _bad(f"an answer '{verdict}' needs '{_NEEDS[verdict]}'")
    return Said(**data)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # each was checked above


def _fits(name: str, value: object) -> bool:
    """Whether a member is of its type, and of its form."""
    if name == "stop":
        return isinstance(value, bool)
    if name == "shown_at":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    if name == "arguments":
        return is_object(value)
    if name in {"binding_hash", "shown"}:
        return isinstance(value, str) and bool(_HASH.match(value))
    return isinstance(value, str) and (name == "token" or len(value) <= _SINGLE)


def _states(words: list[str]) -> tuple[State, ...]:
    if unknown := set(words) - set(get_args(State)):
        raise Problem(400, OURS + "state", f"There is no state {visible(min(unknown))!r}")
    return tuple([cast("State", word) for word in words])


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Problem(400, OURS + "number", "'limit' and 'skip' are whole numbers")
    return int(text)


def _signer(token: str) -> str:
    """Who an approval says signed it; whether they did is the desk's to check. "" for what is no approval."""
    try:
        return str(jose.peek(token, TYP).claims.get("iss", ""))
    except TokenError:
        return ""


def _document(case: Case, now: float) -> dict[str, object]:
    """The document as plain data; of a question that cannot be shown, that it cannot: it is then no question that somebody can approve."""
    try:
        return to_json(document(case, now=now))
    except Exception:  # whatever it is about this one question
        _log.exception("the question '%s' cannot be shown", case.question.id)
        return {"id": case.question.id, "state": case.state, "unshowable": True}


def _told(answer: Answer) -> dict[str, object]:
    """What somebody said, without the approval: it is for the gate."""
    return {name: value for name, value in answer.to_json().items() if name != "token"}


def _bad(detail: str) -> Problem:
    return Problem(400, OURS + "answer", "This is no answer", detail)
