"""Reach: a server over HTTP as a process with standard input and output, for the gate that is in front of it.

    python -P -m gate.mcp.reach URL [--header-env HEADER=NAME] [--bearer-env NAME]

It decides nothing; everything it reads and writes passes the gate, whose child it is.  It speaks streamable HTTP in both eras: each line is a POST,
the messages of each answer are lines, a legacy session also has its GET stream, and a stream that ends early is taken up again by its last event.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_array, is_object
from gate.mcp import headers as head
from gate.mcp import sse, wire
from gate.mcp.era import VERSION, meta, modern
from gate.mcp.upstream import Answer, Unreachable, Upstream

if TYPE_CHECKING:
    from gate.mcp.headers import Headers
    from gate.mcp.wire import Message

AGAIN: Final = 10
WAIT: Final = 1.0
MOST_WAIT: Final = 30.0
_ACCEPT: Final = ("accept", "application/json, text/event-stream")
_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


class Reach:
    """One conversation with a server."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._session, self._version = "", ""
        self._schemas: dict[str, object] = {}
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._listening: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until standard input ends."""
        reader = asyncio.StreamReader(limit=wire.LONGEST + 2)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            message = wire.parse(line)
            if message.sort == "request" and message.method != "initialize":
                self._begin(message)
            elif message.method == "notifications/cancelled" and not self._version:  # in the modern era, closing the stream says so
                if task := self._tasks.get(message.params.get("requestId")):
                    task.cancel()
            else:
                await self._sent(message)
        await self._end()

    def _begin(self, message: Message) -> None:
        task = self._tasks[message.id] = asyncio.create_task(self._sent(message))
        task.add_done_callback(lambda _: self._tasks.pop(message.id, None))

    async def _end(self) -> None:
        for task in [*self._tasks.values(), *([self._listening] if self._listening else [])]:
            task.cancel()
        if self._session:
            try:
                await (await self._upstream.send("DELETE", self._kept())).close()
            except Unreachable:
                return

    def _kept(self) -> Headers:
        session = [("mcp-session-id", self._session)] if self._session else []
        return session + ([("mcp-protocol-version", self._version)] if self._version else [])

    def _headers(self, message: Message) -> Headers:
        if not modern(message):
            return [("content-type", "application/json"), _ACCEPT, *self._kept()]
        standard = [("mcp-protocol-version", str(meta(message)[VERSION])), ("mcp-method", message.method)]
        name = message.params.get(_NAMED.get(message.method, ""))
        if isinstance(name, str):
            standard.append(("mcp-name", head.encoded(name)))
        whole = head.of(standard, message, self._schemas.get(name) if isinstance(name, str) else None)
        return [("content-type", "application/json"), _ACCEPT, *whole]

    async def _sent(self, message: Message) -> None:
        """Sends a message; what comes back is written. A request has an answer, whatever happens."""
        try:
            answer = await self._upstream.send("POST", self._headers(message), wire.dump(message.body))
            self._session = answer.headers.get("mcp-session-id", self._session) if message.method == "initialize" else self._session
            answered = await self._read(answer, message)
            if message.sort == "request" and not answered:
                raise Unreachable(f"the server gave no answer: status {answer.status}")
        except (Unreachable, wire.BadMessage) as wrong:
            if message.sort == "request":
                _write(wire.error(message.id, -32000, str(wrong)))
        if message.method == "notifications/initialized" and self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    async def _read(self, answer: Answer, asked: Message | None) -> bool:
        """Writes the messages of an answer; whether the one that was asked for is among them."""
        for turn in range(AGAIN):
            last, retry, found = await self._once(answer, asked)
            if found or not last or asked is None:
                return found
            await asyncio.sleep(min(retry, MOST_WAIT) if turn < AGAIN - 1 else 0)
            answer = await self._upstream.send("GET", [("accept", "text/event-stream"), *self._kept(), ("last-event-id", last)], endless=True)
        return False

    async def _once(self, answer: Answer, asked: Message | None) -> tuple[str, float, bool]:
        """One stream to its end: the id of its last event, the seconds to wait before coming back, and whether the answer was in it."""
        last, retry, found = "", WAIT, False
        try:
            if answer.sort == "application/json":
                return "", retry, self._one(await answer.text(wire.LONGEST), asked)
            if answer.sort != "text/event-stream":
                return "", retry, False
            events = sse.Events()
            async for chunk in answer.chunks():
                for event in events.feed(chunk):
                    for name, value in event.fields:
                        last = value if name == "id" else last
                        retry = int(value) / 1000 if name == "retry" and value.isdecimal() and len(value) < 9 else retry
                    if event.data and event.type in ("", "message"):
                        found = self._one(event.data.encode("utf-8", "surrogatepass"), asked) or found
                if found:
                    break
        finally:
            await answer.close()
        return last, retry, found

    def _one(self, data: bytes, asked: Message | None) -> bool:
        """Writes one message; whether it is the answer."""
        message = wire.parse(data)
        body = message.body
        if message.sort == "error" and message.id is None and asked is not None and asked.sort == "request":
            body = {**body, "id": asked.id}
        answers = asked is not None and asked.sort == "request" and message.sort in ("result", "error") and body.get("id") == asked.id
        result = body.get("result")
        if answers and asked is not None and is_object(result):
            self._learn(asked, result)
        _write(body)
        return answers

    def _learn(self, asked: Message, result: object) -> None:
        if not is_object(result):
            return
        if asked.method == "initialize" and isinstance(version := result.get("protocolVersion"), str):
            self._version = version
        listed = result.get("tools") if asked.method == "tools/list" else None
        for one in listed if is_array(listed) else ():
            if is_object(one) and isinstance(name := one.get("name"), str):
                self._schemas[name] = one.get("inputSchema")

    async def _listen(self) -> None:
        """What a legacy server sends by itself, for as long as it does."""
        last, retry = "", 0.0
        while True:
            await asyncio.sleep(retry)
            try:
                back = [("last-event-id", last)] if last else []
                answer = await self._upstream.send("GET", [("accept", "text/event-stream"), *self._kept(), *back], endless=True)
                if answer.sort != "text/event-stream":
                    await answer.close()
                    return
                seen, retry, _ = await self._once(answer, None)
                last = seen or last
            except (Unreachable, wire.BadMessage):
                retry = min(2 * (retry or WAIT), MOST_WAIT)


def _write(body: wire.Body) -> None:
    sys.stdout.buffer.write(wire.dump(body) + b"\n")
    sys.stdout.buffer.flush()


def main(words: list[str]) -> None:
    """The program."""
    from gate.commands.mcphttp import credential

    url, flags = words[0], words[1:]
    given = list(zip(flags[::2], flags[1::2], strict=True))
    options = {
        "header_env": tuple([value for flag, value in given if flag == "--header-env"]),
        "bearer_env": next((value for flag, value in given if flag == "--bearer-env"), ""),
    }
    asyncio.run(Reach(Upstream(url, credential(options))).run())


if __name__ == "__main__":
    main(sys.argv[1:])
