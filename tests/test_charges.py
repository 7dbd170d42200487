"""What a call takes from which budgets: of every capability above it, in whole units, never less than it says."""

from __future__ import annotations

import math
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import ANY, BadCall, Gate, Limits
from gate.call import NOBODY, Call
from gate.charges import DEFAULT_WALL, charges, check_cost, estimate, is_wall, micro, plan, time_outs, wall_limit
from gate.effect import UNDECLARED
from gate.errors import ConfigError
from gate.tool import Tool, make_tool


def tool(**options: Any) -> Tool:
    return make_tool(lambda eur=1: eur, {"name": "t", **options})


def call(eur: Any = 5) -> Call:
    return Call("t", MappingProxyType({"eur": eur}), frozenset(), NOBODY, UNDECLARED, "c1")


def taken(gate: Gate, made: Tool, now: float = 100.0, **limits: Any) -> dict[str, tuple[int, int]]:
    """What a call takes under a capability with these limits: budget without the token's id → amount, limit."""
    capability = gate.grant("a", tools={"t": ANY}, **limits)
    return {
        charge.key.removeprefix(f"{capability.jti}/"): (charge.amount, charge.limit) for charge in charges(plan(capability, "t"), made, call(), now)
    }


def test_without_limits_nothing(gate: Gate) -> None:
    assert taken(gate, tool()) == {}


def test_every_sort_of_limit(gate: Gate) -> None:
    made = tool(timeout=2, cost={"usd": 0.5, "eur": "eur"})
    assert taken(gate, made, calls=10, rate=(3, 60), wall=30, cost={"usd": 2, "eur": "7.5"}, per_tool={"t": Limits(calls=4, wall=9)}) == {
        "calls": (1, 10),
        "tool:t/calls": (1, 4),
        "rate/60/1": (1, 3),
        "wall": (2_000_000, 30_000_000),
        "tool:t/wall": (2_000_000, 9_000_000),
        "cost/usd": (500_000, 2_000_000),
        "cost/eur": (5_000_000, 7_500_000),
    }


def test_the_budgets_of_every_capability_above(gate: Gate) -> None:
    parent = gate.grant("a", tools={"t": ANY}, calls=10, per_tool={"t": Limits(calls=6)})
    child = gate.attenuate(parent, "b", calls=5)
    grandchild = gate.attenuate(child, "c", per_tool={"t": Limits(calls=2)})
    keys = [charge.key for charge in plan(grandchild, "t").calls]
    (_, own, _), (_, last, _) = ((budget.account, budget.limits, budget.tools) for budget in grandchild.budgets[1:])
    assert own.calls == 5 and not last
    root, middle, leaf = [budget.account for budget in grandchild.budgets]
    assert keys == [f"{root}/calls", f"{middle}/calls", f"{root}/tool:t/calls", f"{leaf}/tool:t/calls"]
    assert root == parent.jti and middle.startswith(f"{child.jti}~") and leaf.startswith(f"{grandchild.jti}~")
    assert [charge.key for charge in plan(grandchild, "other").calls] == keys[:2]


def test_a_window_has_a_key_of_its_own_and_an_end(gate: Gate) -> None:
    capability = gate.grant("a", tools={"t": ANY}, rate=(3, 60))
    made = plan(capability, "t")
    windows = [charges(made, tool(), call(), now)[0] for now in (119.999, 120.0, 179.999, 180.0)]
    assert [window.key.rpartition("/")[2] for window in windows] == ["1", "2", "2", "3"]
    assert [window.expires for window in windows] == [120, 180, 180, 240]


@pytest.mark.parametrize(
    ("timeout", "wall", "limit"),
    [(None, None, None), (5, None, 5), (5, 100, 5), (500, 100, 500), (None, 1000, DEFAULT_WALL), (None, 10, 10), (None, 0.5, 0.5)],
    ids=str,
)
def test_how_long_a_run_may_take(gate: Gate, timeout: float | None, wall: float | None, limit: float | None) -> None:
    made = tool() if timeout is None else tool(timeout=timeout)
    assert wall_limit(plan(gate.grant("a", tools={"t": ANY}, wall=wall), "t"), made) == limit


def test_what_is_tried_when_less_is_left(gate: Gate) -> None:
    def tries(made: Tool, **limits: Any) -> list[float | None]:
        return time_outs(plan(gate.grant("a", tools={"t": ANY}, **limits), "t"), made)

    assert tries(tool(), wall=8) == [8, 4, 2, 1, 0.5, 0.25, 0.125, 0.0625]
    assert tries(tool(), wall=800)[:2] == [60, 30]
    assert tries(tool(timeout=5), wall=8) == [5]
    assert tries(tool(), calls=8) == [None]


def test_no_time_at_all_is_not_unlimited_time(gate: Gate) -> None:
    assert taken(gate, tool(), wall=0) == {"wall": (1, 0)}
    assert taken(gate, tool(timeout=0), wall=5) == {"wall": (1, 5_000_000)}


def test_a_cost_that_is_not_told_cannot_be_limited(gate: Gate) -> None:
    with pytest.raises(BadCall, match="in usd, and the tool 't' does not say"):
        taken(gate, tool(cost={"eur": 1}), cost={"usd": 1})


# ---- amounts ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (0, 0),
        (1, 1_000_000),
        (0.5, 500_000),
        ("0.000001", 1),
        ("0.0000001", 1),
        (Decimal("1.0000001"), 1_000_001),
        (0.1, 100_000),
        ("1e3", 10**9),
        (1e-30, 1),
    ],
    ids=str,
)
def test_amounts_are_rounded_up(amount: Any, units: int) -> None:
    assert micro(amount) == units


@pytest.mark.parametrize(
    "amount",
    [math.nan, math.inf, -math.inf, -1, -1e-9, "-0.5", "nan", "Infinity", "sNaN", "abc", "", True, False, None, [1], 10**400, "1e400", 2**63, b"1"],
    ids=lambda a: repr(a)[:12],
)
def test_what_is_no_amount(amount: Any) -> None:
    with pytest.raises(ValueError, match="amount"):
        micro(amount)


@given(st.decimals(0, 10**6, places=9))
def test_never_less_than_was_said(amount: Decimal) -> None:
    assert 0 <= micro(amount) - amount * 1_000_000 < 1


@pytest.mark.parametrize(
    "spec",
    ["eur", 5, "computed", Decimal(5)],
    ids=str,
)
def test_the_ways_to_say_a_cost(spec: Any) -> None:
    made = tool(cost={"usd": (lambda arguments: arguments["eur"]) if spec == "computed" else spec})
    check_cost(made)
    assert estimate(made, call()) == {"usd": 5_000_000}


@pytest.mark.parametrize("eur", ["abc", None, True, -1, (1,), "nan"], ids=repr)
def test_an_argument_that_is_no_amount_is_no_cost(eur: Any) -> None:
    with pytest.raises(BadCall, match="cost cannot be told"):
        estimate(tool(cost={"usd": "eur"}), call(eur))


def test_a_function_that_says_the_cost_gets_a_copy() -> None:
    def greedy(arguments: Any) -> int:
        arguments["eur"].append(1)
        arguments["more"] = 1
        return len(arguments["eur"])

    made, one = tool(cost={"usd": greedy}), call((1, 2))
    assert estimate(made, one) == estimate(made, one) == {"usd": 3_000_000}
    assert one.arguments == {"eur": (1, 2)}


@pytest.mark.parametrize("cost", [{"usd": "nothing"}, {"usd": -1}, {"usd": True}, {"usd": math.nan}], ids=str)
def test_a_cost_that_cannot_be_meant_is_refused_when_the_tool_is_registered(gate: Gate, cost: Any) -> None:
    with pytest.raises((ConfigError, ValueError)):
        gate.wrap(lambda eur: eur, name="t", cost=cost)
    assert gate.tools == ()


def test_no_two_budgets_share_a_key(gate: Gate) -> None:
    """The hole: the tool time of a tool called "cost" and a cost in a unit called "wall" were one budget, and so with "a/cost" and "a"."""
    tools = ["cost", "wall", "a", "a/cost", "a%cost".replace("%", "/"), "rate", "tool:a"]
    limits = Limits(calls=4, wall=9, rate=(1, 60), cost={"wall": 1, "calls": 1, "usd": 1})
    capability = gate.grant("a", tools=dict.fromkeys(tools, ANY), calls=9, wall=9, cost={"wall": 1, "usd": 1}, per_tool=dict.fromkeys(tools, limits))
    seen: dict[str, set[tuple[str, ...]]] = {}
    for name in tools:
        made = plan(capability, name)
        for sort, keys in (("calls", made.calls), ("rate", made.rates), ("wall", made.walls), ("cost", made.costs)):
            for each in keys:
                own = "tool:" in str(each[0])
                seen.setdefault(str(each[0]), set()).add((name if own else "", sort, str(each[1]) if sort == "cost" else ""))
    assert all(len(meanings) == 1 for meanings in seen.values()), seen
    assert [key for key in seen if is_wall(key)] == [key for key, meanings in seen.items() if {sort for _, sort, _ in meanings} == {"wall"}]
