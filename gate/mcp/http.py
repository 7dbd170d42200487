"""HTTP: the gate before a server of streamable HTTP, in both eras of the protocol, as an ASGI application at `/mcp`.

    POST    one message; the answer is the server's, JSON or a stream, each message of it judged as it comes
    GET     the legacy era's stream of what the server sends by itself; taken up only after an event of the caller's own session
    DELETE  ends a legacy session

Who comes in is `gate.mcp.door`'s to say, what becomes of a message the core's (through `gate.mcp.line`), what a header may say `gate.mcp.headers`',
and the server is reached by `gate.mcp.upstream` alone.  A legacy session has an id of the gate's own: it is good for the principal and agent who
began it and for nobody else.  A stream ends when the capability does under which it was opened.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from gate.mcp import headers as head
from gate.mcp import sse, wire
from gate.mcp.asgi import LONGEST, STREAM, Begun, body_of, left, lines_of, status_of
from gate.mcp.core import Session, presented
from gate.mcp.door import Door, Shut, Visitor
from gate.mcp.line import Asked, Dialogue, Line, Server
from gate.mcp.state import States
from gate.mcp.tasks import Tasks
from gate.mcp.upstream import Answer, Unreachable
from gate.mcp.verdict import Forward, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.mcp.asgi import Event, Receive, Send
    from gate.mcp.behind import Behind
    from gate.mcp.headers import Headers
    from gate.mcp.upstream import Upstream
    from gate.mcp.wire import Body

PATH: Final = "/mcp"
IDLE: Final = 3600.0
MOST: Final = 10_000
_SESSION: Final = "mcp-session-id"
_log: Final = logging.getLogger("gate")


class Relay:
    """The application. longest: bytes of a request's body; others: see `gate.mcp.core.Session`; answers, waits: see `gate.mcp.people`."""

    def __init__(
        self,
        behind: Behind,
        upstream: Upstream,
        door: Door,
        *,
        listed: Callable[[list[object], Session], None] | None = None,
        others: bool = False,
        longest: int = LONGEST,
        answers: str = "",
        waits: float = 0.0,
    ) -> None:
        behind.apart = True
        home = behind.gate.home
        dialogue = Dialogue(answers, waits, States(home.keys.secret("mcp-state"), home.now), {})
        self._server = Server(behind, upstream, listed, asyncio.Lock(), {}, dialogue)
        self._door, self._others, self._longest = door, others, longest
        self._lines: OrderedDict[str, Line] = OrderedDict()
        self._tasks = Tasks()

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """One request, as ASGI calls it. Whatever goes wrong, nothing was passed on that was not judged."""
        if scope["type"] == "lifespan":
            await self._life(receive, send)
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
        except Unreachable as wrong:
            await begun.json(wrong.status, wire.error(begun.ident, -32000, str(wrong)))
        except Exception:
            _log.exception("a request could not be handled")
            await begun.json(500, wire.error(begun.ident, -32603, "the gate failed"))

    async def _life(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.shutdown":
                for line in self._lines.values():
                    line.ended("the gate was stopped")
                await self._server.upstream.close()
            await send({"type": f"{event['type']}.complete"})
            if event["type"] == "lifespan.shutdown":
                return

    async def _request(self, scope: Event, receive: Receive, begun: Begun) -> None:
        headers = lines_of(scope)
        self._door.check_names(headers)
        if scope["path"] != PATH:
            raise Shut(404, f"the gate is at {PATH}")
        visitor = self._door.visitor(headers)
        if scope["method"] == "POST":
            await self._post(headers, await body_of(headers, receive, self._longest), visitor, receive, begun)
        elif scope["method"] == "GET":
            await self._get(headers, visitor, receive, begun)
        elif scope["method"] == "DELETE":
            await self._delete(headers, visitor, begun)
        else:
            raise Shut(405, "GET, POST and DELETE are understood", [("allow", "GET, POST, DELETE")])

    # ---- lines --------------------------------------------------------------------------------------------------------------------------------

    def _line(self, headers: Headers, visitor: Visitor, *, greets: bool = False) -> Line:
        """The line that a request names, or one of its own. 404 for a session that is not there, or another's. greets: a session may begin."""
        ident = head.one(headers, _SESSION)
        if ident is None:
            behind, tasks = self._server.behind, None if greets else self._tasks
            session = Session(behind.server, behind.catalogue, others=self._others, tasks=tasks)
            if not greets:
                session.results.kept = self._server.dialogue.kept
            return Line(self._server, session, visitor.owner)
        line = self._lines.get(ident)
        if line is None or line.owner != visitor.owner:
            raise Shut(404, "there is no such session")
        line.used = time.monotonic()
        self._lines.move_to_end(ident)
        return line

    def _begin(self, line: Line, there: str) -> str:
        """Keeps the line of a session that the server began; the gate's own id of it."""
        line.there, ident = there, secrets.token_urlsafe(32)
        self._lines[ident] = line
        while len(self._lines) > MOST or time.monotonic() - next(iter(self._lines.values())).used > IDLE:
            self._lines.popitem(last=False)[1].ended("the session was idle")
        return ident

    # ---- methods ------------------------------------------------------------------------------------------------------------------------------

    async def _post(self, headers: Headers, body: bytes, visitor: Visitor, receive: Receive, begun: Begun) -> None:
        message = wire.parse(body, self._longest)
        begun.ident = message.id
        token, message = presented(message)
        context = self._door.context(token, visitor)
        head.check(headers, message)
        line, asked = self._line(headers, visitor, greets=message.method == "initialize"), Asked(message, headers, context)
        verdict = await line.of_client(asked, begun.show)
        if isinstance(verdict, Reply):
            await begun.json(status_of(verdict.body, message, headers), verdict.body)
        elif not isinstance(verdict, Forward):
            await begun.empty(202)
        else:
            await self._on(line, asked, verdict.body, receive, begun)

    async def _on(self, line: Line, asked: Asked, body: Body, receive: Receive, begun: Begun) -> None:
        """Sends a message on and passes the answer back. Whatever happens, the request it is has an end."""
        ident = asked.message.id if asked.message.sort == "request" else None
        resumable = False
        try:
            answer = await self._server.upstream.send("POST", line.headers_of(asked, body), wire.dump(body))
            try:
                extra = self._session_begun(line, asked, answer)
                if answer.sort == "text/event-stream":
                    resumable = await self._stream(line, asked.context, answer, receive, begun, extra, ident)
                else:
                    await self._single(line, asked, answer, begun, extra)
            finally:
                await answer.close()
        except (Unreachable, wire.BadMessage) as wrong:
            lost = line.lost(ident, str(wrong))
            if not begun.done:
                raise
            if lost is not None and not begun.over:
                await begun.part(sse.said(wire.dump(lost)))
        finally:
            if not resumable:
                line.gone(ident)
            await begun.end()

    def _session_begun(self, line: Line, asked: Asked, answer: Answer) -> Headers:
        there = answer.headers.pop(_SESSION, "")
        if there and asked.message.method == "initialize" and not line.there:
            return [(_SESSION, self._begin(line, there))]
        own = head.one(asked.headers, _SESSION)
        return [(_SESSION, own)] if there and own else []

    async def _single(self, line: Line, asked: Asked, answer: Answer, begun: Begun, extra: Headers) -> None:
        """An answer that is one message, or none."""
        data = await answer.text(wire.LONGEST)
        headers = [*extra, *[(name, value) for name, value in answer.headers.items() if name not in ("content-type", "content-length")]]
        if not data.strip():
            lost = line.lost(asked.message.id, "the server gave no answer") if asked.message.sort == "request" else None
            if lost is not None:
                await begun.json(answer.status if answer.status >= 400 else 502, lost, headers)
            else:
                await begun.empty(answer.status, headers)
            return
        if answer.sort != "application/json":
            raise Unreachable(f"the server's answer is no message: status {answer.status}", answer.status if answer.status >= 400 else 502)
        body = await self._answer(line, asked, data, begun)
        if body is None:
            await begun.empty(answer.status if answer.status >= 400 else 202, headers)
        else:
            await begun.json(answer.status, body, headers)

    async def _answer(self, line: Line, asked: Asked, data: bytes, begun: Begun) -> Body | None:
        """What the client gets of an answer of one message."""
        message = wire.parse(data)
        if message.id is None and message.sort == "error":  # about a request that the server could not read, or did not let in
            line.lost(asked.message.id, "the server refused the request")
            return {**message.body, "id": asked.message.id}
        return await line.of_server(data, asked.context, begun.show)

    async def _stream(self, line: Line, context: Any, answer: Answer, receive: Receive, begun: Begun, extra: Headers, ident: wire.Id | None) -> bool:
        """Passes a stream on, event by event; whether the client may come back for the rest of it."""
        await begun.start(answer.status, [*STREAM, *extra])
        resumable = False
        leaving = asyncio.ensure_future(left(receive))
        reading = asyncio.ensure_future(self._events(line, context, answer, begun))
        try:
            await asyncio.wait({leaving, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                resumable = reading.result()
                if ident is not None and not resumable and (lost := line.lost(ident, "the server ended the stream without an answer")):
                    await begun.part(sse.said(wire.dump(lost)))
            else:
                resumable = begun.resumable
        finally:
            for task in (leaving, reading):
                task.cancel()
            await asyncio.gather(leaving, reading, return_exceptions=True)
        return resumable

    async def _events(self, line: Line, context: Any, answer: Answer, begun: Begun) -> bool:
        events = sse.Events()
        async for chunk in answer.chunks():
            for event in events.feed(chunk):
                if context.life() <= 0:
                    return False
                for ident in [value for name, value in event.fields if name == "id"]:
                    begun.resumable = True
                    line.event(ident)
                data = event.data
                if data:
                    body = await line.of_server(data.encode("utf-8", "surrogatepass"), context, begun.show) if event.type in ("", "message") else None
                    data = None if body is None else wire.dump(body).decode()
                if data is not None or event.fields:
                    await begun.part(sse.dump(event._replace(data=data, type=event.type if data else "")))
        return begun.resumable

    async def _get(self, headers: Headers, visitor: Visitor, receive: Receive, begun: Begun) -> None:
        line = self._line(headers, visitor)
        kept = [(name, value) for name, value in headers if name in ("accept", "mcp-protocol-version")]
        kept += line.last_event(headers)
        there = [(_SESSION, line.there)] if line.there else []
        answer = await self._server.upstream.send("GET", [*kept, *there], endless=True)
        try:
            if answer.sort == "text/event-stream":
                await self._stream(line, visitor.context, answer, receive, begun, [], None)
                await begun.end()
            else:
                await begun.empty(
                    answer.status if answer.status >= 400 else 502, [("allow", answer.headers["allow"])] if "allow" in answer.headers else []
                )
        finally:
            await answer.close()

    async def _delete(self, headers: Headers, visitor: Visitor, begun: Begun) -> None:
        line = self._line(headers, visitor)
        kept = [(name, value) for name, value in headers if name == "mcp-protocol-version"]
        answer = await self._server.upstream.send("DELETE", [*kept, *([(_SESSION, line.there)] if line.there else [])])
        await answer.close()
        if answer.status < 300 and (ident := head.one(headers, _SESSION)):
            self._lines.pop(ident).ended("the session was ended")
        await begun.empty(answer.status)
