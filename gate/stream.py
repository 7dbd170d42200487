"""Stream: generator tools. One permit covers the whole stream; limits hold per chunk and in total; closing early settles.

Nothing happens before the first chunk is asked for, as with any generator.  The call is then authorized once, and settled when the
stream ends, fails, is closed, or is thrown away.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, cast

from gate import trace
from gate.errors import OutputLimit, ToolTimeout
from gate.run import Outcome, bare, paying, size_of, status_of
from gate.waiting import BLOCKING, LOOPING, Waiting, drive

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from gate.gate import Gate
    from gate.ticket import Ticket
    from gate.tool import Tool


class Meter:
    """Counts what a stream has produced, what it says it cost, and how long it has taken."""

    __slots__ = ("_cost", "failure", "size", "span", "start", "tool")

    def __init__(self, tool: Tool, span: Span | None) -> None:
        self.tool, self.span, self.size, self.start = tool, span, 0, perf_counter()
        self.failure: BaseException | None = None
        self._cost: dict[str, object] | None = {} if tool.cost else None

    def step(self, advance: Callable[..., object], *given: object) -> object:
        """One step of the tool: inside its span and with a place for its cost, neither of which its consumer gets into."""
        if self.span is None and self._cost is None:
            return advance(*given)
        with trace.within(self.span), paying(self._cost):
            return advance(*given)

    async def astep(self, step: Awaitable[object]) -> object:
        """The same for an async tool, within what is left of the time."""
        with trace.within(self.span), paying(self._cost):
            return await _within(step, self)

    def count(self, chunk: object) -> object:
        """The chunk, if the stream may still produce it."""
        self.size += size_of(chunk, self.tool, self.tool.chunk_limit) or 0
        if self.size > self.tool.output_limit:
            raise OutputLimit(f"'{self.tool.name}' has streamed more than {self.tool.output_limit} bytes")
        if (left := self.left()) is not None and left <= 0:
            raise ToolTimeout(f"'{self.tool.name}' has streamed longer than {self.tool.timeout:g} s")
        return chunk

    def left(self) -> float | None:
        """Seconds the stream may go on, None without a time-out."""
        return None if self.tool.timeout is None else self.tool.timeout - (perf_counter() - self.start)

    def outcome(self) -> Outcome:
        """How the stream ended; a consumer that stops early is no error of the tool."""
        error = self.failure
        status = status_of(error) if error else "ok"
        return Outcome(status, None, error, perf_counter() - self.start, self.size, self._cost)


def stream(
    gate: Gate,
    tool: Tool,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    receiver: tuple[object, ...] = (),
    injected: Mapping[str, object] = {},  # never changed
) -> Generator[object, object, object]:
    """The gated stream of a generator function."""
    ticket, meter = drive(_begun(gate, tool, args, kwargs, BLOCKING))
    try:
        inner = cast("Generator[object, object, object]", bare(ticket.permit, ticket.tool, receiver, injected)())
        try:
            return (yield from _metered(inner, meter))
        finally:
            meter.step(inner.close)
    except BaseException as error:
        meter.failure = error
        raise
    finally:
        drive(_ended(gate, ticket, meter, BLOCKING))


def _metered(inner: Generator[object, object, object], meter: Meter) -> Generator[object, object, object]:
    """Passes chunks out, and values and exceptions in, counting on the way."""
    try:
        chunk = meter.step(next, inner)
        while True:
            counted = meter.count(chunk)
            try:
                sent = yield counted
            except GeneratorExit:
                raise
            except BaseException as error:  # thrown in by the consumer, for the tool to see
                chunk = meter.step(inner.throw, error)
            else:
                chunk = meter.step(inner.send, sent)
    except StopIteration as done:
        return done.value


async def astream(
    gate: Gate,
    tool: Tool,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    receiver: tuple[object, ...] = (),
    injected: Mapping[str, object] = {},  # never changed
) -> AsyncGenerator[object, object]:
    """The gated stream of an async generator function."""
    ticket, meter = await _begun(gate, tool, args, kwargs, LOOPING)
    try:
        inner = cast("AsyncGenerator[object, object]", bare(ticket.permit, ticket.tool, receiver, injected)())
        try:
            step = inner.asend(None)
            while True:
                try:
                    counted = meter.count(await meter.astep(step))
                except StopAsyncIteration:
                    return
                try:
                    sent = yield counted
                except GeneratorExit:
                    raise
                except BaseException as error:  # thrown in by the consumer, for the tool to see
                    step = inner.athrow(error)
                else:
                    step = inner.asend(sent)
        finally:
            with trace.within(meter.span):
                await inner.aclose()
    except BaseException as error:
        meter.failure = error
        raise
    finally:
        await _ended(gate, ticket, meter, LOOPING)


async def _begun(gate: Gate, tool: Tool, args: tuple[object, ...], kwargs: Mapping[str, object], wait: Waiting) -> tuple[Ticket, Meter]:
    """Authorizes the stream, inside a span when somebody records spans."""
    span = trace.started(tool.name, gate.current()) if trace.recording() else None
    try:
        with trace.within(span):
            ticket = await gate.begin(tool, args, kwargs, wait.tracing() if span else wait)
    except BaseException as error:
        if span is not None:
            trace.refused(span, tool.name, error)
        raise
    return ticket, Meter(ticket.tool, span)


async def _ended(gate: Gate, ticket: Ticket, meter: Meter, wait: Waiting) -> None:
    """Settles the stream, and ends its span."""
    outcome = meter.outcome()
    try:
        if not ticket.silent:
            with trace.within(meter.span):
                await gate.finish(ticket, outcome, wait)
    finally:
        if meter.span is not None:
            trace.settled(meter.span, meter.tool.name, outcome)


async def _within(step: Awaitable[object], meter: Meter) -> object:
    """The next chunk, within what is left of the time."""
    left = meter.left()
    if left is None:
        return await step
    import asyncio

    try:
        async with asyncio.timeout(max(left, 0)) as limit:
            return await step
    except TimeoutError as error:
        if not limit.expired():  # pyright: ignore[reportUnboundVariable, reportAttributeAccessIssue, reportUnknownMemberType]  # timeout() itself does not raise
            raise
        raise ToolTimeout(f"'{meter.tool.name}' has streamed longer than {meter.tool.timeout:g} s") from error
