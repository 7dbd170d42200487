"""Running in an event loop: nothing stops the loop, and whoever is cancelled leaves nothing open."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gate import Gate
from gate.testing import ScriptedApprover
from tests.kit import ASK, denied, log, outcomes, using, write_rules


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
