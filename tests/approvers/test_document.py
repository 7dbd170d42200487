"""The document: every fact of a question, in one order, and who may take a yes to it."""

from __future__ import annotations

import doctest
import json
from dataclasses import fields

import pytest

from gate.answer import Answer, Case
from gate.approvers import document as module
from gate.approvers.document import TITLES, document, facts, to_json, whole
from gate.approvers.example import QUESTION
from gate.ask import Question
from gate.effect import Risk
from tests.approvers.kit import asked, case


def shown(one: Case) -> str:
    return "\n".join(facts(document(one, now=1000.0)))


def test_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0


MARKED = {
    "headline": "H-1",
    "tool": "T-1",
    "agent": "A-1",
    "principal": "P-1",
    "session": "S-1",
    "task": "K-1",
    "capability": "C-1",
    "effects": ("E-1",),
    "techniques": ("Q-1",),
    "reasons": ("R-1",),
    "rules": ("U-1",),
    "rules_version": "V-1",
    "binding_hash": "B-1",
    "approvers": ("O-1",),
    "words": "W-1",
    "requires": ("X-1",),
    "chain": ("N-1",),
    "history": ("Y-1",),
    "earlier": ("L-1",),
    "follows": "F-1",
    "uninspected": ("I-1",),
}


@pytest.mark.parametrize("name", MARKED)
def test_each_field_of_a_question_is_a_fact(name: str) -> None:
    value = MARKED[name]
    assert (value if isinstance(value, str) else value[0]) in shown(case(**{name: value}))


def test_no_field_of_a_question_is_forgotten() -> None:
    """Whoever adds one says here how it is shown."""
    otherwise = {"id", "arguments", "risk", "quorum", "created", "expires", "preview", "scopes", "passkey"}
    assert {field.name for field in fields(Question)} == set(MARKED) | otherwise
    for part in (QUESTION.id, "timeout", "high", "0 of 1", "00:16:40Z", "00:26:40Z", "1,284", "exactly this call, once"):
        assert part in shown(Case(QUESTION, "open")), part


def test_the_sections_come_in_one_order_and_the_words_last() -> None:
    made = document(case(**MARKED), now=1000.0)
    assert [section.name for section in made.sections] == list(TITLES)
    assert [section.name for section in made.sections][-1] == "words"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"risk": Risk.MEDIUM}, ()),
        ({"risk": Risk.CRITICAL}, ("its number must be typed",)),
        ({"risk": Risk.LOW, "passkey": True}, ("it needs a passkey",)),
        ({"risk": Risk.LOW, "quorum": 2}, ("it needs 2 people",)),
        ({"risk": Risk.LOW, "words": "w" * 200_000}, ("it is too long to be shown whole",)),
    ],
    ids=str,
)
def test_what_only_the_page_may_take_a_yes_to(more: dict[str, object], why: tuple[str, ...]) -> None:
    assert document(case(**more), now=1000.0).page_only == why


def test_ten_megabytes_are_cut_openly_and_there_as_a_whole() -> None:
    one = case({"small": 1, "body": ("x\u202e\n" + "y" * 1_000 + "\n") * 10_000})
    made = document(one, now=1000.0)
    assert made.cut == ("argument-1",)
    assert sum(map(len, facts(made))) < 20_000
    text = whole(one, "argument-1")
    assert text.startswith("x\\u202e\ny")
    assert (text.count("x"), text.count("y")) == (10_000, 10_000_000)
    with pytest.raises(KeyError):
        whole(one, "argument-7")
    with pytest.raises(KeyError):
        whole(one, "")


def test_thousands_of_arguments_and_endless_names_are_one_object() -> None:
    arguments = {f"a{n}": n for n in range(5_000)} | {"z" * 100_000: "\u202e"}
    one = case(arguments)
    made = document(one, now=1000.0)
    call = made.section("call").facts
    assert len(call) == 201
    assert call[-1].label == "4,801 more arguments"
    assert made.cut == ("arguments",)
    assert json.loads("".join(whole(one, "arguments").split("\n")).replace("\\u202e", "\\\\u202e"))["a4999"] == 4999


def test_who_said_what_is_there() -> None:
    said = (
        Answer("approve", "bob", at=1100.0),
        Answer("hand-over", "carol", to="dave", at=1110.0),
        Answer("deny", "dave", reason="no\x1b", stop=True),
    )
    text = shown(Case(asked(quorum=2), "denied", said))
    for part in ("1 of 2", "approved at 1970-01-01 00:18:20Z", "handed it over to dave", "denied and stopped the agent: no\\x1b", "now with\ndave"):
        assert part in text, part


@pytest.mark.parametrize("state", ["approved", "used", "denied", "returned", "edited", "withdrawn", "expired"])
def test_a_question_that_is_over_says_how(state: str) -> None:
    assert "no answer means no" not in shown(Case(QUESTION, state))  # type: ignore[arg-type]
    assert "over" in shown(Case(QUESTION, state))  # type: ignore[arg-type]


def test_the_data_can_be_sent_as_json() -> None:
    data = json.loads(json.dumps(to_json(document(Case(QUESTION, "open"), now=1000.0))))
    assert data["sections"][2]["facts"][0]["lines"] == [[["rm", ""]], [["-r", ""]], [["/backup/friday", ""]]]
