"""At once: how a call is decided where nothing may wait: no disk, no person. What would have to wait raises `NotNow`, and then nothing has happened.

Most calls of a busy agent are allowed and need no record on disk first; an event loop decides those on the spot, without a task of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gate.waiting import Blocking, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.answer import Answer, Case
    from gate.ask import Approver, Question
    from gate.call import Call
    from gate.desk import Desk
    from gate.kind import KindTool
    from gate.ledger import Ledger
    from gate.preview import Panel
    from gate.store import Charge, Spend
    from gate.store.questions import Pose
    from gate.waiting import Late


class NotNow(BaseException):  # no error, and no refusal: the path records those
    """This call has to wait for something."""


class _AtOnce(Blocking):
    def tracing(self) -> Waiting:
        return self

    async def look(self, preview: Callable[[Call, KindTool | None], tuple[Panel, ...]], call: Call, like: KindTool | None) -> tuple[Panel, ...]:
        raise NotNow(preview, call, like)

    async def ask(self, approver: Approver, question: Question, seconds: float, late: Late) -> Answer | None:
        raise NotNow(approver, question, seconds, late)

    async def pose(self, ledger: Ledger, work: Pose) -> str:
        raise NotNow(ledger, work)

    async def say(self, desk: Desk, question: str, answer: Answer) -> Case:
        raise NotNow(desk, question, answer)

    async def turn(self, desk: Desk, turn: int, seconds: float) -> None:
        raise NotNow(desk, turn, seconds)

    async def afford(self, ledger: Ledger, charges: tuple[Charge, ...]) -> None:
        raise NotNow(ledger, charges)

    async def spend(self, ledger: Ledger, spend: Spend) -> None:
        if spend.durability == "durable" or spend.burns or spend.uses or spend.open is not None:
            raise NotNow
        ledger.spend(spend)


AT_ONCE: Final[Waiting] = _AtOnce()
