"""Peer: which user of this machine is at the other end of a loopback connection.

A browser sends the cookie of `localhost` to every port of `localhost`: a page of a development server that an agent runs gets it too, whatever
SameSite says, for a site has no port.  So a session that began on this machine is good only for connections by the same user as its first.
Linux says whose a TCP socket is in /proc/net/tcp: the row of the other end, established and not given up, for a socket that was closed is
shown as root's.  Elsewhere it cannot be told, and `owner` is None.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.requests import Request

_TABLES: Final = {4: "/proc/net/tcp", 6: "/proc/net/tcp6"}
_ESTABLISHED: Final = "01"


def address(request: Request) -> IPv4Address | IPv6Address | None:
    """The address that a request came from, as the socket says it; None when it came through no socket with an address."""
    return _address(request.client.host) if request.client else None


def is_local(request: Request) -> bool:
    """Whether a request came over the loopback interface."""
    found = address(request)
    return found is not None and found.is_loopback


def owner(request: Request) -> int | None:
    """The user id of whoever sent a request over loopback, None where that cannot be told."""
    server: tuple[str, int] | None = request.scope.get("server")
    if request.client is None or server is None or not is_local(request):
        return None
    theirs, ours = _address(request.client.host), _address(server[0])
    if theirs is None or ours is None:
        return None
    ends = {(_hex(theirs, request.client.port, mapped=mapped), _hex(ours, server[1], mapped=mapped)) for mapped in (False, True)}
    return next((found for version in ((4, 6) if theirs.version == 4 else (6,)) if (found := _search(_TABLES[version], ends)) is not None), None)


def _search(table: str, ends: set[tuple[str, str]]) -> int | None:
    try:
        with open(table, encoding="ascii") as rows:
            next(rows, None)  # the headings
            for row in rows:
                columns = row.split()
                if (columns[1], columns[2]) in ends and columns[3] == _ESTABLISHED and columns[9] != "0":
                    return int(columns[7])
    except (OSError, ValueError, IndexError):
        return None
    return None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _hex(end: IPv4Address | IPv6Address, port: int, *, mapped: bool) -> str:
    """An end as the kernel writes it: words of four bytes in the order of this machine. mapped: an IPv4 address of an IPv6 socket."""
    packed = end.packed if not mapped or end.version == 6 else b"\0" * 10 + b"\xff\xff" + end.packed
    words = [packed[i : i + 4] for i in range(0, len(packed), 4)]
    return "".join([f"{socket.ntohl(int.from_bytes(word)):08X}" for word in words]) + f":{port:04X}"
