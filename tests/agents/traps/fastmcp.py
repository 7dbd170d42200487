"""What gets around a careless gate in a FastMCP server."""

from __future__ import annotations

import asyncio

from fastmcp import Client, Context, FastMCP
from fastmcp.server import create_proxy

from gate import ANY
from gate.agents.fastmcp import CAPABILITY, GateMiddleware


def _call(server, name, arguments, capability=None):
    async def run():
        async with Client(server) as client:
            meta = {CAPABILITY: capability.presentation} if capability else {}
            return await client.call_tool(name, arguments, raise_on_error=False, meta=meta)

    return asyncio.run(run())


def _server(ran, **more):
    server = FastMCP("inner", **more)

    @server.tool
    def remove(path: str) -> str:
        ran.append(path)
        return "gone"

    return server


def mounted_server(bench):
    """A server that is mounted, or stands behind a proxy, is gated with the one that agents reach."""
    for put in (lambda outer, inner: outer.mount(inner), lambda outer, inner: outer.mount(create_proxy(inner))):
        ran, outer = [], FastMCP("outer", middleware=[GateMiddleware(bench._gate)])
        put(outer, _server(ran))
        assert "Refused by Gate" in _call(outer, "remove", {"path": "/"}, bench._capability(None)).content[0].text
        assert not ran
        granted = bench._gate.grant("root", tools={"remove": {"path": "tmp"}})
        assert _call(outer, "remove", {"path": "tmp"}, granted).content[0].text == "gone"
        assert ran == ["tmp"]


def tool_that_comes_later(bench):
    """A tool that is added when clients are there already is gated."""
    ran, outer = [], FastMCP("outer", middleware=[GateMiddleware(bench._gate)])
    _call(outer, "nothing", {})

    @outer.tool
    def remove(path: str) -> str:
        ran.append(path)
        return "gone"

    assert "Refused by Gate" in _call(outer, "remove", {"path": "/"}).content[0].text
    assert not ran


def two_clients(bench):
    """Each client acts under its own capability, and one without any under none."""
    ran, granted = [], bench._gate.grant("root", tools={"remove": ANY})
    server = _server(ran, middleware=[GateMiddleware(bench._gate)])
    assert _call(server, "remove", {"path": "a"}, granted).content[0].text == "gone"
    assert "no capability" in _call(server, "remove", {"path": "b"}).content[0].text
    assert ran == ["a"]


def capability_behind_the_gate(bench):
    """What a server behind a proxy is passed does not have the capability in it."""
    seen, inner = [], FastMCP("inner")

    @inner.tool
    def look(ctx: Context) -> str:
        seen.append(str(ctx.request_context.meta))
        return "looked"

    outer = FastMCP("outer", middleware=[GateMiddleware(bench._gate)])
    outer.mount(create_proxy(inner))
    assert _call(outer, "look", {}, bench._gate.grant("root", tools={"look": ANY})).content[0].text == "looked"
    assert seen and CAPABILITY not in seen[0], seen


TRAPS = {trap.__name__: trap for trap in (mounted_server, tool_that_comes_later, two_clients, capability_behind_the_gate)}
