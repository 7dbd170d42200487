"""Nobody is asked about a call that cannot run: its budgets are looked at before the question, and spent only after the yes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gate import ANY, BadCall, Exhausted, Gate, Limits
from gate.testing import FakeClock, ScriptedApprover
from tests.asking.kit import TWO, asked, pay
from tests.kit import intents, log, sign_as, write_rules


@pytest.fixture
def person(gate: Gate) -> ScriptedApprover:
    """Somebody who says yes to everything."""
    gate.approvers = (made := ScriptedApprover(gate, [True] * 50, name="alice"),)
    return made


def acting(gate: Gate, **limits: Any) -> Any:
    return gate.acting(gate.grant("agent-7", tools={"pay": ANY}, **limits), session="s1")


@pytest.mark.parametrize("limits", [{"calls": 2}, {"rate": (2, 60)}, {"per_tool": {"pay": Limits(calls=2)}}], ids=str)
@pytest.mark.parametrize("how", ["call", "acall", "authorize", "aauthorize"])
def test_a_budget_that_is_spent(gate: Gate, person: ScriptedApprover, limits: dict[str, Any], how: str) -> None:
    ways = {
        "call": lambda: gate.call("pay", {"eur": 5}),
        "acall": lambda: asyncio.run(gate.acall("pay", {"eur": 5})),
        "authorize": lambda: gate.settle(gate.authorize("pay", {"eur": 5})),
        "aauthorize": lambda: gate.settle(asyncio.run(gate.aauthorize("pay", {"eur": 5}))),
    }
    with acting(gate, **limits):
        for _ in range(2):
            ways[how]()
        with pytest.raises(Exhausted):
            ways[how]()
    assert len(person.questions) == len(log(gate, "question")) == len(intents(gate)) == 2


def test_a_budget_further_up_is_looked_at_too(gate: Gate, person: ScriptedApprover) -> None:
    parent = gate.grant("agent-7", tools={"pay": ANY}, calls=1)
    with gate.acting(parent):
        pay(gate)
    with gate.acting(gate.attenuate(parent, "helper", calls=1)), pytest.raises(Exhausted):
        pay(gate)
    assert len(person.questions) == 1


def test_nobody_is_sent_for_an_approval_that_would_be_worth_nothing(gate: Gate) -> None:
    with acting(gate, calls=0), pytest.raises(Exhausted):
        pay(gate)
    assert log(gate, "question") == []


def test_a_cost_that_is_too_high_or_cannot_be_told(gate: Gate, person: ScriptedApprover, paid: list[int]) -> None:
    @gate.tool(cost={"eur": "eur"})
    def send(eur: int) -> None:
        paid.append(eur)

    with gate.acting(gate.grant("agent-7", tools={"send": ANY, "pay": ANY}, cost={"eur": "10"})):
        send(6)
        with pytest.raises(Exhausted):
            send(6)
        send(4)
        with pytest.raises(BadCall, match="does not say what it costs"):
            pay(gate)
    assert [question.arguments["eur"] for question in person.questions] == paid == [6, 4]


def test_a_window_that_begins_meanwhile_is_open(gate: Gate, person: ScriptedApprover, clock: FakeClock) -> None:
    with acting(gate, rate=(1, 60)):
        pay(gate)
        with pytest.raises(Exhausted):
            pay(gate)
        clock.advance(60)
        pay(gate)
    assert len(person.questions) == 2


def test_what_a_call_had_reserved_and_not_used_is_there_again(gate: Gate, person: ScriptedApprover) -> None:
    """Its outcome may still be on its way to the disk."""
    with acting(gate, wall=60):
        for _ in range(5):
            pay(gate)
    assert len(person.questions) == 5


def test_asking_spends_nothing(gate: Gate, paid: list[int]) -> None:
    gate.approvers = (ScriptedApprover(gate, [False] * 5 + [True] * 2, name="alice"),)
    with acting(gate, calls=2):
        for eur in range(10, 15):
            with pytest.raises(Exception, match="alice refused it"):
                pay(gate, eur)
        pay(gate)
        pay(gate)
    assert paid == [5, 5]


def test_an_approval_is_kept_when_the_second_person_is_not_asked_any_more(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, TWO)
    with acting(gate, calls=1) as _:
        question = asked(gate)
        tokens = [sign_as(gate, who, question) for who in ("alice", "bob", "carol")]
        with gate.approving(*tokens[:2]):
            pay(gate)
        with gate.approving(tokens[2]) as _:
            for _ in range(2):
                with pytest.raises(Exhausted):
                    pay(gate)
            assert gate._presented.get() == [tokens[2]]
    assert paid == [5]


def test_the_budget_may_be_gone_when_the_answer_comes(gate: Gate, paid: list[int]) -> None:
    with acting(gate, calls=1):
        gate.approvers = (ScriptedApprover(gate, [True], name="alice"),)
        other = ScriptedApprover(gate, [True], name="bob", meanwhile=lambda: spend_it(gate))
        gate.approvers = (other,)
        with pytest.raises(Exhausted):
            pay(gate)
    assert paid == [7]


def spend_it(gate: Gate) -> None:
    """Another call with the same budget, approved by somebody else."""
    before, gate.approvers = gate.approvers, (ScriptedApprover(gate, [True], name="carol"),)
    pay(gate, 7)
    gate.approvers = before
