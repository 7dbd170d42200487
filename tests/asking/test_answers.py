"""What a person says, and what they and the agent are told."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from gate import Answer, Gate, NeedsApproval, Question, Unavailable
from gate.testing import ScriptedApprover
from tests.asking.kit import TWO, meanwhile, pay
from tests.kit import denied, intents, label, log, refusals, write_rules


@pytest.mark.usefixtures("acting")
def test_yes_runs_it_and_the_log_tells_who_said_so(gate: Gate, paid: list[int]) -> None:
    gate.approvers = (person := ScriptedApprover(gate, [True], name="alice"),)
    assert pay(gate) == 5
    (question,) = person.questions
    assert (question.tool, dict(question.arguments), question.agent, question.session) == ("pay", {"eur": 5}, "agent-7", "s1")
    (intent,) = intents(gate)
    assert [approval["approver"] for approval in intent["approvals"]] == ["alice"]
    assert intent["rules"] == ["a-person"]
    assert [record["type"] for record in log(gate, "question", "answer", "intent", "outcome")] == ["question", "answer", "intent", "outcome"]
    assert paid == [5]


@pytest.mark.parametrize(("said", "because"), [(False, "alice refused it"), ("not today", "alice refused it: not today"), (None, "answered")])
@pytest.mark.usefixtures("acting")
def test_anything_else_than_yes_refuses_it(gate: Gate, paid: list[int], said: Any, because: str) -> None:
    gate.approvers = (ScriptedApprover(gate, [said], name="alice"),)
    denied(lambda: pay(gate), because)
    assert paid == []
    assert intents(gate) == []
    assert because in refusals(gate)[0]


@pytest.mark.parametrize("said", [1, "yes", "True", [True], object()], ids=label)
@pytest.mark.usefixtures("acting")
def test_only_true_is_yes(gate: Gate, paid: list[int], said: Any) -> None:
    gate.approvers = (ScriptedApprover(gate, [said]),)
    denied(lambda: pay(gate))
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_the_next_approver_is_asked_when_one_does_not_answer(gate: Gate) -> None:
    gate.approvers = (first := ScriptedApprover(gate, [None], name="alice"), second := ScriptedApprover(gate, [True], name="bob"))
    assert pay(gate) == 5
    assert len(first.questions) == len(second.questions) == 1


@pytest.mark.usefixtures("acting")
def test_a_no_ends_it(gate: Gate) -> None:
    gate.approvers = (ScriptedApprover(gate, [False], name="alice"), second := ScriptedApprover(gate, [True], name="bob"))
    denied(lambda: pay(gate), "alice refused it")
    assert second.questions == [], "nobody shops for a yes"


@pytest.mark.usefixtures("acting")
def test_an_approver_that_fails_refuses_it(gate: Gate, paid: list[int]) -> None:
    class Broken:
        name = "alice"

        def ask(self, question: Question) -> Answer | None:
            raise OSError("the line is dead")

    gate.approvers = (Broken(),)
    with pytest.raises(Unavailable, match="the line is dead"):
        pay(gate)
    assert paid == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer("approve", "alice"),
        Answer("approve", "alice", token="yes"),
        Answer("approve", "alice", token="a.b.c"),
        Answer("maybe", "alice"),  # type: ignore[arg-type]
        "approve",
    ],
    ids=label,
)
@pytest.mark.usefixtures("acting")
def test_an_answer_without_an_approval_is_no_yes(gate: Gate, paid: list[int], answer: Any) -> None:
    class Sloppy:
        name = "alice"

        def ask(self, question: Question) -> Any:
            return answer

    gate.approvers = (Sloppy(),)
    denied(lambda: pay(gate))
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_each_call_is_asked_for_itself(gate: Gate, paid: list[int]) -> None:
    gate.approvers = (person := ScriptedApprover(gate, [True, True, False]),)
    assert [pay(gate), pay(gate)] == [5, 5]
    denied(lambda: pay(gate), "refused")
    assert len(person.questions) == 3
    assert paid == [5, 5]


@pytest.mark.usefixtures("acting")
def test_in_an_event_loop_a_person_who_thinks_stops_nobody(gate: Gate) -> None:
    go_on = threading.Event()
    gate.approvers = (ScriptedApprover(gate, [True], meanwhile=lambda: go_on.wait(20)),)

    async def main() -> int:
        task = asyncio.create_task(gate.acall("pay", {"eur": 5}))
        await asyncio.sleep(0.05)
        go_on.set()  # runs only if the loop does
        return int(await task)

    assert asyncio.run(main()) == 5


@pytest.mark.usefixtures("acting")
def test_the_refusal_says_what_is_needed(gate: Gate) -> None:
    write_rules(gate, TWO)
    with pytest.raises(NeedsApproval) as caught:
        pay(gate)
    text = str(caught.value)
    assert "two-people" in text
    assert "approval of 2 people of alice, bob, carol" in text
    assert caught.value.question is not None
    assert caught.value.question.id in text
    assert caught.value.call_id == caught.value.question.id


@pytest.mark.usefixtures("acting")
def test_the_question_is_in_the_log_before_anybody_answers(gate: Gate) -> None:
    seen: list[list[dict[str, Any]]] = []
    meanwhile(gate, lambda: seen.append(log(gate, "question")))
    pay(gate)
    (record,) = seen[0]
    assert (record["tool"], record["rules"], record["quorum"]) == ("pay", ["a-person"], 1)
