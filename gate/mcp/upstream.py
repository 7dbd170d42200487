"""Upstream: the one server that an HTTP gate speaks to, at the one address it was given.

Nothing leads elsewhere: no redirect is followed, no proxy taken from the environment, nothing of the client's request goes on but what the relay
hands over.  The gate has a credential of its own for the server, if any.  An answer is passed on as it comes, never as a whole, uncompressed.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import httpcore

from gate.errors import ConfigError
from gate.mcp.door import LOOPBACK

if TYPE_CHECKING:
    from gate.mcp.headers import Headers

CONNECT: Final = 10.0
READ: Final = 900.0
_BACK: Final = frozenset({"content-type", "mcp-session-id", "mcp-protocol-version", "retry-after", "allow"})
_REDIRECTS: Final = range(300, 400)


class Unreachable(Exception):
    """The server did not answer as a server of MCP does. status: for the client."""

    def __init__(self, why: str, status: int = 502) -> None:
        super().__init__(why)
        self.status = status


class Answer(NamedTuple):
    """An answer that has begun. headers: those that may go on, names in lower case."""

    status: int
    headers: dict[str, str]
    response: httpcore.Response

    @property
    def sort(self) -> str:
        """Its media type."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its body as it comes; Unreachable when it breaks off."""
        try:
            async for chunk in self.response.aiter_stream():
                yield chunk
        except httpcore.RemoteProtocolError:
            return  # the server ended the stream without the last chunk, as servers do that are stopped
        except _FAILURES as error:
            raise Unreachable(f"the server broke off: {type(error).__name__}") from None

    async def text(self, longest: int) -> bytes:
        """Its whole body; Unreachable for a longer one."""
        found = bytearray()
        async for chunk in self.chunks():
            found += chunk
            if len(found) > longest:
                raise Unreachable(f"the server's answer is longer than {longest} bytes")
        return bytes(found)

    async def close(self) -> None:
        """Ends it."""
        await self.response.aclose()


class Upstream:
    """One server. credential: headers of the gate's own for it. read: seconds for which it may say nothing."""

    def __init__(self, url: str, credential: Headers | None = None, *, read: float = READ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.fragment:
            raise ConfigError(f"'{url}' is no address such as https://mcp.example.com/mcp")
        if credential and parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ConfigError(f"'{url}': a credential would be read on the way; use https")
        self.url, self._credential, self._read = url, [(name.encode(), value.encode()) for name, value in credential or []], read
        self._host = parts.netloc
        self._pool = httpcore.AsyncConnectionPool(ssl_context=_context() if parts.scheme == "https" else None, max_connections=1000, retries=0)

    async def send(self, method: str, headers: Headers, body: bytes = b"", *, endless: bool = False) -> Answer:
        """Sends a request and waits for the head of its answer; Unreachable when there is none. endless: the answer may be silent for ever."""
        fixed = [("host", self._host), ("accept-encoding", "identity"), ("user-agent", "gate")]
        lines = [(name.encode(), value.encode("latin-1", "replace")) for name, value in [*fixed, *headers]] + self._credential
        if method == "POST":
            lines.append((b"content-length", str(len(body)).encode()))
        times = {"connect": CONNECT, "write": CONNECT, "pool": CONNECT, "read": None if endless else self._read}
        request = httpcore.Request(method, self.url, headers=lines, content=body or None, extensions={"timeout": times})
        try:
            response = await self._pool.handle_async_request(request)
        except _FAILURES as error:
            raise Unreachable(
                f"the server cannot be reached: {type(error).__name__}", 504 if isinstance(error, httpcore.TimeoutException) else 502
            ) from None
        return await _checked(response)

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.aclose()


_FAILURES: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.ConnectionNotAvailable, ssl.SSLError, OSError)


async def _checked(response: httpcore.Response) -> Answer:
    """The answer, unless it leads elsewhere, is compressed, or is about the gate's own credential."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    why = ""
    if response.status in _REDIRECTS:
        why = "the server leads elsewhere, where the gate does not go"
    elif headers.get("content-encoding", "identity").lower() != "identity":
        why = "the server's answer is compressed, which nobody asked for"
    elif response.status in (401, 407):
        why = "the server does not take the gate's credential"
    if why:
        await response.aclose()
        raise Unreachable(why)
    return Answer(response.status, {name: value for name, value in headers.items() if name in _BACK}, response)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.get_ca_certs():  # a machine without a store of its own
        import certifi

        context.load_verify_locations(certifi.where())
    return context
