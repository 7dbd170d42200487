"""ARAP: the HTTP API beside the page, for programs: the agent's own process, a ticket system, a phone app.

Its requester's half follows the AuthZEN Access Request and Approval Profile, draft 1 (its words in brackets).  A call that needs a person is
refused [requestable denial]; whoever holds its capability reads that refusal, gets a handle for it [task handle] and polls.  Once approved it
makes the same call again in the same session [re-evaluation], and the gate finds the approval itself: no token ever leaves through here, and
nothing here is authority.  The approvers' half is ours, because the profile leaves it open: `gate.approvers.inbox.answering`.

    GET  /access/v1/evaluations/{question}          the requestable denial
    POST /access/v1/requests                        → 202 and the task; 201 when it is decided already
    GET  /access/v1/requests/{task}?wait=55         the task; waits at most 55 s for a change
    GET  /access/v1/questions?state=open&wait=55    what waits for this person
    GET  /access/v1/questions/{question}            one question, whole
    POST /access/v1/questions/{question}/answers    an answer

docs/reference/approval-api.md is the reference.  Who may ask is said in `gate.approvers.inbox.caller`.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from gate.approvers.inbox.answering import Answering
from gate.approvers.inbox.bound import hash_of
from gate.approvers.inbox.caller import Callers
from gate.approvers.inbox.resource import ARAP, OURS, PREFIX, Problem, Resource, json_object, json_response, rfc3339
from gate.approvers.inbox.waits import Waits
from gate.call import b64url, canonical
from gate.constraints.value import is_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from gate.answer import Case
    from gate.approvers.inbox.caller import Caller
    from gate.approvers.inbox.identity import Identify
    from gate.desk import Desk

_STATUS: Final = {
    "open": "pending",
    "approved": "approved",
    "used": "approved",
    "denied": "denied",
    "returned": "denied",
    "edited": "cancelled",
    "withdrawn": "cancelled",
    "expired": "expired",
}
_SAID: Final = {
    "open": "A person must answer first",
    "approved": "Approved: make the same call again in the same session",
    "used": "It was approved and has run",
    "denied": "Refused",
    "returned": "A person asks back; call again with the answer",
    "edited": "A person changed the call; the changed one is a question of its own",
    "withdrawn": "An administrator ended the question",
    "expired": "Nobody answered in time, which means no",
}
_KEYS: Final = 10_000


def routes(desk: Desk, identify: Identify, *, base: str = "", review: str = "/questions/{id}") -> list[Route]:
    """The API's routes. identify: who is signed in at the page.  base: the address clients use, behind a proxy.  review: the page of a question."""
    callers, waits = Callers(desk.home, identify, base), Waits(desk)
    tasks, answering = Tasks(desk, callers, waits), Answering(desk, callers, waits, review)
    return [
        Route(f"{PREFIX}/evaluations/{{id}}", Resource(GET=tasks.denial)),
        Route(f"{PREFIX}/requests", Resource(POST=tasks.submit)),
        Route(f"{PREFIX}/requests/{{task}}", Resource(GET=tasks.status)),
        Route(f"{PREFIX}/requests/{{task}}/cancel", Resource()),  # only an approver, time or an administrator ends a question, never the agent
        Route(f"{PREFIX}/questions", Resource(GET=answering.waiting)),
        Route(f"{PREFIX}/questions/{{id}}", Resource(GET=answering.question)),
        Route(f"{PREFIX}/questions/{{id}}/answers", Resource(POST=answering.answer)),
    ]


class Tasks:
    """The requester's half."""

    def __init__(self, desk: Desk, callers: Callers, waits: Waits) -> None:
        self._desk, self._callers, self._waits = desk, callers, waits
        self._secret = desk.home.keys.secret("tasks")
        self._submitted: dict[tuple[str, str], str] = {}

    async def denial(self, request: Request, body: bytes) -> Response:
        """The requestable denial of a call of the caller's own."""
        case = await run_in_threadpool(self._own, self._callers.caller(request, body), request.path_params["id"])
        question = case.question
        hint = {"endpoint": self._callers.address(request, f"{PREFIX}/requests"), "expires_at": rfc3339(question.expires)}
        hint["display"] = {"title": question.headline, "description": _said(case)}  # type: ignore[assignment]  # JSON
        told = {"evaluation_id": question.id, "evaluated_at": rfc3339(question.created), "reason": "approval_required"}
        requestable = {"access_request": hint} if case.state == "open" else {}
        return json_response({"decision": False, "context": told | requestable})

    async def submit(self, request: Request, body: bytes) -> Response:
        """The task of a question; the question itself was made with the call, so this makes nothing and may be repeated."""
        caller, data = self._callers.caller(request, body), json_object(request, body)
        if unsupported := {"items", "callback"} & data.keys():
            raise Problem(400, OURS + "unsupported", f"'{min(unsupported)}' is not supported here")
        denial = data.get("denial")
        if not is_object(denial) or not isinstance(denial.get("evaluation_id"), str) or not isinstance(denial.get("expires_at"), str):
            raise _unbound("it has no denial with evaluation_id and expires_at")
        try:
            case = await run_in_threadpool(self._own, caller, str(denial["evaluation_id"]))
        except Problem:
            raise _unbound("there is no such denial of a call of yours") from None
        question = case.question
        if hash_of(data) != question.binding_hash or denial["expires_at"] != rfc3339(question.expires):
            raise _unbound("subject, resource, action, context or expires_at differ from those of the denied call")
        if case.state == "expired":
            raise Problem(410, ARAP + "expired_denial", "The question has expired; make the call again")
        self._same_key(caller, request, data)
        task = self._task(request, case)
        location = {"Location": self._endpoint(request, case)}
        return json_response(task, 202 if case.state == "open" else 201, location)

    async def status(self, request: Request, body: bytes) -> Response:
        """How a task stands; with `wait`, as soon as that changes."""
        caller = self._callers.caller(request, body)
        question, _, mac = request.path_params["task"].rpartition("~")
        if not hmac.compare_digest(mac.encode(), self._mac(question).encode()):
            raise _no_task()
        await run_in_threadpool(self._own, caller, question)
        case = await self._waits.change(question, self._waits.seconds(request))
        return json_response(self._task(request, case), headers={"Retry-After": "1"} if case.state == "open" else None)

    def _own(self, caller: Caller, question: str) -> Case:
        """The question about a call of the caller's own. What is somebody else's is not there."""
        case = self._desk.case(question)
        if case is None or not caller.asked(case):
            raise _no_task()
        return case

    def _task(self, request: Request, case: Case) -> dict[str, object]:
        question = case.question
        task: dict[str, object] = {
            "id": self._handle(question.id),
            "status": _STATUS[case.state],
            "status_endpoint": self._endpoint(request, case),
            "expires_at": rfc3339(question.expires),
            "display": {"title": question.headline, "description": _said(case), "state": case.state},
        }
        if case.state == "open":
            task["progress"] = {"current_step": min(len(case.approved_by) + 1, question.quorum), "total_steps": question.quorum}
        told: dict[str, object] = {"task": task}
        return told | ({"result": self._result(case)} if _STATUS[case.state] == "approved" else {})

    def _result(self, case: Case) -> dict[str, object]:
        """That it was approved, until when. The gate that asked looks the approval up where it was kept; nobody carries it there."""
        given = max([answer.at for answer in case.answers if answer.verdict == "approve"], default=0.0)
        approval = {"id": self._mac(f"approval {case.question.id}"), "approved_at": rfc3339(given), "approved_until": rfc3339(until(case))}
        return {"mode": "reevaluate", "approval": approval}

    def _same_key(self, caller: Caller, request: Request, data: Mapping[str, object]) -> None:
        """An Idempotency-Key stands for one body. It is forgotten with this process: what is repeated then makes nothing either."""
        key = request.headers.get("idempotency-key")
        if key is None or caller.capability is None:
            return
        if len(self._submitted) >= _KEYS:
            self._submitted.clear()
        digest = b64url(sha256(canonical(data)).digest())
        if self._submitted.setdefault((caller.capability.jti, key), digest) != digest:
            raise Problem(409, ARAP + "duplicate_request", "This Idempotency-Key came with another body before")

    def _endpoint(self, request: Request, case: Case) -> str:
        return self._callers.address(request, f"{PREFIX}/requests/{self._handle(case.question.id)}")

    def _handle(self, question: str) -> str:
        return f"{question}~{self._mac(question)}"

    def _mac(self, text: str) -> str:
        """What nobody guesses: ids of questions count on within a process, so that one tells the next."""
        return b64url(hmac.digest(self._secret, text.encode(), "sha256")[:16])


def until(case: Case) -> float:
    """When the first of the approvals ends, or has to: seconds since the epoch."""
    return min([answer.until for answer in case.answers if answer.verdict == "approve" and answer.until], default=case.question.expires)


def _said(case: Case) -> str:
    """How it stands, for the requester: what the person said to the agent, but not who."""
    closing = case.closing
    reason = closing.reason if closing and closing.verdict in {"deny", "ask-back"} else ""
    return f"{_SAID[case.state]}: {reason}" if reason else _SAID[case.state]


def _unbound(detail: str) -> Problem:
    return Problem(400, ARAP + "invalid_denial_binding", "The request cannot be bound to a denied call", detail)


def _no_task() -> Problem:
    return Problem(404, ARAP + "unknown_task", "There is no such task for this caller")
