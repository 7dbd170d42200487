"""People: who may answer, how they are known and told, and when they may be disturbed. `gate.peoplefile` reads them from `approvers.toml`.

>>> ann = Person("ann", groups=("oncall",), logins=("ann@example.com",), quiet="22:00-07:00")
>>> people = People([ann, Person("bob")])
>>> sorted(people.named(["@oncall", "bob"])), people.same("ann", "Ann@Example.com")
(['ann', 'bob'], True)
>>> ann.rests(0.0), ann.rests(12 * 3600.0)      # midnight and noon of 1 January 1970, UTC
(True, False)
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, TypeAlias

from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.policy.rule import Hours

Event: TypeAlias = Literal["question", "reminder", "answer"]


class Person(NamedTuple):
    """One person. logins: what a sign-in calls them.  slack: their member id.  quiet: "22:00-07:00" in `tz`.  per_hour: questions they take.

    notify: how they are told, the first that works: "slack" or "webhook:NAME".  passkey: every yes of theirs needs one.
    """

    name: str
    groups: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    slack: str = ""
    quiet: str = ""
    tz: str = "UTC"
    per_hour: int = 30
    notify: tuple[str, ...] = ()
    passkey: bool = False

    def rests(self, now: float) -> bool:
        """Whether it is their quiet time. A time that cannot be told is none: rather wake somebody than leave a question alone."""
        return bool(self.quiet) and bool(_hours(self.quiet, self.tz).include(now))


class Kept(NamedTuple):
    """Where a secret is kept: the environment variable or the owner-only file that holds it. What it says is never written in `approvers.toml`."""

    where: Literal["env", "file"]
    name: str

    def read(self) -> bytes:
        """The secret, without the spaces and line ends around it; ConfigError when it is not there, or not only ours to read."""
        found = os.environ.get(self.name, "").encode() if self.where == "env" else self._file()
        if not found.strip():
            raise ConfigError(f"there is no secret in {self}")
        return found.strip()

    def _file(self) -> bytes:
        from gate.tokens import keyfile

        path = Path(self.name)
        with keyfile.directory(path.parent, create=False) as fd:
            return keyfile.read(fd, path.name, path) or b""

    def __str__(self) -> str:
        return f"{self.where}:{self.name}"


class Webhook(NamedTuple):
    """A receiver of signed messages. events: what it is told.  answers: whose answers it may bring back, nobody's by default."""

    name: str
    url: str
    secret: Kept
    events: tuple[Event, ...] = ("question", "reminder", "answer")
    answers: tuple[str, ...] = ()


class Slack(NamedTuple):
    """A workspace. team: the only one whose answers count, if said.  channel: where people are told, "" for their own messages.  api: its Web API."""

    token: Kept
    signing_secret: Kept
    team: str = ""
    channel: str = ""
    api: str = "https://slack.com/api/"


class Inbox(NamedTuple):
    """The page. url: where people reach it, for links; how they sign in is said where it is started."""

    url: str = ""


class Asking(NamedTuple):
    """How people are asked. remind: at which parts of the time, from 0 to 1.  escalate_after: seconds until the next person is told, 0 for never."""

    remind: tuple[float, ...] = (0.5, 0.9)
    escalate_after: float = 300.0


class Settings(NamedTuple):
    """What `approvers.toml` says besides the people."""

    webhooks: tuple[Webhook, ...] = ()
    slack: Slack | None = None
    inbox: Inbox = Inbox()
    asking: Asking = Asking()

    def webhook(self, name: str) -> Webhook | None:
        """The webhook of a name."""
        return next((webhook for webhook in self.webhooks if webhook.name == name), None)


class People:
    """Everybody in the file `approvers.toml`; EMPTY when there is none, and then whoever has an approver's key may answer."""

    EMPTY: ClassVar[People]

    def __init__(self, people: Iterable[Person] = (), settings: Settings | None = None) -> None:
        self.people = tuple(people)
        self.settings = settings or Settings()
        self._by_name = {person.name: person for person in self.people}
        self._called = {called.casefold(): person.name.casefold() for person in self.people for called in (person.name, *person.logins)}

    def person(self, name: str) -> Person | None:
        """The person of a name."""
        return self._by_name.get(name)

    def named(self, approvers: Iterable[str]) -> frozenset[str]:
        """The names of people in a rule's `approvers`, where "@oncall" is everybody of the group oncall."""
        return frozenset(
            [
                name
                for one in approvers
                for name in ([person.name for person in self.people if one[1:] in person.groups] if one.startswith("@") else [one])
            ]
        )

    def same(self, name: str, other: str) -> bool:
        """Whether two names are one person's: equal but for case, or logins of one person."""
        return self._who(name) == self._who(other)

    def _who(self, name: str) -> str:
        folded = name.casefold()
        return self._called.get(folded, folded)

    def by_login(self, login: str) -> Person | None:
        """The person whom a sign-in calls so."""
        return next((person for person in self.people if login.casefold() in [one.casefold() for one in person.logins]), None)

    def by_slack(self, member: str) -> Person | None:
        """The person with this Slack member id."""
        return next((person for person in self.people if member and person.slack == member), None)


People.EMPTY = People()


def loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@lru_cache(maxsize=256)
def _hours(quiet: str, tz: str) -> Hours:
    from gate.policy.example import minutes
    from gate.policy.rule import Hours
    from gate.policy.rulesfile import named_zone

    start, _, end = quiet.partition("-")
    return Hours(minutes(start), 24 * 60 if end == "24:00" else minutes(end), named_zone(tz), f"{quiet} {tz}")
