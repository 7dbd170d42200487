"""Connections that go where they were checked to go: a back end for httpcore, and an httpx transport on it.

A name is resolved once; every address it has must be public, or the name must be one that was named as private; the connection is made to
one of these very addresses.  So a name that answers differently the second time (DNS rebinding) has no second time.  Proxies and other
settings of the environment are not used.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import httpcore
import httpx

from capabilities._http.addresses import special

Resolver = Callable[[str, int], Iterable[str]]
_TRIED: Final = 4


class Blocked(ValueError):
    """The connection was not made; the message says why."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, by the system's resolver."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class PinnedBackend(httpcore.NetworkBackend):
    """Connects to public addresses, and to the hosts in `private` whatever their addresses are."""

    def __init__(self, private: Iterable[str] = (), resolver: Resolver = resolve) -> None:
        self._private = frozenset(private)
        self._resolver = resolver
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolves once, refuses the whole name when one of its addresses is not public, connects to what was checked."""
        failed: Exception | None = None
        for address in self.checked(host, port)[:_TRIED]:
            try:
                return self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or Blocked(f"the host '{host}' has no address")

    def checked(self, host: str, port: int) -> list[str]:
        """The addresses that may be connected to; `Blocked` when one of them is not public."""
        try:
            addresses = list(self._resolver(host, port))
        except OSError as error:
            raise httpcore.ConnectError(f"the host '{host}' cannot be resolved: {error.strerror or error}") from error
        if host not in self._private:
            for address in addresses:
                if why := special(address):
                    raise Blocked(f"the host '{host}' leads to {address}, which is {why}")
        return addresses

    def connect_unix_socket(self, *_: object, **__: object) -> httpcore.NetworkStream:
        """Refused: there is no such thing in a URL."""
        raise Blocked("a socket of this machine is no host")


class PinnedTransport(httpx.BaseTransport):
    """An httpx transport on `PinnedBackend`; certificates are checked against the host's name, as always."""

    def __init__(self, private: Iterable[str] = (), resolver: Resolver = resolve) -> None:
        self._pool = httpcore.ConnectionPool(ssl_context=httpx.create_ssl_context(trust_env=False), network_backend=PinnedBackend(private, resolver))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends one request; httpx errors as usual, `Blocked` for a host that may not be reached."""
        url = httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path)
        sent = httpcore.Request(method=request.method, url=url, headers=request.headers.raw, content=request.stream, extensions=request.extensions)
        try:
            answer = self._pool.handle_request(sent)
        except httpcore.TimeoutException as error:
            raise httpx.ConnectTimeout(str(error) or "timed out") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise httpx.ConnectError(str(error)) from error
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body of a response, with httpcore's errors as httpx's."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._response.iter_stream()
        except httpcore.TimeoutException as error:
            raise httpx.ReadTimeout(str(error) or "timed out") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise httpx.ReadError(str(error)) from error

    def close(self) -> None:
        self._response.close()
