"""Marked lines: nothing is lost, nothing hides, and words that pass for others are pointed at."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.approvers import marked as module
from gate.approvers.marked import marked, notes, plain, printable
from tests.approvers.kit import TEXTS

HIDING = [
    "\u202e",
    "\u2066",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\x1b",
    "\x00",
    "\x7f",
    "\x9b",
    "\u3164",
    "\u2800",
    "\ufe0f",
    "\u034f",
    "\U000e0041",
    "\u00a0",
    "\u2028",
]


def test_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0


@given(TEXTS)
def test_a_line_is_printable_and_tells_texts_apart(text: str) -> None:
    shown = plain(marked(text))
    assert shown.isprintable()
    assert plain(printable(text)).isprintable()
    if "\\" not in text:
        assert shown.encode().decode("raw_unicode_escape").encode("latin-1", "replace") or not text
        assert (shown == text) == (not any(segment.mark in {"unseen", "blank"} for segment in marked(text)))


@given(TEXTS, TEXTS)
def test_two_texts_that_are_shown_alike_are_alike_but_for_written_backslashes(one: str, other: str) -> None:
    if "\\" not in one + other:
        assert (marked(one) == marked(other)) == (one == other)


@pytest.mark.parametrize("hiding", HIDING, ids=ascii)
def test_what_hides_is_marked_and_named(hiding: str) -> None:
    line = marked(f"a{hiding}b")
    assert [segment.mark for segment in line] == ["", "unseen", ""]
    assert line[1].text == hiding.encode("unicode_escape").decode()
    assert f"U+{ord(hiding):04X}" in " ".join(notes(f"a{hiding}b"))


def test_white_space_at_the_end_and_tabs_are_seen() -> None:
    assert [(segment.text, segment.mark) for segment in marked("a\tb \r")] == [("a", ""), ("\\t", "blank"), ("b", ""), ("\\x20\\r", "blank")]
    assert marked("a\rb")[1].mark == "unseen", "in the middle of a line it goes back to its start"


def test_marks_stacked_on_a_letter_cannot_paint_over_its_neighbours() -> None:
    assert [segment.mark for segment in marked("e\u0301\u0302\u0303\u0304x")] == ["", "unseen", ""]
    assert marked("r\u0336m")[1].mark == "unseen", "struck through, it reads as taken back"
    assert marked("\u0301x")[0].mark == "unseen", "it would be drawn onto what the engine wrote before it"
    assert marked("n\u0303o") == (("n\u0303o", ""),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://p\u0430ypal.com/login", "several scripts"),
        ("ann@\u0430\u0440\u0440\u04cf\u0435.com", "look like Latin"),
        ("\u0430\u0440\u0440\u04cf\u0435.com", "look like Latin"),
        ("https://xn--80ak6aa92e.com/", "\u0430\u0440\u0440\u04cf\u0435.com"),
        ("https://\u4f8b\u3048.jp/", "outside ASCII"),
        ("\uff52\uff4d -rf", "'rm'"),
        ("\u2115ame", "'Name'"),
        ("G\u03bfogle", "several scripts"),
    ],
    ids=ascii,
)
def test_words_that_pass_for_others_are_pointed_at(text: str, why: str) -> None:
    assert why in " ".join(notes(text)), notes(text)


@pytest.mark.parametrize(
    "text",
    [
        "na\u00efve caf\u00e9.txt",
        "\u043e\u0442\u0447\u0451\u0442.pdf",
        "\u65e5\u672c\u8a9eABC",
        "5 \u00b5s",
        "https://example.com/a?b=c",
        "line\nline\tx",
    ],
    ids=ascii,
)
def test_ordinary_words_are_not(text: str) -> None:
    assert notes(text) == ()


def test_letters_from_right_to_left_are_said() -> None:
    assert "right to left" in notes("\u05d0\u05d1 1.2.3")[0]


def test_many_notes_are_counted() -> None:
    assert notes(" ".join(f"p\u0430y{n}" for n in range(9)))[-1] == "and 4 more words like these"


@given(st.text())
def test_notes_of_anything_are_printable(text: str) -> None:
    assert all(note.isprintable() for note in notes(text))
