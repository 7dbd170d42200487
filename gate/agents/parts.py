"""Parts: calls that may stop in the middle and are made again, under the same id, to go on. Each is one call and runs once at a time.

A call that is authorized under an id again is given the ticket that is open, and the framework's id is no more than what a model said: three
calls under one id would be charged once and run three times.  So the first ticket runs, and an open one only where the run before it has paused:
that is kept in the gate's folder, and good for one.  Otherwise it is refused, also in another process, and also when the run before was killed:
nobody knows how far it came.

Both steps are a small file, and not awaited: a task that is cancelled between them and the run would lose a call that waits for somebody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gate.agents.around import Around, Sent
from gate.errors import AlreadyUsed
from gate.hooks.kept import Kept, Opened

if TYPE_CHECKING:
    from gate.ticket import Ticket

RUNS: Final = "this very call runs already, or was ended before it could say that it waits"


class Parts(Around):
    """`Around`, for calls that come in parts."""

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
