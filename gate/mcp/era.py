"""Era: what tells the two eras of the protocol apart, and what each of them needs of a result.

    legacy   up to 2025-11-25: a session begins with `initialize`; the server sends requests of its own
    modern   from 2026-07-28: every request says its version in `_meta`; what the server wants from the client comes inside its results

The gate translates nothing: era is the server's, and each request is answered in its own.

>>> from gate.mcp.wire import parse
>>> modern(parse(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}'))
True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gate import __version__
from gate.constraints.value import is_object

if TYPE_CHECKING:
    from gate.mcp.wire import Body, Message

PREFIX: Final = "io.modelcontextprotocol/"
VERSION: Final = f"{PREFIX}protocolVersion"
CLIENT: Final = f"{PREFIX}clientCapabilities"
SUBSCRIPTION: Final = f"{PREFIX}subscriptionId"
CAPABILITY: Final = "io.github.capgate/capability"
"""The member of a request's `_meta` that may hold the capability this one request acts under. It never reaches the server."""
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
MODERN: Final = "2026-07-28"
"""The versions of the two eras that the gate speaks itself."""
_META: Final[Mapping[str, object]] = {VERSION: MODERN, CLIENT: {}, f"{PREFIX}clientInfo": {"name": "gate", "version": __version__}}


def meta(message: Message) -> Mapping[str, object]:
    """`params._meta`, {} when there is none."""
    found = message.params.get("_meta")
    return found if is_object(found) else {}


def modern(message: Message) -> bool:
    """Whether a request is of the modern era."""
    return "_meta" in message.params and type(meta(message).get(VERSION)) is str


def own_params(message: Message, **params: object) -> Body:
    """The params of a request of the gate's own, in the era of another: what comes back is for everybody, so nothing of the asker's is in it."""
    return {**params, "_meta": dict(_META)} if modern(message) else {**params}


def complete(result: Body, *, modern: bool) -> Body:
    """A result of the gate's own, as its era needs it."""
    return {**result, "resultType": "complete"} if modern else result


def uncached(result: Body, life: float, *, modern: bool) -> Body:
    """A result that depends on the capability: private, and kept no longer than it lives (seconds)."""
    if not modern and not result.keys() & {"ttlMs", "cacheScope"}:
        return result
    said = result.get("ttlMs")
    ttl = said if isinstance(said, (int, float)) and not isinstance(said, bool) else 0
    return {**result, "ttlMs": max(0, min(int(ttl), int(life * 1000))), "cacheScope": "private"}


def elicits(message: Message, initialized: Mapping[str, object]) -> Mapping[str, object]:
    """The client's `elicitation` capability, {} when it has none; a bare one means forms. initialized: what `initialize` said."""
    said = meta(message).get(CLIENT) if modern(message) else initialized
    found = said.get("elicitation") if is_object(said) else None
    return {} if not is_object(found) else found or {"form": {}}
