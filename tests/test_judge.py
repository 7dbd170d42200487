"""Three-valued constraints: what cannot be compared is no "no"."""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings

import gate.policy.judge
from gate.constraint import ANY, AllOf, AnyOf, Constraint, Contains, Exact, NotOneOf, Range, Subset
from gate.constraint import parse as constraint
from gate.frozen import freeze
from gate.policy.judge import judge
from tests import reference, reference_decide
from tests.strategies import CONSTRAINTS, VALUES


def test_the_examples_of_the_module_hold() -> None:
    result = doctest.testmod(gate.policy.judge)
    assert result.attempted and not result.failed


@settings(max_examples=400, deadline=None)
@given(CONSTRAINTS, VALUES)
def test_the_judge_is_the_slow_one(data: dict[str, Any], value: object) -> None:
    assert judge(constraint(data))(freeze(value)) is reference_decide.answer(data, value)


@settings(max_examples=200, deadline=None)
@given(CONSTRAINTS, VALUES)
def test_what_it_is_sure_of_is_what_the_constraint_says(data: dict[str, Any], value: object) -> None:
    answer = judge(constraint(data))(freeze(value))
    assert answer is None or answer is reference.admits(data, value)


@pytest.mark.parametrize(
    ("made", "value", "expected"),
    [
        (ANY, None, True),
        (Range(max=5), 5, True),
        (Range(max=5), True, None),
        (Range(max=5), float("nan"), None),
        (Exact("a"), "A", False),
        (Exact(True), 1, None),
        (NotOneOf(["a"]), "b", True),
        (NotOneOf(["a"]), 5, None),
        (Contains(["rm"]), ("ls", "rm", 5), True),
        (Contains(["rm"]), ("ls", 5), None),
        (Contains(["rm"]), "rm", None),
        (Subset(["a"]), ("a", "b"), False),
        (Subset(["a"]), ("a", 1), None),
        (AllOf([Range(min=1), NotOneOf([5])]), "x", None),
        (AllOf([Range(min=1), Exact("y")]), "x", False),
        (AnyOf([Range(min=1), Exact("x")]), "x", True),
        (AnyOf([Range(min=1), Exact("y")]), "x", None),
    ],
)
def test_what_can_be_compared(made: Constraint, value: Any, expected: bool | None) -> None:
    assert judge(made)(value) is expected


class Even(Constraint):
    """A type of a kind: even numbers."""

    __slots__ = ()
    type = "even"

    def compile(self) -> Any:
        return lambda value: value % 2 == 0

    def explain(self, value: Any) -> str:
        return "odd"

    def subsumes(self, other: Constraint) -> bool:
        return False

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": "even"}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Even:
        return cls()


class Telling(Even):
    """The same, which says that it speaks about whole numbers."""

    __slots__ = ()

    def tells(self, value: object) -> bool:
        return type(value) is int


def test_a_type_of_a_kind_speaks_about_text_unless_it_says_otherwise() -> None:
    assert judge(Even())(2) is True and judge(Even())(3) is None
    assert judge(Telling())(2) is True and judge(Telling())(3) is False and judge(Telling())(3.5) is None


def test_a_constraint_that_breaks_cannot_tell() -> None:
    assert judge(Even())("x") is None and judge(AnyOf([Even(), Exact("x")]))("x") is True
