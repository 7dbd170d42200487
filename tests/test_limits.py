"""Limits: what is a limit, when a child's are within the parent's, and what is inherited."""

from __future__ import annotations

import doctest
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.limits
from gate.limits import NO_LIMITS, Limits

COUNTS = st.none() | st.integers(0, 4)
RATES = st.none() | st.tuples(st.integers(0, 6), st.integers(1, 6))
COSTS = st.dictionaries(st.sampled_from(["usd", "tokens"]), st.sampled_from(["0", "0.5", "1.000001", "2"]))
LIMITS = st.builds(Limits, COUNTS, RATES, st.none() | st.sampled_from([0, 0.5, 2]), COSTS)


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.limits)
    assert outcome.attempted
    assert not outcome.failed


@given(LIMITS)
def test_limits_survive_the_wire(limits: Limits) -> None:
    assert Limits.from_json(limits.to_json()) == limits
    assert hash(Limits.from_json(limits.to_json())) == hash(limits)
    assert bool(limits) is (limits != NO_LIMITS)


def most_in_one_window(few: int, span: int, window: int) -> int:
    """The most calls that fixed windows of `span` seconds with `few` calls each let into one fixed window of `window` seconds."""
    return max(few * len({second // span for second in range(start, start + window)}) for start in range(0, span * window, window))


@given(LIMITS, LIMITS)
def test_a_child_within_its_parent_never_has_more(parent: Limits, child: Limits) -> None:
    if parent.widenings(child):
        return
    own = child.within(parent)
    assert parent.calls is None or (own.calls is not None and own.calls <= parent.calls)
    assert parent.wall is None or (own.wall is not None and own.wall <= parent.wall)
    assert all(own.cost[unit] <= total for unit, total in parent.cost.items())
    if parent.rate is not None:
        assert own.rate is not None
        assert most_in_one_window(*own.rate, parent.rate[1]) <= parent.rate[0]


@given(LIMITS)
def test_what_is_left_out_is_inherited_and_never_widens(limits: Limits) -> None:
    assert NO_LIMITS.within(limits) == limits
    assert limits.widenings(NO_LIMITS) == ()
    assert limits.widenings(limits) == ()


def test_every_widening_is_named() -> None:
    parent = Limits.of(calls=1, rate=(1, 60), wall=1, cost={"usd": "1"})
    child = Limits.of(calls=2, rate=(1, 30), wall=2, cost={"usd": "2", "tokens": 5})
    assert parent.widenings(child) == (
        "calls: 2 is over 1",
        "wall: 2 is over 1",
        "rate: 1 calls per 30 s is not surely within 1 calls per 60 s",
        "cost in 'usd': 2 is over 1",
    )


BAD: list[Any] = [
    None,
    [],
    {"call": 1},
    {"calls": True},
    {"calls": -1},
    {"calls": 1.0},
    {"calls": "1"},
    {"calls": 10**400},
    {"calls": 2**53},
    {"rate": 5},
    {"rate": [5]},
    {"rate": [5, 0]},
    {"rate": [True, 60]},
    {"rate": [5, 60, 1]},
    {"wall": -1},
    {"wall": True},
    {"wall": float("nan")},
    {"wall": float("inf")},
    {"wall": 10**400},
    {"wall": "1"},
    {"cost": []},
    {"cost": {"usd": "x"}},
    {"cost": {"usd": "NaN"}},
    {"cost": {"usd": "-1"}},
    {"cost": {"usd": "Infinity"}},
    {"cost": {"usd": "0.0000001"}},
    {"cost": {"usd": "1e30"}},
    {"cost": {"usd": "1e-99999999"}},
    {"cost": {"usd": 1.5}},
    {"cost": {"usd": True}},
    {"cost": {"usd": None}},
    {"cost": {"": "1"}},
    {"cost": {"us/d": "1"}},
    {"cost": {"usd\u200b": "1"}},
]


@pytest.mark.parametrize("data", BAD, ids=repr)
def test_what_is_no_limit_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Limits.from_json(data)


def test_limits_as_people_write_them() -> None:
    assert Limits.of(cost={"usd": 0.1}).cost == {"usd": Decimal("0.1")}
    assert Limits.of(cost={"usd": Decimal("2.50")}).to_json() == {"cost": {"usd": "2.50"}}
    assert Limits.of(calls=0)  # no call at all is a limit
    with pytest.raises(ValueError, match="decimal text"):
        Limits.of(cost={"usd": float("nan")})


def test_limits_cannot_be_changed() -> None:
    cost = {"usd": Decimal(1)}
    limits = Limits(cost=cost)
    cost["usd"] = Decimal(9)
    assert limits.cost == {"usd": Decimal(1)}
