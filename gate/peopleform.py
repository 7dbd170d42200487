"""The form of `approvers.toml`: which keys there are and what may be written under each. Imported only when the file is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gate.people import Asking, Event, Inbox, Kept, Person, Settings, Slack, Webhook, loopback
from gate.regex import regex
from gate.shown import shown

Path: TypeAlias = "tuple[str | int, ...]"

_NAME: Final = regex(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}")
_MEMBER: Final = regex(r"[UW][A-Z0-9]{2,30}")
_CHANNEL: Final = regex(r"[CGD][A-Z0-9]{2,30}")
_TEAM: Final = regex(r"[TE][A-Z0-9]{2,30}")
_VARIABLE: Final = regex(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_HOURS: Final = regex(r"([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)")
_DURATION: Final = regex(r"([1-9][0-9]{0,5})(s|m|h)")
_PART: Final = regex(r"([1-9][0-9]?)%")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_MOST_TEXT: Final = 320


class FormError(ValueError):
    """A mistake at `path` of the document. The reason never repeats what may be a secret."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path, self.reason = path, reason


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{shown(text)} is no {what}")
        return text

    return AfterValidator(check)


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _MOST_TEXT:
        raise ValueError(f"{shown(text)} must be one line of printable text, at most {_MOST_TEXT} characters")
    return text


def _kept(text: str) -> str:
    where, _, name = text.partition(":")
    if where not in {"env", "file"} or not name:
        raise ValueError("a secret is not written here; say where it is kept: env:NAME or file:PATH")
    if (where == "env" and not _VARIABLE.fullmatch(name)) or not name.isprintable():
        raise ValueError("after env: write the name of an environment variable")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"{shown(text)} is no URL") from None
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text or not parts.hostname or port == 0:
        raise ValueError(f"{shown(text)} is no URL such as https://gate.example.com/hook")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("a URL holds no user, password or fragment here")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback(parts.hostname)):
        raise ValueError(f"{shown(text)} must be https; http is only for this machine")
    return text


def _hours(text: str) -> str:
    start, _, end = text.partition("-")
    if not _HOURS.fullmatch(text) or start == end or text == "00:00-24:00":
        raise ValueError(f"{shown(text)} is no daily window such as 22:00-07:00")
    return text


def _zone(text: str) -> str:
    from gate.policy.rulesfile import named_zone

    named_zone(text)
    return text


Name: TypeAlias = Annotated[str, _matching(_NAME, "name; write at most 100 ASCII letters, digits and _ . @ -")]
Line: TypeAlias = Annotated[str, AfterValidator(_line)]
Where: TypeAlias = Annotated[str, AfterValidator(_kept)]
Url: TypeAlias = Annotated[str, AfterValidator(_url)]
PerHour: TypeAlias = Annotated[int, Field(ge=1, le=1000)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class PersonForm(_Form):
    """One `[[person]]`."""

    name: Name
    groups: list[Name] = []
    logins: list[Line] = []
    slack: Annotated[str, _matching(_MEMBER, "member id such as U012ABCDEF")] | None = None
    quiet: Annotated[str, AfterValidator(_hours)] | None = None
    tz: Annotated[str, AfterValidator(_line), AfterValidator(_zone)] = "UTC"
    per_hour: PerHour | None = None
    notify: list[str] | None = None
    passkey: bool = False

    def person(self, per_hour: int) -> Person:
        """The person; whom the file says nothing else about is told by Slack when they have a member id."""
        notify = self.notify if self.notify is not None else ["slack"] if self.slack else []
        said = (self.quiet or "", self.tz, self.per_hour or per_hour, tuple(notify), self.passkey)
        return Person(self.name, tuple(self.groups), tuple(self.logins), self.slack or "", *said)


class WebhookForm(_Form):
    """One `[[webhook]]`."""

    name: Name
    url: Url
    secret: Where
    events: Annotated[list[Event], Field(min_length=1)] = ["question", "reminder", "answer"]
    answers: list[str] = []

    def webhook(self, kept: Callable[[str], Kept]) -> Webhook:
        """The receiver."""
        return Webhook(self.name, self.url, kept(self.secret), tuple(self.events), tuple(self.answers))


class SlackForm(_Form):
    """`[slack]`."""

    token: Where
    signing_secret: Where
    team: Annotated[str, _matching(_TEAM, "team id such as T012ABCDEF")] | None = None
    channel: Annotated[str, _matching(_CHANNEL, "channel id such as C012ABCDEF")] | None = None
    api: Url = "https://slack.com/api/"

    def slack(self, kept: Callable[[str], Kept]) -> Slack:
        """The workspace."""
        return Slack(kept(self.token), kept(self.signing_secret), self.team or "", self.channel or "", self.api.rstrip("/") + "/")


class InboxForm(_Form):
    """`[inbox]`."""

    url: Url

    def inbox(self) -> Inbox:
        """The page."""
        return Inbox(self.url.rstrip("/"))


class AskingForm(_Form):
    """`[asking]`."""

    remind: list[Annotated[str, _matching(_PART, "part of the time such as 50%")]] = ["50%", "90%"]
    escalate_after: Annotated[str, _matching(_DURATION, "duration such as 90s, 5m or 1h")] | Literal["never"] = "5m"
    per_hour: PerHour = 30

    def asking(self) -> Asking:
        """How people are asked."""
        after = 0.0 if self.escalate_after == "never" else float(int(self.escalate_after[:-1]) * _SECONDS[self.escalate_after[-1]])
        return Asking(tuple(sorted({int(part[:-1]) / 100 for part in self.remind})), after)


class FileForm(_Form):
    """The whole file."""

    person: list[PersonForm] = []
    webhook: list[WebhookForm] = []
    slack: SlackForm | None = None
    inbox: InboxForm | None = None
    asking: AskingForm = AskingForm()

    def settings(self, kept: Callable[[str], Kept]) -> Settings:
        """Everything but the people."""
        webhooks = tuple([webhook.webhook(kept) for webhook in self.webhook])
        return Settings(webhooks, self.slack.slack(kept) if self.slack else None, self.inbox.inbox() if self.inbox else Inbox(), self.asking.asking())


def read(data: Mapping[str, object], line: Callable[[Path], int]) -> FileForm:
    """The form of a document; FormError for the mistake that comes first in the file."""
    try:
        return FileForm.model_validate(data)
    except ValidationError as error:
        found = [(_place(one["loc"]), one) for one in error.errors(include_url=False, include_input=False)]
        path, first = min(found, key=lambda one: line(one[0]))
        raise FormError(path, _message(path, first["type"], first["msg"], first.get("ctx", {}))) from None


_KEYS: Final[Mapping[str, type[BaseModel]]] = {
    "person": PersonForm,
    "webhook": WebhookForm,
    "slack": SlackForm,
    "inbox": InboxForm,
    "asking": AskingForm,
}
_MUST: Final[Mapping[str, str]] = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "too_short": "is empty; leave it out instead",
    "missing": "is missing",
}


def _place(found: tuple[str | int, ...]) -> Path:
    """Where the mistake is: not which branch of a union it was compared with."""
    return tuple([part for part in found if isinstance(part, int) or not part.startswith(("function-", "literal[", "constrained-"))])


def _message(path: Path, kind: str, said: str, context: Mapping[str, object]) -> str:
    words = [part for part in path if isinstance(part, str)]
    if not words:
        return said.lower()
    name = ".".join(words[:3])
    if kind == "extra_forbidden":
        known = list((_KEYS[words[0]] if len(words) > 1 else FileForm).model_fields)
        near = get_close_matches(words[-1], known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"the keys are {', '.join(known)}"
        return f"there is no key {shown(words[-1])}{f' in {words[0]}' if len(words) > 1 else ''}; {hint}"
    if kind == "value_error":
        return f"{name}: {context.get('error', said)}"
    if kind == "literal_error":
        return f"'{name}' must be {context.get('expected', 'another word')}"
    return f"'{name}' {_MUST.get(kind, said.lower())}"
