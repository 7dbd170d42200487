"""Run: the only place that calls a tool, and it needs a permit.

The bare functions live in a table of this module, by tool, and nowhere else.  What a tool raises passes through unchanged; it travels
inside the `Outcome`, so that not even StopIteration is altered on the way.  Retries happen here, inside the one permit.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from inspect import isawaitable, iscoroutine
from time import perf_counter
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from gate.errors import GateError, OutputLimit, ToolTimeout
from gate.loops import is_cancelled

if TYPE_CHECKING:
    from gate.describe.signature import Function
    from gate.permit import Permit
    from gate.tool import Tool

Status = Literal["ok", "error", "timeout", "cancelled", "output-limit", "unknown"]
_LAZY: Final = frozenset({GeneratorType, AsyncGeneratorType, map, filter})
UNMEASURED: Final = frozenset({int, float, bool, type(None), list, dict, tuple})  # ordinary results that only a declared limit measures
_NOTHING: Final[Mapping[str, object]] = {}
_functions: dict[int, Function] = {}
_make_outcome: Callable[..., Outcome] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
_spent: ContextVar[dict[str, object] | None] = ContextVar("gate_spent", default=None)


class Outcome(NamedTuple):
    """How a run ended. `value` is the tool's, unless `error` is what it raised; seconds of wall time; bytes of output where measured."""

    status: Status
    value: object = None
    error: BaseException | None = None
    seconds: float = 0.0
    output_bytes: int | None = None
    cost: Mapping[str, object] | None = None

    def result(self) -> object:
        """The value, or raises what the tool raised."""
        if self.error is not None:
            raise self.error
        return self.value


def hold(tool: Tool, function: Function) -> None:
    """Takes a bare function into keeping for as long as its tool lives."""
    _functions[id(tool)] = function
    weakref.finalize(tool, _functions.pop, id(tool), None)


def held(tool: Tool) -> Function:
    """The bare function of a tool."""
    return _functions[id(tool)]


def spent(**cost: object) -> None:
    """Called inside a tool: what the call really cost, by unit; replaces what was reserved. ValueError for what is no amount."""
    from gate.charges import micro

    ledger = _spent.get()
    if ledger is None:
        raise GateError("spent() is for a running tool that declares cost=…")
    for amount in cost.values():
        micro(amount)  # now, while the tool can be told, and not when its outcome is recorded
    ledger.update(cost)


def bare(permit: Permit, tool: Tool, receiver: tuple[object, ...], injected: Mapping[str, object]) -> Callable[[], object]:
    """The bare call, ready to be made: the permit's own frozen arguments, as fresh values each time."""
    if permit.call.tool != tool.name:
        raise GateError("the permit is for another tool")
    if tool.method and not receiver:
        raise GateError(f"'{tool.name}' is a method and was called without its object")
    function, schema, arguments = _functions[id(tool)], tool.schema, permit.call.arguments
    suppliers = tool.suppliers
    if schema.invoke is not None and not receiver and not injected and not suppliers:  # as above, so this is no method
        return partial(schema.invoke, function, arguments)

    def call() -> object:
        args, kwargs = schema.load(arguments)
        supplied = {name: supply() for name, supply in suppliers.items()}  # for every try anew
        return function(*receiver, *args, **kwargs, **injected, **supplied)

    return call


def run(permit: Permit, tool: Tool, receiver: tuple[object, ...] = (), injected: Mapping[str, object] = _NOTHING) -> Outcome:
    """Runs a plain tool in this thread (in one of its own when it has a time-out)."""
    start = perf_counter()
    cost: dict[str, object] | None = None
    size: int | None = None
    try:
        call = permit[0]
        if tool.invoke is not None and call[0] == tool.name and not receiver and not injected:
            value = tool.invoke(_functions[id(tool)], call[1])
        else:
            cost, ready = _prepared(bare(permit, tool, receiver, injected), tool)
            value = ready()
        if type(value) not in UNMEASURED or tool.measured:
            size = size_of(value, tool)
    except BaseException as error:  # whatever a tool raises is an outcome
        return Outcome(status_of(error), None, error, perf_counter() - start, None, cost)
    return _make_outcome(Outcome, ("ok", value, None, perf_counter() - start, size, cost))


def run_silently(permit: Permit, tool: Tool) -> object:
    """Runs a tool whose call leaves no record, so that nobody asks how long it took; what it raises passes through.

    For an async tool this gives what has to be awaited. `passed` says whether the result may be passed on.
    """
    call = permit[0]
    if tool.invoke is None or call[0] != tool.name:
        raise GateError("the permit is for another tool, or the tool cannot be called at once")
    return tool.invoke(_functions[id(tool)], call[1])


def passed(value: object, tool: Tool) -> object:
    """A result that may be passed on: nothing that still has to run, and within the limits."""
    size_of(value, tool)
    return value


def size_of(value: object, tool: Tool, limit: int | None = None) -> int | None:
    """Bytes of a result or chunk that may be passed on, None where they are not measured; GateError or OutputLimit for one that may not."""
    if type(value) in UNMEASURED and not tool.measured:
        return None
    if type(value) is not str and (isawaitable(value) or type(value) in _LAZY):  # a text is neither, and to find that out takes a while
        _refuse_lazy(value)
    return measure(value, tool, limit)


async def arun(permit: Permit, tool: Tool, receiver: tuple[object, ...] = (), injected: Mapping[str, object] = _NOTHING) -> Outcome:
    """Runs an async tool in this task."""
    start = perf_counter()
    cost: dict[str, object] | None = None
    value: object
    try:
        call = permit[0]
        if tool.invoke is not None and call[0] == tool.name and not receiver and not injected:
            value = await tool.invoke(_functions[id(tool)], call[1])
        else:
            ready = bare(permit, tool, receiver, injected)
            if tool.cost:
                cost = {}
                ready = _awaited_with_cost(ready, cost)
            running: Any = _attempts(ready, tool) if tool.retries or tool.timeout is not None else ready()
            value = await running
        size = size_of(value, tool)
    except BaseException as error:  # whatever a tool raises is an outcome
        return Outcome(status_of(error), None, error, perf_counter() - start, None, cost)
    return Outcome("ok", value, None, perf_counter() - start, size, cost)


def status_of(error: BaseException) -> Status:
    """The word of the record for what ended a run."""
    if isinstance(error, ToolTimeout):
        return "timeout"
    if isinstance(error, OutputLimit):
        return "output-limit"
    return "cancelled" if isinstance(error, (KeyboardInterrupt, GeneratorExit)) or is_cancelled(error) else "error"


def measure(value: object, tool: Tool, limit: int | None = None) -> int | None:
    """Bytes of a result, None where it is not measured; OutputLimit when there are too many."""
    most = tool.output_limit if limit is None else limit
    kind = type(value)
    if kind is str:
        size = len(value)  # type: ignore[arg-type]  # text, says the line above
        if not value.isascii() and size <= most:  # type: ignore[attr-defined]  # as above
            size = len(value.encode("utf-8", "surrogatepass"))  # type: ignore[attr-defined]  # as above
    elif kind is bytes:
        size = len(value)  # type: ignore[arg-type]  # bytes, says the line above
    elif not tool.measured:
        return None
    else:
        from pydantic_core import to_json

        size = len(to_json(value, fallback=repr))
    if size > most:
        raise OutputLimit(f"'{tool.name}' returned {size} bytes, where at most {most} are allowed; its effect has happened")
    return size


def _refuse_lazy(value: object) -> None:
    """A tool that returns something still to run would escape its permit, so it does not get to."""
    made = type(value).__name__
    if iscoroutine(value) or isinstance(value, GeneratorType):
        value.close()
    raise GateError(f"the tool returned a {made}, which still has to run; await it, or make it a list, so that all of it is covered")


def _prepared(call: Callable[[], object], tool: Tool) -> tuple[dict[str, object] | None, Callable[[], object]]:
    """The call with a place for its cost, a time-out, retries."""
    cost: dict[str, object] | None = None
    if tool.cost:
        cost = {}
        call = _with_cost(call, cost)
    return cost, _limited(call, tool) if tool.retries or tool.timeout is not None else call


@contextmanager
def paying(cost: dict[str, object] | None) -> Generator[None]:
    """A place for what the tool says it `spent`; None for a tool that declares no cost."""
    token = _spent.set(cost)
    try:
        yield
    finally:
        _spent.reset(token)


def _with_cost(call: Callable[[], object], cost: dict[str, object]) -> Callable[[], object]:
    def paid() -> object:
        with paying(cost):
            return call()

    return paid


def _awaited_with_cost(call: Callable[[], object], cost: dict[str, object]) -> Callable[[], object]:
    async def paid() -> object:
        with paying(cost):
            return await call()  # type: ignore[misc]  # an async tool's call gives something to await

    return paid


def _limited(call: Callable[[], object], tool: Tool) -> Callable[[], object]:
    """The call with its retries, then with its time-out around them all: what the call may take is reserved once."""
    attempts = call
    if tool.retries:
        import tenacity

        attempts = partial(tenacity.Retrying(**_policy(tool)), call)
    return attempts if tool.timeout is None else lambda: _in_thread(attempts, tool)


def _in_thread(call: Callable[[], object], tool: Tool) -> object:
    """Python cannot stop a running function, so a time-out leaves its thread behind; the outcome says that it may still be running."""
    box: list[Outcome] = []

    def work() -> None:
        try:
            box.append(Outcome("ok", call()))
        except BaseException as error:  # carried to the caller's thread
            box.append(Outcome("error", None, error))

    context = copy_context()
    thread = threading.Thread(target=context.run, args=(work,), daemon=True, name=f"gate-{tool.name}")
    thread.start()
    thread.join(tool.timeout)
    if not box:
        raise ToolTimeout(f"'{tool.name}' ran longer than {tool.timeout:g} s and may still be running")
    return box[0].result()


async def _attempts(call: Callable[[], object], tool: Tool) -> object:
    async def once() -> object:
        awaitable: Awaitable[object] = call()  # type: ignore[assignment]  # an async tool's call gives one
        return await awaitable

    import asyncio

    try:
        async with asyncio.timeout(tool.timeout) as limit:
            if not tool.retries:
                return await once()
            import tenacity

            return await tenacity.AsyncRetrying(**_policy(tool))(once)
    except TimeoutError as error:
        if not limit.expired():  # pyright: ignore[reportPossiblyUnboundVariable]  # timeout() itself does not raise
            raise
        raise ToolTimeout(f"'{tool.name}' ran longer than {tool.timeout:g} s and was cancelled") from error


def _policy(tool: Tool) -> dict[str, Any]:
    """Retry on ordinary errors only, with growing pauses, and never when the time is over; the last error is raised as it was."""
    import tenacity

    attempts = tenacity.stop_after_attempt(1 + tool.retries)
    return {
        "stop": attempts if tool.timeout is None else attempts | tenacity.stop_before_delay(tool.timeout),
        "wait": tenacity.wait_random_exponential(multiplier=0.05, max=2),
        "retry": tenacity.retry_if_exception(lambda error: isinstance(error, Exception) and not isinstance(error, (GateError, StopIteration))),
        "reraise": True,
    }
