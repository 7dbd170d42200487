"""A transport that puts a gate under every request of an httpx client, and of an httpx2 client.

    client = httpx.Client(transport=http.transport(gate, secrets=…))

Each request, each hop of a redirect that the client follows too, is a call of the tool `http.request`: decided before a connection is made,
recorded, and settled when its answer has been read, closed or given up.  What runs is what was decided: the request is made anew from the
call's arguments, so that nothing else of the client's request (proxies, extensions, a different name for the certificate) has a say.  The
answer is streamed, within the limits.  Headers that a client library sends by itself are no part of the call; neither are cookies kept.
"""

from __future__ import annotations

import base64
import importlib
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from capabilities._http.connect import Resolver, resolve
from capabilities._http.exchange import Head, Limits, Sent, aexchange, apool, exchange, pool
from capabilities._http.fetch import as_errors_of, private_hosts
from capabilities._http.headers import check_headers
from capabilities._http.kinds import payload
from capabilities._http.secrets import Vault
from capabilities._http.url import parse
from gate.regex import regex

if TYPE_CHECKING:
    import httpcore

    from gate.gate import Gate
    from gate.ticket import Ticket

_AGENT: Final = regex(r"python-httpx2?/[0-9][0-9a-z.+-]*")
_OWN: Final = frozenset(["host", "connection", "content-length", "accept-encoding", "transfer-encoding"])


class Line:
    """What carries requests: the gate that decides about them, the limits, the secrets and the connections."""

    def __init__(self, gate: Gate, name: str, library: Any, private: frozenset[str], resolver: Resolver | None, limits: Limits, vault: Vault) -> None:
        self.gate, self.name, self.library, self.limits, self.vault = gate, name, library, limits, vault
        self._made = private, resolver or resolve
        self._lock = threading.Lock()
        self._pool: httpcore.ConnectionPool | None = None
        self._apool: httpcore.AsyncConnectionPool | None = None

    def pool(self) -> httpcore.ConnectionPool:
        """The connections for threads."""
        with self._lock:
            if self._pool is None:
                self._pool = pool(*self._made)
                weakref.finalize(self, self._pool.close)
            return self._pool

    def apool(self) -> httpcore.AsyncConnectionPool:
        """The connections for the event loop."""
        with self._lock:
            self._apool = self._apool or apool(*self._made)
            return self._apool

    def sent(self, ticket: Ticket, request: Any) -> Sent:
        """The request as it is sent: what was decided, with its secrets; of the client's own request only how long it would wait."""
        call = cast("Mapping[str, Any]", ticket.arguments)
        url, method = parse(call["url"]), call["method"]
        headers, scrub = self.vault.put_in(check_headers(call["headers"]), method, url)
        given = cast("Mapping[str, Any]", request.extensions.get("timeout") or {})
        waits = {step: float(seconds) for step, seconds in given.items() if isinstance(seconds, (int, float)) and seconds > 0}
        body, ends = payload(call["body"], call["encoding"]), time.monotonic() + self.limits.wall
        return Sent(method, url, headers, body, ends, scrub, timeouts=waits)

    def close(self) -> None:
        """Closes the connections for threads."""
        if self._pool:
            self._pool.close()

    async def aclose(self) -> None:
        """Closes the connections for the event loop."""
        if self._apool:
            await self._apool.aclose()


def arguments_of(request: Any) -> dict[str, object]:
    """The call that a client's request is; its body has been read. What is wrong with it is left in, for the gate to refuse and record."""
    said: dict[str, str] = {}
    for raw_name, raw_value in request.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if (name in _OWN and (name != "host" or _same_host(request.url, value))) or (name, value) == ("accept", "*/*"):
            continue
        if name == "user-agent" and _AGENT.fullmatch(value):
            continue
        said[name.upper() if name in said else name] = value  # given twice, which is refused
    body, encoding = _text(bytes(request.content))
    given: dict[str, object] = {"url": str(request.url)}
    optional = {"method": "" if request.method == "GET" else request.method, "headers": said, "body": body, "encoding": encoding}
    return given | {name: value for name, value in optional.items() if value}


def _same_host(url: Any, host: str) -> bool:
    """Whether the header says what the URL does; for a URL that is refused anyway it does not matter."""
    try:
        found = parse(str(url))
    except ValueError:
        return True
    name = f"[{found.host}]" if ":" in found.host else found.host
    return host.lower() in (name, f"{name}:{found.port}")


def _text(content: bytes) -> tuple[str, str]:
    try:
        return content.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(content).decode(), "base64"


def stream(line: Line, request: Any) -> Generator[Head | bytes]:
    """The answer to a request, decided before it is sent and settled when it ends."""
    ticket = line.gate.authorize(line.name, arguments_of(request))
    done = _Account(ticket)
    try:
        with as_errors_of(line.library):
            for piece in exchange(line.pool(), line.sent(ticket, request), line.limits.body):
                done.count(piece)
                yield piece
    except BaseException as error:
        done.failed(error)
        raise
    finally:
        line.gate.settle(ticket, **done.outcome())


async def astream(line: Line, request: Any) -> AsyncGenerator[Head | bytes]:
    """The same in an event loop."""
    ticket = await line.gate.aauthorize(line.name, arguments_of(request))
    done = _Account(ticket)
    try:
        with as_errors_of(line.library):
            pieces = aexchange(line.apool(), line.sent(ticket, request), line.limits.body)
            try:
                async for piece in pieces:
                    done.count(piece)
                    yield piece
            finally:
                await pieces.aclose()
    except BaseException as error:
        done.failed(error)
        raise
    finally:
        await line.gate.asettle(ticket, **done.outcome())


class _Account:
    """What became of a request, for its record."""

    def __init__(self, ticket: Ticket) -> None:
        self._began, self._status, self._bytes = time.perf_counter(), 0, 0
        self._error: BaseException | None = None

    def count(self, piece: Head | bytes) -> None:
        if isinstance(piece, Head):
            self._status = piece.status
        else:
            self._bytes += len(piece)

    def failed(self, error: BaseException) -> None:
        """A reader that stops early is no failure."""
        self._error = None if isinstance(error, GeneratorExit) and self._status else error

    def outcome(self) -> dict[str, Any]:
        """The arguments of `settle`."""
        value = {"status": self._status, "bytes": self._bytes}
        return {"value": value, "error": self._error, "seconds": time.perf_counter() - self._began}


class _Handling:
    """The two methods of a transport, for threads and for event loops."""

    _line: Line
    _bodies: tuple[Callable[[Generator[Head | bytes]], object], Callable[[AsyncGenerator[Head | bytes]], object]]

    def handle_request(self, request: Any) -> Any:
        """The response, whose body is read from the connection as the client reads it."""
        request.read()
        pieces = stream(self._line, request)
        return self._response(next(pieces), self._bodies[0](pieces), request)

    async def handle_async_request(self, request: Any) -> Any:
        """The same in an event loop."""
        await request.aread()
        pieces = astream(self._line, request)
        return self._response(await anext(pieces), self._bodies[1](pieces), request)

    def _response(self, head: Head | bytes, body: object, request: Any) -> Any:
        if not isinstance(head, Head):
            raise TypeError("an answer begins with its head")
        return self._line.library.Response(head.status, headers=head.headers, stream=body, request=request)

    def close(self) -> None:
        """Closes all connections."""
        self._line.close()

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._line.aclose()


class _Body:
    """The body of a response that is read in a thread."""

    def __init__(self, pieces: Generator[Head | bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Generator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece

    def close(self) -> None:
        self._pieces.close()


class _AsyncBody:
    """The body of a response that is read in an event loop."""

    def __init__(self, pieces: AsyncGenerator[Head | bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        async for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece

    async def aclose(self) -> None:
        await self._pieces.aclose()


def make(gate: Gate, name: str, library: str, private: frozenset[str], resolver: Resolver | None, limits: Limits, vault: Vault) -> Any:
    """A transport for clients of `httpx` or `httpx2`; ValueError for another library."""
    if library not in ("httpx", "httpx2"):
        raise ValueError(f"there are transports for httpx and httpx2, not for {ascii(library)[:40]}")
    found: Any = importlib.import_module(library)
    bodies = type("Body", (_Body, found.SyncByteStream), {}), type("AsyncBody", (_AsyncBody, found.AsyncByteStream), {})
    members = {"_line": Line(gate, name, found, private_hosts(private), resolver, limits, vault), "_bodies": bodies}
    return type("GatedTransport", (_Handling, found.BaseTransport, found.AsyncBaseTransport), members)()
