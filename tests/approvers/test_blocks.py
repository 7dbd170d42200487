"""Slack messages: within its limits, literal, and without a button to approve where one must not be."""

from __future__ import annotations

import doctest
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from gate.answer import Case
from gate.approvers import blocks as module
from gate.approvers.blocks import APPROVE, DENY, PAGE, buttons, message, read
from gate.approvers.document import document
from gate.approvers.example import QUESTION
from gate.effect import Risk
from tests.approvers.kit import Nasty, asked, case, cases

URL = "https://gate.example.com/q/q_0001"


def made(one: Case, page: str = URL) -> Any:
    return message(document(one, now=1000.0), page=page)


def test_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(one=cases())
def test_it_keeps_slacks_limits_and_is_literal(one: Nasty) -> None:
    sent = made(one.case)
    assert len(sent["blocks"]) <= 50
    assert sum(len(node["text"]) for node in nodes(sent["blocks"]) if isinstance(node.get("text"), str)) <= 9_000
    assert all(len(node["text"]) <= 3_000 for node in nodes(sent) if isinstance(node.get("text"), str))
    assert all(len(node.get("value", "")) <= 2_000 for node in nodes(sent))
    assert {node["type"] for node in nodes(sent["blocks"]) if node != {"bold": True}} <= {
        "rich_text", "rich_text_section", "rich_text_preformatted", "text", "actions", "button", "plain_text",
    }  # fmt: skip
    assert "<" not in sent["text"]
    assert json.loads(json.dumps(sent)) == sent


def test_mentions_in_a_call_are_letters() -> None:
    sent = made(case({"to": "<!channel> <@U1> *b* `c` &lt;"}, headline="<!here>", risk=Risk.LOW))
    assert "<!channel> <@U1> *b* `c` &lt;" in read(sent)
    assert sent["text"] == "&lt;!here&gt; (low risk)"


@pytest.mark.parametrize(
    ("more", "offered"),
    [
        ({"risk": Risk.MEDIUM}, [APPROVE, DENY, PAGE]),
        ({"risk": Risk.HIGH}, [DENY, PAGE]),
        ({"risk": Risk.LOW, "passkey": True}, [DENY, PAGE]),
        ({"risk": Risk.LOW, "quorum": 2}, [DENY, PAGE]),
        ({"risk": Risk.LOW, "words": "w" * 9_000}, [DENY, PAGE]),
        ({"risk": Risk.LOW, "words": "w" * 200_000}, [DENY, PAGE]),
    ],
    ids=str,
)
def test_only_what_is_shown_whole_and_not_grave_can_be_approved(more: dict[str, Any], offered: list[str]) -> None:
    sent = made(case(**more))
    assert buttons(sent) == offered
    assert ("This cannot be approved here" in read(sent)) == (APPROVE not in offered)


def test_without_a_page_it_says_where_to_approve() -> None:
    sent = made(Case(QUESTION, "open"), page="")
    assert buttons(sent) == [DENY]
    assert "gate ask" in read(sent)


@pytest.mark.parametrize("state", ["approved", "used", "denied", "returned", "edited", "withdrawn", "expired"])
def test_a_question_that_is_over_has_no_buttons(state: Any) -> None:
    assert buttons(made(Case(asked(risk=Risk.LOW), state))) == []


def test_a_button_says_which_question_and_which_call() -> None:
    (deny,) = [node for node in nodes(made(Case(QUESTION, "open"))) if node.get("action_id") == DENY]
    assert deny["value"] == f"{QUESTION.id} {QUESTION.binding_hash}"


def test_what_does_not_fit_says_so_and_still_names_the_call() -> None:
    sent = made(case({"body": "line\n" * 1_900}))
    for part in (QUESTION.headline, QUESTION.number, QUESTION.binding_hash, "missing here"):
        assert part in read(sent), part
