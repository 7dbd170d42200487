"""Waiting: how a call waits for a person, for the disk and for its tool: in a thread, or in an event loop.

The path of a call is written once, as a coroutine.  With `Blocking` nothing in it ever suspends, so plain code can `drive` it to its end;
with `Looping` the same path is awaited.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import copy_context
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from gate.errors import GateError
from gate.run import Outcome, arun, run

if TYPE_CHECKING:
    import asyncio

    from gate.answer import Answer, Case
    from gate.ask import Approver, Question
    from gate.call import Call
    from gate.desk import Desk
    from gate.kind import KindTool
    from gate.ledger import Ledger
    from gate.permit import Permit
    from gate.preview import Panel
    from gate.store import Charge, Settlement, Spend
    from gate.store.questions import Pose
    from gate.tool import Tool

T = TypeVar("T")
Late: TypeAlias = "Callable[[Question, Answer], None]"
"""What becomes of an answer that comes when nobody waits for it any more."""


class Waiting(Protocol):
    """What a call waits for. traced: somebody records spans."""

    traced: bool

    def tracing(self) -> Waiting: ...

    async def look(self, preview: Callable[[Call, KindTool | None], tuple[Panel, ...]], call: Call, like: KindTool | None) -> tuple[Panel, ...]: ...
    async def ask(self, approver: Approver, question: Question, seconds: float, late: Late) -> Answer | None: ...
    async def pose(self, ledger: Ledger, work: Pose) -> str: ...
    async def say(self, desk: Desk, question: str, answer: Answer) -> Case: ...
    async def turn(self, desk: Desk, turn: int, seconds: float) -> None: ...
    async def afford(self, ledger: Ledger, charges: tuple[Charge, ...]) -> None: ...
    async def spend(self, ledger: Ledger, spend: Spend) -> None: ...
    async def run(self, permit: Permit, tool: Tool, receiver: tuple[object, ...], injected: Mapping[str, object]) -> Outcome: ...
    async def settle(self, ledger: Ledger, settlement: Settlement) -> None: ...


class Blocking:
    """Waits by blocking this thread."""

    traced = False

    def tracing(self) -> Waiting:
        """The same, in a span."""
        return TRACED_BLOCKING

    async def look(self, preview: Callable[[Call, KindTool | None], tuple[Panel, ...]], call: Call, like: KindTool | None) -> tuple[Panel, ...]:
        """What a call would do, looked up here."""
        return preview(call, like)

    async def ask(self, approver: Approver, question: Question, seconds: float, late: Late) -> Answer | None:
        """The person's answer; how long it may take is the approver's to keep, and a late answer is void."""
        del seconds, late
        return approver.ask(question)

    async def pose(self, ledger: Ledger, work: Pose) -> str:
        """Returns when the question is kept: the id of it, or of the one that the call has already."""
        return ledger.pose(work)

    async def say(self, desk: Desk, question: str, answer: Answer) -> Case:
        """Returns when the answer is kept."""
        return desk.answer(question, answer)

    async def turn(self, desk: Desk, turn: int, seconds: float) -> None:
        """Returns when something was asked or answered since, or after so long."""
        desk.wait(turn, seconds)

    async def afford(self, ledger: Ledger, charges: tuple[Charge, ...]) -> None:
        """Returns when there may be enough for the charges."""
        ledger.afford(charges)

    async def spend(self, ledger: Ledger, spend: Spend) -> None:
        """Returns when the intent is as durable as asked."""
        ledger.spend(spend)

    async def run(self, permit: Permit, tool: Tool, receiver: tuple[object, ...], injected: Mapping[str, object]) -> Outcome:
        """Runs the tool here; an async one in an event loop of its own."""
        if tool.flavour == "async":
            return _run_alone(arun(permit, tool, receiver, injected))
        return run(permit, tool, receiver, injected)

    async def settle(self, ledger: Ledger, settlement: Settlement) -> None:
        """Returns when the outcome is accepted."""
        ledger.settle(settlement)


class Looping:
    """Waits in the running event loop, which goes on with other tasks."""

    traced = False

    def tracing(self) -> Waiting:
        """The same, in a span."""
        return TRACED_LOOPING

    async def look(self, preview: Callable[[Call, KindTool | None], tuple[Panel, ...]], call: Call, like: KindTool | None) -> tuple[Panel, ...]:
        """What a call would do, looked up in a worker thread: that may read files or a database."""
        import asyncio

        return await asyncio.to_thread(preview, call, like)

    async def ask(self, approver: Approver, question: Question, seconds: float, late: Late) -> Answer | None:
        """The person's answer, or None when the time is over; the question itself outlives a cancelled wait."""
        import asyncio

        try:
            return await asyncio.wait_for(_in_a_thread_of_its_own(approver.ask, question, late), seconds)
        except TimeoutError:
            return None

    async def pose(self, ledger: Ledger, work: Pose) -> str:
        """Returns when the question is kept: the id of it, or of the one that the call has already."""
        import asyncio

        posing = asyncio.ensure_future(ledger.apose(work))
        try:
            return await asyncio.shield(posing)
        except asyncio.CancelledError:  # it is asked all the same, and whoever calls again takes it up
            posing.add_done_callback(lambda done: None if done.cancelled() or done.exception() else ledger.let_go(done.result()))
            raise

    async def say(self, desk: Desk, question: str, answer: Answer) -> Case:
        """Returns when the answer is kept."""
        import asyncio

        return await asyncio.to_thread(desk.answer, question, answer)

    async def turn(self, desk: Desk, turn: int, seconds: float) -> None:
        """Returns when something was asked or answered since, or after so long."""
        await desk.await_turn(turn, seconds)

    async def afford(self, ledger: Ledger, charges: tuple[Charge, ...]) -> None:
        """Returns when there may be enough for the charges."""
        await ledger.aafford(charges)

    async def spend(self, ledger: Ledger, spend: Spend) -> None:
        """Returns when the intent is as durable as asked."""
        await ledger.aspend(spend)

    async def run(self, permit: Permit, tool: Tool, receiver: tuple[object, ...], injected: Mapping[str, object]) -> Outcome:
        """Runs an async tool in this task, a plain one in a worker thread so that the loop goes on."""
        if tool.flavour == "async":
            return await arun(permit, tool, receiver, injected)
        import asyncio

        start = perf_counter()
        try:
            return await asyncio.to_thread(run, permit, tool, receiver, injected)
        except asyncio.CancelledError as error:  # the thread goes on, and nobody waits for what it does
            return Outcome("cancelled", None, error, perf_counter() - start)

    async def settle(self, ledger: Ledger, settlement: Settlement) -> None:
        """Returns when the outcome is accepted."""
        await ledger.asettle(settlement)


class _TracedBlocking(Blocking):
    traced = True


class _TracedLooping(Looping):
    traced = True


BLOCKING: Waiting = Blocking()
LOOPING: Waiting = Looping()
TRACED_BLOCKING: Waiting = _TracedBlocking()
TRACED_LOOPING: Waiting = _TracedLooping()


def _run_alone(running: Coroutine[object, object, Outcome]) -> Outcome:
    """The outcome of an async tool in an event loop of its own; of an interruption, that it was interrupted."""
    import asyncio

    outcomes: list[Outcome] = []

    async def told() -> None:
        outcomes.append(await running)
        if isinstance(outcomes[0].error, asyncio.CancelledError):  # only the loop knows whether Ctrl-C was the cause
            raise outcomes[0].error

    with suppress(asyncio.CancelledError):
        asyncio.run(told())
    return outcomes[0]


def _in_a_thread_of_its_own(ask: Callable[[Question], Answer | None], question: Question, late: Late) -> asyncio.Future[Answer | None]:
    """Asks where nobody waits: people think for minutes, and the loop's few worker threads are there for tools."""
    import asyncio

    loop, context = asyncio.get_running_loop(), copy_context()
    answered: asyncio.Future[Answer | None] = loop.create_future()

    def settle(answer: Answer | None, error: BaseException | None) -> None:
        if answered.done():  # nobody waits any more
            if answer is not None:
                threading.Thread(target=late, args=(question, answer), daemon=True, name="gate-late-answer").start()
            return
        if error is None:
            answered.set_result(answer)
        else:
            answered.set_exception(error)

    def work() -> None:
        answer, wrong = None, None
        try:
            answer = context.run(ask, question)
        except Exception as error:
            wrong = error
        except BaseException as error:
            wrong = GateError(f"the approver ended with {type(error).__name__}")
        try:
            loop.call_soon_threadsafe(settle, answer, wrong)
        except RuntimeError:  # the loop has ended
            if answer is not None:
                late(question, answer)

    threading.Thread(target=work, daemon=True, name="gate-question").start()
    return answered


def drive(path: Coroutine[object, None, T]) -> T:
    """The result of a path that waits by blocking; it must not suspend."""
    try:
        path.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # the coroutine's own result
    path.close()
    raise GateError("a blocking path tried to suspend")
