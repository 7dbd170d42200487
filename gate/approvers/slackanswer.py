"""Slack answer: `POST /slack/answer`, the app's interactivity URL, where Slack says which button somebody pressed.

A request is a form with the one field `payload`, a JSON object, signed by Slack over its raw body (`gate.approvers.slacksign`).  It is
acknowledged at once, as Slack gives 3 s; what comes of it is seen in the message, and whoever pressed in vain is told so, themselves only.

    who        the person whom `approvers.toml` gives the member id of whoever pressed; in the `team` that it names
    approve    what any channel may approve; high risk, a passkey, or something shown in part leads to the page
    deny       asks for a reason first; where no window can be opened it denies at once
    what       the button holds the question and its binding hash, and both must be those of the desk
    once       a request that comes twice is refused; a second press meets the desk, where an answer counts once
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from time import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import parse_qsl

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gate.approvers.blocks import APPROVE, DENY, buttons, escaped
from gate.approvers.received import Refused, Said, Seen, body_of, header, inside, media_type, object_of, text
from gate.approvers.slack import call, shown
from gate.approvers.slacksign import check
from gate.approvers.webhook import link
from gate.approvers.webhookanswer import page_only
from gate.approvers.webhooksign import Forged
from gate.errors import ConfigError, GateError, Void

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.answer import Case
    from gate.approvers.notifytold import ToldFile
    from gate.desk import Desk
    from gate.people import People, Person, Slack

_WINDOW: Final = "gate-deny"
_REASON: Final = 1000
_log: Final = logging.getLogger("gate")


class _Press(NamedTuple):
    """Somebody pressed a button, or sent the window with the reason."""

    member: str
    channel: str
    ts: str
    verdict: str
    question: str
    binding_hash: str
    reason: str | None = None
    trigger: str = ""


class SlackAnswers:
    """The endpoint. clock: wall time, which the time of a request is compared with.  pace: seconds before a second try to tell Slack."""

    def __init__(
        self, desk: Desk, people: Callable[[], People], told: ToldFile | None = None, *, clock: Callable[[], float] = time, pace: float = 1.0
    ) -> None:
        self._desk, self._people, self._told, self._clock, self._pace = desk, people, told, clock, pace
        self._seen = Seen()

    def route(self) -> Route:
        """Where it is found."""
        return Route("/slack/answer", self.endpoint, methods=["POST"])

    async def endpoint(self, request: Request) -> Response:
        """One request of Slack."""
        try:
            if media_type(request) != "application/x-www-form-urlencoded":
                raise Refused(415, "the request is no form")
            body = await body_of(request)
            timestamp, signature = header(request, "x-slack-request-timestamp"), header(request, "x-slack-signature")
            press = await run_in_threadpool(self._checked, body, timestamp, signature)
        except Refused as refused:
            return JSONResponse({"error": str(refused)}, refused.status)
        except ConfigError:
            _log.exception("a request of Slack could not be taken")
            return JSONResponse({"error": "nobody can answer just now"}, 503)
        return Response(status_code=200, background=BackgroundTask(self._act, press) if press else None)

    def _checked(self, body: bytes, timestamp: str, signature: str) -> _Press | None:
        slack = self._people().settings.slack
        if slack is None:
            raise Refused(404, "this gate has no [slack]")
        try:
            check(slack.signing_secret.read(), timestamp, signature, body, now=self._clock())
        except Forged as forged:
            raise Refused(401, str(forged)) from None
        if self._seen.take(signature, sha256(body).digest()):
            raise Refused(409, "this request was received already")
        self._seen.answered(signature, Said(409, {}))
        return _press(_payload(body), slack)

    def _act(self, press: _Press) -> None:
        """What comes of it, told to whoever pressed when it is nothing."""
        try:
            people = self._people()
            slack = people.settings.slack
            if slack is None:
                return
            why = self._why_not(people, slack, press)
            if why:
                self._whisper(slack, press, why)
        except Exception:  # Slack has its acknowledgement; the question still waits
            _log.exception("what somebody pressed in Slack could not be done")

    def _why_not(self, people: People, slack: Slack, press: _Press) -> str:
        """Does what was pressed; why it could not be, "" when it was."""
        person = people.by_slack(press.member)
        if person is None:
            return "You cannot answer: no person in approvers.toml has your member id."
        case = self._desk.case(press.question)
        if case is None or not hmac.compare_digest(press.binding_hash.encode(), case.question.binding_hash.encode()):
            return "This message is not about a question that waits here. Nothing was answered."
        try:
            if press.verdict == APPROVE:
                return self._approved(people, person, case, press)
            if press.reason is None and self._asked_why(slack, case, press):
                return ""
            digest, at = self._shown(press)
            self._desk.deny(case.question.id, by=person.name, method="slack", reason=press.reason or "", shown=digest, shown_at=at)
        except Void as void:
            return f"Your answer does not count: {escaped(str(void))}."
        return ""

    def _approved(self, people: People, person: Person, case: Case, press: _Press) -> str:
        asked, now = case.question, self._desk.home.now()
        why = page_only(case, person, now)
        if why or APPROVE not in buttons(shown(replace(case, state="open"), people, now)):
            where = link(people, asked.id)
            return f"Approve it on the page: {escaped(why or 'it is too long to be shown here')}.{f' <{where}|Open the question>' if where else ''}"
        digest, at = self._shown(press)
        self._desk.approve(asked.id, by=person.name, binding_hash=press.binding_hash, method="slack", shown=digest, shown_at=at)
        return ""

    def _shown(self, press: _Press) -> tuple[str, float]:
        """The digest of the message that they saw, and when it was sent."""
        found = self._told.find(press.question, "slack", f"{press.channel} {press.ts} ") if self._told else None
        return (found.mark.rpartition(" ")[2], found.at) if found else ("", 0.0)

    def _asked_why(self, slack: Slack, case: Case, press: _Press) -> bool:
        """Whether the window that asks for a reason could be opened."""
        try:
            call(slack, "views.open", {"trigger_id": press.trigger, "view": _window(case, press)}, pace=self._pace)
        except GateError:
            return False
        return True

    def _whisper(self, slack: Slack, press: _Press, why: str) -> None:
        call(slack, "chat.postEphemeral", {"channel": press.channel, "user": press.member, "text": why}, pace=self._pace)


def _payload(body: bytes) -> dict[str, object]:
    """The payload of a form that holds nothing else."""
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=1, errors="strict")
    except ValueError:
        raise Refused(400, "the request is not a form with one field") from None
    if [name for name, _ in fields] != ["payload"]:
        raise Refused(400, "the request has no payload")
    return object_of(fields[0][1])


def _press(payload: dict[str, object], slack: Slack) -> _Press | None:
    """What was pressed; None when that means nothing to us."""
    if slack.team and text(inside(payload, "team"), "id") != slack.team:
        raise Refused(403, "the request is from another team")
    member = text(inside(payload, "user"), "id")
    if payload.get("type") == "view_submission":
        return _sent(inside(payload, "view"), member)
    if payload.get("type") != "block_actions":
        return None
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(cast("list[object]", actions)) != 1:
        raise Refused(400, "one button at a time")
    action = inside({"action": actions[0]}, "action")
    verdict = text(action, "action_id")
    if verdict not in {APPROVE, DENY}:
        return None  # the link to the page
    question, _, binding_hash = text(action, "value", 2000).partition(" ")
    container = inside(payload, "container")
    where = text(inside(payload, "channel"), "id"), text(container, "message_ts")
    return _Press(member, *where, verdict, question, binding_hash, trigger=text(payload, "trigger_id"))


def _sent(view: dict[str, object], member: str) -> _Press | None:
    """The window with the reason of a no."""
    if view.get("callback_id") != _WINDOW:
        return None
    kept = object_of(text(view, "private_metadata", 3000))
    values = inside(inside(inside(view, "state"), "values"), "reason")
    reason = inside(values, "reason").get("value") or ""
    said = [text(kept, name, 500) for name in ("channel", "ts", "question", "binding_hash")]
    return _Press(member, said[0], said[1], DENY, said[2], said[3], reason=text({"reason": reason}, "reason", _REASON))


def _window(case: Case, press: _Press) -> Mapping[str, object]:
    kept = {"channel": press.channel, "ts": press.ts, "question": press.question, "binding_hash": press.binding_hash}
    plain = partial(dict[str, object], type="plain_text")
    about = {"type": "section", "text": plain(text=case.question.headline[:2900])}
    asked = {"type": "plain_text_input", "action_id": "reason", "multiline": True, "max_length": _REASON}
    reason = {"type": "input", "block_id": "reason", "optional": True, "label": plain(text="Why not? The agent reads it."), "element": asked}
    titles = {"title": plain(text="Deny"), "submit": plain(text="Deny"), "close": plain(text="Back")}
    return {"type": "modal", "callback_id": _WINDOW, "private_metadata": json.dumps(kept), **titles, "blocks": [about, reason]}
