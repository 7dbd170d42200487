"""The description of a tool: names that cannot be mistaken, options that cannot be misunderstood, calls that cannot be anything else."""

from __future__ import annotations

from typing import Any

import pytest

from capabilities.example import TICKET
from gate import BadCall, Risk
from gate.call import NOBODY
from gate.describe.schema import Schema
from gate.errors import ConfigError
from gate.run import held
from gate.tool import OUTPUT_LIMIT, Tool, make_tool, timed
from tests.kit import label


def pay(to: str, eur: int = 5) -> None: ...


def test_what_is_said_about_a_tool() -> None:
    tool = make_tool(pay, {"effects": "reads", "risk": "high", "techniques": ["T1005"], "timeout": 3, "idempotent": True, "output_limit": 9})
    assert (tool.name, tool.flavour, tool.timeout, tool.retries, tool.output_limit, tool.chunk_limit) == ("pay", "plain", 3, 2, 9, 9)
    call = tool.describe(("bob",), {}, NOBODY)
    assert (call.tool, dict(call.arguments), call.defaulted) == ("pay", {"to": "bob", "eur": 5}, {"eur"})
    assert (call.assessment.effects, call.assessment.risk, call.assessment.techniques) == ({"reads"}, Risk.HIGH, {"T1005"})


def test_what_is_not_said() -> None:
    tool = make_tool(pay, {})
    assert (tool.timeout, tool.retries, tool.output_limit, tool.measured, tool.cost, tool.inject) == (None, 0, OUTPUT_LIMIT, False, {}, frozenset())
    assessment = tool.describe(("bob",), {}, NOBODY).assessment
    assert assessment.risk is Risk.MEDIUM
    assert not assessment.pure_read, "what nobody declared may do anything"


@pytest.mark.parametrize(
    ("function", "options", "because"),
    [
        (5, {}, "cannot be called"),
        (None, {}, "cannot be called"),
        (pay, {"effects": "magic"}, "unknown effect magic"),
        (pay, {"risk": "huge"}, "unknown risk"),
        (pay, {"retries": 2}, "idempotent"),
        (pay, {"inject": "nothing"}, "no argument nothing"),
        (pay, {"kinds": {"nothing": TICKET}}, "no argument nothing"),
        (lambda x: x, {}, "no tool name"),
    ],
    ids=label,
)
def test_what_cannot_be_meant(function: Any, options: Any, because: str) -> None:
    with pytest.raises(ConfigError, match=because):
        make_tool(function, options)


def test_every_call_has_an_id_of_its_own() -> None:
    tool = make_tool(pay, {})
    assert len({tool.describe(("bob",), {}, NOBODY).id for _ in range(100)}) == 100


def test_a_call_cannot_be_changed() -> None:
    call = make_tool(pay, {}).describe(("bob",), {}, NOBODY)
    with pytest.raises(TypeError):
        call.arguments["to"] = "eve"  # type: ignore[index]
    with pytest.raises(AttributeError):
        call.tool = "other"  # type: ignore[misc]


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1,), {}), (("bob", 5, 6), {}), (("bob",), {"to": "eve"}), (("bob",), {"x": 1})], ids=label)
def test_what_is_no_call(args: Any, kwargs: Any) -> None:
    with pytest.raises(BadCall):
        make_tool(pay, {}).describe(args, kwargs, NOBODY)


def test_a_tool_with_less_time() -> None:
    tool = make_tool(pay, {"cost": {"usd": 1}, "output_limit": 7})
    less = timed(tool, 2.5)
    assert (less.timeout, tool.timeout) == (2.5, None)
    assert less.invoke is None, "it does not run at once"
    assert held(less) is pay
    assert (less.name, less.schema, less.cost, less.output_limit) == (tool.name, tool.schema, tool.cost, tool.output_limit)


def test_a_tool_knows_no_function() -> None:
    tool = make_tool(pay, {})
    for slot in Tool.__slots__:
        if slot != "__weakref__":
            assert getattr(tool, slot) is not pay
    for slot in Schema.__slots__:
        assert getattr(tool.schema, slot) is not pay


@pytest.mark.parametrize(
    ("options", "because"),
    [
        ({"time_out": 1}, "did you mean 'timeout'"),
        ({"efects": "writes"}, "did you mean 'effects'"),
        ({"timeout": "5"}, "'timeout' must be a number"),
        ({"timeout": float("nan")}, "'timeout' must be a number"),
        ({"output_limit": -3}, "'output_limit' must be a number"),
        ({"idempotent": "no"}, "'idempotent' is True or False"),
    ],
    ids=label,
)
def test_a_misspelt_option_or_a_limit_that_is_none_is_an_error_at_once(options: dict[str, Any], because: str) -> None:
    """The hole: a limit with a typing error was no limit."""
    with pytest.raises(ConfigError, match=because):
        make_tool(lambda x: x, {"name": "t", **options})  # type: ignore[typeddict-item]  # that is the point
