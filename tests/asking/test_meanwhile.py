"""Time passes, and things change while a person thinks."""

from __future__ import annotations

from typing import Any

import pytest

from gate import ANY, Denied, Exhausted, Gate, NeedsApproval
from gate.testing import FakeClock, ScriptedApprover
from tests.asking.kit import TWO, asked, meanwhile, pay
from tests.kit import ASK, denied, log, look_again, sign_as, write_rules


@pytest.mark.usefixtures("acting")
def test_an_approval_expires_after_five_minutes(gate: Gate, clock: FakeClock, paid: list[int]) -> None:
    token = sign_as(gate, "alice", asked(gate))
    clock.advance(299)
    late = sign_as(gate, "alice", asked(gate))
    clock.advance(1)
    with gate.approving(token):
        denied(lambda: pay(gate), "has expired")
    with gate.approving(late):
        assert pay(gate) == 5
    assert paid == [5]


@pytest.mark.usefixtures("acting")
def test_setting_the_clock_back_does_not_bring_it_back(gate: Gate, clock: FakeClock, paid: list[int]) -> None:
    token = sign_as(gate, "alice", asked(gate))
    clock.advance(301)
    with gate.approving(token):
        denied(lambda: pay(gate), "has expired")
        clock.advance(-301)
        denied(lambda: pay(gate), "has expired")
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_a_yes_after_the_question_expired_is_none(gate: Gate, clock: FakeClock, paid: list[int]) -> None:
    gate.approvers = (ScriptedApprover(gate, [True], meanwhile=lambda: clock.advance(600)),)
    denied(lambda: pay(gate), "the question has expired")
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_an_approval_that_expires_while_the_second_person_thinks(gate: Gate, clock: FakeClock, paid: list[int]) -> None:
    write_rules(gate, TWO)
    """Where several must answer, a yes holds until the question expires: they come one by one."""
    gate.approvers = (ScriptedApprover(gate, [True], name="alice"), ScriptedApprover(gate, [True], name="bob", meanwhile=lambda: clock.advance(301)))
    assert pay(gate) == 5
    gate.approvers = (ScriptedApprover(gate, [True], name="alice"), ScriptedApprover(gate, [True], name="bob", meanwhile=lambda: clock.advance(601)))
    denied(lambda: pay(gate), "has expired")
    assert paid == [5]


def test_the_capability_is_revoked(gate: Gate, acting: Any, paid: list[int]) -> None:
    meanwhile(gate, lambda: gate.revoke(acting.capability))
    denied(lambda: pay(gate), "revoked")
    assert paid == []


@pytest.mark.parametrize("who", [{"agent": "agent-7"}, {"session": "s1"}, {"everything": True}], ids=str)
@pytest.mark.usefixtures("acting")
def test_it_is_stopped(gate: Gate, paid: list[int], who: dict[str, Any]) -> None:
    meanwhile(gate, lambda: gate.stop(**who))
    denied(lambda: pay(gate), "stopped")
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_the_capability_expires(gate: Gate, clock: FakeClock, paid: list[int]) -> None:
    with gate.acting(gate.grant("agent-7", minutes=1, tools={"pay": ANY})):
        meanwhile(gate, lambda: clock.advance(61))
        denied(lambda: pay(gate), "expired")
    assert paid == []


@pytest.mark.parametrize(
    "text", [ASK.replace("a-person", "another"), '[[rule]]\nid = "x"\nallow = { tool = "*" }', "nonsense"], ids=["ask", "allow", "broken"]
)
@pytest.mark.usefixtures("acting")
def test_the_rules_change(gate: Gate, paid: list[int], text: str) -> None:
    """Whatever they say now: the person saw other ones."""

    def change() -> None:
        write_rules(gate, text)
        look_again(gate)

    meanwhile(gate, change)
    denied(lambda: pay(gate))
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_the_rules_change_before_the_call_comes_back(gate: Gate, paid: list[int]) -> None:
    token = sign_as(gate, "alice", asked(gate))
    write_rules(gate, ASK + '[default]\nlow = "ask"')
    look_again(gate)
    with gate.approving(token):
        denied(lambda: pay(gate), "rules differ")
    assert paid == []


def test_the_budget_is_spent(gate: Gate, paid: list[int]) -> None:
    """The approval is not used up by a call that did not run."""
    write_rules(gate, ASK)
    tools = {"pay": ANY}
    parent = gate.grant("agent-7", tools=tools, calls=1)
    with gate.acting(parent, session="s1"):
        question = asked(gate)
        token = sign_as(gate, "alice", question)
        other = sign_as(gate, "bob", question)
        with gate.approving(other):
            assert pay(gate) == 5
        with gate.approving(token), pytest.raises(Exhausted):
            pay(gate)
        with gate.approving(token), pytest.raises(Exhausted):
            pay(gate)
    assert paid == [5]
    assert len(log(gate, "intent")) == 1


@pytest.mark.usefixtures("acting")
def test_another_call_while_a_person_thinks(gate: Gate, paid: list[int]) -> None:
    """A call inside the approver's own thinking is asked for by itself, and does not mix with the first."""
    inner: list[Exception] = []

    def change() -> None:
        gate.approvers = ()
        try:
            pay(gate, 99)
        except Denied as denial:
            inner.append(denial)

    meanwhile(gate, change)
    assert pay(gate) == 5
    assert isinstance(inner[0], NeedsApproval)
    assert paid == [5]
