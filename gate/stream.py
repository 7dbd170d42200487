"""Stream: generator tools. One permit covers the whole stream; limits hold per chunk and in total; closing early settles.

Nothing happens before the first chunk is asked for, as with any generator.  The call is then authorized once, and settled when the
stream ends, fails, is closed, or is thrown away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, cast

from gate.errors import OutputLimit, ToolTimeout
from gate.run import Outcome, bare, measure, status_of
from gate.waiting import BLOCKING, LOOPING, drive

if TYPE_CHECKING:
    from gate.gate import Gate
    from gate.tool import Tool


class Meter:
    """Counts what a stream has produced, and how long it has taken."""

    __slots__ = ("size", "start", "tool")

    def __init__(self, tool: Tool) -> None:
        self.tool, self.size, self.start = tool, 0, perf_counter()

    def count(self, chunk: object) -> object:
        """The chunk, if the stream may still produce it."""
        self.size += measure(chunk, self.tool, self.tool.chunk_limit) or 0
        if self.size > self.tool.output_limit:
            raise OutputLimit(f"'{self.tool.name}' has streamed more than {self.tool.output_limit} bytes")
        if (left := self.left()) is not None and left <= 0:
            raise ToolTimeout(f"'{self.tool.name}' has streamed longer than {self.tool.timeout:g} s")
        return chunk

    def left(self) -> float | None:
        """Seconds the stream may go on, None without a time-out."""
        return None if self.tool.timeout is None else self.tool.timeout - (perf_counter() - self.start)

    def outcome(self, error: BaseException | None) -> Outcome:
        """How the stream ended; a consumer that stops early is no error of the tool."""
        closed = isinstance(error, GeneratorExit)
        return Outcome("cancelled" if closed else status_of(error) if error else "ok", None, error, perf_counter() - self.start, self.size)


def stream(
    gate: Gate,
    tool: Tool,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    receiver: tuple[object, ...] = (),
    injected: Mapping[str, object] = {},  # noqa: B006  # never changed
) -> Generator[object, object, object]:
    """The gated stream of a generator function."""
    ticket = drive(gate.begin(tool, args, kwargs, BLOCKING))
    meter, failure = Meter(tool), cast("BaseException | None", None)
    inner: Generator[object, object, object] | None = None
    try:
        inner = cast("Generator[object, object, object]", bare(ticket.permit, tool, receiver, injected)())
        return (yield from _metered(inner, meter))
    except BaseException as error:
        failure = error
        raise
    finally:
        if inner is not None:
            inner.close()
        drive(gate.finish(ticket, meter.outcome(failure), BLOCKING))


def _metered(inner: Generator[object, object, object], meter: Meter) -> Generator[object, object, object]:
    """Passes chunks out, and values and exceptions in, counting on the way."""
    try:
        chunk = next(inner)
        while True:
            try:
                sent = yield meter.count(chunk)
            except GeneratorExit:
                raise
            except (OutputLimit, ToolTimeout):
                raise
            except BaseException as error:  # noqa: BLE001  # thrown in by the consumer, for the tool to see
                chunk = inner.throw(error)
            else:
                chunk = inner.send(sent)
    except StopIteration as done:
        return done.value


async def astream(
    gate: Gate,
    tool: Tool,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    receiver: tuple[object, ...] = (),
    injected: Mapping[str, object] = {},  # noqa: B006  # never changed
) -> AsyncGenerator[object, object]:
    """The gated stream of an async generator function."""
    ticket = await gate.begin(tool, args, kwargs, LOOPING)
    meter, failure = Meter(tool), cast("BaseException | None", None)
    inner: AsyncGenerator[object, object] | None = None
    try:
        inner = cast("AsyncGenerator[object, object]", bare(ticket.permit, tool, receiver, injected)())
        sent: object = None
        while True:
            try:
                chunk = await _within(inner.asend(sent), meter)
            except StopAsyncIteration:
                return
            sent = yield meter.count(chunk)
    except BaseException as error:
        failure = error
        raise
    finally:
        if inner is not None:
            await inner.aclose()
        await gate.finish(ticket, meter.outcome(failure), LOOPING)


async def _within(step: object, meter: Meter) -> object:
    """The next chunk, within what is left of the time."""
    left = meter.left()
    if left is None:
        return await step  # type: ignore[misc]  # asend gives an awaitable
    try:
        async with asyncio.timeout(max(left, 0)) as limit:
            return await step  # type: ignore[misc]  # as above
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise ToolTimeout(f"'{meter.tool.name}' has streamed longer than {meter.tool.timeout:g} s") from error
