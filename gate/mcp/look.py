"""Look: what a server offers, asked once, by a client that can do everything; for a person to look at, before anybody calls it."""

from __future__ import annotations

import os
import select
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from gate.errors import ConfigError
from gate.mcp import wire
from gate.mcp.child import end, start

if TYPE_CHECKING:
    import subprocess

    from gate.mcp.wire import Body, Message

SECONDS: Final = 60.0
_PAGES: Final = 100
_ABLE: Final[Body] = {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {"form": {}, "url": {}}}
"""What a client may be able to do: some servers offer more tools to those who can more."""
_HELLO: Final[Body] = {"protocolVersion": "2025-11-25", "capabilities": _ABLE, "clientInfo": {"name": "gate", "version": "1"}}


def look(command: Sequence[str], environment: Mapping[str, str]) -> tuple[list[object], str]:
    """The definitions of its tools, all pages, and its instructions. ConfigError when it does not answer as a server does."""
    child = start(command, environment)
    try:
        asked = _Asked(child)
        hello = asked.result("initialize", _HELLO)
        asked.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        said = hello.get("instructions")
        items: list[object] = []
        params: Body = {}
        for _ in range(_PAGES if "tools" in _object(hello.get("capabilities")) else 0):
            page = asked.result("tools/list", params)
            found = page.get("tools")
            items += found if wire.is_list(found) else []
            if not isinstance(cursor := page.get("nextCursor"), str):
                break
            params = {"cursor": cursor}
        return items, said if isinstance(said, str) else ""
    finally:
        if child.stdin:
            child.stdin.close()
        end(child, 1.0)


class _Asked:
    """Requests to a server and their results; whatever else it sends is left alone."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child, self._serial, self._buffer = child, 0, b""

    def send(self, body: Body) -> None:
        if self._child.stdin is None:
            raise ConfigError("the server needs pipes")
        try:
            self._child.stdin.write(wire.dump(body) + b"\n")
        except OSError:
            raise ConfigError("the server ended before it answered") from None

    def result(self, method: str, params: Body) -> Body:
        self._serial += 1
        self.send(wire.request(self._serial, method, params))
        until = monotonic() + SECONDS
        while True:
            message = self._read(until)
            if message is not None and message.id == self._serial and message.sort in ("result", "error"):
                found = message.body.get("result")
                if not wire.is_body(found):
                    raise ConfigError(f"the server answers '{method}' with an error: {message.body['error']}")
                return found

    def _read(self, until: float) -> Message | None:
        if self._child.stdout is None:
            raise ConfigError("the server needs pipes")
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._child.stdout], [], [], max(0.0, until - monotonic()))
            data = os.read(self._child.stdout.fileno(), 1 << 18) if ready else b""
            if not data or len(self._buffer) > wire.LONGEST:
                raise ConfigError("the server did not answer" if not ready else "the server ended before it answered")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            return wire.parse(line)
        except wire.BadMessage:
            return None


def _object(value: object) -> Body:
    return value if wire.is_body(value) else {}
