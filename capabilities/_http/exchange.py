"""Exchange: one request and its answer, streamed, within limits, in a form that no client library decides about.

A connection is made by `connect`; the answer's body is decoded here (gzip and deflate, counted as decoded, so that a small answer cannot
become a large one unnoticed), and secrets are taken out of it.  What says how the answer travelled, and cookies, are not passed on.
"""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import httpcore

from capabilities._http.connect import AsyncPinnedBackend, PinnedBackend, Resolver, until
from capabilities._http.secrets import Scrubber
from capabilities._http.url import PORTS, Url

_AGENT: Final = {"accept": "*/*", "user-agent": "gate"}
# RFC 9110, 7.6.1; and what is no longer true of a decoded body
_DROPPED: Final = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade content-encoding content-length "
    "set-cookie set-cookie2 alt-svc".split()
)
_PIECE: Final = 65_536
_HEADERS: Final = 131_072


class Limits(NamedTuple):
    """Seconds in all, bytes of the answer's body as decoded, and how many redirects are followed."""

    wall: float = 30.0
    body: int = 10_000_000
    hops: int = 5


class Sent(NamedTuple):
    """One request as it is sent, with the values of its secrets in its headers.

    ends: of `time.monotonic()`.  cookies: whether the answer's are passed on.  timeouts: seconds of single steps, where less than what is left.
    """

    method: str
    url: Url
    headers: dict[str, str]
    body: bytes
    ends: float
    scrub: Scrubber
    cookies: bool = False
    timeouts: Mapping[str, float] = MappingProxyType({})


class Head(NamedTuple):
    """How an answer begins."""

    status: int
    headers: list[tuple[str, str]]


class Decoder(Protocol):
    """Takes a body's encoding off, so many bytes at a time."""

    @property
    def eof(self) -> bool:
        """Whether the encoded body is over."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came after it was over."""
        ...

    @property
    def unconsumed_tail(self) -> bytes:
        """What has not been looked at yet."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most so many bytes."""
        ...


class TooLarge(ValueError):
    """The answer is larger than the limit."""


def pool(private: Iterable[str], resolver: Resolver) -> httpcore.ConnectionPool:
    """Connections for threads."""
    return httpcore.ConnectionPool(ssl_context=_certificates(), network_backend=PinnedBackend(private, resolver))


def apool(private: Iterable[str], resolver: Resolver) -> httpcore.AsyncConnectionPool:
    """Connections for an event loop."""
    return httpcore.AsyncConnectionPool(ssl_context=_certificates(), network_backend=AsyncPinnedBackend(private, resolver))


def exchange(connections: httpcore.ConnectionPool, sent: Sent, largest: int) -> Generator[Head | bytes]:
    """The head of the answer, then its body in pieces."""
    answer: httpcore.Response | None = None
    try:
        with until(sent.ends):
            answer = connections.handle_request(_request(sent))
        body = Body(answer, sent, largest)
        yield body.head
        source = iter(_sync(answer.stream))
        while True:
            with until(sent.ends):
                piece = next(source, None)
            if piece is None:
                break
            yield from body.feed(piece)
        yield from body.end()
    except Exception as error:
        _cleaned(error, sent.scrub)
        raise
    finally:
        if answer:
            answer.close()


async def aexchange(connections: httpcore.AsyncConnectionPool, sent: Sent, largest: int) -> AsyncGenerator[Head | bytes]:
    """The same in an event loop."""
    answer: httpcore.Response | None = None
    try:
        with until(sent.ends):
            answer = await connections.handle_async_request(_request(sent))
        body = Body(answer, sent, largest)
        yield body.head
        source = aiter(_async(answer.stream))
        while True:
            with until(sent.ends):
                piece = await anext(source, None)
            if piece is None:
                break
            for made in body.feed(piece):
                yield made
        for made in body.end():
            yield made
    except Exception as error:
        _cleaned(error, sent.scrub)
        raise
    finally:
        if answer:
            await answer.aclose()


def _cleaned(error: Exception, scrub: Scrubber) -> None:
    """Takes secrets out of what an error says, which may quote the answer, and cuts off the errors that it came from."""
    error.args = tuple([scrub.text(said) if isinstance(said, str) else scrub.text(repr(said)) for said in error.args])
    error.__cause__ = error.__context__ = None


class Body:
    """The pure part of reading an answer: its head, and its body decoded, counted and without secrets."""

    def __init__(self, answer: httpcore.Response, sent: Sent, largest: int) -> None:
        if not 200 <= answer.status < 600:
            raise ValueError(f"the answer's status {answer.status} is none of HTTP's final ones")
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers]
        if sum(len(name) + len(value) for name, value in headers) > _HEADERS:
            raise TooLarge(f"the answer's headers are larger than {_HEADERS} bytes")
        self._decode = _decoder(", ".join(value for name, value in headers if name == "content-encoding"))
        self._scrub, self._ends, self._left, self._largest = sent.scrub, sent.ends, largest, largest
        dropped = _DROPPED - {"set-cookie"} if sent.cookies else _DROPPED
        self.head = Head(answer.status, [(sent.scrub.text(name), sent.scrub.text(value)) for name, value in headers if name not in dropped])

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What may be passed on after another piece."""
        pieces: Iterable[bytes] = (piece,) if self._decode is None else _inflated(self._decode, piece)
        for plain in pieces:
            self._left -= len(plain)
            if self._left < 0:
                raise TooLarge(f"the answer is larger than {self._largest} bytes")
            if time.monotonic() > self._ends:
                raise httpcore.ReadTimeout("it took longer than was allowed")
            if clean := self._scrub.feed(plain):
                yield clean

    def end(self) -> Iterator[bytes]:
        """What was still kept back; ValueError when the encoded body is not all there, or there is more behind it."""
        if self._decode and self._left < self._largest and (not self._decode.eof or self._decode.unused_data):
            raise ValueError("the answer's body does not end where its encoding does")
        if rest := self._scrub.end():
            yield rest


def _request(sent: Sent) -> httpcore.Request:
    url, host = sent.url, f"[{sent.url.host}]" if ":" in sent.url.host else sent.url.host
    target = url.path + (f"?{url.query}" if url.query else "")
    headers = {"host": host if PORTS[url.scheme] == url.port else f"{host}:{url.port}", **_AGENT, "accept-encoding": "identity", **sent.headers}
    if sent.body or sent.method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = str(len(sent.body))
    left = max(0.001, sent.ends - time.monotonic())
    return httpcore.Request(
        sent.method,
        httpcore.URL(scheme=url.scheme.encode(), host=url.host.encode(), port=url.port, target=target.encode()),
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        content=sent.body,
        extensions={"timeout": {step: min(left, sent.timeouts.get(step, left)) for step in ("connect", "read", "write", "pool")}},
    )


def _sync(stream: Iterable[bytes] | AsyncIterable[bytes]) -> Iterable[bytes]:
    if not isinstance(stream, Iterable):
        raise TypeError("this is a stream for an event loop")
    return stream


def _async(stream: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncIterable[bytes]:
    if not isinstance(stream, AsyncIterable):
        raise TypeError("this is a stream for a thread")
    return stream


class _Deflate:
    """zlib's form (RFC 1950) or the raw one (RFC 1951), whichever comes: servers send both as `deflate`."""

    def __init__(self) -> None:
        self._inner: Decoder | None = None
        self.eof, self.unused_data, self.unconsumed_tail = False, b"", b""

    def decompress(self, data: bytes, most: int, /) -> bytes:
        if self._inner is None and data:
            self._inner = zlib.decompressobj(15 if data[0] & 0x0F == 8 else -15)
        made = self._inner.decompress(data, most) if self._inner else b""
        if self._inner:
            self.eof, self.unused_data, self.unconsumed_tail = self._inner.eof, self._inner.unused_data, self._inner.unconsumed_tail
        return made


def _decoder(encoding: str) -> Decoder | None:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip"):
        return zlib.decompressobj(31)
    if name == "deflate":
        return _Deflate()
    raise ValueError(f"the answer is encoded as {ascii(name)[:40]}, which was not asked for and cannot be looked into")


def _inflated(decode: Decoder, piece: bytes) -> Iterator[bytes]:
    try:
        while piece:
            yield decode.decompress(piece, _PIECE)
            piece = decode.unconsumed_tail
    except zlib.error:
        raise ValueError("the answer's body is not encoded as it says") from None


def _certificates() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context(trust_env=False)
