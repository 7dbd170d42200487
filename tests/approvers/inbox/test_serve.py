"""The inbox as it is started: which addresses it takes, and what it serves there."""

from __future__ import annotations

import asyncio
import socket

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")

import httpx

from gate import Gate
from gate.approvers.inbox.serve import Settings, listening, made
from gate.errors import ConfigError


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


def test_localhost_is_ours_at_both_addresses() -> None:
    port = free_port()
    with listening(Settings(port=port)) as sockets:
        assert {opened.getsockname()[:2] for opened in sockets} >= {("127.0.0.1", port)}
        for opened in sockets:
            with pytest.raises(OSError, match="in use"):
                socket.create_server(opened.getsockname()[:2], family=opened.family)
    with listening(Settings(url="https://gate.example.com", port=port)) as sockets:
        assert [opened.getsockname()[:2] for opened in sockets] == [("127.0.0.1", port)]


def test_somebody_else_at_the_other_address_of_localhost() -> None:
    """An agent's own server at ::1, the same origin to a browser."""
    try:
        taken = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1")
    with taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on ::1 port {port}"), listening(Settings(port=port)):
            pass
    with listening(Settings(port=port)):  # and the first address was given back
        pass


@pytest.mark.parametrize(("url", "status"), [("", 401), ("https://gate.example.com", 401), ("http://127.0.0.1", 404)])
def test_passkeys_where_browsers_make_them(gate: Gate, url: str, status: int) -> None:
    application, _ = made(gate.home, Settings(url=url), 8790)

    async def run() -> int:
        base = url or "http://localhost:8790"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=base) as browser:
            return (await browser.get("/passkeys")).status_code

    assert asyncio.run(run()) == status
