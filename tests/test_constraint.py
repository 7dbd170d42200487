"""The nine constraint types: what each admits, what each subsumes, what is malformed, and that no value makes a check raise."""

from __future__ import annotations

import doctest
import math
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any, ClassVar, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate.constraint
import gate.constraints.registry
import gate.constraints.value
from gate.constraint import (
    ANY,
    AllOf,
    AnyOf,
    Check,
    Constraint,
    Contains,
    Entry,
    Exact,
    NotOneOf,
    OneOf,
    Range,
    Subset,
    Unknown,
    Wildcard,
    coerce,
    coerce_entry,
    depth,
    identity,
    members,
    optional,
    parse,
    parse_entry,
    register,
    show,
    unknown_types,
)
from gate.frozen import Frozen, freeze
from tests import reference
from tests.kit import label
from tests.strategies import CONSTRAINTS, VALUES, narrower

EVERY = [
    ANY,
    Exact("a"),
    Exact(1),
    Exact(value=True),
    Exact(None),
    Range(),
    Range(0, 10, min_inclusive=False),
    OneOf(["a", 1, None, ["x"]]),
    NotOneOf(["a", 1]),
    Contains(["a"]),
    Subset(["a", 1]),
    AllOf([Range(min=0), Range(max=9)]),
    AnyOf([Exact("a"), Range(max=0)]),
    Unknown({"constraint_type": "moon_phase"}),
]


@pytest.mark.parametrize("module", [gate.constraint, gate.constraints.value, gate.constraints.registry])
def test_the_examples(module: Any) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert not outcome.failed


# Laws, against the reference


@given(CONSTRAINTS, st.lists(VALUES, min_size=1, max_size=8))
def test_the_compiled_check_is_the_reference(data: dict[str, Any], values: list[Any]) -> None:
    check = parse(data).compile()
    assert [check(freeze(value)) for value in values] == [reference.admits(data, value) for value in values]


@settings(max_examples=400)
@given(st.data(), CONSTRAINTS, st.lists(VALUES, min_size=1, max_size=10))
def test_subsumes_is_sound(data: st.DataObject, parent: dict[str, Any], values: list[Any]) -> None:
    child = data.draw(narrower(parent))
    if parse(parent).subsumes(parse(child)):
        escaped = [value for value in values if reference.admits(child, value) and not reference.admits(parent, value)]
        assert not escaped


@given(CONSTRAINTS)
def test_every_constraint_subsumes_itself_and_survives_the_wire(data: dict[str, Any]) -> None:
    made = parse(data)
    assert made.subsumes(made)
    assert ANY.subsumes(made)
    assert parse(made.to_json()) == made
    assert hash(parse(made.to_json())) == hash(made)


@given(CONSTRAINTS, VALUES)
def test_what_is_not_admitted_is_explained(data: dict[str, Any], value: Any) -> None:
    made = parse(data)
    if not made.check(freeze(value)):
        assert made.explain(freeze(value))


HOSTILE: list[Any] = [
    float("nan"),
    math.inf,
    -math.inf,
    10**400,
    -(10**400),
    object(),
    b"a",
    {1, 2},
    [1],
    {"a": [1]},
    (float("nan"),),
    "\ud800",
    1j,
    Exact,
]


@pytest.mark.parametrize("value", HOSTILE, ids=label)
@pytest.mark.parametrize("constraint", EVERY, ids=label)
def test_no_value_makes_a_check_raise(constraint: Constraint, value: Any) -> None:
    admitted = constraint.compile()(value)
    assert admitted is (constraint is ANY or (isinstance(constraint, NotOneOf) and isinstance(value, str)))


def test_values_nested_without_end_are_refused_not_followed() -> None:
    value: Any = ()
    for _ in range(100_000):
        value = (value,)
    assert not NotOneOf(["a"]).check(value)
    assert not OneOf([["a"]]).check(value)
    assert not Contains([]).check(value)


# Equality


@pytest.mark.parametrize(
    ("literal", "value", "equal"),
    [(1, 1.0, True), (1.0, 1, True), (0, -0.0, True), (1, True, False), (True, 1, False), (0, False, False), (None, False, False), ("1", 1, False)],
)
def test_numbers_are_compared_by_value_and_truth_is_no_number(literal: Any, value: Any, equal: bool) -> None:
    assert Exact(literal).check(value) is equal
    assert OneOf([literal]).check(value) is equal
    assert NotOneOf([literal]).check(value) is not equal
    assert Contains([literal]).check((value,)) is equal
    assert Subset([literal]).check((value,)) is equal
    assert Exact(literal).subsumes(Exact(value)) is equal
    assert (Exact(literal) == Exact(value)) is equal


def test_look_alike_text_is_other_text() -> None:
    assert not Exact("caf\u00e9").check("cafe\u0301")
    assert not Exact("a").check("a\u200b")


def test_objects_are_equal_whatever_the_order_of_their_members() -> None:
    assert OneOf([{"a": 1, "b": 2}]).check(freeze({"b": 2.0, "a": 1}))
    assert identity(freeze({"a": ()})) != identity(freeze({"a": {}}))


def test_an_integer_and_a_text_of_it_never_meet() -> None:
    assert not Subset([1, 2]).check(("1",))


# Bounds


@pytest.mark.parametrize(
    ("constraint", "value", "reason"),
    [
        (Range(max=100), 500, "500 is over the maximum 100"),
        (Range(min=1), 0, "0 is under the minimum 1"),
        (Range(max=5, max_inclusive=False), 5, "5 is not under the maximum 5"),
        (Range(min=5, min_inclusive=False), 5, "5 is not over the minimum 5"),
        (Range(max=5), "5", "'5' is not a number"),
        (Range(max=5), True, "true is not a number"),
        (Exact("a"), "b", "'b' is not 'a'"),
        (OneOf(["a", "b"]), "c", "'c' is not one of 'a' or 'b'"),
        (OneOf(["a"]), None, "null is not 'a'"),
        (NotOneOf(["a"]), "a", "'a' is excluded"),
        (Contains(["a", "b"]), ("a",), "the list lacks 'b'"),
        (Contains(["a"]), "a", "'a' is not a list"),
        (Subset(["a"]), ("a", "x", "y"), "the list holds 'x' and 'y', and may hold only 'a'"),
        (Subset([]), ("x",), "the list holds 'x', and may hold only nothing"),
        (AllOf([Range(min=1), Range(max=5)]), 9, "9 is over the maximum 5"),
        (AnyOf([Exact("a"), Exact("b")]), "c", "'c' is not 'a' and 'c' is not 'b'"),
        (Unknown({"constraint_type": "moon"}), 1, "nothing here can check the constraint type 'moon', so 1 is refused"),
    ],
)
def test_reasons(constraint: Constraint, value: Frozen, reason: str) -> None:
    assert not constraint.check(value)
    assert constraint.explain(value) == reason


def test_a_reason_shows_unprintable_and_long_values_safely() -> None:
    assert show("a\x1b[2J\u200b\u202e") == r"'a\x1b[2J\u200b\u202e'"
    assert len(show("x" * 10_000)) < 100
    assert show(tuple(range(100))) == "[0, 1, 2, 3, 4 … (100 in all)]"
    assert show({"a": 1}) == "an object with the members 'a'"


@pytest.mark.parametrize("side", ["min", "max"])
@pytest.mark.parametrize(
    ("parent", "child", "within"),
    [
        ({"": 5}, {"": 5}, True),
        ({"": 5}, {"": 5, "_inclusive": False}, True),
        ({"": 5, "_inclusive": False}, {"": 5}, False),
        ({"": 5, "_inclusive": False}, {"": 5, "_inclusive": False}, True),
        ({"": 5, "_inclusive": False}, {"": 5.0}, False),
        ({"": 5}, {}, False),
        ({}, {"": 5}, True),
    ],
)
def test_bounds_narrow_on_both_sides(side: str, parent: dict[str, Any], child: dict[str, Any], within: bool) -> None:
    made = [Range(**{f"{side}{suffix}": value for suffix, value in each.items()}) for each in (parent, child)]
    assert made[0].subsumes(made[1]) is within


@pytest.mark.parametrize(
    ("parent", "child", "within"), [(Range(0, 9), Range(1, 8), True), (Range(0, 9), Range(-1, 8), False), (Range(0, 9), Range(1, 10), False)]
)
def test_bounds_narrow_by_value(parent: Range, child: Range, within: bool) -> None:
    assert parent.subsumes(child) is within


# The wire


MALFORMED: list[Any] = [
    None,
    "wildcard",
    [],
    {},
    {"constraint_type": None},
    {"constraint_type": "exact"},
    {"constraint_type": "exact", "value": [1]},
    {"constraint_type": "exact", "value": float("nan")},
    {"constraint_type": "exact", "value": 10**400},
    {"constraint_type": "exact", "value": 1, "extra": 1},
    {"constraint_type": "range", "min": 2, "max": 1},
    {"constraint_type": "range", "max": True},
    {"constraint_type": "range", "max": "1"},
    {"constraint_type": "range", "max": None},
    {"constraint_type": "range", "max": float("inf")},
    {"constraint_type": "range", "max_inclusive": True},
    {"constraint_type": "range", "max": 1, "max_inclusive": 1},
    {"constraint_type": "range", "max": 1, "step": 1},
    {"constraint_type": "one_of", "values": []},
    {"constraint_type": "one_of", "values": "ab"},
    {"constraint_type": "one_of", "values": {"a": 1}},
    {"constraint_type": "not_one_of"},
    {"constraint_type": "contains", "required": "a"},
    {"constraint_type": "subset", "allowed": None},
    {"constraint_type": "wildcard", "value": 1},
    {"constraint_type": "all", "constraints": []},
    {"constraint_type": "any", "constraints": []},
    {"constraint_type": "all", "constraints": {"constraint_type": "wildcard"}},
    {"constraint_type": "all", "constraints": ["wildcard"]},
    {"constraint_type": "all", "constraints": [{"constraint_type": "wildcard", "optional": True}]},
]


@pytest.mark.parametrize("data", MALFORMED, ids=label)
def test_malformed_constraints_are_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(data)


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {"constraint_type": "wildcard"}
    for _ in range(levels - 1):
        data = {"constraint_type": "all", "constraints": [data]}
    return data


def test_nesting_has_an_end() -> None:
    assert depth(parse(nested(32))) == 32
    for levels in (33, 1000, 100_000):
        with pytest.raises(ValueError, match="nested deeper than 32"):
            parse(nested(levels))
    with pytest.raises(ValueError, match="nested deeper than 32"):
        AllOf([parse(nested(32))])


def test_optional_belongs_to_the_argument() -> None:
    assert parse_entry({"constraint_type": "wildcard", "optional": True}) == Entry(ANY, optional=True)
    assert parse_entry({"constraint_type": "wildcard", "optional": False}) == Entry(ANY)
    assert Entry(ANY, optional=True).to_json() == {"constraint_type": "wildcard", "optional": True}
    for wrong in (1, None, "true"):
        with pytest.raises(ValueError, match="'optional' is true or false"):
            parse_entry({"constraint_type": "wildcard", "optional": wrong})


# What people write


def test_shorthand() -> None:
    assert coerce("a") == Exact("a")
    assert coerce(None) == Exact(None)
    assert coerce(True) == Exact(value=True)
    assert coerce(["a", "b"]) == OneOf(["a", "b"])
    assert coerce({"b", "a"}) == OneOf(["a", "b"])
    assert coerce({"constraint_type": "range", "max": 5}) == Range(max=5)
    assert coerce_entry(optional("a")) == Entry(Exact("a"), optional=True)
    assert coerce_entry({"constraint_type": "exact", "value": 1, "optional": True}) == Entry(Exact(1), optional=True)


@pytest.mark.parametrize("value", [{}, {"a": 1}, object(), b"x", float("nan"), 10**400, [], [float("inf")]], ids=label)
def test_what_is_no_constraint_is_said(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        coerce(value)


def test_constraints_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Exact("a").value = "b"  # type: ignore[misc]  # the point of the test
    values = ["a"]
    made = OneOf(values)
    values.append("b")
    assert not made.check("b")


# Types that others add


class Even(Constraint):
    """A type as a kind would add it."""

    __slots__ = ()
    type: ClassVar[str] = "even"

    def compile(self) -> Check:
        return lambda value: type(value) is int and value % 2 == 0

    def explain(self, value: Frozen) -> str:
        return f"{show(value)} is odd"

    def subsumes(self, other: Constraint) -> bool:
        return isinstance(other, Even) or (isinstance(other, Exact) and self.check(other.value))

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": "even"}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        members(data, "even")
        return cls()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that the test may extend."""
    monkeypatch.setattr(gate.constraints.registry, "_types", dict(gate.constraints.registry._types))


@pytest.mark.usefixtures("registry")
def test_a_registered_type_is_parsed_and_its_name_is_taken() -> None:
    assert isinstance(parse({"constraint_type": "even"}), Unknown)
    register(Even)
    register(Even)
    assert parse({"constraint_type": "even"}) == Even()
    with pytest.raises(ValueError, match="already registered"):
        register(type("Even", (Even,), {}))
    with pytest.raises(ValueError, match="no member 'x'"):
        parse({"constraint_type": "even", "x": 1})


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("target", "found"), [("tests.test_constraint:Even", True), ("tests.test_constraint:nested", False), ("no.such.module:X", False)]
)
def test_an_installed_type_is_loaded_when_first_met_and_a_broken_one_stays_unknown(monkeypatch: pytest.MonkeyPatch, target: str, found: bool) -> None:
    points = {"even": EntryPoint("even", target, "gate.constraints")}
    monkeypatch.setattr(gate.constraints.registry, "_entry_points", lambda: points)
    assert isinstance(parse({"constraint_type": "even"}), Unknown) is not found


def test_an_unknown_type_admits_nothing_and_is_found_at_any_depth() -> None:
    data = {"constraint_type": "any", "constraints": [{"constraint_type": "wildcard"}, {"constraint_type": "moon", "is": "full"}]}
    made = parse(data)
    assert unknown_types(made) == ("moon",)
    assert made.to_json() == data
    unknown = Unknown({"constraint_type": "moon", "is": "full"})
    assert not unknown.check(None)
    assert unknown.subsumes(unknown)
    assert not unknown.subsumes(Unknown({"constraint_type": "moon"}))
    assert not unknown.subsumes(ANY)
    assert Wildcard().subsumes(unknown)
