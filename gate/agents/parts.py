"""Parts: calls that may stop in the middle and are made again, under the same id, to go on. Each is one call and runs once at a time.

A call that is authorized under an id again is given the ticket that is open, and the framework's id is no more than what a model said: three
calls under one id would be charged once and run three times.  So the first ticket runs, and an open one only where the run before it has paused:
that is kept in the gate's folder, and good for one.  Otherwise it is refused, also in another process, and also when the run before was killed:
nobody knows how far it came.

Both steps are a small file, and not awaited: a task that is cancelled between them and the run would lose a call that waits for somebody.  The
tool time that is charged is that of the last part: between two of them a person is waited for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Final, TypeVar

from gate import ref
from gate.agents.around import Around, Sent
from gate.errors import AlreadyUsed
from gate.hooks.kept import Kept, Opened

if TYPE_CHECKING:
    from gate.ticket import Ticket

T = TypeVar("T")

RUNS: Final = "this very call runs already, or was ended before it could say that it waits"


class Parts(Around):
    """`Around`, for calls that come in parts. What a call is told besides its result comes with its last part."""

    def run_parts(self, sent: Sent, run: Callable[[dict[str, object]], T], *, stops: type[Exception]) -> T:
        """Runs a call that may come again, under the same id, to go on. It is charged and recorded once, and settled when it does not pause.

        stops: what `run` raises when it pauses.  Denied when it did not run, and when it runs already; what `run` raises passes through.
        """
        _, scope = self._prepared(sent)
        with self.gate.within(scope), ref.under(sent.id, once=self._once), self.gate.noticing() as notices:
            ticket = self.gate.authorize(sent.tool, sent.arguments, ref=sent.id)
            self.taken(ticket, sent)
            begin = perf_counter()
            try:
                with ref.under(""):
                    value = run(ticket.arguments)
            except stops:
                self.paused(ticket)
                raise  # the ticket stays open, and is found again by the call's id
            except BaseException as error:
                self.gate.settle(ticket, error=error, seconds=perf_counter() - begin)
                raise
            self.gate.settle(ticket, value=value, seconds=perf_counter() - begin)
            return self._noted(value, notices) if notices else value

    async def arun_parts(
        self,
        sent: Sent,
        run: Callable[[dict[str, object]], Awaitable[T]],
        *,
        stops: type[Exception] | tuple[()] = (),
        paused: Callable[[T], bool] | None = None,
    ) -> T:
        """The same in an event loop. paused: whether what `run` gave says that it stopped."""
        _, scope = self._prepared(sent)
        with self.gate.within(scope), ref.under(sent.id, once=self._once), self.gate.noticing() as notices:
            ticket = await self.gate.aauthorize(sent.tool, sent.arguments, ref=sent.id)
            self.taken(ticket, sent)
            begin = perf_counter()
            try:
                with ref.under(""):
                    value = await run(ticket.arguments)
                stopped = paused is not None and paused(value)
                if stopped:
                    self.paused(ticket)
            except stops:
                self.paused(ticket)
                raise  # as above
            except BaseException as error:
                await self.gate.asettle(ticket, error=error, seconds=perf_counter() - begin)
                raise
            if not stopped:
                await self.gate.asettle(ticket, value=value, seconds=perf_counter() - begin)
            return self._noted(value, notices) if notices else value

    def taken(self, ticket: Ticket, sent: Sent) -> None:
        """Whoever has this ticket runs its call now. AlreadyUsed, recorded, when somebody else does."""
        if ticket.again and Kept(self.gate.home.path).take(_about(ticket)) is None:
            denial = AlreadyUsed(RUNS, remedy="make it again under another id", call_id=ticket.call.id)
            raise self._refused(denial, sent)

    def paused(self, ticket: Ticket) -> None:
        """Its run stopped, and may go on once."""
        Kept(self.gate.home.path).put(_about(ticket), Opened(ticket.ref))


def _about(ticket: Ticket) -> list[object]:
    return ["paused", ticket.call.id]
