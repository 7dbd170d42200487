"""A call that comes back with its approval, and an approval for another call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gate import ANY, AlreadyUsed, Answer, Denied, Gate, NeedsApproval, Question
from gate.testing import FakeClock, ScriptedApprover
from tests.asking.kit import TWO, asked, pay
from tests.kit import denied, log, sign_as, write_rules


@pytest.mark.usefixtures("acting")
def test_a_call_may_come_back_with_its_approval(gate: Gate, paid: list[int]) -> None:
    question = asked(gate)
    with gate.approving(sign_as(gate, "alice", question)):
        assert pay(gate) == 5
        with pytest.raises(NeedsApproval):
            pay(gate)
    assert paid == [5]


@pytest.mark.usefixtures("acting")
def test_an_approval_is_good_once(gate: Gate, paid: list[int]) -> None:
    token = sign_as(gate, "alice", asked(gate))
    with gate.approving(token):
        assert pay(gate) == 5
    with gate.approving(token), pytest.raises(AlreadyUsed, match="used before"):
        pay(gate)
    assert paid == [5]
    assert log(gate, "refusal")[-1]["error"] == "AlreadyUsed", "evidence of a replay"


@pytest.mark.usefixtures("acting")
def test_the_same_call_runs_again_with_an_approval_of_its_own(gate: Gate, paid: list[int]) -> None:
    """No false refusal: that an identical call has run is no reason."""
    question = asked(gate)
    first, second = sign_as(gate, "alice", question), sign_as(gate, "alice", question)
    with gate.approving(first, second):
        assert [pay(gate), pay(gate)] == [5, 5]
        with pytest.raises(NeedsApproval):
            pay(gate)
    assert paid == [5, 5]


@pytest.mark.usefixtures("acting")
def test_approvals_of_different_calls_are_presented_together(gate: Gate, paid: list[int]) -> None:
    tokens = [sign_as(gate, "alice", asked(gate, eur)) for eur in (1, 2, 3)]
    with gate.approving(*tokens):
        assert [pay(gate, 3), pay(gate, 1), pay(gate, 2)] == [3, 1, 2]
    assert paid == [3, 1, 2]


@pytest.mark.usefixtures("acting")
def test_tasks_beside_each_other_find_each_its_own(gate: Gate, paid: list[int]) -> None:
    question = asked(gate)
    tokens = [sign_as(gate, "alice", question) for _ in range(5)]

    async def main() -> list[Any]:
        with gate.approving(*tokens):
            return await asyncio.gather(*[gate.acall("pay", {"eur": 5}) for _ in range(6)], return_exceptions=True)

    results = asyncio.run(main())
    assert sorted(map(str, results))[:5] == ["5"] * 5
    assert sum(isinstance(result, NeedsApproval) for result in results) == 1
    assert paid == [5] * 5


@pytest.mark.usefixtures("acting")
def test_what_is_void_is_said_and_somebody_is_asked(gate: Gate) -> None:
    token = sign_as(gate, "alice", asked(gate, 1))
    gate.approvers = (person := ScriptedApprover(gate, [True]),)
    with gate.approving(token, "nonsense"):
        assert pay(gate, 2) == 2
    assert len(person.questions) == 1


@pytest.mark.usefixtures("acting")
def test_an_approval_for_a_call_that_was_not_run_stays_with_whoever_has_it(gate: Gate) -> None:
    write_rules(gate, TWO)
    question = asked(gate)
    alice, bob = sign_as(gate, "alice", question), sign_as(gate, "bob", question)
    with gate.approving(alice):
        for _ in range(2):
            with pytest.raises(NeedsApproval):
                pay(gate)
        gate.approvers = (ScriptedApprover(gate, [True], name="bob"),)
        assert pay(gate) == 5
    gate.approvers = ()
    with gate.approving(bob), pytest.raises(NeedsApproval):
        pay(gate)


Change = Callable[[Gate], Any]


def other_session(gate: Gate) -> Any:
    return gate.acting(gate.current().capability or "", session="s2", task="settle the bills")


def other_task(gate: Gate) -> Any:
    return gate.acting(gate.current().capability or "", session="s1", task="something else")


def other_capability(gate: Gate) -> Any:
    return gate.acting(gate.grant("agent-7", tools={"pay": ANY}), session="s1", task="settle the bills")


def other_agent(gate: Gate) -> Any:
    return gate.acting(gate.grant("agent-8", tools={"pay": ANY}), session="s1", task="settle the bills")


@pytest.mark.parametrize("change", [other_session, other_task, other_capability, other_agent])
@pytest.mark.usefixtures("acting")
def test_an_approval_is_worth_nothing_for_anybody_else(gate: Gate, paid: list[int], change: Change) -> None:
    token = sign_as(gate, "alice", asked(gate))
    with change(gate), gate.approving(token):
        denied(lambda: pay(gate), "for another call")
    assert paid == []
    with gate.approving(token):
        assert pay(gate) == 5


@pytest.mark.usefixtures("acting")
def test_an_approval_is_worth_nothing_for_other_arguments(gate: Gate, paid: list[int]) -> None:
    token = sign_as(gate, "alice", asked(gate, 5))
    with gate.approving(token):
        denied(lambda: pay(gate, 6), "for another call")
        denied(lambda: pay(gate, 500), "for another call")
        assert pay(gate, 5) == 5
    assert paid == [5]


@pytest.mark.usefixtures("acting")
def test_an_approval_is_worth_nothing_for_another_tool(gate: Gate, paid: list[int]) -> None:
    gate.wrap(lambda eur: paid.append(-eur), name="refund")
    token = sign_as(gate, "alice", asked(gate))
    with gate.acting(gate.grant("agent-7", tools={"refund": ANY}), session="s1", task="settle the bills"), gate.approving(token):
        denied(lambda: gate.call("refund", {"eur": 5}), "for another call")
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_an_approval_is_worth_nothing_at_another_gate(gate: Gate, paid: list[int], tmp_path: Any, clock: FakeClock) -> None:
    """Even one with the same approver key and, by chance, the same capability, session and rules."""
    question = asked(gate)
    token = sign_as(gate, "alice", question, audience="example.com/other")
    with gate.approving(token):
        denied(lambda: pay(gate), "for another gate")
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_an_approval_is_kept_when_asking_the_second_person_fails(gate: Gate, paid: list[int]) -> None:
    """It was lost with whatever ended the question: an interruption, a refusal, an error of the approver's."""
    write_rules(gate, TWO)
    tokens = [sign_as(gate, who, asked(gate)) for who in ("alice", "bob")]

    class Fails:
        name = "bob"

        def __init__(self, error: BaseException) -> None:
            self.error = error

        def ask(self, question: Question) -> Answer | None:
            raise self.error

    with gate.approving(tokens[0]):
        for error in (KeyboardInterrupt(), asyncio.CancelledError(), ValueError("no network")):
            gate.approvers = (Fails(error),)
            with pytest.raises((KeyboardInterrupt, asyncio.CancelledError, Denied)):
                pay(gate)
            assert gate._presented.get() == [tokens[0]]
        gate.approvers = (ScriptedApprover(gate, [None, True], name="bob"),)
        with pytest.raises(NeedsApproval):
            pay(gate)
        assert pay(gate) == 5
        with pytest.raises(NeedsApproval):
            pay(gate)
    assert paid == [5]
