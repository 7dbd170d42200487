"""People: who may answer, how they are known, and when they may be disturbed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple


class Person(NamedTuple):
    """One person. logins: what a sign-in calls them.  slack: their member id.  quiet: "22:00-07:00" in `tz`.  per_hour: questions they take."""

    name: str
    groups: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    slack: str = ""
    quiet: str = ""
    tz: str = "UTC"
    per_hour: int = 30


class People:
    """Everybody in the file `approvers.toml`; EMPTY when there is none, and then whoever has an approver's key may answer."""

    EMPTY: ClassVar[People]

    def __init__(self, people: Iterable[Person] = ()) -> None:
        self.people = tuple(people)
        self._by_name = {person.name: person for person in self.people}

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
        """Whether two names are one person's: equal but for case, or one is a login of the other."""
        return self._alike(name, other) or self._alike(other, name)

    def _alike(self, name: str, other: str) -> bool:
        person = self._by_name.get(name)
        known = (name, *person.logins) if person else (name,)
        return other.casefold() in [one.casefold() for one in known]

    def by_login(self, login: str) -> Person | None:
        """The person whom a sign-in calls so."""
        return next((person for person in self.people if login.casefold() in [one.casefold() for one in person.logins]), None)

    def by_slack(self, member: str) -> Person | None:
        """The person with this Slack member id."""
        return next((person for person in self.people if member and person.slack == member), None)


People.EMPTY = People()
