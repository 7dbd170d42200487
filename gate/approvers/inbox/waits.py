"""Waits: requests that wait for a change, each at most 55 s, so that no proxy between gives up first; and not too many at once."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from gate.approvers.inbox.resource import OURS, Problem

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.answer import Case
    from gate.desk import Desk

LONGEST: Final = 55.0  # seconds
MOST: Final = 256


class Waits:
    """Waits at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._waiting = desk, 0

    def seconds(self, request: Request) -> float:
        """How long a request wants to wait, cut at 55; a Problem when that is no number of seconds."""
        text = request.query_params.get("wait", "0")
        if not text.isascii() or not text.isdecimal() or len(text) > 9:
            raise Problem(400, OURS + "wait", "'wait' is a whole number of seconds")
        return min(float(text), LONGEST)

    async def change(self, question: str, seconds: float) -> Case:
        """A question as soon as it is open no more, or after so many seconds."""
        end = monotonic() + seconds
        while True:
            turn = self._desk.turn  # before it is read, so that what changes in between is not waited for
            case = await run_in_threadpool(self._desk.case, question)
            if case is None:
                raise Problem(404, "about:blank", "The question is no longer kept")
            left = min(end - monotonic(), case.question.expires - self._desk.home.now())
            if case.state != "open" or left <= 0:
                return case
            await self.turn(turn, left)

    async def turn(self, turn: int, seconds: float) -> int:
        """The desk's turn as soon as it is another. With too many waiting, at once: the caller comes again later."""
        if self._waiting >= MOST:
            raise Problem(503, OURS + "busy", "Too many wait already; ask without waiting", headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            return await self._desk.await_turn(turn, seconds)
        finally:
            self._waiting -= 1
