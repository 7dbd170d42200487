"""A front of streamable HTTP before servers of stdio, for suites that speak HTTP only: test code, with no more of the transport than they need.

    with serving(Bridge([python, "server.py"])) as url: ...

A legacy session is a process of its own, from its `initialize` to its DELETE; the next one is started before somebody wants it.  The requests of the
modern era, which has no sessions, share one process: their ids are made unique on the way in and put back on the way out.  What the front knows
nothing of, because only HTTP has it, is lost alike for every server behind it: the headers that repeat a message, Host and Origin, ids of events, and
coming back to a stream.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

VERSION = "io.modelcontextprotocol/protocolVersion"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
STATUS = {-32601: 404, -32602: 400, -32600: 400, -32021: 400, -32022: 400}
META = {VERSION: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
ENDED: dict[str, Any] = {}


class Stream:
    """What goes back for one request, or to whoever listens with GET. ident: as the client said it; inner: as the server knows it."""

    def __init__(self, ident: object = None, inner: object = None, message: dict[str, Any] | None = None) -> None:
        self.ident, self.inner = ident, inner
        self.method = (message or {}).get("method", "")
        self.token = (message or {}).get("params", {}).get("_meta", {}).get("progressToken")
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()


class Process:
    """One server process, and the streams that wait for what it says."""

    def __init__(self, running: asyncio.subprocess.Process) -> None:
        self.running, self.streams, self.listening = running, dict[object, Stream](), Stream()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        while line := await self.running.stdout.readline():
            message = json.loads(line)
            self._stream_of(message).queue.put_nowait(message)
        for stream in self.streams.values():
            stream.queue.put_nowait(ENDED)

    def _stream_of(self, message: dict[str, Any]) -> Stream:
        """A response goes to its request, a report to the request that it is about, anything else to the request that came last."""
        params = message.get("params", {})
        if "method" not in message:
            return self.streams.get(message.get("id"), self.listening)
        if (subscription := params.get("_meta", {}).get(SUBSCRIPTION)) in self.streams:
            params["_meta"][SUBSCRIPTION] = self.streams[subscription].ident
            return self.streams[subscription]
        plain = [one for one in self.streams.values() if one.method != "subscriptions/listen"]
        if message["method"] == "notifications/progress":
            plain = [one for one in plain if one.token == params.get("progressToken")]
        elif message["method"].endswith("list_changed") or message["method"] == "notifications/resources/updated":
            plain = []
        return plain[-1] if plain else self.listening

    def write(self, message: dict[str, Any]) -> None:
        self.running.stdin.write(json.dumps(message).encode() + b"\n")

    async def end(self) -> None:
        self.running.stdin.close()
        try:
            await asyncio.wait_for(self.running.wait(), 10)
        except TimeoutError:
            self.running.kill()
        await self._reading


class Bridge:
    """The ASGI application. command: of a server of stdio; where: the folder in which it is started."""

    def __init__(self, command: list[str], *, where: object = None, env: dict[str, str] | None = None) -> None:
        self.command, self.how = command, {"cwd": where, "env": env}
        self.sessions: dict[str, Process] = {}

    async def _start(self) -> Process:
        pipe = asyncio.subprocess.PIPE
        return Process(await asyncio.create_subprocess_exec(*self.command, stdin=pipe, stdout=pipe, limit=1 << 24, **self.how))

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await self._life(receive, send)
            return
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        session, body = headers.get("mcp-session-id", ""), b""
        while (event := await receive())["type"] == "http.request":
            body += event["body"]
            if not event.get("more_body"):
                break
        if scope["method"] == "POST":
            await self._post(json.loads(body), session, receive, send)
        elif session not in self.sessions:
            await answer(send, 405 if not session else 404)
        elif scope["method"] == "DELETE":
            await self.sessions.pop(session).end()
            await answer(send, 200)
        else:
            await stream(self.sessions[session].listening, receive, send, {})

    async def _life(self, receive, send) -> None:
        await receive()
        self._modern, self._spare = await self._start_modern(), asyncio.ensure_future(self._start())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.gather(*[one.end() for one in [*self.sessions.values(), self._modern, await self._spare]])
        await send({"type": "lifespan.shutdown.complete"})

    async def _start_modern(self) -> Process:
        """As a client over stdio begins: the first request says the era of the connection."""
        process = await self._start()
        process.streams["probe"] = probe = Stream()
        process.write({"jsonrpc": "2.0", "id": "probe", "method": "server/discover", "params": {"_meta": META}})
        await probe.queue.get()
        del process.streams["probe"]
        return process

    async def _post(self, message, session: str, receive, send) -> None:
        is_modern = VERSION in message.get("params", {}).get("_meta", {}) or (not session and message.get("method") != "initialize")
        if is_modern:
            process = self._modern
        elif message.get("method") == "initialize":
            spare, self._spare = self._spare, asyncio.ensure_future(self._start())
            session = secrets.token_hex(8)
            process = self.sessions[session] = await spare
        elif session in self.sessions:
            process = self.sessions[session]
        else:
            await answer(send, 404)
            return
        if "method" not in message or "id" not in message:
            process.write(message)
            await answer(send, 202)
            return
        inner = secrets.token_hex(8) if is_modern else message["id"]
        waiting = process.streams[inner] = Stream(message["id"], inner, message)
        process.write({**message, "id": inner})
        try:
            whole = await stream(waiting, receive, send, {"mcp-session-id": session} if session else {}, modern=is_modern)
        finally:
            del process.streams[inner]
        if is_modern and not whole:  # over stdio a client that leaves has to say so
            process.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": inner}})


async def stream(one: Stream, receive, send, headers: dict[str, str], *, modern: bool = False) -> bool:
    """Passes on what comes until the response, as one message where nothing came before it; whether it came before the client left."""
    leaving, begun = asyncio.ensure_future(left(receive)), False
    try:
        while True:
            coming = asyncio.ensure_future(one.queue.get())
            await asyncio.wait({leaving, coming}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                return False
            message = coming.result()
            last = one.inner is not None and (message is ENDED or ("method" not in message and message.get("id") == one.inner))
            message = {**message, "id": one.ident} if last else message
            if last and not begun:
                await answer(send, STATUS.get(message.get("error", {}).get("code"), 200) if modern else 200, message, headers)
                return True
            if not begun:
                await start(send, 200, {**headers, "content-type": "text/event-stream"})
            begun = True
            await send({"type": "http.response.body", "body": b"data: " + json.dumps(message).encode() + b"\n\n", "more_body": not last})
            if last:
                return True
    finally:
        leaving.cancel()


async def left(receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def start(send, status: int, headers: dict[str, str]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(name.encode(), value.encode()) for name, value in headers.items()]})


async def answer(send, status: int, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> None:
    await start(send, status, {**(headers or {}), **({"content-type": "application/json"} if body is not None else {})})
    await send({"type": "http.response.body", "body": b"" if body is None else json.dumps(body).encode()})
