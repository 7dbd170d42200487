"""The shells of `gate.mcp.own`: standard input and output, and HTTP."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gate.errors import ConfigError, Denied, TokenError
from gate.mcp import headers as head
from gate.mcp import wire
from gate.mcp.asgi import LONGEST, Begun, body_of, lines_of, status_of
from gate.mcp.core import presented
from gate.mcp.door import Door, Shut
from gate.mcp.verdict import NOBODY

if TYPE_CHECKING:
    from gate.mcp.asgi import Event, Receive, Send
    from gate.mcp.own import Own
    from gate.mcp.verdict import Context
    from gate.mcp.wire import Body, Message

MOST: Final = 1000


class Stdio:
    """One client on standard input and output. Calls run side by side; one that the client cancels is cancelled."""

    def __init__(self, own: Own) -> None:
        self._own = own
        self._running: dict[wire.Id, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until standard input ends, and what is running then has ended."""
        reader = asyncio.StreamReader(limit=wire.LONGEST + 2)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        with suppress(ValueError):  # a line that is too long is the last one
            while line := await reader.readline():
                self._line(line)
        if self._running:
            await asyncio.wait(self._running.values())

    def _line(self, line: bytes) -> None:
        try:
            token, message = presented(wire.parse(line))
            ident = message.id
            if message.sort == "request" and ident is not None:
                if ident in self._running or len(self._running) >= MOST:
                    raise wire.BadMessage(f"the id {str(ident)[:64]!a} is in use, or too many calls are")
                self._running[ident] = asyncio.create_task(self._answered(message, self._context(token)))
                self._running[ident].add_done_callback(lambda _: self._running.pop(ident, None))
            elif message.method == "notifications/cancelled" and (task := self._running.get(message.params.get("requestId"))):  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]  # whatever was sent is in no table, or is a key
                task.cancel()
        except (wire.BadMessage, TypeError) as wrong:
            _write(wire.error(None, getattr(wrong, "code", wire.INVALID_REQUEST), f"Refused by Gate: {wrong}"))

    def _context(self, token: str) -> Context:
        try:
            return self._own.behind.context(token)
        except (TokenError, ConfigError, Denied, OSError):
            return NOBODY

    async def _answered(self, message: Message, context: Context) -> None:
        try:
            body = await self._own.answer(message, context)
        except asyncio.CancelledError:
            return
        except Exception:
            body = wire.error(message.id, -32603, "Refused by Gate: the gate failed")
        if body is not None:
            _write(body)


def _write(body: Body) -> None:
    sys.stdout.buffer.write(wire.dump(body) + b"\n")
    sys.stdout.buffer.flush()


class Http:
    """The same over HTTP, as an ASGI application at `/mcp`. It has no sessions and no streams: each POST is answered by itself."""

    def __init__(self, own: Own, door: Door) -> None:
        own.behind.apart = True
        self._own, self._door = own, door

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """One request, as ASGI calls it."""
        if scope["type"] == "lifespan":
            while (event := await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": f"{event['type']}.complete"})
        if scope["type"] != "http":
            return
        begun = Begun(send)
        try:
            await self._request(scope, receive, begun)
        except Shut as shut:
            await begun.json(shut.status, {"error": str(shut)}, shut.headers)
        except head.Mismatch as wrong:
            await begun.json(400, wire.error(begun.ident, head.MISMATCH, str(wrong)))
        except wire.BadMessage as wrong:
            await begun.json(400, wire.error(begun.ident, wrong.code, str(wrong)))
        except Exception:
            await begun.json(500, wire.error(begun.ident, -32603, "the gate failed"))

    async def _request(self, scope: Event, receive: Receive, begun: Begun) -> None:
        headers = lines_of(scope)
        self._door.check_names(headers)
        if scope["path"] != "/mcp":
            raise Shut(404, "the gate is at /mcp")
        visitor = self._door.visitor(headers)
        if scope["method"] != "POST":
            raise Shut(405, "POST is understood", [("allow", "POST")])
        message = wire.parse(await body_of(headers, receive, LONGEST), LONGEST)
        begun.ident = message.id
        token, message = presented(message)
        head.check(headers, message)
        body = await self._own.answer(message, self._door.context(token, visitor))
        if body is None:
            await begun.empty(202)
        else:
            await begun.json(status_of(body, message, headers), body)
