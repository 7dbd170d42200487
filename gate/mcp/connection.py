"""Connection: HTTP/1.1 to one server and nowhere else, on h11, which is strict about where a message ends. A fifth of what a general client costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import h11

if TYPE_CHECKING:
    import ssl

CONNECT: Final = 10.0
IDLE: Final = 4.0
"""Seconds after which a connection is not used again: servers close theirs after five."""
_CHUNK: Final = 65536
_LARGEST_HEAD: Final = 65536
FAILURES: Final = (OSError, EOFError, h11.ProtocolError, TimeoutError)


class Connection:
    """One connection, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
        self._read: float | None = None
        self._used = time.monotonic()

    async def send(self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes, read: float | None) -> h11.Response:
        """Sends a request; the head of its answer. read: seconds for which the server may say nothing."""
        self._read = read
        data = [self._state.send(h11.Request(method=method, target=target, headers=headers))]
        if body:
            data.append(self._state.send(h11.Data(data=body)))
        data.append(self._state.send(h11.EndOfMessage()))
        self._writer.write(b"".join([part for part in data if part]))
        async with asyncio.timeout(CONNECT):
            await self._writer.drain()
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise EOFError("the server closed the connection")

    async def body(self) -> AsyncIterator[bytes]:
        """The body of the answer, as it comes. An answer that breaks off raises."""
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    async def _next(self) -> object:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(self._read):
                self._state.receive_data(await self._reader.read(_CHUNK))
        return event

    def again(self) -> bool:
        """Whether it can be used for another request, which it is then ready for."""
        if self._state.our_state is not h11.DONE or self._state.their_state is not h11.DONE or self._reader.at_eof():
            return False
        self._state.start_next_cycle()
        self._used = time.monotonic()
        return True

    @property
    def fresh(self) -> bool:
        """Whether the server has it open, as far as can be told."""
        return not self._reader.at_eof() and not self._writer.is_closing() and time.monotonic() - self._used < IDLE

    def close(self) -> None:
        """Ends it."""
        self._writer.close()


class Pool:
    """Connections to one host. They are opened as needed."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._host, self._port, self._context = host, port, context
        self._idle: list[Connection] = []

    async def take(self) -> Connection:
        """A connection that nobody uses."""
        while self._idle:
            if (known := self._idle.pop()).fresh:
                return known
            known.close()
        name = self._host if self._context else None
        async with asyncio.timeout(CONNECT):
            return Connection(*await asyncio.open_connection(self._host, self._port, ssl=self._context, server_hostname=name))

    def give(self, used: Connection) -> None:
        """Takes one back, for whoever needs one next, or ends it."""
        if used.again():
            self._idle.append(used)
        else:
            used.close()

    def close(self) -> None:
        """Ends those that nobody uses."""
        while self._idle:
            self._idle.pop().close()
