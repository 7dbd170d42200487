"""Running: time-outs, retries inside one permit, output limits, and exceptions that pass through as they were."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import pytest

from gate import ANY, Denied, Gate, GateError, OutputLimit, ToolTimeout, spent
from gate.call import NOBODY, Call
from gate.decide import Allow
from gate.effect import UNDECLARED, Risk
from gate.errors import ConfigError
from gate.permit import allowed
from gate.run import bare, run
from gate.testing import ScriptedApprover
from gate.tool import make_tool
from tests.kit import ASK, denied, intents, log, outcomes, short, write_rules


def using(gate: Gate, *tools: str, **limits: Any) -> Any:
    return gate.acting(gate.grant("tester", tools=dict.fromkeys(tools, ANY), **limits))


# ---- exceptions -------------------------------------------------------------------------------------------------------------------------


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


# ---- time-outs --------------------------------------------------------------------------------------------------------------------------


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


# ---- retries ----------------------------------------------------------------------------------------------------------------------------


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


# ---- output -----------------------------------------------------------------------------------------------------------------------------


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


# ---- permits ----------------------------------------------------------------------------------------------------------------------------


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


# ---- cost -------------------------------------------------------------------------------------------------------------------------------


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


# ---- event loops ------------------------------------------------------------------------------------------------------------------------


def test_a_plain_tool_does_not_stop_the_loop(gate: Gate) -> None:
    go_on = threading.Event()

    @gate.tool
    def wait(x: int) -> bool:
        return go_on.wait(20)

    async def main() -> bool:
        with using(gate, "wait"):
            task = asyncio.create_task(gate.acall("wait", {"x": 1}))
        await asyncio.sleep(0.05)
        go_on.set()  # runs only if the loop does
        return bool(await task)

    assert asyncio.run(main())


def test_by_name_every_sort_of_tool_runs_in_both_worlds(gate: Gate) -> None:
    gate.wrap(lambda x: x, name="plain")

    @gate.tool
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @gate.tool
    def chunks(x: int) -> Iterator[int]:
        yield from range(x)

    @gate.tool
    async def achunks(x: int) -> Any:
        for i in range(x):
            yield i

    async def main() -> list[Any]:
        with using(gate, *gate.tools):
            got = [await gate.acall("plain", {"x": 3}), await gate.acall("later", {"x": 3}), list(await gate.acall("chunks", {"x": 3}))]
            return [*got, [i async for i in await gate.acall("achunks", {"x": 3})]]

    assert asyncio.run(main()) == [3, 3, [0, 1, 2], [0, 1, 2]]
    with using(gate, *gate.tools):
        assert [gate.call("plain", {"x": 3}), gate.call("later", {"x": 3}), list(gate.call("chunks", {"x": 3}))] == [3, 3, [0, 1, 2]]
    assert outcomes(gate) == ["ok"] * 7


def test_an_async_tool_is_not_called_plainly_inside_a_loop(gate: Gate) -> None:
    ran: list[int] = []

    @gate.tool
    async def later(x: int) -> None:
        ran.append(x)

    async def main() -> None:
        with using(gate, "later"):
            denied(lambda: gate.call("later", {"x": 1}), "use acall")

    asyncio.run(main())
    assert ran == []
    assert log(gate, "intent") == []


def test_a_task_that_is_cancelled_while_an_async_tool_runs(gate: Gate) -> None:
    started: list[asyncio.Event] = []

    @gate.tool
    async def slow(x: int) -> None:
        started[0].set()
        await asyncio.sleep(20)

    async def main() -> None:
        started.append(asyncio.Event())
        with using(gate, "slow"):
            task = asyncio.create_task(slow(1))
        await started[0].wait()
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task

    asyncio.run(main())
    assert outcomes(gate) == ["cancelled"]


def test_a_task_that_is_cancelled_while_a_plain_tool_runs(gate: Gate) -> None:
    """Its thread cannot be stopped; that nobody waits for it any more is recorded at once."""
    started, go_on = threading.Event(), threading.Event()

    @gate.tool
    def slow(x: int) -> None:
        started.set()
        go_on.wait(20)

    async def main() -> None:
        with using(gate, "slow"):
            task = asyncio.create_task(gate.acall("slow", {"x": 1}))
        await asyncio.to_thread(started.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert outcomes(gate) == ["cancelled"]
        go_on.set()

    asyncio.run(main())
    assert outcomes(gate) == ["cancelled"], "the thread that ends later settles nothing again"


def test_a_task_that_is_cancelled_while_a_person_thinks(gate: Gate) -> None:
    asked, go_on, ran = threading.Event(), threading.Event(), list[int]()

    def meanwhile() -> None:
        asked.set()
        go_on.wait(20)

    @gate.tool
    async def pay(x: int) -> None:
        ran.append(x)

    write_rules(gate, ASK)
    gate.approvers = (ScriptedApprover(gate, [True], meanwhile=meanwhile),)

    async def main() -> None:
        with using(gate, "pay"):
            task = asyncio.create_task(pay(1))
        await asyncio.to_thread(asked.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()

    asyncio.run(main())
    assert ran == []
    assert log(gate, "intent") == []


def test_people_who_think_hold_up_no_tool_and_no_end_of_the_program(gate: Gate) -> None:
    """An event loop has a handful of worker threads; a question that waits for minutes must not take one."""
    go_on, thought, ran = threading.Event(), list[bool](), list[int]()
    write_rules(gate, '[[rule]]\nid = "r"\nask = { tool = "pay" }')
    gate.approvers = (ScriptedApprover(gate, [True] * 100, meanwhile=lambda: thought.append(go_on.wait(20))),)
    gate.wrap(lambda x: x, name="pay")
    gate.wrap(lambda x: ran.append(x), name="free")

    async def main() -> None:
        with using(gate, "pay", "free"):
            waiting = [asyncio.create_task(gate.acall("pay", {"x": number})) for number in range(50)]
            await asyncio.sleep(0.05)
            await gate.acall("free", {"x": 1})
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(main())
    assert ran == [1]
    assert thought == [], "nobody has answered yet, and the loop has ended all the same"
    go_on.set()


@pytest.mark.parametrize("flavour", ["plain", "async"])
def test_an_interruption_by_the_keyboard_is_one_and_is_recorded(gate: Gate, flavour: str) -> None:
    @gate.tool(name="plain")
    def plain(x: int) -> None:
        signal.raise_signal(signal.SIGINT)

    @gate.tool(name="async")
    async def later(x: int) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(20)

    with using(gate, "plain", "async"), pytest.raises(KeyboardInterrupt):
        gate.call(flavour, {"x": 1})
    assert outcomes(gate) == ["cancelled"]


def test_a_task_that_is_cancelled_while_its_intent_is_written(gate: Gate) -> None:
    """Whether it made it to the disk or not: the tool did not run, and nothing stays open."""
    ran: list[int] = []

    @gate.tool
    async def save(x: int) -> None:
        ran.append(x)

    async def main() -> None:
        with using(gate, "save", calls=1000):
            tasks = [asyncio.create_task(save(i)) for i in range(20)]
        for _ in range(3):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)

    asyncio.run(main())
    assert ran == []
    assert sorted(record["call"] for record in log(gate, "intent")) == sorted(record["call"] for record in log(gate, "outcome"))
    assert set(outcomes(gate)) <= {"cancelled"}
