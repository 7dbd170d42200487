"""port: a socket that listens, whose connections send at once."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gate.errors import ConfigError
from gate.port import bound


def nodelay(listening: socket.socket) -> int:
    """What a connection accepted by asyncio has, as uvicorn takes them."""
    found: list[int] = []

    async def serve() -> None:
        async def took(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        server = await asyncio.start_server(took, sock=listening)
        async with server:
            reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            await reader.read()
            writer.close()
            await writer.wait_closed()

    asyncio.run(serve())
    return found[0]


def test_a_connection_waits_for_no_acknowledgement() -> None:
    assert nodelay(socket.create_server(("127.0.0.1", 0))) == 0, "the naive way"
    assert nodelay(bound("127.0.0.1", 0)) != 0


def test_an_address_that_cannot_be_had() -> None:
    with bound("127.0.0.1", 0) as first, pytest.raises(ConfigError) as caught:
        bound("127.0.0.1", port := first.getsockname()[1], hint="try --port 0")
    assert str(caught.value) == f"cannot listen on 127.0.0.1 port {port}: address already in use; try --port 0"
    with pytest.raises(ConfigError, match=r"^cannot listen on 192\.0\.2\.1 port 0: [a-z ]+$"):
        bound("192.0.2.1", 0)
