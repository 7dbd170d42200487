"""The tests a kind needs: its values, its refusals, its constraint. Copy this file with `capabilities/example.py`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities.example import TICKET, TOOLS, Project, project
from gate.constraint import Exact, Wildcard, parse
from gate.effect import Risk
from gate.kind import Kind, KindTool

PROJECTS = st.sampled_from(["OPS", "OP", "HR"]).map(Project)
TICKETS = ["OPS-1", "OPS-42", "OP-1", "HR-7", "OPS", "OPS-01", "ops-1", "", None, 5, ("OPS-1",)]


def test_it_is_a_kind() -> None:
    assert isinstance(TICKET, Kind)
    assert isinstance(TOOLS["ticket.comment"], KindTool)


def test_a_ticket_has_one_form_and_says_what_it_does() -> None:
    assert TICKET.parse("ops-42") == "OPS-42"
    assert TICKET.assess("OPS-42").risk == Risk.MEDIUM
    assert TICKET.assess("OPS-42").reasons == ("changes the ticket OPS-42",)


@pytest.mark.parametrize(
    "value",
    [None, 5, True, float("nan"), "", "OPS", "OPS-0", "OPS-1 ", "OPS-1\n", "О\u0420S-1", "\ud800", "A" * 10_000_000 + "-1", ["OPS-1"], {"a": 1}],
)
def test_everything_else_is_refused_with_a_reason(value: object) -> None:
    with pytest.raises(ValueError, match="is no ticket"):
        TICKET.parse(value)


@given(PROJECTS, PROJECTS)
def test_a_constraint_that_is_subsumed_admits_nothing_more(wide: Project, narrow: Project) -> None:
    if wide.subsumes(narrow):
        assert all(wide.check(value) for value in TICKETS if narrow.check(value))
    assert parse(wide.to_json()) == wide


def test_the_constraint() -> None:
    ops = project("OPS")
    assert [value for value in TICKETS if ops.check(value)] == ["OPS-1", "OPS-42"]
    assert ops.subsumes(Exact("OPS-1")) and not ops.subsumes(Exact("HR-1")) and not ops.subsumes(Wildcard())
    assert ops.explain("HR-1") == "'HR-1' is no ticket of OPS"
    for bad in ({}, {"project": "ops"}, {"project": 5}, {"project": "OPS", "more": 1}):
        with pytest.raises(ValueError, match="."):
            parse({"constraint_type": "example_project", **bad})
