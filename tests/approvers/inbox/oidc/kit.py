"""What the tests of signing in at a provider share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")

import httpx

from gate.approvers.inbox.oidc import Client, Provider
from tests.approvers.inbox.provider import FakeProvider
from tests.approvers.inbox.site import Site

ORIGIN = "https://localhost"


def using(site: Site, provider: FakeProvider, **how: Any) -> Provider:
    client = Client(**({"issuer": provider.issuer, "id": "inbox", "origin": ORIGIN, "secret": "s3cret"} | how))
    made = Provider(client, site.signin, now=site.clock)
    site.more = made.routes
    return made


async def there(browser: Any) -> str:
    """From our page to the provider, which signs the person in; the address that it sends the browser back to."""
    start = await browser.get("/oidc/start")
    assert start.status_code == 302, start.text
    async with httpx.AsyncClient() as http:
        reply = await http.get(start.headers["location"])
    assert reply.status_code == 302
    assert reply.headers["location"].startswith(f"{ORIGIN}/oidc/callback?")
    return reply.headers["location"]


async def signed_in(browser: Any) -> httpx.Response:
    return await browser.get(await there(browser), headers={"sec-fetch-site": "cross-site"})


def in_a_browser(site: Site, step: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with site.browser() as browser:
            await step(browser)

    asyncio.run(run())


def refused(site: Site, provider: FakeProvider, because: str, status: int = 403) -> None:
    async def run(browser: Any) -> None:
        reply = await signed_in(browser)
        assert reply.status_code == status
        assert because in reply.text
        assert "__Host-gate" not in browser.cookies
        assert (await browser.get("/")).status_code == 401

    in_a_browser(site, run)


async def gets_in(browser: Any) -> None:
    assert (await signed_in(browser)).status_code == 200
    assert (await browser.get("/")).text == "ann by oidc"
