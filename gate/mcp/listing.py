"""Listing: the tools of a server of stdio, asked for by the gate itself: all pages, and again where the server says meanwhile that they changed.

when = await list_tools(message, ask, behind, catalogue, listed)      # in the era of that message
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias

from gate.errors import ConfigError
from gate.mcp import wire
from gate.mcp.era import own_params

if TYPE_CHECKING:
    from gate.mcp.behind import Behind
    from gate.mcp.catalogue import Catalogue
    from gate.mcp.wire import Body, Message

Ask: TypeAlias = "Callable[[str, Body], Awaitable[Message]]"
"""Sends the server a request of the gate's own, a method with its params; the response."""
LISTING: Final = 60.0
"""Seconds all pages may take."""
_PAGES: Final = 100
_AGAIN: Final = 5


async def list_tools(message: Message, ask: Ask, behind: Behind, catalogue: Catalogue, listed: Callable[[list[object]], None] | None = None) -> float:
    """Puts the tools behind the gate as the server lists them now; since when (`monotonic`) that holds.

    listed: gets them before the catalogue does.  ConfigError, ValueError or TimeoutError where it cannot be done.
    """
    items: list[object] = []
    for _ in range(_AGAIN):
        turn = catalogue.turn
        items = await asyncio.wait_for(_pages(message, ask), LISTING)
        if catalogue.turn == turn:
            break
    now = monotonic()
    if listed is not None:
        listed(items)
    catalogue.listed(items, now)
    behind.declare()
    return now


async def _pages(message: Message, ask: Ask) -> list[object]:
    items: list[object] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        answer = await ask("tools/list", own_params(message, **({} if cursor is None else {"cursor": cursor})))
        result = answer.body.get("result")
        if not wire.is_body(result):
            return items  # a server without tools
        found = result.get("tools")
        items += found if wire.is_list(found) else []
        following = result.get("nextCursor")
        if not isinstance(following, str):
            return items
        cursor = following
    raise ConfigError(f"the server's list of tools has more than {_PAGES} pages")
