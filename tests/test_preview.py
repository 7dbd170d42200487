"""Previews: plain panels in which nothing can forge, hide or flood what a person reads."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.preview import MOST_CELL, MOST_ROWS, Panel, cell, diff, facts, listing, panel, table, text


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_diff_shows_a_change_exactly_when_there_is_one(before: str, after: str) -> None:
    assert bool(diff("x", before, after).rows) == (before != after)


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30), st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30))
def test_a_diff_is_one_that_leads_from_the_first_text_to_the_second(old: list[str], new: list[str]) -> None:
    rows = [row[0] for row in diff("x", "\n".join(old), "\n".join(new)).rows]
    removed, added = [row[2:] for row in rows if row.startswith("- ")], [row[2:] for row in rows if row.startswith("+ ")]
    assert len(old) - len(removed) == len(new) - len(added)
    for letter in "abcd":
        assert old.count(letter) - removed.count(letter) == new.count(letter) - added.count(letter)


def test_a_long_diff_is_cut_and_says_how_much_is_missing() -> None:
    change = diff("x", "", "\n".join(str(n) for n in range(10_000)))
    assert len(change.rows) == MOST_ROWS
    assert change.total > 9_000
    assert change.lines()[-1] == f"… and {change.total - MOST_ROWS} more, not shown"


@given(st.lists(st.sampled_from(["a", "b"]), max_size=300), st.lists(st.sampled_from(["a", "b"]), max_size=300))
@settings(max_examples=30)
def test_texts_of_equal_lines_are_one_change(old: list[str], new: list[str]) -> None:
    """The hole: 1,000 equal lines against 500 pairs of them took 17 seconds."""
    old, new = ["x"] * 200 + old, ["x"] * 200 + new
    change = diff("x", "\n".join(old), "\n".join(new))
    rows = [row[0] for row in change.rows]
    if change.total == len(rows):
        removed, added = [row for row in rows if row.startswith("- ")], [row for row in rows if row.startswith("+ ")]
        assert len(old) - len(removed) == len(new) - len(added)
    assert bool(rows) == (old != new)


def test_comparing_ends() -> None:
    began = time.thread_time()
    assert diff("x", "a\n" * 5000, "a\nb\n" * 2500).total > MOST_ROWS
    assert time.thread_time() - began < 2.0


@given(st.text())
def test_a_cell_is_one_printable_line(value: str) -> None:
    shown = cell(value)
    assert shown.isprintable()
    assert len(shown) <= 12 * MOST_CELL


def test_what_a_reader_cannot_see_is_escaped() -> None:
    assert cell("a\u202eb\u200bc\x1b[2Jd\ud800") == "a\\u202eb\\u200bc\\x1b[2Jd\\ud800"
    assert cell("x" * 5000) == "x" * MOST_CELL + "… (5000 characters)"


def test_every_form_is_plain_data_and_lines() -> None:
    panels = [
        text("t", "a\nb"),
        listing("l", ["a", "b"]),
        facts("f", [("cost", "1 EUR")]),
        table("r", ["id", "name"], [(1, "x"), (2, None)]),
        diff("d", "a", "b"),
    ]
    assert [p.lines() for p in panels] == [["a", "b"], ["a", "b"], ["cost: 1 EUR"], ["id | name", "1 | x", "2 | "], ["- a", "+ b"]]
    assert panels[3].to_json() == {"title": "r", "form": "table", "rows": [["id", "name"], ["1", "x"], ["2", ""]], "total": 3}


def test_the_total_counts_what_is_not_shown() -> None:
    assert panel("p", "list", ((str(n),) for n in range(1000))).total == 1000
    assert panel("p", "list", [(str(n),) for n in range(1000)]).total == 1000
    assert table("p", ["n"], [(n,) for n in range(3)], total=50_000).total == 50_001
    assert listing("p", []) == Panel("p", "list", (), 0)
