"""Pausing: `Around` for frameworks that pause before a call is made, or in the middle of one.

Some ask "does this call need a person?" first and make the call only then: `question` is that step.  It goes the path of the call up to the
spending and no further: people are asked, nothing is spent, nothing runs.  Some stop a tool that has an agent inside because that agent must
wait, and call the tool again later to go on: `arun_parts` takes all these calls for the one that they are, and runs one at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from gate import ref
from gate.agents.around import Sent
from gate.agents.parts import Parts
from gate.decide import Ask
from gate.errors import NeedsApproval
from gate.waiting import Looping

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.ledger import Ledger
    from gate.store import Spend

T = TypeVar("T")


class _WouldRunError(BaseException):
    """The call came as far as the spending. No refusal, so nothing records it as one."""


class _UpToSpending(Looping):
    """Waits as a call in an event loop does, and ends where it would spend."""

    async def spend(self, ledger: Ledger, spend: Spend) -> None:
        del ledger, spend
        raise _WouldRunError


_AHEAD: Final = _UpToSpending()


class Pausing(Parts):
    """`Around`, and the two ways to pause."""

    async def question(self, sent: Sent) -> Question | None:
        """What people are asked about the call, and have not answered. None when it would run now, or be refused: whoever makes it is told."""
        try:
            _, scope = self._prepared(sent)
            with self.gate.within(scope), ref.under(sent.id):
                if isinstance(self.gate.check(sent.tool, sent.arguments), Ask):
                    await self.gate.begin(self.gate.find_tool(sent.tool, sent.arguments), (), sent.arguments, _AHEAD)
        except NeedsApproval as waits:
            return waits.question
        except _WouldRunError:
            await asyncio.to_thread(self.gate.home.ledger.flush)  # what was said meanwhile is kept before the call comes that is made of it
        except Exception:
            return None
        return None

    async def arun_parts(self, sent: Sent, run: Callable[[dict[str, object]], Awaitable[T]], *, paused: Callable[[T], bool]) -> T:
        """Runs a call that may come again, under the same id, to go on. It is charged and recorded once, and settled when it does not pause.

        Denied when it did not run, and when it runs already; what `run` raises passes through.
        """
        _, scope = self._prepared(sent)
        with self.gate.within(scope), ref.under(sent.id, once=self._once), self.gate.noticing() as notices:
            ticket = await self.gate.aauthorize(sent.tool, sent.arguments, ref=sent.id)
            self.taken(ticket, sent)
            try:
                with ref.under(""):
                    value = await run(ticket.arguments)
                stopped = paused(value)
                if stopped:
                    self.paused(ticket)
            except BaseException as error:
                await self.gate.asettle(ticket, error=error)
                raise
            if not stopped:
                await self.gate.asettle(ticket, value=value)
            return self._noted(value, notices) if notices else value
