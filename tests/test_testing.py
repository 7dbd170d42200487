"""The shipped test kit does what it says."""

from __future__ import annotations

import pytest

from gate import ANY, Gate
from gate.testing import FakeClock, ScriptedApprover, SimulatedAgent, assert_denied
from tests.kit import ASK, denied, outcomes, write_rules


def test_a_clock_that_a_test_moves(gate: Gate) -> None:
    clock = FakeClock(1000.0)
    assert clock.now() == 1000.0
    clock.advance(60)
    assert clock.now() == clock.now() == 1060.0
    clock.advance(-100)
    assert clock.now() == 960.0


def test_an_approver_with_a_script(gate: Gate) -> None:
    write_rules(gate, ASK)
    gate.wrap(lambda eur: eur, name="pay")
    thoughts: list[int] = []
    gate.approvers = (person := ScriptedApprover(gate, [True, "too much", None], name="alice", meanwhile=lambda: thoughts.append(1)),)
    with gate.acting(gate.grant("a", tools={"pay": ANY})):
        assert gate.call("pay", {"eur": 5}) == 5
        denied(lambda: gate.call("pay", {"eur": 6}), "alice refused it: too much")
        denied(lambda: gate.call("pay", {"eur": 7}), "nobody who may approve answered")
        denied(lambda: gate.call("pay", {"eur": 8}), "nobody who may approve answered")
    assert [question.arguments["eur"] for question in person.questions] == [5, 6, 7, 8]
    assert thoughts == [1] * 4


def test_an_agent_without_a_model(gate: Gate) -> None:
    @gate.tool
    def div(a: int, b: int) -> float:
        return a / b

    plan = [("div", {"a": 1, "b": 2}), ("rm", {"path": "/"}), ("div", {"a": 1, "b": 0}), ("div", {"a": "x", "b": 1}), ("div", {"a": 3, "b": 1})]
    with gate.acting(gate.grant("a", tools={"div": ANY})):
        steps = SimulatedAgent(gate, plan).run()
    assert [step.value for step in steps] == [0.5, None, "ZeroDivisionError: division by zero", None, 3.0]
    assert [bool(step.denied) for step in steps] == [False, True, False, True, False]
    assert [(step.tool, step.arguments) for step in steps] == plan
    assert outcomes(gate) == ["ok", "error", "ok"]


def test_asserting_a_refusal(gate: Gate) -> None:
    gate.wrap(lambda eur: eur, name="pay")
    assert "no capability" in str(assert_denied(gate, "pay", {"eur": 5}))
    assert_denied(gate, "pay", {"eur": 5}, because="no capability")
    with pytest.raises(AssertionError, match="not because of"):
        assert_denied(gate, "pay", {"eur": 5}, because="the weather")
    with gate.acting(gate.grant("a", tools={"pay": ANY})), pytest.raises(AssertionError, match="returned 5"):
        assert_denied(gate, "pay", {"eur": 5})
