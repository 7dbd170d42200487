"""What is said of earlier questions."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.fewer.history
from gate.fewer.history import history, quantity, was_approved
from tests.fewer.kit import called, case, no, yes


def past(eur: Any, state: Any = "used", *answers: Any, **who: Any) -> Any:
    return case(called({"eur": eur, "to": "ann"}, **who), state, *answers)


def said(eur: Any, *cases: Any) -> tuple[str, ...]:
    return history(called({"eur": eur, "to": "ann"}), cases)


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.fewer.history)
    assert outcome.attempted
    assert not outcome.failed


def test_the_first_of_its_kind() -> None:
    assert said(5) == ("nobody was asked before about a call of 'agent-7' to 'pay'",)
    assert said(5, past(5, agent="agent-8"), past(6, tool="play")) == said(5)


def test_counts_by_how_they_ended() -> None:
    found = said(7, past(5), past(6, "approved", yes()), past(8, "denied", no()), past(9, "expired"), past(9, "expired", yes()), past(1, "returned"))
    assert found[0] == "people were asked 6 times about a call of 'agent-7' to 'pay': 3 approved, 1 denied, 1 not answered in time, 1 asked back"
    assert said(7, past(5))[0] == "people were asked once about a call of 'agent-7' to 'pay': 1 approved"


def test_more_than_ever() -> None:
    cases = past(5), past(50), past(900, "denied", no()), past(700, agent="agent-8")
    assert said(51, *cases)[1] == "eur is 51: more than was ever approved for this agent, the largest was 50"
    assert said(50, *cases)[1] == "the largest eur that was approved for this agent is 50"
    assert said(5, past(900, "denied", no()))[1] == "no eur of this agent was approved before"


def test_amounts_are_compared_in_their_own_currency() -> None:
    cases = past("5.00 EUR"), past("500.00 USD"), past("9 EUR", "denied")
    assert said("6.00 EUR", *cases)[1] == "eur is 6.00 EUR: more than was ever approved for this agent, the largest was 5.00 EUR"
    assert said("6 JPY", *cases)[1] == "no eur of this agent in JPY was approved before"


def test_of_two_numbers_nothing_is_said() -> None:
    assert len(history(called({"a": 1, "b": 2}), [case(called({"a": 1, "b": 3}), "used")])) == 1
    assert len(history(called({"a": True}), [case(called({"a": False}), "used")])) == 1


def test_the_same_arguments_and_who_said_no() -> None:
    cases = past(5, "denied", no("bob", reason="not\u202e today\x1b[2J"), agent="agent-8"), past(5, "denied", no("eve"), agent="agent-9"), past(5)
    found = said(5, *cases)
    assert found[-2] == "these arguments were asked about before: 1 approved"
    assert found[-1] == "these arguments were denied to other agents, 'agent-8', 'agent-9', 2 times, last by 'eve'"
    (*_, mine) = said(5, past(5, "denied", no("bob", reason="not\u202e today\x1b[2J")))
    assert mine == r"these arguments were denied to this agent once, last by 'bob', who said 'not\u202e today\x1b[2J'"


def test_true_is_no_one() -> None:
    assert "denied" not in str(said(1, past(True, "denied", no(), agent="agent-8")))


def test_the_question_itself_is_no_history() -> None:
    call = called({"eur": 5, "to": "ann"})
    itself = case(call)
    assert history(call._replace(serial=itself.question.id), [itself])[0].startswith("nobody was asked")


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_nothing_a_value_says_looks_like_our_words(agent: str, reason: str, who: str) -> None:
    cases = [case(called({"to": 1}, agent=agent), "denied", no(who, reason=reason))]
    for line in (*history(called({"to": 1}, agent=agent), cases), *history(called({"to": 1}), cases)):
        assert line.isprintable()
        assert len(line) < 1500


@pytest.mark.parametrize("value", ["5", "5 eur", " 5 EUR", "5 EUR\n", "\u0665 EUR", "1e5 EUR", None, True, [], {}, "-5 EUR", "5 EURO"])
def test_what_is_no_quantity(value: Any) -> None:
    assert quantity(value) is None


def test_two_yes_of_one_person_are_not_two() -> None:
    assert not was_approved(case(called({}), "expired", yes("ann"), yes("ann"), quorum=2))
    assert was_approved(case(called({}), "expired", yes("ann"), yes("bob"), quorum=2))
