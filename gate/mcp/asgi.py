"""Asgi: a request and its response, as ASGI has them, for the two applications of MCP: what of a response was sent, and how a request's body is read.

A body is JSON by its media type, whole, in time and not longer than it may be, before anything looks at it.

>>> lines_of({"headers": [(b"Accept", b"text/event-stream")]})
[('accept', 'text/event-stream')]
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gate.mcp import headers as head
from gate.mcp import sse, wire
from gate.mcp.door import Shut
from gate.mcp.era import modern

if TYPE_CHECKING:
    from gate.mcp.headers import Headers
    from gate.mcp.wire import Body, Message

Event: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]

LONGEST: Final = 4 * 1024 * 1024
SLOW: Final = 30.0
_BAD: Final = {wire.PARSE_ERROR: 400, wire.INVALID_REQUEST: 400, -32602: 400, -32020: 400, -32021: 400, -32022: 400, -32601: 404}
STREAM: Final = (("content-type", "text/event-stream"), ("cache-control", "no-cache, no-transform"), ("x-accel-buffering", "no"))
"""The headers of a stream of events."""


class Begun:
    """A response: what of it was sent. ident: of the request that it answers; resumable: whether an event of it had an id."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.ident: wire.Id | None = None
        self.done = self.over = self.resumable = False

    async def show(self, body: Body) -> None:
        """Sends the client a request of the gate's own, in a stream that begins with it."""
        await self.start(200, [*STREAM])
        await self.part(sse.said(wire.dump(body)))

    async def start(self, status: int, headers: Headers) -> None:
        """The head, once: a stream may have begun with a request of the gate's own."""
        if self.done:
            return
        self.done = True
        lines = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": lines})

    async def part(self, data: bytes) -> None:
        """A piece of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Its end, once."""
        if self.done and not self.over:
            self.over = True
            await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def empty(self, status: int, headers: Headers | None = None) -> None:
        """A response without a body."""
        await self.start(status, [*(headers or []), ("content-length", "0")])
        await self.end()

    async def json(self, status: int, body: Body, headers: Headers | None = None) -> None:
        """A response with one message; an event of the stream that has begun, if one has."""
        if self.done:
            await self.end(b"" if self.over else sse.said(wire.dump(body)))
            return
        data = wire.dump(body)
        await self.start(status, [*(headers or []), ("content-type", "application/json"), ("content-length", str(len(data)))])
        await self.end(data)


async def left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def lines_of(scope: Event) -> Headers:
    """The headers of a request."""
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]


async def body_of(headers: Headers, receive: Receive, longest: int) -> bytes:
    """The request's body, which must be JSON by its media type: a page cannot send that elsewhere without asking first."""
    sort = head.one(headers, "content-type") or ""
    if sort.partition(";")[0].strip().lower() != "application/json":
        raise Shut(415, "the body must be application/json")
    found = bytearray()
    try:
        async with asyncio.timeout(SLOW):
            more = True
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise Shut(400, "the body broke off")
                found += event.get("body", b"")
                more = event.get("more_body", False)
                if len(found) > longest:
                    raise Shut(413, f"the body is longer than {longest} bytes", [("connection", "close")])
    except TimeoutError:
        raise Shut(408, "the body came too slowly", [("connection", "close")]) from None
    return bytes(found)


def status_of(body: Body, message: Message, headers: Headers) -> int:
    """The status with which an answer of the gate's own goes back: that of its error in the modern era, 200 in the other."""
    error = body.get("error")
    code = error["code"] if wire.is_body(error) else None
    newer = modern(message) or (head.one(headers, "mcp-protocol-version") or "") >= "2026"
    return _BAD.get(code, 200) if newer and isinstance(code, int) else 200
