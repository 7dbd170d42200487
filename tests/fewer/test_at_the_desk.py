"""Asking less, through a real gate and its desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Gate, NeedsApproval
from gate.answer import Case
from gate.constraint import Range
from gate.effect import Assessment, Risk
from gate.fewer.batch import batches
from gate.fewer.fatigue import HOUR, spare
from gate.fewer.history import history
from gate.fewer.propose import propose
from gate.fewer.stats import stats
from gate.people import People, Person
from gate.policy.catalogue import KindCatalogue
from gate.testing import FakeClock
from tests.fewer.kit import called
from tests.kit import denied, intents, look_again, write_rules

ASK = """
    [[rule]]
    id = "people"
    ask = { tool = "*", expires = "10m" }
"""


class Amount:
    """An amount, of which one is graver than the others."""

    name = "test.amount"

    def parse(self, value: object) -> object:
        if type(value) is not int:
            raise ValueError("a whole number")
        return value

    def assess(self, value: object) -> Assessment:
        return Assessment(frozenset(["spends"]), Risk.HIGH if value == 13 else Risk.MEDIUM, ("unlucky",) if value == 13 else ())


@pytest.fixture
def paid() -> list[int]:
    return []


@pytest.fixture(autouse=True)
def tool(gate: Gate, paid: list[int]) -> None:
    from typing import Annotated

    write_rules(gate, ASK)

    def pay(eur, note=""):  # type: ignore[no-untyped-def]  # annotated below, because the kind is made here
        paid.append(eur)
        return eur

    pay.__annotations__.update({"eur": Annotated[int, Amount()], "note": str, "return": int})
    gate.wrap(pay)


@pytest.fixture
def token(gate: Gate) -> Any:
    return gate.grant("agent-7", minutes=180, tools={"pay": {"eur": Range(max=100), "note": ANY}})


@pytest.fixture(autouse=True)
def acting(gate: Gate, token: Any) -> Iterator[Any]:
    with gate.acting(token, session="s1", task="settle the bills") as acting:
        yield acting


def asked(gate: Gate, eur: int = 5, **more: Any) -> Case:
    with pytest.raises(NeedsApproval) as caught:
        gate.call("pay", {"eur": eur, **more})
    assert caught.value.question
    case = gate.home.desk.case(caught.value.question.id)
    assert case
    return case


def yes(gate: Gate, case: Case, **how: Any) -> Case:
    told = {"method": "page", "shown_at": gate.home.now(), "number": case.question.number} | how
    return gate.home.desk.approve(case.question.id, by="owner", binding_hash=case.question.binding_hash, **told)


def pays(gate: Gate, eur: int, **more: Any) -> int:
    return int(gate.call("pay", {"eur": eur, **more}))


def test_a_yes_for_a_while_covers_what_it_says(gate: Gate, paid: list[int]) -> None:
    case = asked(gate, 50)
    assert [scope.label.partition(", up to")[0] for scope in case.question.scopes] == [
        "exactly this call, once",
        "exactly these arguments",
        "eur is at least 0 and at most 50, everything else is as shown",
    ]
    yes(gate, case, scope=2, uses=3)
    assert [pays(gate, eur) for eur in (50, 7, 1)] == [50, 7, 1]
    asked(gate, 2)
    assert paid == [50, 7, 1], "three were said, and no more"
    assert {intent["approvals"][0]["approver"] for intent in intents(gate)} == {"owner"}


@pytest.mark.parametrize("more", [{"eur": 51}, {"eur": 5, "note": "x"}, {"eur": 13}])
def test_what_it_does_not_say_is_asked_about(gate: Gate, paid: list[int], more: dict[str, Any]) -> None:
    yes(gate, asked(gate, 50), scope=2)
    asked(gate, **more)
    assert paid == []
    assert pays(gate, 12) == 12


def test_exactly_these_arguments_for_a_while(gate: Gate, paid: list[int]) -> None:
    yes(gate, asked(gate), scope=1, uses=2)
    assert [pays(gate, 5), pays(gate, 5)] == [5, 5]
    asked(gate, 5)
    assert paid == [5, 5]


def test_in_another_session_task_or_hour_it_is_nothing(gate: Gate, token: Any, clock: FakeClock, paid: list[int]) -> None:
    yes(gate, asked(gate), scope=1, seconds=60)
    for session, task in (("s2", "settle the bills"), ("s1", "something else")):
        with gate.acting(token, session=session, task=task):
            asked(gate)
    clock.advance(61)
    asked(gate)
    assert paid == []


def test_new_rules_ask_anew(gate: Gate, paid: list[int]) -> None:
    yes(gate, asked(gate), scope=1)
    write_rules(gate, ASK + '\n    reason = "since today"\n')
    look_again(gate)
    asked(gate)
    assert paid == []


def test_who_derives_a_capability_does_not_inherit_the_yes(gate: Gate, token: Any, paid: list[int]) -> None:
    yes(gate, asked(gate), scope=1)
    narrower = gate.attenuate(token, agent="helper", tools={"pay": {"eur": Range(max=10), "note": ANY}})
    with gate.acting(narrower, session="s1", task="settle the bills"):
        case = asked(gate)
        assert (case.question.agent, case.question.capability) == ("helper", narrower.jti)
        yes(gate, case, scope=1)
        pays(gate, 5)
        assert "helper" in case.question.headline
    assert pays(gate, 5) == 5
    assert paid == [5, 5]


def test_what_is_grave_lasts_for_these_arguments_only(gate: Gate) -> None:
    case = asked(gate, 13)
    assert [scope.label.partition(",")[0] for scope in case.question.scopes] == ["exactly this call", "exactly these arguments"]


def test_history_of_the_desk(gate: Gate, clock: FakeClock) -> None:
    yes(gate, asked(gate, 5))
    pays(gate, 5)
    second = asked(gate, 50)
    gate.home.desk.deny(second.question.id, by="owner", reason="too much", method="page")
    cases = gate.home.desk.since(clock.now() - 3600, tool="pay")
    assert history(called({"eur": 50, "note": ""}), cases) == (
        "people were asked 2 times about a call of 'agent-7' to 'pay': 1 approved, 1 denied",
        "eur is 50: more than was ever approved for this agent, the largest was 5",
        "these arguments were asked about before: 1 denied",
        "these arguments were denied to this agent once, last by 'owner', who said 'too much'",
    )


def test_batches_of_the_desk(gate: Gate) -> None:
    cases = [asked(gate, eur) for eur in (1, 2, 13, 3)]
    found = batches(gate.home.desk.cases())
    assert sorted(len(batch) for batch in found) == [1, 3]
    assert {item.question.id for batch in found for item in batch} == {item.question.id for item in cases}


def test_fatigue_across_processes(gate: Gate, clock: FakeClock) -> None:
    people = People([Person("owner", per_hour=2)])
    for eur in (1, 2):
        asked(gate, eur)
        clock.advance(61)
    other = Gate(gate.home.path, origin=gate.home.origin, clock=clock)
    try:
        cases = other.home.desk.since(clock.now() - HOUR)
        found = spare(people, ["owner"], cases, clock.now())
        assert (found.left, found.asked) == ((), {"owner": 2})
        assert found.refusal.startswith("'owner' was asked 2 questions in the last hour, most of them by 'agent-7'")
    finally:
        other.close()


def test_stats_of_the_desk(gate: Gate, clock: FakeClock) -> None:
    first, second = asked(gate, 1), asked(gate, 2)
    clock.advance(30)
    yes(gate, first)
    gate.home.desk.deny(second.question.id, by="owner", method="terminal", shown_at=clock.now() - 20)
    found = stats(gate.home.desk.since(0.0), clock.now())
    assert (found.asked, found.answers.yes, found.answers.no, found.answers.quick, found.answers.median) == (2, 1, 1, 1, 30)
    assert set(found.channels) == {"page", "terminal"}


def test_a_proposed_rule_is_what_people_said(gate: Gate, paid: list[int]) -> None:
    for eur in (1, 2, 1, 2, 3):
        yes(gate, asked(gate, eur))
        pays(gate, eur)
    rules = Path(gate.home.path.parent / "gate.toml")
    known = KindCatalogue([], tools=gate.home._tools)
    (found,) = propose(gate.home.desk.since(0.0), known, source=rules.read_bytes())
    write_rules(gate, rules.read_text() + "\n" + found.text)
    look_again(gate)
    assert [pays(gate, eur) for eur in (1, 2, 3)] == [1, 2, 3], "nobody is asked"
    asked(gate, 4)
    asked(gate, 1, note="x")
    denied(lambda: gate.call("pay", {"eur": 101}))
    assert paid == [1, 2, 1, 2, 3, 1, 2, 3]


def test_one_no_and_nothing_is_proposed(gate: Gate) -> None:
    for eur in (1, 2, 1, 2, 3):
        yes(gate, asked(gate, eur))
        pays(gate, eur)
    gate.home.desk.deny(asked(gate, 9).question.id, by="owner", method="page")
    source = Path(gate.home.path.parent / "gate.toml").read_bytes()
    assert not propose(gate.home.desk.since(0.0), KindCatalogue([], tools=gate.home._tools), source=source)


def people(gate: Gate, text: str) -> None:
    path = gate.home.path.parent / "approvers.toml"
    path.write_text(text)
    path.chmod(0o600)


def test_nobody_is_asked_more_than_they_can_read(gate: Gate, clock: FakeClock, paid: list[int]) -> None:
    people(gate, '[[person]]\nname = "owner"\nper_hour = 2\n')
    cases = []
    for eur in (1, 2):
        cases.append(asked(gate, eur))
        clock.advance(61)
    refused = denied(lambda: pays(gate, 3), "'owner' was asked 2 questions in the last hour")
    assert not isinstance(refused, NeedsApproval), "so nobody is asked"
    assert len(gate.home.desk.cases()) == 2
    assert asked(gate, 1).question.id == cases[0].question.id, "a question that is there costs nothing"
    yes(gate, cases[0])
    assert pays(gate, 1) == 1, "and its answer is taken up"
    yes(gate, cases[1], scope=1)
    assert [pays(gate, 2), pays(gate, 2)] == [2, 2]
    clock.advance(HOUR)
    asked(gate, 3)


def test_one_agent_leaves_some_of_the_hour_to_others(gate: Gate, clock: FakeClock) -> None:
    people(gate, '[[person]]\nname = "owner"\nper_hour = 6\n')
    for eur in range(4):
        asked(gate, eur)
        clock.advance(61)
    denied(lambda: pays(gate, 5), "the rest of the hour is kept for other agents")
    other = gate.grant("agent-8", minutes=180, tools={"pay": {"eur": Range(max=100), "note": ANY}})
    with gate.acting(other, session="s8"):
        asked(gate, 5)


def test_a_large_question_is_counted_and_not_read_again(gate: Gate, clock: FakeClock) -> None:
    people(gate, '[[person]]\nname = "owner"\nper_hour = 3\n')
    with pytest.raises(NeedsApproval):
        gate.call("pay", {"eur": 1, "note": "x" * 100_000})
    (case,) = gate.home.desk.since(0.0, whole=False)
    assert (case.question.tool, case.question.agent, dict(case.question.arguments)) == ("pay", "agent-7", {})
    clock.advance(61)
    asked(gate, 2)
    clock.advance(61)
    denied(lambda: pays(gate, 3), "2 questions in the last hour")


def test_who_may_not_approve_has_nothing_to_spare(gate: Gate, clock: FakeClock) -> None:
    people(gate, '[[person]]\nname = "owner"\nper_hour = 1\n[[person]]\nname = "agent-7"\n')
    asked(gate, 1)
    clock.advance(61)
    denied(lambda: pays(gate, 2), "'owner' was asked 1 question")


def test_a_no_to_one_call_stands_against_a_wider_yes(gate: Gate, paid: list[int]) -> None:
    gate.home.desk.deny(asked(gate, 9).question.id, by="owner", reason="not nine", method="page")
    yes(gate, asked(gate, 50), scope=2)
    denied(lambda: pays(gate, 9), "not nine")
    assert pays(gate, 8) == 8
    assert paid == [8]
