"""Running: exceptions that pass through as they were, output limits, cost, and no run without the permit for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import pytest

from gate import Denied, Gate, GateError, OutputLimit, spent
from gate.call import NOBODY, Call
from gate.decide import Allow
from gate.effect import UNDECLARED, Risk
from gate.permit import allowed
from gate.run import bare, run
from gate.tool import make_tool
from tests.kit import denied, log, outcomes, short, using


class Odd(Exception):
    """An exception whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


RAISED = [
    ValueError("wrong"),
    StopIteration("stopped"),
    StopAsyncIteration("stopped"),
    GeneratorExit("closed"),
    KeyboardInterrupt("interrupted"),
    SystemExit(3),
    asyncio.CancelledError("cancelled"),
    GateError("of the tool's own"),
    Denied("by another gate"),
    RecursionError("deep"),
    MemoryError("full"),
    Odd(),
    ExceptionGroup("several", [ValueError("one"), OSError("two")]),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_what_a_tool_raises_passes_through_unchanged(gate: Gate, error: BaseException) -> None:
    cause = LookupError("why")

    @gate.tool
    def fail(x: int) -> None:
        raise error from cause

    with using(gate, "fail"), pytest.raises(type(error)) as caught:
        fail(1)
    assert caught.value is error
    assert caught.value.__cause__ is cause
    (record,) = log(gate, "outcome")
    assert record["outcome"]["error"]["type"] == type(error).__name__
    cancelled = isinstance(error, (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit))
    assert record["outcome"]["status"] == ("cancelled" if cancelled else "error")


@pytest.mark.parametrize("options", [{"timeout": 20}, {"idempotent": True, "retries": 1}, {"timeout": 20, "idempotent": True}], ids=str)
@pytest.mark.parametrize("error", [StopIteration("stopped"), KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError()], ids=repr)
def test_also_through_time_outs_and_retries(gate: Gate, error: BaseException, options: dict[str, Any]) -> None:
    runs: list[int] = []

    @gate.tool(**options)
    def fail(x: int) -> None:
        runs.append(x)
        raise error

    with using(gate, "fail"), pytest.raises(type(error)) as caught:
        fail(1)
    assert caught.value is error
    assert runs == [1], "an interruption is no reason to try again"


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt(), Denied("by another gate"), Odd()], ids=lambda e: type(e).__name__)
def test_what_an_async_tool_raises_passes_through_unchanged(gate: Gate, error: BaseException) -> None:
    @gate.tool
    async def fail(x: int) -> None:
        await asyncio.sleep(0)
        raise error

    with using(gate, "fail"), pytest.raises(type(error)) as caught:
        asyncio.run(fail(1))
    assert caught.value is error
    assert log(gate, "outcome")[0]["outcome"]["error"]["type"] == type(error).__name__


def test_a_denial_that_a_tool_raised_is_told_apart_from_one_of_the_gate(gate: Gate) -> None:
    @gate.tool
    def fail(x: int) -> None:
        raise Denied("by another gate")

    with using(gate, "fail"):
        denied(lambda: fail(1), "by another gate")
    assert outcomes(gate) == ["error"]
    assert log(gate, "refusal") == []


def test_what_is_recorded_of_an_error_is_limited(gate: Gate) -> None:
    @gate.tool
    def fail(x: int) -> None:
        raise ValueError("x\u202e\n" * 10_000)

    with using(gate, "fail"), pytest.raises(ValueError):
        fail(1)
    message = log(gate, "outcome")[0]["outcome"]["error"]["message"]
    assert len(message) < 5_000
    assert message.isprintable()


@pytest.mark.parametrize(
    ("value", "size"),
    [("a" * 10, 10), ("ä" * 5, 10), (b"a" * 10, 10), (["aaaaaa"], 10), ({"a": "bb"}, 10), ("\ud800" * 3, 9)],
    ids=repr,
)
def test_output_is_limited_in_bytes(gate: Gate, value: object, size: int) -> None:
    fits, not_quite = gate.wrap(lambda: value, name="fits", output_limit=size), gate.wrap(lambda: value, name="not_quite", output_limit=size - 1)
    with using(gate, "fits", "not_quite"):
        assert fits() == value
        with pytest.raises(OutputLimit, match=f"{size} bytes.*effect has happened"):
            not_quite()
    assert [record["outcome"].get("output_bytes") for record in log(gate, "outcome")] == [size, None]
    assert outcomes(gate) == ["ok", "output-limit"]


def test_text_is_limited_also_without_being_told(gate: Gate) -> None:
    @gate.tool
    def flood(x: int) -> str:
        return "a" * (16 * 1024 * 1024 + x)

    with using(gate, "flood"):
        assert len(flood(0)) == 16 * 1024 * 1024
        with pytest.raises(OutputLimit):
            flood(1)


def test_the_output_of_an_async_tool_is_limited(gate: Gate) -> None:
    @gate.tool(output_limit=3)
    async def talk(text: str) -> str:
        return text

    with using(gate, "talk"):
        assert asyncio.run(talk("abc")) == "abc"
        with pytest.raises(OutputLimit):
            asyncio.run(talk("abcd"))


async def _later() -> None:
    raise AssertionError("it ran outside its permit")


def _chunks() -> Iterator[None]:
    raise AssertionError("it ran outside its permit")
    yield


async def _achunks() -> Any:
    raise AssertionError("it ran outside its permit")
    yield


@pytest.mark.parametrize("lazy", [_later, _chunks, _achunks], ids=lambda lazy: lazy.__name__)
@pytest.mark.parametrize("how", ["call", "acall", "wrapped"])
def test_a_plain_tool_cannot_hand_its_effect_out_of_its_permit(gate: Gate, lazy: Callable[[], Any], how: str) -> None:
    gated = gate.wrap(lambda: lazy(), name="t")  # noqa: PLW0108  # a plain function that returns what is still to run
    calls = {"call": lambda: gate.call("t", {}), "acall": lambda: asyncio.run(gate.acall("t", {})), "wrapped": gated}
    with using(gate, "t"), pytest.raises(GateError, match="still has to run"):
        calls[how]()
    assert outcomes(gate) == ["error"]


@pytest.mark.parametrize("how", ["call", "acall", "wrapped"])
def test_an_async_tool_or_a_stream_cannot_either(gate: Gate, how: str) -> None:
    @gate.tool
    async def later(x: int) -> Any:
        return _later()

    @gate.tool
    def chunks(x: int) -> Iterator[Any]:
        yield _later()

    @gate.tool
    def mapped(x: int) -> Any:
        return map(_fail, [x])

    calls: dict[str, list[Callable[[], Any]]] = {
        "call": [lambda: gate.call("later", {"x": 1}), lambda: list(gate.call("chunks", {"x": 1})), lambda: list(gate.call("mapped", {"x": 1}))],
        "acall": [lambda: asyncio.run(gate.acall("later", {"x": 1})), lambda: asyncio.run(gate.acall("mapped", {"x": 1}))],
        "wrapped": [lambda: asyncio.run(later(1)), lambda: list(chunks(1)), lambda: list(mapped(1))],
    }
    with using(gate, "later", "chunks", "mapped"):
        for call in calls[how]:
            with pytest.raises(GateError, match="still has to run"):
                call()
    assert set(outcomes(gate)) == {"error"}


def _fail(x: int) -> None:
    raise AssertionError("it ran outside its permit")


def permit_for(name: str) -> Any:
    call = Call(name, MappingProxyType({"x": 1}), frozenset(), NOBODY, UNDECLARED, "c1")
    return allowed(call, Allow((), (), (), Risk.LOW, "durable"))


def test_a_permit_runs_its_own_tool_only() -> None:
    ran: list[int] = []
    mine, other = make_tool(lambda x: ran.append(x), {"name": "mine"}), make_tool(lambda x: ran.append(-x), {"name": "other"})
    assert isinstance(run(permit_for("mine"), other).error, GateError)
    with pytest.raises(GateError, match="another tool"):
        bare(permit_for("mine"), other, (), {})
    assert run(permit_for("mine"), mine).status == "ok"
    assert ran == [1]


def test_what_is_no_permit_runs_nothing() -> None:
    ran: list[int] = []
    tool = make_tool(lambda x: ran.append(x), {"name": "mine"})
    for forged in (None, (), object(), "permit"):
        assert run(forged, tool).error is not None  # type: ignore[arg-type]
    assert ran == []


def test_what_a_tool_says_it_spent_replaces_what_was_reserved(gate: Gate) -> None:
    @gate.tool(cost={"usd": 4})
    def buy(price: str) -> str:
        spent(usd=price)
        return price

    with using(gate, "buy", cost={"usd": 10}):
        assert [buy("0.5") for _ in range(12)] == ["0.5"] * 12, "six are spent, and four are always left to reserve"
        buy("0.000001")
        short(lambda: buy("0"), "/cost/usd")
    assert log(gate, "outcome")[0]["outcome"]["cost"] == {"usd": 500_000}


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1, "abc", None, True, 10**400, [1]], ids=lambda a: str(a)[:10])
def test_an_amount_that_is_none_is_told_to_the_tool_and_what_was_reserved_stays_spent(gate: Gate, amount: Any) -> None:
    """A negative or impossible amount must not give budget back, nor keep the outcome from being recorded."""

    @gate.tool(cost={"usd": 4})
    def buy(x: int) -> None:
        spent(usd=amount)

    with using(gate, "buy", cost={"usd": 7}):
        with pytest.raises(ValueError, match="amount"):
            buy(1)
        short(lambda: buy(1), "/cost/usd")
    assert outcomes(gate) == ["error"]


def test_spent_is_for_tools_that_declare_a_cost(gate: Gate) -> None:
    @gate.tool
    def free(x: int) -> None:
        spent(usd=1)

    with pytest.raises(GateError, match="declares cost"):
        spent(usd=1)
    with using(gate, "free"), pytest.raises(GateError, match="declares cost"):
        free(1)


def test_each_call_has_a_cost_of_its_own(gate: Gate) -> None:
    started = threading.Barrier(2)

    @gate.tool(cost={"usd": 5})
    def buy(price: int) -> None:
        started.wait(20)
        spent(usd=price)
        started.wait(20)

    def one(price: int) -> None:
        with using(gate, "buy"):
            buy(price)

    threads = [threading.Thread(target=one, args=(price,)) for price in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(record["outcome"]["cost"]["usd"] for record in log(gate, "outcome")) == [1_000_000, 2_000_000]
