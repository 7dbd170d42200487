"""Facts: whole, or cut openly; canonical JSON in lines; a bound on all of it."""

from __future__ import annotations

import doctest
from hashlib import sha256

import pytest
from hypothesis import given

from gate.approvers import fact as module
from gate.approvers.fact import HEAD, LONGEST, MOST_LINES, ROOM, TAIL, Room, argument, choice, laid_out, table, words
from gate.approvers.marked import plain
from gate.ask import ONCE, Scope
from gate.call import canonical
from gate.frozen import freeze, thaw
from gate.preview import listing
from tests.approvers.kit import DATA


def test_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0


@given(DATA)
def test_data_in_lines_is_canonical_json_when_the_lines_are_joined(value: object) -> None:
    frozen = freeze(value)
    assert "".join(line.lstrip(" ") for line in laid_out(frozen)) == canonical(thaw(frozen)).decode()


@pytest.mark.parametrize("text", ["x" * LONGEST, "\n" * (MOST_LINES - 1), ""], ids=["long", "lines", "empty"])
def test_up_to_the_limit_a_text_is_whole(text: str) -> None:
    value = argument("a", text, Room())
    assert not value.cut
    assert [plain(line) for line in value.lines] == text.split("\n")


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "line of text\n" * MOST_LINES], ids=["long", "lines"])
def test_beyond_it_beginning_end_length_and_digest_are_shown(text: str) -> None:
    value = argument("a", text, Room(), "argument-0")
    assert value.cut
    assert "\n".join(map(plain, value.lines)) == text[:HEAD]
    assert "\n".join(map(plain, value.end)) == text[-TAIL:]
    assert value.missing == f"{len(text) - HEAD - TAIL:,} characters left out"
    assert sha256(text.encode()).hexdigest() in value.notes[-1]
    assert f"{len(text):,} characters" in value.notes[-1]


def test_many_arguments_under_the_limit_are_cut_when_all_of_them_are_too_much() -> None:
    room = Room()
    values = [argument(str(n), "y" * (LONGEST - 1), room) for n in range(10)]
    assert [value.cut for value in values] == [False] * (ROOM // LONGEST) + [True] * (10 - ROOM // LONGEST)
    assert not argument("small", "z" * 10, room).cut


def test_a_list_of_texts_has_a_line_for_each_and_a_command_its_shell_line() -> None:
    value = argument("argv", ("sh", "-c", "a; b", "", "new\nline"), Room())
    assert (value.form, [plain(line) for line in value.lines]) == ("list", ["sh", "-c", "a; b", "", "new\\nline"])
    assert plain(value.shell) == "sh -c 'a; b' '' 'new\\nline'"
    assert argument("to", ("a@example.com",), Room()).shell == ()


def test_a_list_too_long_for_lines_is_cut_as_data() -> None:
    value = argument("to", tuple(f"{n}@example.com" for n in range(100_000)), Room())
    assert (value.form, value.cut) == ("data", True)


def test_what_an_agent_says_keeps_its_lines_and_a_sentence_is_one() -> None:
    assert len(words("", "a\nb", Room(), form="quote").lines) == 2
    assert [plain(line) for line in words("task", "a\nb", Room()).lines] == ["a\\nb"]


def test_the_wider_scope_shows_what_it_admits() -> None:
    made = choice(1, Scope("any amount up to 5", {"eur": {"constraint_type": "range", "max": 5}}, 10, 600.0), Room())
    assert [plain(line) for line in made.lines] == ["eur is at most 5"]
    assert [plain(line) for line in made.exact] == ['eur = {"constraint_type":"range","max":5}']
    assert not made.chosen
    assert choice(0, ONCE, Room()).chosen


def test_a_scope_too_long_to_be_shown_is_cut_openly() -> None:
    made = choice(1, Scope("this body", {"body": {"constraint_type": "exact", "value": "x" * 200_000}}, 10, 600.0), Room())
    assert made.cut
    assert "left out" in made.missing


def test_a_panel_says_what_it_does_not_show() -> None:
    made = table(listing("to", [f"{n}@example.com" for n in range(1_000)]))
    assert (len(made.rows), made.missing) == (200, "800 more, not shown")
