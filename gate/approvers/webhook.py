"""Webhook: tells a receiver of questions by a signed POST, see `gate.approvers.webhooksign`. Its answers come back to `gate.approvers.webhookanswer`.

    {"type": "approval.question",            also approval.reminder, approval.answered
     "timestamp": "2026-11-25T12:00:00Z",
     "data": {"question": "q_0001", "person": "bob", "state": "open", "binding_hash": "…",
              "approvable": true,            whether a yes may come back this way; a no always may
              "url": "https://approve.example.com/questions/q_0001",        "" when the page has no address
              "document": {…}}}              everything a person is shown, see `gate.approvers.document`

A link carries no authority: whoever follows it signs in first.  The id of a message is the same whenever it is sent again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import gmtime, strftime, time
from typing import TYPE_CHECKING, Final

from gate.approvers.document import document, to_json
from gate.approvers.post import Undelivered, post
from gate.approvers.webhooksign import secrets, sign
from gate.call import b64url

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.approvers.notifyplan import Telling
    from gate.people import People

_TYPES: Final = {"question": "approval.question", "reminder": "approval.reminder", "answer": "approval.answered"}


class WebhookChannel:
    """Tells people through webhooks. now: the gate's clock.  pace: seconds before the second try."""

    def __init__(self, now: Callable[[], float], *, pace: float = 1.0) -> None:
        self._now, self._pace = now, pace

    def tell(self, telling: Telling, case: Case, people: People) -> str:
        """Posts it; the mark is base64url(SHA-256) of the bytes that were sent."""
        webhook = people.settings.webhook(telling.channel.partition(":")[2])
        if webhook is None:
            raise Undelivered(f"there is no {telling.channel} any more")
        body = message(telling, case, people, self._now())
        keys, name = secrets(webhook.secret), _name(telling)

        def headers() -> Mapping[str, str]:
            sent = int(time())
            signed = {"webhook-id": name, "webhook-timestamp": str(sent), "webhook-signature": sign(keys, name, sent, body)}
            return {"content-type": "application/json", **signed}

        post(webhook.url, body, headers, pace=self._pace)
        return b64url(sha256(body).digest())


def message(telling: Telling, case: Case, people: People, now: float) -> bytes:
    """What is posted."""
    made = document(case, now=now)
    data = {
        "question": case.question.id,
        "person": telling.person,
        "state": case.state,
        "binding_hash": made.digest,
        "approvable": not made.page_only,
        "url": link(people, case.question.id),
        "document": to_json(made),
    }
    said = {"type": _TYPES[telling.what.partition(":")[0]], "timestamp": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(now)), "data": data}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def link(people: People, question: str) -> str:
    """Where the page shows a question, "" when it has no address."""
    url = people.settings.inbox.url
    return f"{url}/questions/{question}" if url else ""


def _name(telling: Telling) -> str:
    return "msg_" + b64url(sha256(json.dumps(telling.key).encode()).digest())[:32]
