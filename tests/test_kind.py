"""A function that is a tool of a kind: its name, kinds, headline, preview and needs come along; the person sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gate import ANY, Assessment, ConfigError, Gate, KindTool, NeedsApproval, Question, Risk
from gate.frozen import Frozen
from gate.kind import PROPERTIES, kind_tool, ready
from gate.preview import Panel, facts
from gate.testing import ScriptedApprover
from tests.kit import ASK, look_again, write_rules


class Amount:
    name = "amount"

    def parse(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("this is no amount")
        return value

    def assess(self, value: object) -> Assessment:
        return Assessment(frozenset(["spends"]), Risk.MEDIUM, (f"pays {value}",))


def preview(arguments: Mapping[str, Frozen]) -> list[Panel]:
    return [facts("cost", [("amount", f"{arguments['amount']} EUR")])]


PAY = KindTool(
    "bank.pay", {"amount": Amount()}, headline=lambda arguments: f"pay {arguments['amount']} EUR\u202e", preview=preview, requires=PROPERTIES
)


def question(gate: Gate, tool: str, arguments: dict[str, object]) -> Question:
    write_rules(gate, ASK)
    with gate.acting(gate.grant("agent-7", tools={tool: ANY})), pytest.raises(NeedsApproval) as caught:
        gate.call(tool, arguments)
    assert caught.value.question is not None
    return caught.value.question


def test_a_ready_made_function_brings_its_name_and_kinds(gate: Gate) -> None:
    pay = ready(PAY, lambda amount: amount)
    assert kind_tool(pay) is PAY
    gate.wrap(pay)
    with gate.acting(gate.grant("a", tools={"bank.pay": ANY})):
        assert gate.check("bank.pay", {"amount": 5}).reasons
        with pytest.raises(Exception, match="this is no amount"):
            gate.call("bank.pay", {"amount": "5"})


def test_the_person_sees_headline_preview_and_needs(gate: Gate) -> None:
    gate.wrap(lambda amount: amount, name="pay", like=PAY)
    asked = question(gate, "pay", {"amount": 5})
    assert asked.headline == "agent-7 wants to pay 5 EUR\\u202e"
    assert asked.preview == (Panel("cost", "facts", (("amount", "5 EUR"),), 1),)
    assert asked.requires == tuple(sorted(PROPERTIES))
    assert asked.to_json()["preview"] == [{"title": "cost", "form": "facts", "rows": [["amount", "5 EUR"]], "total": 1}]


@pytest.mark.parametrize("broken", [lambda _: 1 / 0, lambda _: 5], ids=["raises", "no text"])
def test_a_broken_headline_or_preview_is_said_and_stops_no_question(gate: Gate, broken: Any) -> None:
    gate.wrap(lambda amount: amount, name="pay", like=PAY._replace(headline=broken, preview=broken))
    asked = question(gate, "pay", {"amount": 5})
    assert asked.headline == "agent-7 wants to run pay(amount=5)"
    assert asked.preview[0].rows[0][0] == "cannot be inspected"


def test_a_preview_is_made_only_for_a_question_and_holds_up_no_loop(gate: Gate) -> None:
    looked: list[object] = []

    def slow(arguments: Mapping[str, Frozen]) -> list[Panel]:
        import threading

        looked.append(threading.current_thread().name)
        return preview(arguments)

    gate.wrap(lambda amount: amount, name="pay", like=PAY._replace(preview=slow))
    write_rules(gate, "")
    with gate.acting(gate.grant("agent-7", tools={"pay": ANY})):
        assert gate.call("pay", {"amount": 1}) == 1
        assert looked == []
        write_rules(gate, ASK)
        look_again(gate)
        gate.approvers = (person := ScriptedApprover(gate, [True], name="alice"),)
        assert asyncio.run(gate.acall("pay", {"amount": 2})) == 2
    assert looked
    assert "MainThread" not in looked
    assert person.questions[0].preview


def test_what_a_kind_says_and_what_is_declared_both_count(gate: Gate) -> None:
    gate.wrap(lambda amount: amount, name="pay", like=PAY._replace(assessment=Assessment(frozenset(["egress"]), Risk.HIGH)), effects="writes")
    assert set(question(gate, "pay", {"amount": 5}).effects) == {"egress", "spends", "writes"}


def test_a_kind_whose_arguments_the_function_does_not_have(gate: Gate) -> None:
    with pytest.raises(ConfigError, match="there is no argument amount"):
        gate.wrap(lambda to: to, name="pay", like=PAY)
    with pytest.raises(ValueError, match="no property root"):
        ready(PAY._replace(requires=frozenset(["root"])), print)
