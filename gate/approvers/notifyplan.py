"""Notify plan: who is to be told what about the questions, through which channel, now. Pure: the same question has the same answer.

Of those who may answer a question, never the agent or whom it acts for, in the order in which the rule names them (of a group: that of the
file; first of all whom it was handed to):

    told at once       as many as approvals are missing
    the next one       after `escalate_after`, at the latest when half the time is over, and so on; at once for one who could not be reached
    left in peace      who rests, or has had `per_hour` questions in an hour, while somebody else is there; not for a critical question
    reminded           at each part of `remind`, whoever was told and has not answered
    told how it went   wherever the question was told, after every answer and when it ends

A webhook that no person's `notify` names is told of every question.

>>> from gate.approvers.notifyplan import Told
>>> Told("q1", "ann", "question", "slack", ok=True, at=0.0).key
('q1', 'ann', 'question', 'slack')
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gate.effect import Risk

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.people import Event, People, Person, Webhook

Key: TypeAlias = "tuple[str, str, str, str]"
AGAIN: Final = 60.0
TRIES: Final = 5
HOUR: Final = 3600.0


class Telling(NamedTuple):
    """One thing to tell. person: "" for a webhook of its own.  what: "question", "reminder:50" (per cent), "answer:denied:1" (state, answers).

    channel: "slack" or "webhook:NAME".  before: what the channel gave back for the question, of a reminder or an answer.
    """

    question: str
    person: str
    what: str
    channel: str
    before: str = ""

    @property
    def key(self) -> Key:
        """What makes it the same telling."""
        return self.question, self.person, self.what, self.channel


class Told(NamedTuple):
    """One thing that was told, or could not be (`ok`), at so many seconds since the epoch. mark: what the channel gave back."""

    question: str
    person: str
    what: str
    channel: str
    ok: bool
    at: float
    mark: str = ""

    @property
    def key(self) -> Key:
        """As of a telling."""
        return self.question, self.person, self.what, self.channel


def plan(cases: Iterable[Case], people: People, now: float, told: Sequence[Told]) -> list[Telling]:
    """What is to be told now about these cases. told: everything that was told about them, and about any question in the last hour."""
    history, unnamed = _History(told, now), _unnamed(people)
    found = list[Telling]()
    for case in cases:
        if case.state == "open" and now < case.question.expires:
            found += _broadcast(case, unnamed, history)
            available = _available(case, people, history)
            found += _asking(case, people, available, history)
            found += _reminding(case, people, available, history)
        found += _answering(case, people, history)
    return found


class _History:
    """What was told, looked up by key, and by whom it was taken in the last hour."""

    def __init__(self, told: Sequence[Told], now: float) -> None:
        self.now = now
        self.ok = {each.key: each for each in told if each.ok}
        self.failed = Counter([each.key for each in told if not each.ok])
        self.last = {each.key: each.at for each in told if not each.ok}
        self.asked = dict[str, list[Told]]()
        for each in self.ok.values():
            if each.what == "question":
                self.asked.setdefault(each.question, []).append(each)
        self.answered = {(each.question, each.what, each.channel, each.mark) for each in self.ok.values() if each.what.startswith("answer:")}
        recent = [each for each in self.ok.values() if each.what == "question" and each.at > now - HOUR]
        self.taken = Counter([each.person for each in recent])

    def reached(self, question: str, person: str) -> Told | None:
        """How somebody was told of a question."""
        return next((each for each in self.asked.get(question, ()) if each.person == person), None)

    def may_try(self, telling: Telling) -> bool:
        """Whether it was not told yet, and is not one that failed too often or just now."""
        key = telling.key
        return key not in self.ok and self.failed[key] < TRIES and self.last.get(key, -AGAIN) + AGAIN <= self.now

    def take(self, telling: Telling) -> None:
        """Counts what is about to be told, for the questions after this one."""
        self.taken[telling.person] += 1


def candidates(case: Case, people: People) -> list[Person]:
    """Everybody of the file who may answer a case, the first to be told first."""
    asked = case.question
    listed = case.question.approvers or tuple([person.name for person in people.people])
    names = [name for one in listed for name in _members(one, people)]
    names.sort(key=lambda name: name != case.holder)
    found = [person for name in dict.fromkeys(names) if (person := people.person(name))]
    barred = {who for who in (asked.agent, asked.principal, *asked.chain) if who}
    return [person for person in found if not any(people.same(person.name, who) for who in barred) and person.name not in case.approved_by]


def _members(one: str, people: People) -> list[str]:
    return [person.name for person in people.people if one[1:] in person.groups] if one.startswith("@") else [one]


def _available(case: Case, people: People, history: _History) -> list[Person]:
    """The candidates who may be disturbed now: all of them when it is critical, or when nobody would be left."""
    able = [person for person in candidates(case, people) if person.notify]
    if case.question.risk >= Risk.CRITICAL:
        return able
    missing = case.question.quorum - len(case.approved_by)
    calm = [person for person in able if not person.rests(history.now) and _has_room(person, case, history)]
    awake = calm if len(calm) >= missing else [person for person in able if not person.rests(history.now)]
    return awake if len(awake) >= missing else able


def _has_room(person: Person, case: Case, history: _History) -> bool:
    return history.taken[person.name] < person.per_hour or history.reached(case.question.id, person.name) is not None


def _broadcast(case: Case, webhooks: list[Webhook], history: _History) -> Iterator[Telling]:
    for webhook in webhooks:
        telling = Telling(case.question.id, "", "question", f"webhook:{webhook.name}")
        if "question" in webhook.events and history.may_try(telling):
            yield telling


def _asking(case: Case, people: People, available: list[Person], history: _History) -> Iterator[Telling]:
    asked, wanted = case.question, _wanted(case, people, history.now)
    for person in available:
        if wanted <= 0:
            return
        if history.reached(asked.id, person.name):
            wanted -= 1
        elif way := _next_way(person, asked.id, people, history):
            wanted -= 1
            history.take(way)
            yield way


def _wanted(case: Case, people: People, now: float) -> int:
    """How many shall know by now."""
    asked, after = case.question, people.settings.asking.escalate_after
    missing = asked.quorum - len(case.approved_by)
    step = min(after, (asked.expires - asked.created) / 2)
    return missing + (int((now - asked.created) // step) if after and step > 0 else 0)


def _next_way(person: Person, question: str, people: People, history: _History) -> Telling | None:
    """The first of their channels that has not failed yet; when all have, the first that may be tried again."""
    ways = [Telling(question, person.name, "question", channel, _before(question, channel, people, history)) for channel in person.notify]
    fresh = [way for way in ways if not history.failed[way.key]]
    return next((way for way in fresh or ways if history.may_try(way)), None)


def _before(question: str, channel: str, people: People, history: _History) -> str:
    """The message about it in the common Slack channel, under which the next person is called."""
    slack = people.settings.slack
    if channel != "slack" or slack is None or not slack.channel:
        return ""
    marks = [each.mark for each in history.asked.get(question, ()) if each.channel == "slack" and each.mark.startswith(f"{slack.channel} ")]
    return marks[0] if marks else ""


def _unnamed(people: People) -> list[Webhook]:
    named = {way for person in people.people for way in person.notify}
    return [webhook for webhook in people.settings.webhooks if f"webhook:{webhook.name}" not in named]


def _reminding(case: Case, people: People, available: list[Person], history: _History) -> Iterator[Telling]:
    """The latest reminder that is due, to each who was told before it was, and may still be disturbed."""
    asked = case.question
    part, due = _due(case, people, history.now)
    if not part:
        return
    what, names = f"reminder:{round(part * 100)}", {person.name for person in available}
    for each in history.asked.get(asked.id, ()):
        if each.at < due and (each.person in names or not each.person) and _listens(each.channel, "reminder", people):
            telling = Telling(asked.id, each.person, what, each.channel, each.mark)
            if history.may_try(telling):
                yield telling


def _due(case: Case, people: People, now: float) -> tuple[float, float]:
    asked = case.question
    moments = [(part, asked.created + part * (asked.expires - asked.created)) for part in people.settings.asking.remind]
    return next(((part, due) for part, due in reversed(moments) if due <= now), (0.0, 0.0))


def _answering(case: Case, people: People, history: _History) -> Iterator[Telling]:
    """How it went, to every message about it; one message that two people were told by is changed once."""
    if case.state == "open" and not case.answers:
        return
    what, done = f"answer:{case.state}:{len(case.answers)}", set[tuple[str, str]]()
    for each in history.asked.get(case.question.id, ()):
        place = each.channel, each.mark
        telling = Telling(case.question.id, each.person, what, each.channel, each.mark)
        if place in done or (case.question.id, what, *place) in history.answered or not _listens(each.channel, "answer", people):
            continue
        done.add(place)
        if history.may_try(telling):
            yield telling


def _listens(channel: str, event: Event, people: People) -> bool:
    kind, _, name = channel.partition(":")
    webhook = people.settings.webhook(name)
    return people.settings.slack is not None if kind == "slack" else webhook is not None and event in webhook.events
