"""Events: tells open pages that something was asked or answered, as server-sent events (WHATWG HTML, section 9.2).

    event: turn
    data: {"turn": 17, "waiting": 3}

comes at once, whenever the desk's turn changes, and at least every 15 seconds, so that a page also notices that its connection died.  Nothing
about a question is in it: the page asks for the list again, with its own sign-in.  The stream ends when the sign-in does.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.approvers.inbox.identity import Identify
    from gate.desk import Desk

QUIET: Final = 15.0
MOST: Final = 200


class Events:
    """The open pages of one inbox, at most 200."""

    def __init__(self, desk: Desk, identify: Identify) -> None:
        self._desk, self._identify = desk, identify
        self._open = 0

    async def stream(self, request: Request) -> Response:
        """GET /events."""
        if self._identify(request) is None:
            return PlainTextResponse("sign in first", 401)
        if self._open >= MOST:
            return PlainTextResponse("too many open pages", 503, {"retry-after": "30"})
        return StreamingResponse(self._lines(request), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def _lines(self, request: Request) -> AsyncIterator[str]:
        self._open += 1
        try:
            yield "retry: 2000\n\n"
            while self._identify(request) is not None:
                turn = self._desk.turn
                data = {"turn": turn, "waiting": await run_in_threadpool(self._desk.count)}
                yield f"event: turn\ndata: {json.dumps(data)}\n\n"
                await self._desk.await_turn(turn, QUIET)
        finally:
            self._open -= 1
