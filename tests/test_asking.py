"""Asking: a person's yes runs exactly the call they saw, once, if nothing has changed meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gate import ANY, AlreadyUsed, Answer, Denied, Exhausted, Gate, NeedsApproval, Question, Unavailable
from gate.testing import FakeClock, ScriptedApprover
from tests.kit import ASK, denied, intents, log, look_again, refusals, sign_as, write_rules

TWO = """
    [[rule]]
    id = "two-people"
    ask = { tool = "*", approvers = ["alice", "bob", "carol"], quorum = 2, expires = "10m" }
"""


@pytest.fixture
def paid() -> list[int]:
    """What was paid."""
    return []


@pytest.fixture(autouse=True)
def tool(gate: Gate, paid: list[int]) -> None:
    """A tool that a person has to approve."""
    write_rules(gate, ASK)

    @gate.tool
    def pay(eur: int) -> int:
        paid.append(eur)
        return eur


@pytest.fixture
def acting(gate: Gate) -> Iterator[Any]:
    with gate.acting(gate.grant("agent-7", tools={"pay": ANY}), session="s1", task="settle the bills") as acting:
        yield acting


def pay(gate: Gate, eur: int = 5) -> Any:
    return gate.call("pay", {"eur": eur})


def asked(gate: Gate, eur: int = 5) -> Question:
    """The question that a call leads to where nobody can be asked."""
    with pytest.raises(NeedsApproval) as caught:
        pay(gate, eur)
    assert caught.value.question is not None
    return caught.value.question


# ---- callbacks --------------------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("said", [1, "yes", "True", [True], object()], ids=repr)
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
    ids=str,
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


# ---- who may approve --------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("acting")
def test_an_agent_does_not_approve_its_own_call(gate: Gate, paid: list[int]) -> None:
    gate.approvers = (itself := ScriptedApprover(gate, [True], name="agent-7"),)
    question = asked(gate)
    assert itself.questions == []
    with gate.approving(sign_as(gate, "agent-7", question)):
        denied(lambda: pay(gate), "cannot approve its own call")
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_a_rule_names_who_may(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, '[[rule]]\nid = "r"\nask = { tool = "*", approvers = ["oncall"] }')
    gate.approvers = (other := ScriptedApprover(gate, [True], name="alice"),)
    question = asked(gate)
    assert other.questions == []
    with gate.approving(sign_as(gate, "alice", question)):
        denied(lambda: pay(gate), "not among the approvers oncall")
    gate.approvers = (ScriptedApprover(gate, [True], name="oncall"),)
    assert pay(gate) == 5


@pytest.mark.usefixtures("acting")
def test_two_people(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, TWO)
    gate.approvers = tuple(people := [ScriptedApprover(gate, [True], name=name) for name in ("alice", "dave", "bob", "carol")])
    assert pay(gate) == 5
    assert [len(person.questions) for person in people] == [1, 0, 1, 0], "those the rule names, and no more than it needs"
    assert [approval["approver"] for approval in intents(gate)[0]["approvals"]] == ["alice", "bob"]


@pytest.mark.usefixtures("acting")
def test_one_person_is_not_two(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, TWO)
    question = asked(gate)
    gate.approvers = (ScriptedApprover(gate, [True], name="alice"), ScriptedApprover(gate, [True], name="alice"))
    with pytest.raises(NeedsApproval):
        pay(gate)
    gate.approvers = ()
    with gate.approving(sign_as(gate, "alice", question), sign_as(gate, "alice", question)), pytest.raises(NeedsApproval):
        pay(gate)
    assert paid == []
    with gate.approving(sign_as(gate, "alice", question), sign_as(gate, "alice", question), sign_as(gate, "bob", question)):
        assert pay(gate) == 5


@pytest.mark.usefixtures("acting")
def test_one_key_under_two_names_is_one_person(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, TWO)
    question = asked(gate)
    alice = sign_as(gate, "alice", question)
    keys = gate.home.keys.directory
    shutil.copy(keys / "approver-alice.jwk", keys / "approver-bob.jwk")
    bob = sign_as(gate, "bob", question)
    with gate.approving(alice, bob):
        denied(lambda: pay(gate))
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_one_name_with_two_keys_is_one_person(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, TWO)
    question = asked(gate)
    old = sign_as(gate, "alice", question)
    gate.home.keys.rotate("approver-alice")
    with gate.approving(old, sign_as(gate, "alice", question)), pytest.raises(NeedsApproval):
        pay(gate)
    with gate.approving(old, sign_as(gate, "bob", question)):
        assert pay(gate) == 5, "what a key signed before it was rotated stays good"


@pytest.mark.usefixtures("acting")
def test_who_may_grant_may_not_thereby_approve(gate: Gate, paid: list[int]) -> None:
    from gate.approval import sign

    question = asked(gate)
    now = gate.home.now()
    for name in ("issuer", "log"):
        forged = sign(question, gate.home.keys.signing(name), approver=name, audience=gate.home.origin, now=now)
        with gate.approving(forged):
            denied(lambda: pay(gate), "not by a key that is trusted")
    assert paid == []


# ---- retrying with an approval ----------------------------------------------------------------------------------------------------------


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


# ---- time -------------------------------------------------------------------------------------------------------------------------------


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
    denied(lambda: pay(gate), "after the question had expired")
    assert paid == []


@pytest.mark.usefixtures("acting")
def test_an_approval_that_expires_while_the_second_person_thinks(gate: Gate, clock: FakeClock, paid: list[int]) -> None:
    write_rules(gate, TWO)
    gate.approvers = (ScriptedApprover(gate, [True], name="alice"), ScriptedApprover(gate, [True], name="bob", meanwhile=lambda: clock.advance(301)))
    denied(lambda: pay(gate), "has expired")
    assert paid == []


# ---- what changes while a person thinks -------------------------------------------------------------------------------------------------


def meanwhile(gate: Gate, change: Callable[[], Any]) -> None:
    gate.approvers = (ScriptedApprover(gate, [True], meanwhile=change),)


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


# ---- what the person and the agent are told ---------------------------------------------------------------------------------------------


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
