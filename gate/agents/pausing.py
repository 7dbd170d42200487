"""Pausing: `Around` for frameworks that pause before a call is made, or in the middle of one.

Some ask "does this call need a person?" first and make the call only then: `question` is that step.  It goes the path of the call up to the
spending and no further: people are asked, nothing is spent, nothing runs.  Some stop a tool that has an agent inside because that agent must
wait, and call the tool again later to go on: `gate.agents.parts` takes all these calls for the one that they are.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

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


class _WouldRunError(BaseException):
    """The call came as far as the spending. No refusal, so nothing records it as one."""


class _UpToSpending(Looping):
    """Waits as a call in an event loop does, and ends where it would spend."""

    async def spend(self, ledger: Ledger, spend: Spend) -> None:
        del ledger, spend
        raise _WouldRunError


_AHEAD: Final = _UpToSpending()


class Pausing(Parts):
    """`Around`, and the question ahead of a call."""

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
