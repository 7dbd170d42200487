"""A sign-in as the inbox serves it: in process, or by the real server on loopback; with its own page that says who is there."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from gate.approvers.inbox.guard import Guard
from gate.approvers.inbox.login import Links
from gate.approvers.inbox.sessions import Sessions
from gate.approvers.inbox.signin import SignIn, TrustedHeader
from gate.people import People, Person

ANN = Person("ann", logins=("ann@example.com", "sub-ann"))
BOB = Person("bob", logins=("bob@example.com", "stra\u00dfe@example.com"))


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_764_112_000.0

    def __call__(self) -> float:
        return self.now


class Site:
    """One inbox's sign-in."""

    def __init__(self, home: Path, *, origin: str = "http://localhost:8766", header: TrustedHeader | None = None, provider: str = "") -> None:
        self.origin, self.clock, self.people = origin, Clock(), People([ANN, BOB])
        self.sessions = Sessions(secure=origin.startswith("https:"), clock=self.clock)
        self.links = Links(home, self.clock)
        links = None if header else self.links
        self.signin = SignIn(lambda: self.people, self.clock, sessions=self.sessions, links=links, header=header, provider=provider)
        self.more: list[BaseRoute] = []

    @property
    def app(self) -> Any:
        routes = [Route(path, self.who) for path in ("/", "/events", "/questions/{id}")]
        return Guard(Starlette(routes=[*self.signin.routes, *self.more, *routes]), hosts=["localhost", "127.0.0.1"])

    async def who(self, request: Request) -> Response:
        found = self.signin.identify(request)
        return PlainTextResponse(f"{found.name} by {found.how}") if found else self.signin.door(request)

    @contextlib.asynccontextmanager
    async def browser(self, client: tuple[str, int] = ("192.0.2.7", 4711)) -> Any:
        """A client that keeps cookies, at an address; its socket is nobody's of this machine unless it is a loopback address."""
        transport = httpx.ASGITransport(self.app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url=self.origin) as made:
            yield made


def button(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Where the one form of a page posts, and what."""
    action = re.search(r'<form method="post" action="([^"]*)"', page.text)
    assert action, page.text
    return action[1], dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text))


async def press(browser: Any, page: httpx.Response, **headers: str) -> httpx.Response:
    """Presses the button of a page, as a browser does."""
    action, data = button(page)
    return await browser.post(action, data=data, headers={"sec-fetch-site": "same-origin"} | headers)


async def enter(site: Site, browser: Any, name: str = "ann", **headers: str) -> httpx.Response:
    """Signs in by a link."""
    return await press(browser, await browser.get(f"/login/{site.links.make(name)}"), **headers)


@contextlib.contextmanager
def served(app: Any, host: str = "127.0.0.1", port: int = 0) -> Generator[int]:
    """The app behind the real server, as `gate inbox` starts it; its port."""
    config = uvicorn.Config(app, host=host, port=port, log_level="error", proxy_headers=False, server_header=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
