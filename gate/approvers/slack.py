"""Slack: tells people of questions by messages of the app whose bot token `approvers.toml` names. Answers come to `gate.approvers.slackanswer`.

A question is a message with everything a person is shown (`gate.approvers.blocks`); in a common channel it calls the person by their member
id, and whoever is told later is called in its thread, as reminders are.  After every answer the message says how it went, and when the
question has ended it has no buttons any more.  Nothing in it is unfurled, and its link carries no authority: whoever follows it signs in.

Scopes of the token: `chat:write`, and `im:write` where people are told in their own messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final, cast

from gate.approvers.blocks import Message, escaped, message
from gate.approvers.document import document
from gate.approvers.post import Undelivered, post
from gate.approvers.webhook import link
from gate.call import b64url
from gate.shown import lasting, visible

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.approvers.notifyplan import Telling
    from gate.people import People, Slack

_LONGEST: Final = 2900
_WORD: Final = re.compile(r"[a-z_]{1,60}")


class SlackChannel:
    """Tells people in Slack. now: the gate's clock.  pace: seconds before the second try."""

    def __init__(self, now: Callable[[], float], *, pace: float = 1.0) -> None:
        self._now, self._pace = now, pace

    def tell(self, telling: Telling, case: Case, people: People) -> str:
        """Writes or changes the message; the mark is "CHANNEL TS DIGEST", where DIGEST is of the blocks that were shown."""
        slack = people.settings.slack
        if slack is None:
            raise Undelivered("there is no [slack] any more")
        if telling.what.startswith("answer"):
            return self._changed(slack, telling, case, people)
        return self._reply(slack, telling, case, people) if telling.before else self._message(slack, telling, case, people)

    def _message(self, slack: Slack, telling: Telling, case: Case, people: People) -> str:
        person = people.person(telling.person)
        member = person.slack if person else ""
        said = shown(case, people, self._now(), calls=member if slack.channel else "")
        reply = call(slack, "chat.postMessage", {"channel": slack.channel or member, **said, **_PLAIN}, pace=self._pace)
        return f"{_id(reply, 'channel')} {_id(reply, 'ts')} {_digest(said)}"

    def _reply(self, slack: Slack, telling: Telling, case: Case, people: People) -> str:
        channel, ts, digest = telling.before.split(" ")
        person = people.person(telling.person)
        member = person.slack if person else ""
        what = "please answer" if telling.what == "question" else "still waits for an answer"
        left = lasting(case.question.expires - self._now())
        text = f"{visible(case.question.headline)}: {what}, {left} left, then it means no. "
        where = link(people, case.question.id)
        said = _literal(_calls(member), {"type": "text", "text": text}, {"type": "link", "url": where, "text": "Open the page"} if where else None)
        message = {"text": escaped(text)[:_LONGEST], "blocks": [said], **_PLAIN}
        call(slack, "chat.postMessage", {"channel": channel, "thread_ts": ts, **message}, pace=self._pace)
        return f"{channel} {ts} {digest}"

    def _changed(self, slack: Slack, telling: Telling, case: Case, people: People) -> str:
        channel, ts, _ = telling.before.split(" ")
        said = shown(case, people, self._now())
        call(slack, "chat.update", {"channel": channel, "ts": ts, **said}, pace=self._pace)
        return telling.before


_PLAIN: Final[Mapping[str, object]] = {"unfurl_links": False, "unfurl_media": False}


def shown(case: Case, people: People, now: float, *, calls: str = "") -> Message:
    """The message about a case. calls: the member id of somebody whom it calls."""
    made = message(document(case, now=now), page=link(people, case.question.id))
    if not calls:
        return made
    return {"text": f"<@{calls}> {made['text']}", "blocks": [_literal(_calls(calls)), *made["blocks"]]}


def _literal(*elements: dict[str, object] | None) -> dict[str, object]:
    """A block in which a text is nothing but text: Slack makes no mention, link or formatting of it."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [each for each in elements if each]}]}


def _calls(member: str) -> dict[str, object] | None:
    return {"type": "user", "user_id": member} if member else None


def call(slack: Slack, method: str, data: Mapping[str, object], *, pace: float = 1.0) -> dict[str, object]:
    """What a method of the Web API gives back; Undelivered when it says no."""
    token = slack.token.read().decode("ascii", "replace")
    headers = {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {token}"}
    reply = post(f"{slack.api}{method}", json.dumps(data, separators=(",", ":")).encode(), lambda: headers, pace=pace)
    try:
        found = cast("dict[str, object]", json.loads(reply.body))
        ok, error = found.get("ok"), found.get("error")
    except (ValueError, RecursionError, AttributeError):
        raise Undelivered(f"Slack's answer to {method} is no JSON object") from None
    if ok is not True:
        raise Undelivered(f"Slack said {error if isinstance(error, str) and _WORD.fullmatch(error) else 'no'} to {method}")
    return found


def _digest(said: Message) -> str:
    """base64url(SHA-256) of the blocks as they were sent."""
    return b64url(sha256(json.dumps(said["blocks"], separators=(",", ":")).encode()).digest())


def _id(reply: Mapping[str, object], name: str) -> str:
    found = reply.get(name)
    if not isinstance(found, str) or not re.fullmatch(r"[A-Z0-9.]{1,40}", found):
        raise Undelivered(f"Slack named no {name}")
    return found
