"""Who may approve."""

from __future__ import annotations

import shutil

import pytest

from gate import Gate, NeedsApproval
from gate.testing import ScriptedApprover
from tests.asking.kit import TWO, asked, pay
from tests.kit import denied, intents, sign_as, write_rules


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
