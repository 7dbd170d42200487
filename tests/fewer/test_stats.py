"""The figures of answers."""

from __future__ import annotations

import doctest
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import gate.fewer.stats
from gate.answer import Answer, Case
from gate.fewer.stats import Stats, stats
from tests.fewer.kit import NOW, called, case, no, yes


def one(state: Any, *answers: Answer, tool: str = "pay", **more: Any) -> Case:
    return case(called({"eur": 5}, tool=tool), state, *answers, **more)


CASES = [
    one("used", yes("ann", NOW + 1)),
    one("used", yes("ann", NOW + 100, shown_at=NOW + 99)),
    one("approved", yes("bob", NOW + 30, method="slack", shown_at=0.0)),
    one("denied", no("bob", NOW + 300, method="terminal"), tool="mail"),
    one("expired", Answer("expire", "", method="clock", at=NOW + 600)),
    one("expired", yes("ann", NOW + 5)),
    one("withdrawn", Answer("withdraw", "root", method="administrator", at=NOW + 3)),
    one("open"),
]


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.fewer.stats)
    assert outcome.attempted
    assert not outcome.failed


def test_the_figures() -> None:
    found = stats(CASES, NOW + 10)
    assert found.asked == 8
    assert {state: count for state, count in found.states.items() if count} == {"open": 1, "approved": 4, "denied": 1, "expired": 1, "withdrawn": 1}
    assert (found.answers.answers, found.answers.yes, found.answers.no, found.answers.quick) == (5, 4, 1, 2)
    assert (found.answers.rate, found.answers.median, found.answers.p95) == (0.8, 30, 300)
    assert {name: tally.answers for name, tally in found.approvers.items()} == {"ann": 3, "bob": 2}
    assert {name: tally.rate for name, tally in found.tools.items()} == {"pay": 1.0, "mail": 0.0}
    assert {name: tally.quick for name, tally in found.channels.items()} == {"page": 2, "slack": 0, "terminal": 0}


def test_an_open_question_ends_with_its_time() -> None:
    assert stats([one("open")], NOW + 600).states["expired"] == 1


def test_lines_and_json() -> None:
    found = stats(CASES, NOW + 10)
    assert found.lines()[:4] == [
        "8 questions: 1 open, 4 approved, 1 denied, 1 not answered in time, 1 ended by an administrator",
        "in all: 5 answers, 80% yes, half within 30 s, 95 % within 5 min, 2 under 2 s",
        "by person",
        "  ann: 3 answers, 100% yes, half within 5.0 s, 95 % within 2 min, 2 under 2 s",
    ]
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["answers"] == {"answers": 5, "yes": 4, "no": 1, "quick": 2, "median": 30.0, "p95": 300.0, "rate": 0.8}
    assert (data["asked"], data["since"]) == (8, NOW)
    assert stats([], NOW).to_json()["answers"] == {"answers": 0, "yes": 0, "no": 0, "quick": 0, "median": None, "p95": None, "rate": None}


def test_a_shown_time_that_cannot_be_is_not_believed() -> None:
    assert stats([one("used", yes("ann", NOW + 1, shown_at=NOW - 99))], NOW).answers.quick == 1
    assert stats([one("used", yes("ann", NOW + 100, shown_at=NOW + 999))], NOW).answers.quick == 1


def test_names_are_escaped() -> None:
    lines = stats([one("used", yes("ann\u202e\x1b[2J\n"))], NOW).lines()
    assert all(line.isprintable() for line in lines)


@given(st.lists(st.tuples(st.sampled_from(["approve", "deny", "ask-back"]), st.floats(0, 1e6), st.sampled_from(["ann", "bob"])), max_size=30))
def test_the_parts_add_up(drawn: list[Any]) -> None:
    cases = [one("used", Answer(verdict, who, at=NOW + at, method="page")) for verdict, at, who in drawn]
    found: Stats = stats(cases, NOW)
    for tallies in (found.approvers, found.tools, found.channels):
        assert sum(tally.answers for tally in tallies.values()) == found.answers.answers == len(drawn)
        assert sum(tally.quick for tally in tallies.values()) == found.answers.quick
    if drawn:
        times = sorted((NOW + at) - NOW for _, at, _ in drawn)
        assert found.answers.median is not None
        assert sum(time <= found.answers.median for time in times) * 2 >= len(times)
        assert found.answers.median in times
