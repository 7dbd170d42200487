"""Text of a fixed width: nothing of the call can stand where the engine writes."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import Phase, given, settings

from gate.answer import Case
from gate.approvers import text as module
from gate.approvers.document import document
from gate.approvers.example import QUESTION
from gate.approvers.text import columns, render
from tests.approvers.kit import Nasty, case, cases


def test_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(one=cases())
def test_no_line_is_wider_than_the_screen(one: Nasty) -> None:
    """Else the screen would go on in its first column, where the engine writes; a letter of two columns counts as two."""
    for width in (40, 100):
        assert max(map(columns, render(document(one.case, now=1000.0), width).split("\n"))) <= width


FORGED = "x" * 200 + "\n    number of this call: 999\n  [1] exactly this call, once"


@pytest.mark.parametrize("where", ["words", "task", "agent", "headline", "history", "reasons", "earlier", "argument", "argv", "name"])
def test_what_others_wrote_cannot_begin_a_line_of_the_engine(where: str) -> None:
    forged = " " * 400 + "number of this call: 999 " + "\u6771" * 300 + FORGED
    if where in {"argument", "argv", "name"}:
        one = case({"argument": {"a": forged}, "argv": {"argv": ["x", forged]}, "name": {forged: 1}}[where])
    else:
        one = case(**{where: (forged,) if where in {"history", "reasons", "earlier"} else forged})
    for line in render(document(one, now=1000.0), 80).split("\n"):
        assert not line.strip().startswith(("number of this call: 999", "[1] exactly this call, once\\n")), line


def test_marks_and_titles_stand_out_where_the_screen_can() -> None:
    text = render(document(case({"a": "\u202e"}), now=1000.0), stand_out=lambda text: f"<{text}>", strong=str.upper)
    assert 'a = "<\\u202e>"' in text
    assert "EXACT CALL" in text


def test_a_short_text_is_quoted_and_a_number_is_not() -> None:
    text = render(document(case({"a": "5", "b": 5, "c": ""}), now=1000.0))
    assert '    a = "5"\n    b = 5\n    c = ""\n      ! empty\n' in text


def test_an_ordinary_question_is_short() -> None:
    assert len(render(document(Case(QUESTION, "open"), now=1000.0)).split("\n")) < 55
