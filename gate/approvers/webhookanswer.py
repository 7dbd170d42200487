"""Webhook answer: `POST /webhook/answer`, where the receiver of a webhook brings back what a person said.

    {"type": "approval.answer",
     "data": {"question": "q_0001", "binding_hash": "…", "approver": "bob", "verdict": "approve", "reason": ""}}

It is signed like the messages that were sent to it (`gate.approvers.webhooksign`), with the same secret.  What counts:

    who        a person of `approvers.toml` whom the webhook's `answers` name; nobody, as long as it names nobody
    what       "approve" or "deny", with the `binding_hash` that was sent; a question that only the page may take a yes to takes a no
    when       sent within five minutes; a message that is sent again has the answer of the first time and no second effect

Replies: 200 with the question's state; 409 when the answer does not count any more (`error` says why); 401, 403, 4xx when it never did.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from hashlib import sha256
from time import time
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from gate.approvers.document import document
from gate.approvers.received import Refused, Said, Seen, body_of, header, inside, media_type, object_of, text
from gate.approvers.webhook import link
from gate.approvers.webhooksign import Forged, check, secrets
from gate.errors import ConfigError, Void

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.answer import Case
    from gate.approvers.notifytold import ToldFile
    from gate.desk import Desk
    from gate.people import People, Person, Webhook

_MEMBERS: Final = frozenset({"question", "binding_hash", "approver", "verdict", "reason"})
_REASON: Final = 1000
_log: Final = logging.getLogger("gate")


class WebhookAnswers:
    """The endpoint. clock: wall time, which the time of a message is compared with."""

    def __init__(self, desk: Desk, people: Callable[[], People], told: ToldFile | None = None, *, clock: Callable[[], float] = time) -> None:
        self._desk, self._people, self._told, self._clock = desk, people, told, clock
        self._seen = Seen()

    def route(self) -> Route:
        """Where it is found."""
        return Route("/webhook/answer", self.endpoint, methods=["POST"])

    async def endpoint(self, request: Request) -> JSONResponse:
        """One message."""
        try:
            if media_type(request) != "application/json":
                raise Refused(415, "the message must be application/json")
            body = await body_of(request)
            signed = [header(request, f"webhook-{name}") for name in ("id", "timestamp", "signature")]
            said = await run_in_threadpool(self._answered, body, *signed)
        except Refused as refused:
            said = Said(refused.status, {"error": str(refused)})
        except Exception:  # a store that is locked, a people file that is wrong: nothing was decided, and it may be sent again
            _log.exception("a signed answer could not be taken")
            said = Said(503, {"error": "the answer could not be taken; send it again"})
        return JSONResponse(said.body, said.status)

    def _answered(self, body: bytes, name: str, timestamp: str, signature: str) -> Said:
        people = self._people()
        webhook = self._sender(people, body, name, timestamp, signature)
        seen = f"{webhook.name} {name}"
        if before := self._seen.take(seen, sha256(body).digest()):
            return before
        try:
            said = self._judged(people, webhook, body)
        except Refused as refused:
            said = Said(refused.status, {"error": str(refused)})
        except BaseException:
            self._seen.forget(seen)
            raise
        self._seen.answered(seen, said)
        return said

    def _sender(self, people: People, body: bytes, name: str, timestamp: str, signature: str) -> Webhook:
        """The webhook that signed it. One whose secret cannot be read has signed nothing."""
        for webhook in people.settings.webhooks:
            try:
                check(secrets(webhook.secret), name, timestamp, signature, body, now=self._clock())
            except (Forged, ConfigError):
                continue
            return webhook
        raise Refused(401, "the message is not signed by a webhook of this gate within the last five minutes")

    def _judged(self, people: People, webhook: Webhook, body: bytes) -> Said:
        message = object_of(body)
        data = inside(message, "data")
        if message.get("type") != "approval.answer" or not data.keys() <= _MEMBERS:
            raise Refused(400, "the message is no approval.answer")
        person = people.person(text(data, "approver"))
        if person is None or person.name not in people.named(webhook.answers):
            raise Refused(403, f"the webhook '{webhook.name}' does not speak for this approver; its 'answers' in approvers.toml say for whom")
        case = self._desk.case(text(data, "question"))
        if case is None:
            raise Refused(404, "there is no such question")
        if not hmac.compare_digest(text(data, "binding_hash").encode(), case.question.binding_hash.encode()):
            raise Refused(409, "the answer is about another call than the question's")
        try:
            after = self._decided(people, person, webhook, case, text(data, "verdict"), text(data, "reason", _REASON))
        except Void as void:
            raise Refused(409, str(void)) from None
        return Said(200, {"question": after.question.id, "state": after.state})

    def _decided(self, people: People, person: Person, webhook: Webhook, case: Case, verdict: str, reason: str) -> Case:
        asked = case.question
        sent = self._told.find(asked.id, f"webhook:{webhook.name}") if self._told else None
        shown, shown_at = (sent.mark, sent.at) if sent else ("", 0.0)
        if verdict == "deny":
            return self._desk.deny(asked.id, by=person.name, method="webhook", reason=reason, shown=shown, shown_at=shown_at)
        if verdict != "approve":
            raise Refused(400, "the verdict must be approve or deny")
        if why := page_only(case, person, self._desk.home.now()):
            where = link(people, asked.id)
            raise Refused(403, f"a yes to this is given on the page only: {why}{f'; see {where}' if where else ''}")
        return self._desk.approve(asked.id, by=person.name, binding_hash=asked.binding_hash, method="webhook", shown=shown, shown_at=shown_at)


def page_only(case: Case, person: Person, now: float) -> str:
    """Why only the page takes this person's yes, "" when it may come from anywhere."""
    reasons = document(case, now=now).page_only
    return "; ".join(reasons) or ("their yes needs a passkey" if person.passkey else "")
