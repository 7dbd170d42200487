"""Group commit: many threads and tasks share each transaction.

A thread that needs a commit leads when nobody does: it takes the whole queue, commits it in its own thread and tells everybody.  Whoever comes
meanwhile queues up; the first of them leads the next batch.  So one caller alone pays no thread switch, and thirty-two share one write to
the disk.  Works that nobody waits for (records of calls whose rule does not ask for the disk) are committed by a background thread after
a moment, or by a leader, in the order in which they came; an intent that somebody waits for may overtake them.

When a transaction fails, whoever waited is told, and works that nobody waited for stay at the head of the queue: they tell of calls that
have run.  `failing` is then set until a commit works again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock, Thread
from time import sleep
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar

from gate.errors import Unavailable
from gate.store import Refused, Result, Settlement, Spend, Steps, Work

if TYPE_CHECKING:
    import asyncio
    from _thread import LockType

T = TypeVar("T")
GATHER: Final = 0.02
RETRY: Final = 1.0
MOST_QUEUED: Final = 8192
_log: Final = logging.getLogger("gate")


class Committing(Protocol):
    """What a group needs of a store. interrupted: a signal that came when the transaction was already done."""

    interrupted: BaseException | None

    def commit(self, works: Sequence[Work]) -> list[Result]: ...


class Ticket:
    """A work somebody waits for: a thread on `lock`, or a task on `future`."""

    __slots__ = ("abandoned", "done", "future", "leads", "lock", "result", "work")

    def __init__(self, work: Work, future: asyncio.Future[Result] | None = None) -> None:
        self.work, self.future = work, future
        self.lock: LockType | None = None  # made when a thread has to wait
        self.result: Result = None
        self.done = self.leads = self.abandoned = False


Item: TypeAlias = "Work | Ticket"


class Group:
    """The queue before one store. `mutex` guards everything here, and the ledger's leases.

    pending: calls in the queue whose intent nobody waits for, by id; an outcome that comes in time joins them.  live: calls that this
    process alone may settle.  orphan: called with a spend that was done for somebody who had stopped waiting.  rest: called by the
    background thread when there is nothing to write; gives the seconds until it should be called again, None for never.
    """

    def __init__(self, store: Committing, *, orphan: Callable[[Spend], None], rest: Callable[[], float | None]) -> None:
        self.mutex = Lock()
        self.queue: list[Item] = []
        self.pending: dict[str, Spend] = {}
        self.live: dict[str, Spend] = {}
        self.failing: Exception | None = None
        self._store, self._orphan, self._rest = store, orphan, rest
        self._swift: list[Item] = []
        self._batch: list[Item] = []
        self._waiting: list[Ticket] = []  # threads, in the order in which they will lead
        self._whole = self._tasks = self._busy = self._closed = self._sleeping = self._hurried = False
        self._bell, self._hurry = Lock(), Lock()
        self._bell.acquire()
        self._hurry.acquire()
        self._flusher: Thread | None = None

    # ---- putting works in -----------------------------------------------------------------------------------------------------------

    def put(self, work: Work) -> None:
        """Queues a work that nobody waits for. The caller holds `mutex`, and looks at `crowded` afterwards."""
        if self._closed:
            raise Unavailable("the ledger is closed")
        self.queue.append(work)
        if self._sleeping:
            self._wake()

    def begin(self, work: Work) -> None:
        """Queues a work that is done first, when there is something else to do. The caller holds `mutex`."""
        self.queue.append(work)
        self.hold_back()

    def hold_back(self) -> None:
        """The next batch is the whole queue: nothing overtakes what is in it now. The caller holds `mutex`."""
        self._whole = True

    @property
    def crowded(self) -> bool:
        """The queue is so long that whoever adds to it should wait. Starts the background thread at the first use."""
        if self._flusher is None:
            self._start()
        return len(self.queue) > MOST_QUEUED

    def submit(self, work: Work, *, swift: bool = False) -> Result:
        """Does a work and waits for it. Raises what refused it. swift: it may overtake what nobody waits for."""
        if swift and self._idle():
            return self._alone(work)
        ticket = Ticket(work)
        try:
            if self._leads(ticket, swift=swift) or not self._told(ticket):
                self._commit()
                self._hand_over(ticket)
        except BaseException:
            self.abandon(ticket)
            raise
        result = ticket.result
        if isinstance(result, Exception):
            raise result
        return result

    def _idle(self) -> bool:
        """True when nobody commits and nobody waits; then this thread has the lead."""
        with self.mutex:
            if self._busy or self._whole or self._swift or self.failing or self._closed:
                return False
            self._busy = True
            return True

    def _alone(self, work: Work) -> Result:
        """Commits one work without a queue."""
        try:
            result = self._store.commit((work,))[0]
        except Exception as error:
            self._failed(error)
            raise
        finally:
            self._hand_over()
        if (interrupted := self._store.interrupted) is not None:
            self._store.interrupted = None
            if isinstance(work, Spend) and not isinstance(result, Exception):
                self._orphan(work)
            raise interrupted
        if isinstance(result, Exception):
            raise result
        return result

    def _leads(self, ticket: Ticket, *, swift: bool) -> bool:
        with self.mutex:
            if self._closed:
                raise Unavailable("the ledger is closed")
            if swift:
                self._swift.append(ticket)
            else:
                self.queue.append(ticket)
                self._whole = True
            if self._busy:
                ticket.lock = Lock()
                ticket.lock.acquire()
                self._waiting.append(ticket)
                return False
            ticket.leads = self._busy = True
            self._take()
            return True

    def _told(self, ticket: Ticket) -> bool:
        """Waits. True when the work is done, False when it is this thread's turn to lead."""
        if ticket.lock is not None:
            ticket.lock.acquire()
        if not ticket.done:
            with self.mutex:
                self._take()
        return ticket.done

    async def asubmit(self, work: Work) -> Result:
        """The same for a task: the background thread commits, the event loop never waits for the disk."""
        import asyncio

        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        ticket = Ticket(work, future)
        with self.mutex:
            if self._closed:
                raise Unavailable("the ledger is closed")
            self.queue.append(ticket)
            self._tasks = self._whole = True
            self._ring()
        if self._flusher is None:
            self._start()
        try:
            result = await future
        except asyncio.CancelledError:
            self.abandon(ticket)
            raise
        if isinstance(result, Exception):
            raise result
        return result

    def drive(self, steps: Steps[T]) -> T:
        """Runs steps in this thread, committing each work they yield."""
        try:
            work = next(steps)
            while True:
                try:
                    result = self.submit(work)
                except Exception as error:
                    work = steps.throw(error)
                else:
                    work = steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # a generator's value is not typed

    async def adrive(self, steps: Steps[T]) -> T:
        """Runs steps in a task; the background thread commits."""
        try:
            work = next(steps)
            while True:
                try:
                    result = await self.asubmit(work)
                except Exception as error:
                    work = steps.throw(error)
                else:
                    work = steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # as above

    def abandon(self, ticket: Ticket) -> None:
        """Somebody stopped waiting: the work is withdrawn if that is still possible, otherwise its call is settled as never run."""
        with self.mutex:
            ticket.abandoned = True
            self._waiting = [other for other in self._waiting if other is not ticket]
            self._swift = [item for item in self._swift if item is not ticket]
            if not isinstance(ticket.work, Settlement):
                self.queue = [item for item in self.queue if item is not ticket]
            leads, done = ticket.leads, ticket.done
        if leads:
            self._failed(Unavailable("the commit was interrupted"))
            self._hand_over(ticket)
        if done:
            self._check_orphan(ticket)

    # ---- committing -----------------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Commits what is queued; when another thread is at it, that one or the next will. Raises what went wrong."""
        with self.mutex:
            if not self.queue:
                return
            self._whole = True
            if self._busy:
                return
            self._busy = True
            self._take()
        try:
            self._commit()
        finally:
            self._hand_over()
        if self.failing:
            raise self.failing

    def _take(self) -> None:
        """The next batch. The caller holds `mutex`."""
        self._batch, self._swift, self._waiting = self._swift, [], []
        if self._whole or self.failing or len(self._batch) > 1:
            self._batch, self.queue = self.queue + self._batch, []
            self._whole = self._tasks = False
            if self.pending:
                self.live.update([pair for pair in self.pending.items() if pair[1].settlement is None])
                self.pending = {}

    def _commit(self) -> None:
        try:
            results = self._store.commit([item.work if item.__class__ is Ticket else item for item in self._batch])  # type: ignore[misc]  # works
            self._done(results)
        except Exception as error:
            self._failed(error)
        if (interrupted := self._store.interrupted) is not None:
            self._store.interrupted = None
            raise interrupted

    def _done(self, results: list[Result]) -> None:
        told: list[Ticket] = []
        again: list[tuple[Item, Exception]] = []
        for item, result in zip(self._batch, results, strict=True):
            if isinstance(item, Ticket):
                item.result = result
                told.append(item)
            elif result is not None and isinstance(result, Exception):  # nearly every result is None
                _log.error("a record could not be written: %r", result)
                if not isinstance(result, Refused):
                    again.append((item, result))
        self._batch = []
        self._put_back([item for item, _ in again])
        self.failing = again[0][1] if again else None
        self._tell(told)

    def _failed(self, error: Exception) -> None:
        if self.failing is None:
            _log.error("the log cannot be written; calls are refused until it can: %s", error)
        batch, self._batch = self._batch, []
        waiting = [item for item in batch if isinstance(item, Ticket)]
        self._put_back([_work(item) for item in batch if isinstance(_work(item), Settlement) or not isinstance(item, Ticket)])
        self.failing = error
        for ticket in waiting:
            ticket.result = error
        self._tell(waiting)

    def _put_back(self, items: list[Item]) -> None:
        if items:
            with self.mutex:
                self.queue[:0] = items

    def _tell(self, told: Sequence[Ticket]) -> None:
        with self.mutex:
            for ticket in told:
                ticket.done = True
            orphans = [ticket for ticket in told if ticket.abandoned]
        tasks: dict[asyncio.AbstractEventLoop, list[Ticket]] = {}
        for ticket in told:
            if ticket.lock is not None:
                if not ticket.leads:
                    ticket.lock.release()
            elif ticket.future is not None:
                tasks.setdefault(ticket.future.get_loop(), []).append(ticket)
        for loop, tickets in tasks.items():
            with suppress(RuntimeError):  # the loop has ended, and with it everybody who waited
                loop.call_soon_threadsafe(_resolve, tickets)
        for ticket in orphans:
            self._check_orphan(ticket)

    def _check_orphan(self, ticket: Ticket) -> None:
        if isinstance(ticket.work, Spend) and not isinstance(ticket.result, Exception):
            self._orphan(ticket.work)

    def _hand_over(self, leader: Ticket | None = None) -> None:
        """The next thread that waits leads; if none does, the background thread looks after what is queued."""
        with self.mutex:
            if leader is not None:
                leader.leads = False
            self._busy = bool(self._waiting)
            if self._waiting:
                heir = self._waiting.pop(0)
                heir.leads = True
                if heir.lock is not None:
                    heir.lock.release()
            elif self._tasks:
                self._ring()

    # ---- the background thread --------------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._sleeping = False
        self._bell.release()

    def _ring(self) -> None:
        if self._sleeping:
            self._wake()
        if not self._hurried:
            self._hurried = True
            self._hurry.release()

    def _start(self) -> None:
        with self.mutex:
            if self._flusher is None and not self._closed:
                self._flusher = Thread(target=self._run, name="gate-flusher", daemon=True)
                self._flusher.start()

    def _run(self) -> None:
        while not self._closed:
            self._sleep()
            if self._hurry.acquire(timeout=GATHER):
                with self.mutex:
                    self._hurried = False
            if not self._closed:
                self._try_flush()

    def _try_flush(self) -> None:
        with suppress(Exception):  # `failing` tells everybody who calls
            self.flush()

    def _sleep(self) -> None:
        """Until something is put in; while writing fails, a second."""
        while True:
            wait = RETRY if self.failing else self._rested()
            with self.mutex:
                if self._closed or (self.queue and not self.failing):
                    return
                self._sleeping = True
            rung = self._bell.acquire(timeout=-1 if wait is None else wait)
            with self.mutex:
                if not rung and not self._sleeping:  # it rang at the last moment
                    rung = self._bell.acquire(blocking=False)
                self._sleeping = False
            if rung or self.failing:
                return

    def _rested(self) -> float | None:
        try:
            return self._rest()
        except Exception:
            _log.exception("the ledger cannot be tidied")
            return RETRY

    def close(self) -> None:
        """Commits what is queued and stops. Raises what keeps it from being written."""
        with self.mutex:
            self._closed = True
            self._ring()
        if self._flusher is not None:
            self._flusher.join()
        while self.queue:
            self.flush()
            sleep(0.001)  # another thread may be at it


def _work(item: Item) -> Work:
    return item.work if isinstance(item, Ticket) else item


def _resolve(tickets: list[Ticket]) -> None:
    for ticket in tickets:
        if ticket.future is not None and not ticket.future.done():
            ticket.future.set_result(ticket.result)
