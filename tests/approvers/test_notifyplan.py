"""Who is told what and when, as laws over random people, questions and times."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.answer import Answer, Case
from gate.approvers.example import QUESTION
from gate.approvers.notifyplan import AGAIN, TRIES, Telling, Told, candidates, plan
from gate.effect import Risk
from gate.people import Asking, Kept, People, Person, Settings, Slack, Webhook

KEPT = Kept("env", "NONE")
SLACK = Slack(KEPT, KEPT)
HOOKS = (Webhook("pager", "https://pager.example/", KEPT), Webhook("tickets", "https://tickets.example/", KEPT))
SETTINGS = Settings(HOOKS, SLACK, asking=Asking((0.5, 0.9), 60.0))
ASKED = replace(QUESTION, risk=Risk.MEDIUM, approvers=(), principal="", agent="bot", created=1000.0, expires=1600.0)


def person(name: str, **more: object) -> Person:
    return Person(name, notify=("slack",))._replace(**more)


PLAIN = SETTINGS._replace(webhooks=())


def people(*found: Person, settings: Settings = PLAIN) -> People:
    return People(found, settings)


def done(tellings: list[Telling], at: float, *, ok: bool = True) -> list[Told]:
    return [Told(*telling[:4], ok=ok, at=at, mark=telling.before or f"m-{telling.person}") for telling in tellings]


def names(tellings: list[Telling], what: str = "question") -> list[str]:
    return [telling.person for telling in tellings if telling.what == what]


ann, bob, eve = person("ann"), person("bob"), person("eve")


def test_as_many_as_approvals_are_missing_and_the_next_one_later() -> None:
    two = Case(replace(ASKED, quorum=2), "open")
    first = plan([two], people(ann, bob, eve), 1000.0, [])
    assert names(first) == ["ann", "bob"]
    told = done(first, 1000.0)
    assert plan([two], people(ann, bob, eve), 1059.0, told) == []
    assert names(plan([two], people(ann, bob, eve), 1060.0, told)) == ["eve"]


def test_the_next_one_hears_of_a_short_question_at_half_its_time() -> None:
    short = Case(replace(ASKED, expires=1040.0), "open")
    told = done(plan([short], people(ann, bob), 1000.0, []), 1000.0)
    assert plan([short], people(ann, bob), 1019.0, told) == []
    assert names(plan([short], people(ann, bob), 1020.0, told)) == ["bob"]


def test_escalation_can_be_turned_off() -> None:
    never = SETTINGS._replace(webhooks=(), asking=Asking((), 0.0))
    told = done(plan([Case(ASKED, "open")], people(ann, bob, settings=never), 1000.0, []), 1000.0)
    assert plan([Case(ASKED, "open")], people(ann, bob, settings=never), 1599.0, told) == []


def test_who_rests_is_left_in_peace_unless_nobody_is_left_or_it_is_critical() -> None:
    rests = ann._replace(quiet="00:00-01:00")
    case = Case(ASKED, "open")
    assert names(plan([case], people(rests, bob), 1000.0, [])) == ["bob"]
    assert names(plan([case], people(rests), 1000.0, [])) == ["ann"]
    assert names(plan([Case(replace(ASKED, risk=Risk.CRITICAL), "open")], people(rests, bob), 1000.0, [])) == ["ann"]


def test_who_had_enough_questions_in_the_hour_is_left_in_peace() -> None:
    few = ann._replace(per_hour=2)
    cases = [Case(replace(ASKED, id=f"q{n}"), "open") for n in range(4)]
    assert names(plan(cases, people(few, bob), 1000.0, [])) == ["ann", "ann", "bob", "bob"]
    assert names(plan(cases, people(few), 1000.0, [])) == ["ann"] * 4


def test_the_agent_the_principal_and_the_chain_are_never_told() -> None:
    asked = Case(replace(ASKED, agent="BOT@corp", principal="ann", chain=("eve",)), "open")
    robot = person("robot", logins=("bot@corp",))
    assert names(plan([asked], people(robot, ann, eve, bob), 1000.0, [])) == ["bob"]
    assert names(plan([asked], people(robot, ann, eve), 1000.0, [])) == []


def test_a_group_is_told_in_the_order_of_the_file_and_whom_it_was_handed_to_first() -> None:
    crew = [each._replace(groups=("oncall",)) for each in (eve, bob)]
    case = Case(replace(ASKED, approvers=("ann", "@oncall")), "open")
    assert [each.name for each in candidates(case, people(*crew, ann))] == ["ann", "eve", "bob"]
    handed = replace(case, answers=(Answer("hand-over", "ann", to="bob"),))
    assert [each.name for each in candidates(handed, people(*crew, ann))] == ["bob", "ann", "eve"]


def test_whom_it_was_handed_to_is_told_at_once() -> None:
    case, book = Case(ASKED, "open"), people(ann, bob)
    told = done(plan([case], book, 1000.0, []), 1000.0)
    handed = replace(case, answers=(Answer("hand-over", "ann", to="bob"),))
    assert names(plan([handed], book, 1001.0, told)) == ["bob"]


def test_one_who_cannot_be_reached_is_passed_over_at_once() -> None:
    case = Case(ASKED, "open")
    way = ann._replace(notify=("slack", "webhook:pager"))
    book = people(way, bob, settings=SETTINGS._replace(webhooks=HOOKS[:1]))
    failed = done(plan([case], book, 1000.0, []), 1000.0, ok=False)
    second = plan([case], book, 1001.0, failed)
    assert [(each.person, each.channel) for each in second] == [("ann", "webhook:pager")]
    both = failed + done(second, 1001.0, ok=False)
    assert names(plan([case], book, 1002.0, both)) == ["bob"]
    alone = people(way, settings=SETTINGS._replace(webhooks=HOOKS[:1]))
    assert plan([case], alone, 1002.0, both) == []
    assert names(plan([case], alone, 1000.0 + AGAIN, both)) == ["ann"]
    assert plan([case], alone, 1500.0, both * TRIES) == []


def test_the_latest_reminder_that_is_due_and_none_to_who_was_told_after_it() -> None:
    case, book = Case(ASKED, "open"), people(ann)
    told = done(plan([case], book, 1000.0, []), 1000.0)
    assert plan([case], book, 1299.0, told) == []
    assert [each.what for each in plan([case], book, 1300.0, told)] == ["reminder:50"]
    assert [each.what for each in plan([case], book, 1550.0, told)] == ["reminder:90"]
    late = done(plan([case], book, 1400.0, []), 1400.0)
    assert plan([case], book, 1500.0, late) == []


def test_how_it_went_is_told_once_wherever_the_question_was() -> None:
    book = people(ann, bob, settings=SETTINGS)
    case = Case(replace(ASKED, quorum=2), "open")
    told = done(plan([case], book, 1000.0, []), 1000.0)
    assert {each.channel for each in told} == {"slack", "webhook:pager", "webhook:tickets"}
    half = replace(case, answers=(Answer("approve", "ann"),))
    answered = [each for each in plan([half], book, 1001.0, told) if each.what.startswith("answer")]
    assert sorted((each.what, each.before) for each in answered) == [("answer:open:1", mark) for mark in ("m-", "m-", "m-ann", "m-bob")]
    assert not [each for each in plan([half], book, 1002.0, told + done(answered, 1001.0)) if each.what.startswith("answer")]
    ended = replace(half, state="denied", answers=(*half.answers, Answer("deny", "bob")))
    assert {each.what for each in plan([ended], book, 1002.0, told)} == {"answer:denied:2"}
    assert plan([ended], book, 1002.0, []) == []


def test_a_message_that_two_people_share_is_changed_once() -> None:
    case = Case(replace(ASKED, quorum=2), "denied")
    told = [Told(ASKED.id, who, "question", "slack", ok=True, at=1000.0, mark="C1 1.2 d") for who in ("ann", "bob")]
    first = plan([case], people(ann, bob), 1001.0, told)
    assert len(first) == 1
    assert plan([case], people(ann, bob), 1002.0, told + done(first, 1001.0)) == []


ROOM = st.sampled_from(["ann", "bob", "cy", "dee", "bot"])
PERSON = st.builds(
    lambda name, quiet, hour, ways, group: Person(name, group, quiet=quiet, per_hour=hour, notify=ways),
    ROOM,
    st.sampled_from(["", "00:00-01:00", "12:00-13:00"]),
    st.integers(1, 3),
    st.sampled_from([(), ("slack",), ("webhook:pager",), ("slack", "webhook:pager")]),
    st.sampled_from([(), ("oncall",)]),
)
BOOK = st.lists(PERSON, max_size=5, unique_by=lambda each: each.name).map(lambda found: People(found, SETTINGS))
ANSWER = st.builds(Answer, st.sampled_from(["approve", "hand-over", "deny"]), ROOM, to=ROOM)
CASE = st.builds(
    lambda n, approvers, quorum, risk, principal, state, answers: Case(
        replace(ASKED, id=f"q{n}", approvers=tuple(approvers), quorum=quorum, risk=risk, principal=principal), state, tuple(answers)
    ),
    st.integers(0, 2),
    st.lists(st.sampled_from(["ann", "bob", "cy", "@oncall", "bot"]), max_size=3),
    st.integers(1, 3),
    st.sampled_from(list(Risk)),
    st.sampled_from(["", "ann", "zoe"]),
    st.sampled_from(["open", "open", "denied", "used", "expired"]),
    st.lists(ANSWER, max_size=2),
)
CASES = st.lists(CASE, max_size=3, unique_by=lambda case: case.question.id)
STEPS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 2**16 - 1)), min_size=1, max_size=6)


@settings(deadline=None)
@given(BOOK, CASES, STEPS)
def test_laws_of_every_run(book: People, cases: list[Case], steps: list[tuple[int, int]]) -> None:
    now, told = 1000.0, list[Told]()
    for wait, outcomes in steps:
        now += wait
        due = plan(cases, book, now, told)
        assert len({each.key for each in due}) == len(due)
        assert not {each.key for each in due} & {each.key for each in told if each.ok}, "nothing is told twice"
        for each in due:
            check(next(case for case in cases if case.question.id == each.question), each, book, now, told)
        told += [
            Told(*each[:4], ok=bool(outcomes >> n & 1), at=now, mark=each.before or f"{each.person}{each.channel}") for n, each in enumerate(due)
        ]
        again = [each for each in plan(cases, book, now, told) if each.key in {other.key for other in due}]
        assert not again, "what was tried just now is not tried again at once"


def check(case: Case, each: Telling, book: People, now: float, told: list[Told]) -> None:
    asked, member = case.question, book.person(each.person)
    assert each.person == "" or member is not None
    if each.what.startswith("answer"):
        assert any((before.person, before.channel, before.what, before.ok) == (each.person, each.channel, "question", True) for before in told)
        return
    assert case.state == "open" and now < asked.expires
    if member is None:
        assert each.channel == "webhook:tickets" or each.channel == "webhook:pager"
        return
    assert each.channel in member.notify
    assert member.name not in {asked.agent, asked.principal} and member.name not in case.approved_by
    assert not case.question.approvers or member.name in book.named(case.question.approvers)
    if member.rests(now) and asked.risk < Risk.CRITICAL:
        awake = [other for other in candidates(case, book) if other.notify and not other.rests(now)]
        assert len(awake) < asked.quorum - len(case.approved_by), "somebody else is awake"


@settings(deadline=None)
@given(BOOK, CASE)
def test_a_question_that_somebody_could_answer_reaches_enough_of_them(book: People, case: Case) -> None:
    if case.state != "open":
        return
    reached = {each.person for each in plan([case], book, 1000.0, []) if each.what == "question" and each.person}
    could = [each for each in candidates(case, book) if each.notify]
    assert len(reached) == min(len(could), max(case.question.quorum - len(case.approved_by), 0))
