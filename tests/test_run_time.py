"""Running takes time: time-outs, wall-time budgets, retries inside one permit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from gate import Exhausted, Gate, ToolTimeout
from gate.errors import ConfigError
from gate.testing import ScriptedApprover
from tests.kit import ASK, denied, intents, log, outcomes, short, using, write_rules


def test_a_plain_tool_that_takes_too_long(gate: Gate) -> None:
    go_on, ended = threading.Event(), threading.Event()

    @gate.tool(timeout=0.05)
    def slow(x: int) -> None:
        go_on.wait(20)
        ended.set()

    with using(gate, "slow"):
        with pytest.raises(ToolTimeout, match="may still be running"):
            slow(1)
    assert outcomes(gate) == ["timeout"]
    go_on.set()
    assert ended.wait(20), "Python cannot stop a thread; the message says so, and it does go on"
    assert outcomes(gate) == ["timeout"]


def test_an_async_tool_that_takes_too_long_is_cancelled(gate: Gate) -> None:
    cancelled: list[bool] = []

    @gate.tool(timeout=0.05)
    async def slow(x: int) -> None:
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with using(gate, "slow"), pytest.raises(ToolTimeout, match="was cancelled"):
        asyncio.run(slow(1))
    assert cancelled == [True]
    assert outcomes(gate) == ["timeout"]


def test_a_time_out_of_the_tools_own_is_an_ordinary_error(gate: Gate) -> None:
    @gate.tool(timeout=20)
    async def own(x: int) -> None:
        raise TimeoutError("upstream")

    @gate.tool(timeout=20, name="plain")
    def plain(x: int) -> None:
        raise TimeoutError("upstream")

    with using(gate, "own", "plain"):
        with pytest.raises(TimeoutError, match="upstream"):
            asyncio.run(own(1))
        with pytest.raises(TimeoutError, match="upstream"):
            plain(1)
    assert outcomes(gate) == ["error", "error"]


def test_a_tool_with_a_time_out_runs_in_the_callers_context(gate: Gate) -> None:
    @gate.tool
    def inner(x: int) -> int:
        return x

    @gate.tool(timeout=20)
    def outer(x: int) -> int:
        return inner(x)

    with using(gate, "inner", "outer"):
        assert outer(5) == 5


def test_a_wall_time_budget_limits_a_tool_that_sets_no_time_out_itself(gate: Gate) -> None:
    """Otherwise a budget of a tenth of a second lets one call run for an hour."""
    go_on = threading.Event()

    @gate.tool
    def slow(x: int) -> None:
        go_on.wait(20)

    @gate.tool
    async def aslow(x: int) -> None:
        await asyncio.sleep(20)

    @gate.tool
    def chunks(x: int) -> Iterator[int]:
        while True:
            time.sleep(0.01)
            yield x

    try:
        for call in (lambda: slow(1), lambda: asyncio.run(aslow(1)), lambda: list(chunks(1))):
            with using(gate, "slow", "aslow", "chunks", wall=0.1), pytest.raises(ToolTimeout):
                call()
    finally:
        go_on.set()
    assert outcomes(gate) == ["timeout"] * 3


def test_wall_time_that_was_not_used_comes_back(gate: Gate) -> None:
    @gate.tool(timeout=4)
    def quick(x: int) -> int:
        return x

    with using(gate, "quick", wall=10):
        assert [quick(i) for i in range(20)] == list(range(20)), "each reserves four seconds and uses almost nothing"


@pytest.mark.parametrize("effects", ["reads", "writes"])
def test_a_wall_time_budget_lasts_for_many_calls_of_a_tool_that_sets_no_time_out(gate: Gate, effects: str) -> None:
    @gate.tool(effects=effects)
    def quick(x: int) -> int:
        return x

    @gate.tool(effects=effects)
    async def aquick(x: int) -> int:
        return x

    with using(gate, "quick", "aquick", wall=10):
        assert [quick(number) for number in range(20)] == list(range(20))
        assert [asyncio.run(aquick(number)) for number in range(5)] == list(range(5))
    with using(gate, "quick", wall=0):
        short(lambda: quick(1), "/wall")


def test_retries_are_one_call(gate: Gate) -> None:
    """One permit, one intent, one charge, one approval, however often it is tried."""
    tries: list[int] = []

    @gate.tool(idempotent=True, retries=3)
    def flaky(x: int) -> str:
        tries.append(x)
        if len(tries) < 3:
            raise OSError("busy")
        return "done"

    write_rules(gate, ASK)
    gate.approvers = (person := ScriptedApprover(gate, [True]),)
    with using(gate, "flaky", calls=1):
        assert flaky(7) == "done"
        assert tries == [7, 7, 7]
        gate.approvers = ()
        denied(lambda: flaky(7))
    assert len(person.questions) == 1
    (intent,) = intents(gate)
    assert len(intent["approvals"]) == 1
    assert outcomes(gate) == ["ok"]


def test_the_last_error_of_all_tries_passes_through(gate: Gate) -> None:
    errors = [OSError(1), OSError(2), OSError(3)]
    tries = iter(errors)

    @gate.tool(idempotent=True)
    def flaky(x: int) -> None:
        raise next(tries)

    @gate.tool(idempotent=True, retries=1)
    async def aflaky(x: int) -> None:
        raise next(tries)

    with using(gate, "flaky", "aflaky"):
        with pytest.raises(OSError) as caught:
            flaky(1)
        assert caught.value is errors[2], "two retries are the default"
        tries = iter(errors)
        with pytest.raises(OSError) as caught:
            asyncio.run(aflaky(1))
        assert caught.value is errors[1]
    assert len(intents(gate)) == 2


def test_each_try_gets_the_value_that_was_checked(gate: Gate) -> None:
    seen: list[list[int]] = []

    @gate.tool(idempotent=True)
    def flaky(numbers: list[int]) -> None:
        seen.append(list(numbers))
        numbers.append(99)
        raise OSError("busy")

    with using(gate, "flaky"), pytest.raises(OSError):
        flaky([1])
    assert seen == [[1]] * 3


def test_only_idempotent_tools_are_retried(gate: Gate) -> None:
    tries: list[int] = []

    def flaky(x: int) -> None:
        tries.append(x)
        raise OSError("busy")

    with pytest.raises(ConfigError, match="idempotent"):
        gate.wrap(flaky, retries=2)
    with using(gate, "flaky"), pytest.raises(OSError):
        gate.wrap(flaky)(1)
    assert tries == [1]


def test_a_time_out_is_not_retried(gate: Gate) -> None:
    """What ran too long may still be running; a second one beside it is not what idempotent promises."""
    tries: list[int] = []
    go_on = threading.Event()

    @gate.tool(idempotent=True, timeout=0.05)
    def slow(x: int) -> None:
        tries.append(x)
        go_on.wait(20)

    with using(gate, "slow"), pytest.raises(ToolTimeout):
        slow(1)
    go_on.set()
    assert tries == [1]


def test_all_tries_together_are_within_the_time_out(gate: Gate) -> None:
    """What is reserved of a wall-time budget is one time-out, so three tries must not take three of them."""
    tries: list[int] = []

    @gate.tool(idempotent=True, retries=50, timeout=0.4)
    def flaky(x: int) -> None:
        tries.append(x)
        time.sleep(0.25)
        raise OSError("busy")

    @gate.tool(idempotent=True, retries=50, timeout=0.4)
    async def aflaky(x: int) -> None:
        tries.append(x)
        await asyncio.sleep(0.25)
        raise OSError("busy")

    with using(gate, "flaky", "aflaky", wall=10):
        for call in (lambda: flaky(1), lambda: asyncio.run(aflaky(1))):
            with pytest.raises((OSError, ToolTimeout)):
                call()
    assert 2 <= len(tries) <= 4
    assert all(record["outcome"]["duration_us"] < 1_000_000 for record in log(gate, "outcome"))
    time.sleep(0.4)
    assert len(tries) <= 4, "nothing is tried again after the time is over"


def test_time_is_not_blamed_for_what_another_budget_lacks(gate: Gate) -> None:
    """The first try wants all the time there was at first, which is no longer there; a later one would have wanted less."""
    gated = gate.wrap(lambda: None, name="buy", cost={"usd": 4})
    with using(gate, "buy", wall=30, cost={"usd": 10}):
        gated()
        gated()
        with pytest.raises(Exhausted) as short:
            gated()
    assert [key.partition("/")[2] for key in short.value.keys] == ["cost/usd"]
    assert len(short.value.reasons) == 1 and "cost in usd" in str(short.value)
