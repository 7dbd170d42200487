"""Streams: one permit for all of it, limits per chunk and in total, settled exactly once however it ends."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from gate import ANY, Gate, GateError, OutputLimit, ToolTimeout, spent
from gate.testing import ScriptedApprover
from tests.kit import ASK, denied, intents, log, outcomes, write_rules


def using(gate: Gate, *tools: str, **limits: Any) -> Any:
    return gate.acting(gate.grant("tester", tools=dict.fromkeys(tools, ANY), **limits))


def settled_once(gate: Gate, status: str) -> dict[str, Any]:
    """The one outcome of the one call."""
    assert len(intents(gate)) == 1
    (record,) = log(gate, "outcome", "call")
    assert record["outcome"]["status"] == status
    return record["outcome"]


class Watched:
    """Generator tools that tell what became of them."""

    def __init__(self, gate: Gate, **options: Any) -> None:
        self.made = self.closed = 0

        @gate.tool(**options)
        def chunks(n: int, text: str = "chunk") -> Iterator[str]:
            try:
                for _ in range(n):
                    self.made += 1
                    yield text
            finally:
                self.closed += 1

        @gate.tool(**options)
        async def achunks(n: int, text: str = "chunk") -> AsyncIterator[str]:
            try:
                for _ in range(n):
                    self.made += 1
                    await asyncio.sleep(0)
                    yield text
            finally:
                self.closed += 1

        self.chunks, self.achunks = chunks, achunks


async def read(stream: Any, most: int = 1000) -> list[Any]:
    """The first chunks of an async stream, which is then closed."""
    got = []
    try:
        async for chunk in stream:
            got.append(chunk)
            if len(got) == most:
                break
    finally:
        await stream.aclose()
    return got


def test_a_stream_is_one_call(gate: Gate) -> None:
    watched = Watched(gate)
    with using(gate, "chunks", calls=2):
        assert list(watched.chunks(50)) == ["chunk"] * 50
    assert settled_once(gate, "ok")["output_bytes"] == 250
    assert watched.closed == 1


def test_an_async_stream_is_one_call(gate: Gate) -> None:
    watched = Watched(gate)
    with using(gate, "achunks", calls=2):
        assert asyncio.run(read(watched.achunks(50))) == ["chunk"] * 50
    assert settled_once(gate, "ok")["output_bytes"] == 250
    assert watched.closed == 1


def test_the_intent_is_written_when_the_first_chunk_is_asked_for(gate: Gate) -> None:
    watched = Watched(gate)
    with using(gate, "chunks"):
        stream = watched.chunks(2)
        assert intents(gate) == []
        next(stream)
        assert len(intents(gate)) == 1
        assert outcomes(gate) == []
        stream.close()


def test_closing_early_closes_the_tool_and_settles(gate: Gate) -> None:
    watched = Watched(gate)
    with using(gate, "chunks"):
        stream = watched.chunks(50)
        assert [next(stream), next(stream)] == ["chunk", "chunk"]
        stream.close()
        stream.close()
    assert (watched.made, watched.closed) == (2, 1)
    assert settled_once(gate, "cancelled")["output_bytes"] == 10


def test_closing_an_async_stream_early(gate: Gate) -> None:
    watched = Watched(gate)
    with using(gate, "achunks"):
        assert asyncio.run(read(watched.achunks(50), 2)) == ["chunk", "chunk"]
    assert (watched.made, watched.closed) == (2, 1)
    settled_once(gate, "cancelled")


def test_a_stream_that_is_forgotten_settles(gate: Gate) -> None:
    watched = Watched(gate)
    with using(gate, "chunks"):
        for _ in watched.chunks(50):
            break
    gc.collect()
    assert watched.closed == 1
    settled_once(gate, "cancelled")


def test_an_async_stream_that_is_forgotten_settles_with_its_loop(gate: Gate) -> None:
    watched = Watched(gate)

    async def main() -> None:
        async for _ in watched.achunks(50):
            break

    with using(gate, "achunks"):
        asyncio.run(main())
    assert watched.closed == 1
    settled_once(gate, "cancelled")


def test_values_and_exceptions_go_in_and_the_last_value_comes_out(gate: Gate) -> None:
    @gate.tool
    def talk(first: str) -> Generator[str, str, str]:
        said = yield first
        try:
            yield f"heard {said}"
        except LookupError as error:
            yield f"caught {error}"
        return "the end"

    with using(gate, "talk"):
        stream = talk("a")
        assert [next(stream), stream.send("b"), stream.throw(LookupError("c"))] == ["a", "heard b", "caught c"]
        with pytest.raises(StopIteration) as stopped:
            next(stream)
    assert stopped.value.value == "the end"
    settled_once(gate, "ok")


@pytest.mark.parametrize(
    "error", [ValueError("wrong"), KeyboardInterrupt("stop"), OutputLimit("of the consumer"), ToolTimeout("of the consumer")], ids=repr
)
def test_what_the_tool_does_not_catch_passes_through(gate: Gate, error: BaseException) -> None:
    watched = Watched(gate)
    with using(gate, "chunks"):
        stream = watched.chunks(50)
        next(stream)
        with pytest.raises(type(error)) as caught:
            stream.throw(error)
    assert caught.value is error
    assert watched.closed == 1
    assert len(log(gate, "outcome")) == 1


def test_an_async_stream_into_which_an_exception_is_thrown(gate: Gate) -> None:
    watched, error = Watched(gate), ValueError("wrong")

    async def main() -> None:
        stream = watched.achunks(50)
        await anext(stream)
        with pytest.raises(ValueError) as caught:
            await stream.athrow(error)
        assert caught.value is error

    with using(gate, "achunks"):
        asyncio.run(main())
    assert watched.closed == 1
    settled_once(gate, "error")


def test_an_error_of_the_tool_passes_through(gate: Gate) -> None:
    error = OSError("gone")

    @gate.tool
    def broken(x: int) -> Iterator[int]:
        yield x
        raise error

    with using(gate, "broken"), pytest.raises(OSError) as caught:
        list(broken(1))
    assert caught.value is error
    assert settled_once(gate, "error")["error"] == {"type": "OSError", "message": "gone"}


def test_a_stream_settles_also_when_its_cleanup_fails(gate: Gate) -> None:
    @gate.tool
    def stubborn(x: int) -> Iterator[int]:
        try:
            yield x
        finally:
            raise RuntimeError("no end")

    with using(gate, "stubborn"):
        stream = stubborn(1)
        next(stream)
        with pytest.raises(RuntimeError, match="no end"):
            stream.close()
    settled_once(gate, "error")


def test_an_async_stream_settles_also_when_its_cleanup_fails(gate: Gate) -> None:
    @gate.tool
    async def stubborn(x: int) -> AsyncIterator[int]:
        try:
            yield x
        finally:
            raise RuntimeError("no end")

    with using(gate, "stubborn"), pytest.raises(RuntimeError, match="no end"):
        asyncio.run(read(stubborn(1), 1))
    settled_once(gate, "error")


def test_a_tool_that_will_not_close(gate: Gate) -> None:
    @gate.tool
    def stubborn(x: int) -> Iterator[int]:
        while True:
            try:
                yield x
            except GeneratorExit:
                yield -x

    with using(gate, "stubborn"):
        stream = stubborn(1)
        next(stream)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            stream.close()
    settled_once(gate, "error")


# ---- limits -----------------------------------------------------------------------------------------------------------------------------


def everything(gate: Gate, watched: Watched, n: int, text: str) -> list[Callable[[], Any]]:
    return [lambda: list(watched.chunks(n, text)), lambda: asyncio.run(read(watched.achunks(n, text)))]


@pytest.mark.parametrize("which", [0, 1], ids=["plain", "async"])
def test_a_chunk_is_limited(gate: Gate, which: int) -> None:
    watched = Watched(gate, chunk_limit=5)
    with using(gate, "chunks", "achunks"):
        assert len(everything(gate, watched, 50, "aaaaa")[which]()) == 50
        with pytest.raises(OutputLimit, match="6 bytes"):
            everything(gate, watched, 50, "aaaaaa")[which]()
    assert outcomes(gate) == ["ok", "output-limit"]
    assert watched.made == 51, "the first chunk that is too large ends it"
    assert watched.closed == 2


@pytest.mark.parametrize("which", [0, 1], ids=["plain", "async"])
def test_the_whole_is_limited(gate: Gate, which: int) -> None:
    watched = Watched(gate, output_limit=20)
    with using(gate, "chunks", "achunks"):
        assert len(everything(gate, watched, 4, "aaaaa")[which]()) == 4
        with pytest.raises(OutputLimit, match="more than 20 bytes"):
            everything(gate, watched, 50, "aaaaa")[which]()
    assert outcomes(gate) == ["ok", "output-limit"]
    assert (watched.made, watched.closed) == (9, 2)


def test_chunks_that_are_no_text_are_measured_when_a_limit_is_given(gate: Gate) -> None:
    @gate.tool(output_limit=10)
    def rows(n: int) -> Iterator[dict[str, int]]:
        for i in range(n):
            yield {"i": i}  # 7 bytes as JSON

    with using(gate, "rows"):
        assert len(list(rows(1))) == 1
        with pytest.raises(OutputLimit):
            list(rows(2))


def test_the_tool_cannot_catch_its_limit(gate: Gate) -> None:
    @gate.tool(chunk_limit=3)
    def sly(x: int) -> Iterator[str]:
        while True:
            try:
                yield "too large"
            except OutputLimit:
                yield "ok"

    with using(gate, "sly"), pytest.raises(OutputLimit):
        list(sly(1))
    settled_once(gate, "output-limit")


def test_a_stream_takes_its_time_only(gate: Gate) -> None:
    @gate.tool(timeout=0.05)
    def slow(x: int) -> Iterator[int]:
        while True:
            time.sleep(0.01)
            yield x

    with using(gate, "slow"), pytest.raises(ToolTimeout, match="streamed longer"):
        list(slow(1))
    settled_once(gate, "timeout")


def test_an_async_stream_is_cut_short_inside_a_chunk(gate: Gate) -> None:
    cancelled: list[bool] = []

    @gate.tool(timeout=0.05)
    async def slow(x: int) -> AsyncIterator[int]:
        yield x
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with using(gate, "slow"), pytest.raises(ToolTimeout, match="streamed longer"):
        asyncio.run(read(slow(1)))
    assert cancelled == [True]
    settled_once(gate, "timeout")


def test_a_task_that_is_cancelled_inside_a_chunk(gate: Gate) -> None:
    @gate.tool
    async def slow(x: int) -> AsyncIterator[int]:
        yield x
        await asyncio.sleep(20)

    async def main() -> None:
        task = asyncio.create_task(read(slow(1)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with using(gate, "slow"):
        asyncio.run(main())
    settled_once(gate, "cancelled")


# ---- one permit, one value, one cost ----------------------------------------------------------------------------------------------------


def test_one_approval_covers_the_whole_stream_and_nothing_after_it(gate: Gate) -> None:
    watched = Watched(gate)
    write_rules(gate, ASK)
    gate.approvers = (person := ScriptedApprover(gate, [True, False]),)
    with using(gate, "chunks"):
        assert len(list(watched.chunks(9))) == 9
        denied(lambda: list(watched.chunks(9)), "refused it")
    assert len(person.questions) == 2
    assert watched.made == 9


def test_the_stream_runs_with_the_values_of_its_beginning(gate: Gate) -> None:
    seen: list[list[int]] = []

    @gate.tool
    def walk(numbers: list[int]) -> Iterator[int]:
        seen.append(numbers)
        yield from numbers

    mine = [1, 2, 3]
    with using(gate, "walk"):
        stream = walk(mine)
        assert next(stream) == 1
        mine[:] = [9, 9, 9]
        assert list(stream) == [2, 3]
    assert seen[0] is not mine


def test_revoking_does_not_stop_a_stream_that_runs_but_the_next(gate: Gate) -> None:
    watched = Watched(gate)
    cap = gate.grant("tester", tools={"chunks": ANY})
    with gate.acting(cap):
        stream = watched.chunks(3)
        next(stream)
        gate.revoke(cap)
        assert len(list(stream)) == 2, "its permit was spent before"
        denied(lambda: list(watched.chunks(1)), "revoked")


@pytest.mark.parametrize("which", ["plain", "async"])
def test_a_stream_says_what_it_cost(gate: Gate, which: str) -> None:
    @gate.tool(cost={"usd": 10}, name="plain")
    def plain(x: int) -> Iterator[int]:
        for i in range(x):
            spent(usd=i)
            yield i

    @gate.tool(cost={"usd": 10}, name="async")
    async def later(x: int) -> AsyncIterator[int]:
        for i in range(x):
            spent(usd=i)
            await asyncio.sleep(0)
            yield i

    with using(gate, "plain", "async", cost={"usd": 15}):
        for _ in range(3):
            got = list(plain(3)) if which == "plain" else asyncio.run(read(later(3)))
            assert got == [0, 1, 2]
        with pytest.raises(GateError, match="declares cost"):
            spent(usd=0)  # the consumer is not the tool
    assert [record["outcome"]["cost"] for record in log(gate, "outcome")] == [{"usd": 2_000_000}] * 3


def test_the_consumer_between_two_chunks_is_not_inside_the_tool(gate: Gate) -> None:
    @gate.tool(cost={"usd": 10})
    def chunks(x: int) -> Iterator[int]:
        yield x
        yield x

    with using(gate, "chunks"):
        for _ in chunks(1):
            with pytest.raises(GateError, match="declares cost"):
                spent(usd=0)


def test_a_stream_that_a_rule_leaves_out_of_the_log(gate: Gate) -> None:
    write_rules(gate, '[[rule]]\nid = "quiet"\nallow = { tool = "*" }\naudit = "off"')
    watched = Watched(gate)
    with using(gate, "chunks", "achunks"):
        assert len(list(watched.chunks(3))) == len(asyncio.run(read(watched.achunks(3)))) == 3
    assert log(gate, "intent", "call", "outcome") == []
