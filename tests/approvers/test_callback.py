"""The callback approver: a function's True is signed, anything else is not."""

from __future__ import annotations

from typing import Any

import pytest

from gate import ANY, Gate, Question
from gate.approval import check
from gate.approvers.callback import Callback
from tests.kit import ASK, denied, label, write_rules


def test_the_function_sees_the_question_and_its_true_is_signed_by_the_persons_key(gate: Gate) -> None:
    write_rules(gate, ASK)
    gate.wrap(lambda eur: eur, name="pay")
    seen: list[Question] = []

    def say(question: Question) -> bool:
        seen.append(question)
        return True

    gate.approvers = (person := Callback(gate, say, name="alice"),)
    with gate.acting(gate.grant("agent", tools={"pay": ANY})):
        assert gate.call("pay", {"eur": 5}) == 5
    answer = person.ask(seen[0])
    assert answer is not None
    assert (answer.verdict, answer.approver, answer.method) == ("approve", "alice", "callback")
    home = gate.home
    approval = check(answer.token, binding_hash=seen[0].binding_hash, anchors=home.anchors("approver"), audience=home.origin, now=home.now())
    assert approval.approver == "alice"
    assert approval.kid == home.keys.signing("approver-alice").kid


@pytest.mark.parametrize("said", [False, "no", "", 0, 1, "yes", [], object()], ids=label)
def test_anything_else_is_no(gate: Gate, said: Any) -> None:
    write_rules(gate, ASK)
    gate.wrap(lambda eur: eur, name="pay")
    gate.approvers = (Callback(gate, lambda _: said),)
    with gate.acting(gate.grant("agent", tools={"pay": ANY})):
        refusal = denied(lambda: gate.call("pay", {"eur": 5}), "owner refused it")
    assert (said in str(refusal)) if isinstance(said, str) and said else True


def test_none_is_no_answer(gate: Gate) -> None:
    write_rules(gate, ASK)
    gate.wrap(lambda eur: eur, name="pay")
    gate.approvers = (Callback(gate, lambda _: None),)
    with gate.acting(gate.grant("agent", tools={"pay": ANY})):
        denied(lambda: gate.call("pay", {"eur": 5}), "nobody who may approve answered")
