"""What is typed under a question: only the exact word approves, and anything unforeseen is not understood."""

from __future__ import annotations

import doctest
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.answer import Case
from gate.approvers import typed as module
from gate.approvers.document import document
from gate.approvers.example import QUESTION
from gate.approvers.typed import Typed, prompt, understood
from gate.ask import ONCE, Scope
from gate.effect import Risk

WIDER = Scope("any amount up to 5", {"eur": {"constraint_type": "range", "max": 5}}, 10, 600.0)
GRAVE = document(Case(QUESTION, "open"), now=1000.0)
MILD = document(Case(replace(QUESTION, risk=Risk.LOW, scopes=(ONCE, WIDER)), "open"), now=1000.0)


def test_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("yes", Typed("approve")),
        ("  yes \r", Typed("approve")),
        ("yes 1", Typed("approve", scope=0)),
        ("yes 2", Typed("approve", scope=1)),
        ("d", Typed("deny")),
        ("", Typed("deny")),
        ("n", Typed("deny")),
        ("no", Typed("deny")),
        ("?", Typed("help")),
        ("help", Typed("help")),
        ("d not today", Typed("deny", "not today")),
        ("s", Typed("deny", stop=True)),
        ("s it runs wild", Typed("deny", "it runs wild", stop=True)),
        ("? which host", Typed("ask-back", "which host")),
        ("h bob", Typed("hand-over", "bob")),
        ("l", Typed("later")),
    ],
)
def test_what_is_typed_means(line: str, meant: Typed) -> None:
    assert understood(line, MILD) == meant


@pytest.mark.parametrize(
    "line", ["y", "YES", "yes!", "yes 0", "yes 3", "yes 02x", "yes \u0661", "yes 1 2", "help me", "h", "a", "l8r", "approve", GRAVE.number]
)
def test_anything_else_is_not_understood(line: str) -> None:
    assert understood(line, MILD) == Typed("unclear")


@given(st.text())
def test_no_other_text_approves(line: str) -> None:
    if understood(line, GRAVE).verdict == "approve":
        assert line.split() in ([GRAVE.number], [GRAVE.number, "1"])


@pytest.mark.parametrize("line", ["yes", "000", "0945", "9450", " 9 4 5"])
def test_a_grave_question_takes_only_its_number(line: str) -> None:
    assert understood(line, GRAVE) == Typed("unclear")
    assert understood(GRAVE.number, GRAVE) == Typed("approve")


@pytest.mark.parametrize("more", [{"passkey": True}, {"words": "w" * 200_000}], ids=["passkey", "cut"])
def test_what_cannot_be_approved_here_is_not_approved_by_a_yes_and_says_so(more: dict[str, object]) -> None:
    made = document(Case(replace(QUESTION, risk=Risk.LOW, **more), "open"), now=1000.0)  # type: ignore[arg-type]
    assert understood("yes", made) == Typed("unclear")
    assert "cannot be approved here" in prompt(made)
    assert understood("d no", made) == Typed("deny", "no")


def test_the_prompt_names_the_number_and_the_wider_scopes() -> None:
    assert GRAVE.number in prompt(GRAVE)
    assert "yes 2 for [2]" in prompt(MILD)
    assert "yes" not in prompt(GRAVE)
