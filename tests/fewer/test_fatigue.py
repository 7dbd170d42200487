"""How many questions one person is asked."""

from __future__ import annotations

import doctest
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import gate.fewer.fatigue
from gate.answer import Answer, Case
from gate.effect import Risk
from gate.fewer.batch import MOST
from gate.fewer.fatigue import HOUR, spare
from gate.people import People, Person
from tests.fewer.kit import NOW, called, case, questioned

PEOPLE = People([Person("ann", ("oncall",), ("ann@corp.example",), per_hour=3), Person("bob", ("oncall",), per_hour=2)])


def asked(ago: float, task: str = "", **changes: Any) -> Case:
    """A question so many seconds ago, by itself: of a task of its own."""
    about = {name: changes.pop(name) for name in tuple(changes) if name in ("approvers",)}
    answers = changes.pop("answers", ())
    return case(called({"eur": 5}, **({"task": task or f"t{ago}"} | changes)), "denied", *answers, now=NOW - ago, **about)


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.fewer.fatigue)
    assert outcome.attempted
    assert not outcome.failed


def test_who_has_had_enough_is_not_asked() -> None:
    cases = [asked(100), asked(200)]
    found = spare(PEOPLE, ["ann", "bob"], cases, NOW)
    assert (found.left, found.refusal, found.asked) == (("ann",), "", {"ann": 2, "bob": 2})
    found = spare(PEOPLE, ["ann", "bob"], [*cases, asked(300)], NOW)
    assert found.left == ()
    assert found.refusal == (
        "'ann', 'bob' were asked 3 questions in the last hour, most of them by 'agent-7', and more would not be read; "
        "another may be asked in 55 min; raise per_hour in approvers.toml, or see what gate ask --rules proposes (below high risk only)"
    )
    assert found.again == HOUR - 300


def test_the_time_said_is_when_one_may_be_asked() -> None:
    cases = [asked(100), asked(200), asked(300), asked(400)]
    found = spare(PEOPLE, ["ann"], cases, NOW)
    assert found.again == HOUR - 300
    assert not spare(PEOPLE, ["ann"], cases, NOW + found.again - 1).left
    assert spare(PEOPLE, ["ann"], cases, NOW + found.again).left == ("ann",)


def test_an_hour_later_it_is_forgotten() -> None:
    assert spare(PEOPLE, ["bob"], [asked(HOUR), asked(HOUR + 1), asked(HOUR - 1)], NOW).asked == {"bob": 1}


def test_only_what_a_person_is_asked_counts() -> None:
    cases = [asked(1, approvers=("eve",)), asked(2, approvers=("@oncall",)), asked(3, approvers=("ann@corp.example",)), asked(4)]
    assert spare(PEOPLE, ["ann", "bob", "eve"], cases, NOW).asked == {"ann": 3, "bob": 2, "eve": 2}
    handed = asked(5, approvers=("eve",), answers=(Answer("hand-over", "eve", to="bob"),))
    assert spare(PEOPLE, ["bob"], [*cases, handed], NOW).asked == {"bob": 3}


def test_who_is_in_no_file_has_the_usual_budget() -> None:
    cases = [asked(n) for n in range(29)]
    assert spare(People.EMPTY, ["ann"], cases, NOW).left == ("ann",)
    assert "'ann' was asked 30 questions" in spare(People.EMPTY, ["ann"], [*cases, asked(30)], NOW).refusal
    assert spare(People.EMPTY, [], [*cases, asked(30)], NOW).refusal.startswith("people were asked 30 questions")


def test_what_comes_in_one_go_counts_once() -> None:
    go = [asked(300 - n, "t") for n in range(10)]
    assert spare(PEOPLE, ["ann"], go, NOW).asked == {"ann": 1}
    later = [asked(300, "t"), asked(239, "t"), asked(230, "t")]
    assert spare(PEOPLE, ["ann"], later, NOW).asked == {"ann": 2}, "not without end"
    for changes in ({"tool": "mail"}, {"agent": "agent-8"}, {"session": "s2"}, {"risk": Risk.HIGH}):
        assert spare(PEOPLE, ["ann"], [asked(300, "t"), asked(299, "t", **changes)], NOW).asked == {"ann": 2}, changes


def test_a_flood_is_no_single_question() -> None:
    flood = [asked(30, "t") for _ in range(5 * MOST)]
    assert spare(PEOPLE, ["ann"], flood, NOW).asked == {"ann": 5}


def test_one_more_of_the_same_go_is_free() -> None:
    cases = [asked(300), asked(200), asked(10, "t")]
    coming = replace(questioned(called({"eur": 6}, task="t")), created=NOW)
    assert spare(PEOPLE, ["ann"], cases, NOW).left == ()
    assert spare(PEOPLE, ["ann"], cases, NOW, coming).left == ("ann",)
    assert spare(PEOPLE, ["ann"], cases, NOW, replace(coming, task="u")).left == ()
    assert spare(PEOPLE, ["ann"], cases, NOW, replace(coming, risk=Risk.HIGH)).left == ()
    assert spare(PEOPLE, ["ann"], cases, NOW, replace(coming, created=NOW + 51)).left == ()
    assert spare(PEOPLE, ["ann"], [*cases, *[asked(9, "t") for _ in range(MOST - 1)]], NOW, coming).left == (), "the go is full"


@given(st.lists(st.floats(0, 2 * HOUR), max_size=12), st.integers(1, 5))
def test_never_more_than_the_budget_in_any_hour(ages: list[float], budget: int) -> None:
    people = People([Person("ann", per_hour=budget)])
    let = list[Case]()
    for age in sorted(ages, reverse=True):
        if spare(people, ["ann"], let, NOW - age).left:
            let.append(case(called({"eur": 5}, task=f"t{age}-{len(let)}"), now=NOW - age))
    times = [item.question.created for item in let]
    assert all(sum(start - HOUR < time <= start for time in times) <= budget for start in times)
