"""The seam of all adapters: what a framework's own yes is worth, and what people and models are told."""

from __future__ import annotations

import pytest

from gate import ANY, Denied, Gate, NeedsApproval
from gate.agents.around import Around, Sent, asked, told
from tests.agents.kit import SAY, Tool, around, grant
from tests.kit import ASK, intents, write_rules


@pytest.fixture
def tool(gate: Gate) -> Tool:
    return Tool(gate)


def question(made: Around, sent: Sent, tool: Tool):
    with pytest.raises(NeedsApproval) as caught:
        made.run(sent, tool)
    assert caught.value.question is not None
    return caught.value.question


def test_whether_a_person_would_be_asked(gate: Gate, tool: Tool) -> None:
    write_rules(gate, ASK.replace("*", "tell"))
    made = around(gate, capability=grant(gate))
    assert made.asks(Sent("tell", {"text": "x"})) is True and made.asks(SAY) is False
    assert made.asks(Sent("tell", {})) is False and made.asks(Sent("nothing", {})) is False, "who runs it is told"
    assert around(gate).asks(Sent("tell", {"text": "x"})) is False
    assert not tool.ran


def test_a_yes_that_nobody_answers_for_is_worth_nothing(gate: Gate, tool: Tool) -> None:
    """The agent runs in this process and could resume itself."""
    write_rules(gate, ASK)
    made = around(gate, capability=grant(gate), session="s")
    waits = question(made, SAY, tool)
    for said in (True, {"approve": True}, {"approve": True, "arguments": {"text": "other"}}, {"approvals": ["x.y.z", 5]}, "yes", 1, None):
        with pytest.raises(NeedsApproval), made.answered(waits, said):
            made.run(SAY, tool)
    assert not tool.ran


def test_a_no_of_the_frameworks_is_a_refusal(gate: Gate, tool: Tool) -> None:
    write_rules(gate, ASK)
    for made in (around(gate, capability=grant(gate), session="a"), around(gate, capability=grant(gate), session="b", answers="owner")):
        waits = question(made, SAY, tool)
        with pytest.raises(Denied, match="too late"), made.answered(waits, {"approve": False, "reason": "too late"}):
            made.run(SAY, tool)
    assert not tool.ran


def test_a_yes_of_the_approver_the_adapter_names_runs_the_call_once(gate: Gate, tool: Tool) -> None:
    write_rules(gate, ASK)
    made = around(gate, capability=grant(gate), session="s", answers="owner")
    waits = question(made, SAY, tool)
    with made.answered(waits, True):
        made.run(SAY, tool)
        with pytest.raises(NeedsApproval):
            made.run(SAY, tool)
    assert len(tool.ran) == 1
    assert intents(gate)[0]["approvals"][0]["approver"] == "owner"


def test_a_yes_to_one_call_is_none_to_another(gate: Gate, tool: Tool) -> None:
    write_rules(gate, ASK)
    made = around(gate, capability=grant(gate), session="s", answers="owner")
    waits = question(made, SAY, tool)
    with pytest.raises(NeedsApproval), made.answered(waits, True):
        made.run(SAY._replace(arguments={"text": "something else"}), tool)
    assert not tool.ran


def test_tokens_of_approvers_are_presented(gate: Gate, tool: Tool) -> None:
    from tests.kit import sign_as

    write_rules(gate, ASK)
    made = around(gate, capability=grant(gate), session="s")
    token = sign_as(gate, "owner", question(made, SAY, tool))
    with made.answered(None, {"approvals": [token]}):
        made.run(SAY, tool)
    with pytest.raises(Denied), made.answered(None, {"approvals": [token]}):
        made.run(SAY._replace(id="c2"), tool)
    assert len(tool.ran) == 1


def test_what_the_approver_changed_is_what_is_asked_about_and_the_model_is_told(gate: Gate, tool: Tool) -> None:
    write_rules(gate, ASK)
    made = around(gate, capability=grant(gate), session="s", answers="owner")
    waits = question(made, SAY, tool)
    with pytest.raises(NeedsApproval) as again, made.answered(waits, {"approve": True, "arguments": {"text": "softer"}}):
        made.run(SAY, tool)
    changed = again.value.question
    assert changed is not None and dict(changed.arguments)["text"] == "softer"
    with made.answered(changed, True):
        value = made.run(SAY, tool)
    assert tool.ran == [{"text": "softer"}]
    assert "owner changed" in value and value.endswith("said softer")


def test_what_the_model_is_told(gate: Gate, tool: Tool) -> None:
    write_rules(gate, ASK)
    made = around(gate, capability=grant(gate), session="s")
    with pytest.raises(NeedsApproval) as caught:
        made.run(SAY, tool)
    assert told(caught.value).startswith("Refused by Gate for now") and caught.value.question.id in told(caught.value)
    with pytest.raises(Denied) as refused:
        made.run(Sent("remove", {}), tool)
    assert told(refused.value).startswith("Refused by Gate, it did not run")
    payload = asked(caught.value.question)
    assert payload["question"] == caught.value.question.id and payload["tool"] == "say" and payload["binding_hash"]
    assert asked(None) == {"gate": "question"}


def test_a_plain_yes_is_none_to_a_grave_question(gate: Gate) -> None:
    """From high risk on nothing but the page and the terminal take a yes, where the whole call was shown."""
    made = Around(gate, capability=gate.grant("root", tools={"wipe": ANY}), session="s", answers="owner", tools={"wipe": {"risk": "critical"}})
    made.declare("wipe")
    ran: list[object] = []
    with pytest.raises(NeedsApproval) as caught:
        made.run(Sent("wipe", {"x": 1}, "c1"), ran.append)
    assert caught.value.question is not None and caught.value.question.grave
    with pytest.raises(NeedsApproval), made.answered(caught.value.question, True):
        made.run(Sent("wipe", {"x": 1}, "c1"), ran.append)
    assert not ran
