"""The short way lets through what the path would let through, and nothing else: whatever changes is seen at the next call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from gate import ANY, Exhausted, Gate, Range
from gate.testing import FakeClock
from tests.kit import denied, intents, log, look_again, outcomes, refusals, short, write_rules

AUDITS = ("off", "buffered", "durable")
RULE = '[[rule]]\nid = "r"\nallow = {{ tool = "add" }}\naudit = "{}"\n'


@pytest.fixture(params=["plain", "async"])
def add(request: pytest.FixtureRequest, gate: Gate) -> Callable[..., Any]:
    """A gated tool, which is called the same way whether it is async or not."""

    def plain(a: int, b: int = 1) -> int:
        return a + b

    async def slow(a: int, b: int = 1) -> int:
        return a + b

    if request.param == "plain":
        return gate.wrap(plain, name="add")
    gated = gate.wrap(slow, name="add")
    return lambda *args, **kwargs: asyncio.run(gated(*args, **kwargs))


def taken(gate: Gate) -> bool:
    """Whether the next call goes the short way."""
    known = [each for tool, each in gate.scope()[1].items() if tool.name == "add"]
    return bool(known and known[0])


@pytest.mark.parametrize("audit", AUDITS)
class TestWhatChanges:
    """Two calls make the way short; then something changes, and the third call must see it."""

    def test_revoked(self, gate: Gate, add: Callable[..., Any], audit: str) -> None:
        write_rules(gate, RULE.format(audit))
        with gate.acting(gate.grant("agent", tools={"add": ANY})) as acting:
            assert [add(1), add(2)] == [2, 3]
            assert taken(gate) == (audit != "durable")
            gate.revoke(acting.capability or "")
            denied(lambda: add(3), "revoked")

    def test_stopped_and_resumed(self, gate: Gate, add: Callable[..., Any], audit: str) -> None:
        write_rules(gate, RULE.format(audit))
        with gate.acting(gate.grant("agent", tools={"add": ANY})):
            assert [add(1), add(2)] == [2, 3]
            gate.stop(agent="agent")
            denied(lambda: add(3), "stopped")
            gate.resume(agent="agent")
            assert add(4) == 5

    def test_expired(self, gate: Gate, clock: FakeClock, add: Callable[..., Any], audit: str) -> None:
        write_rules(gate, RULE.format(audit))
        with gate.acting(gate.grant("agent", tools={"add": ANY}, minutes=1)):
            assert [add(1), add(2)] == [2, 3]
            clock.advance(61)
            denied(lambda: add(3), "expired")

    def test_other_rules(self, gate: Gate, add: Callable[..., Any], audit: str) -> None:
        write_rules(gate, RULE.format(audit))
        with gate.acting(gate.grant("agent", tools={"add": ANY})):
            assert [add(1), add(2)] == [2, 3]
            write_rules(gate, RULE.format(audit).replace("allow", "deny").replace(f'audit = "{audit}"', ""))
            look_again(gate)
            denied(lambda: add(3), "'r'")

    def test_the_budget_is_spent_to_the_last_unit_and_not_further(self, gate: Gate, add: Callable[..., Any], audit: str) -> None:
        write_rules(gate, RULE.format(audit))
        with gate.acting(gate.grant("agent", tools={"add": ANY}, calls=7)):
            assert [add(i) for i in range(7)] == list(range(1, 8))
            short(lambda: add(8), "/calls")
            with pytest.raises(Exhausted):
                add(9)

    @pytest.mark.parametrize("bad", [((500,), {}), (("x",), {}), ((), {}), ((1, 2, 3), {}), ((1,), {"a": 2}), ((1,), {"c": 2}), ((True,), {})])
    def test_arguments_that_are_not_granted(self, gate: Gate, add: Callable[..., Any], audit: str, bad: tuple[Any, Any]) -> None:
        write_rules(gate, RULE.format(audit))
        args, kwargs = bad
        with gate.acting(gate.grant("agent", tools={"add": {"a": Range(max=99), "b": ANY}})):
            assert [add(1), add(2, 3), add(b=1, a=2)] == [2, 5, 3]
            denied(lambda: add(*args, **kwargs))
            assert add(99, 1) == 100
        assert len(refusals(gate)) == 1

    def test_an_argument_that_only_its_default_may_fill(self, gate: Gate, add: Callable[..., Any], audit: str) -> None:
        """The naive way remembers that the first call was covered, whose `b` nobody had named."""
        write_rules(gate, RULE.format(audit))
        with gate.acting(gate.grant("agent", tools={"add": {"a": ANY}})):
            assert [add(1), add(2)] == [2, 3]
            denied(lambda: add(3, 1), "'b' is not in the grant")
            assert add(4) == 5


def test_what_a_short_call_records_is_what_a_long_one_records(gate: Gate, add: Callable[..., Any]) -> None:
    write_rules(gate, RULE.format("buffered"))
    with gate.acting(gate.grant("agent", tools={"add": ANY}, calls=9), session="s", task="t"):
        add(1, 2)
        assert taken(gate)
        add(1, 2)
    long, short_one = intents(gate)
    assert outcomes(gate) == ["ok", "ok"]
    for each in (long, short_one):
        each.pop("call")
        each.get("outcome", {}).pop("duration_us", None)
    long.get("ledger", {}).pop("by", None)
    if long["type"] == short_one["type"]:  # the first may have been written before it had ended
        assert long == short_one
    assert {
        "agent",
        "session",
        "task",
        "capability",
        "tool",
        "args",
        "decision",
        "reasons",
        "risk",
        "rules_version",
        "durability",
    } <= short_one.keys()


def test_what_a_short_call_raises_is_recorded_and_passed_on(gate: Gate) -> None:
    def fails(a: int) -> int:
        raise KeyError(a)

    gated = gate.wrap(fails, name="add")
    write_rules(gate, RULE.format("buffered"))
    with gate.acting(gate.grant("agent", tools={"add": ANY})):
        for number in range(3):
            with pytest.raises(KeyError, match=str(number)):
                gated(number)
    assert outcomes(gate) == ["error"] * 3
    assert {record["outcome"]["error"]["type"] for record in log(gate, "call", "outcome")} == {"KeyError"}


def test_a_log_that_cannot_be_written_refuses_short_calls_too(gate: Gate, add: Callable[..., Any]) -> None:
    write_rules(gate, RULE.format("buffered"))
    with gate.acting(gate.grant("agent", tools={"add": ANY})):
        assert [add(1), add(2)] == [2, 3]
        gate.home.ledger.flush()
        store = gate.home.ledger._store
        real, store.commit = store.commit, broken  # type: ignore[method-assign]
        try:
            with pytest.raises(Exception, match="disk"):
                gate.home.ledger.flush()
            gate.home.ledger._group.failing = OSError("the disk is gone")
            denied(lambda: add(3), "disk")
        finally:
            store.commit = real  # type: ignore[method-assign]


def broken(_: object) -> list[object]:
    """A disk that fails."""
    raise OSError("the disk is gone")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the child only runs what is here, and ends by _exit
def test_a_forked_child_goes_the_short_way_into_files_of_its_own(gate: Gate) -> None:
    gated = gate.wrap(lambda a: a, name="add")
    write_rules(gate, RULE.format("buffered"))
    with gate.acting(gate.grant("agent", tools={"add": ANY}, calls=100)):
        assert [gated(1), gated(2)] == [1, 2]
        child = os.fork()
        if not child:
            status = 1
            try:
                status = 0 if taken(gate) and gated(3) == 3 else 2
                gate.close()
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert gated(4) == 4
    assert sorted(record["args"]["a"] for record in intents(gate)) == [1, 2, 3, 4]
    assert outcomes(gate) == ["ok"] * 4
