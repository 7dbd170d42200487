"""Connections that go where they were checked to go: back ends for httpcore, for threads and for event loops.

A name is resolved once; every address it has must be public, or the name must be one that was named as private; the connection is made to
one of these very addresses.  So a name that answers differently the second time (DNS rebinding) has no second time.  A name that is private
still may not lead to a cloud's metadata service, in any form that carries its address.  Proxies and other settings of the environment are
not used.  Inside `until`, no read or write lasts past that moment, however slowly the other side drips.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar, Final

import httpcore

from capabilities._http.addresses import metadata, special

Resolver = Callable[[str, int], Iterable[str]]
_TRIED: Final = 4
_MOST: Final = 64
_ends: ContextVar[float | None] = ContextVar("gate_http_ends", default=None)


class Blocked(ValueError):
    """The connection was not made; the message says why."""


@contextmanager
def until(moment: float) -> Generator[None]:
    """No read or write in here lasts past this moment of `time.monotonic()`; httpcore.ReadTimeout instead."""
    token = _ends.set(moment)
    try:
        yield
    finally:
        _ends.reset(token)


def _left(timeout: float | None) -> float | None:
    ends = _ends.get()
    if ends is None:
        return timeout
    if (left := ends - time.monotonic()) <= 0:
        raise httpcore.ReadTimeout("it took longer than was allowed")
    return left if timeout is None else min(timeout, left)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, by the system's resolver."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class Checking:
    """Which addresses of a host may be connected to: public ones, and all of the hosts in `private` but metadata services."""

    def __init__(self, private: Iterable[str] = (), resolver: Resolver = resolve) -> None:
        self._private = frozenset(private)
        self._resolver = resolver

    def checked(self, host: str, port: int) -> list[str]:
        """The addresses that may be connected to; `Blocked` when one of them is not public, or there is none."""
        try:
            addresses = list(self._resolver(host, port))[:_MOST]
        except OSError as error:
            raise httpcore.ConnectError(f"the host '{host}' cannot be resolved: {error.strerror or error}") from error
        except UnicodeError:
            raise Blocked(f"the host '{host}' cannot be resolved") from None
        for address in addresses:
            why = special(address) if host not in self._private else "a metadata service's address" if address != host and metadata(address) else ""
            if why:
                raise Blocked(f"the host '{host}' leads to {address}, which is {why}")
        if not addresses:
            raise Blocked(f"the host '{host}' has no address")
        return addresses


class PinnedBackend(Checking, httpcore.NetworkBackend):
    """Connects to addresses that were checked."""

    _network: ClassVar[httpcore.NetworkBackend] = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolves once, refuses the whole name when one of its addresses is not public, connects to what was checked."""
        failed: Exception = Blocked(f"the host '{host}' has no address")
        for address in self.checked(host, port)[:_TRIED]:
            try:
                return _Timed(self._network.connect_tcp(address, port, _left(timeout)))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def connect_unix_socket(self, *_: object, **__: object) -> httpcore.NetworkStream:
        """Refused: there is no such thing in a URL."""
        raise Blocked("a socket of this machine is no host")


class AsyncPinnedBackend(Checking, httpcore.AsyncNetworkBackend):
    """The same for event loops; names are resolved in a thread."""

    _network: ClassVar[httpcore.AsyncNetworkBackend] = httpcore.AnyIOBackend()  # pyright: ignore[reportAssignmentType]  # of a stand-in for where there is no anyio, which httpx brings

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """As `PinnedBackend.connect_tcp`."""
        from anyio.to_thread import run_sync

        failed: Exception = Blocked(f"the host '{host}' has no address")
        for address in (await run_sync(self.checked, host, port))[:_TRIED]:
            try:
                return _AsyncTimed(await self._network.connect_tcp(address, port, _left(timeout)))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def connect_unix_socket(self, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        """Refused: there is no such thing in a URL."""
        raise Blocked("a socket of this machine is no host")


class _Timed(httpcore.NetworkStream):
    """A stream that keeps to the moment of `until`."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _AsyncTimed(httpcore.AsyncNetworkStream):
    """The same for event loops."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # as above
        return await self._stream.read(max_bytes, _left(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # as above
        await self._stream.write(buffer, _left(timeout))

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # as above
    ) -> httpcore.AsyncNetworkStream:
        return _AsyncTimed(await self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
