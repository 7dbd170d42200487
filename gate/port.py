"""Port: a socket that listens for clients over TCP, for those of our servers that are reached by HTTP.

It has TCP_NODELAY, which the sockets of accepted connections inherit: asyncio sets it itself only where a socket says its protocol, and those
accepted from one made without it do not.  Without it a response that is written in two parts may wait 40 ms for the client's acknowledgement
(Nagle's algorithm, RFC 896, and delayed acknowledgements, RFC 1122, section 4.2.3.2).

>>> with bound("127.0.0.1", 0) as listening:
...     listening.getsockname()[0]
'127.0.0.1'
"""

from __future__ import annotations

import os
import socket

from gate.errors import ConfigError


def bound(host: str, port: int, *, hint: str = "") -> socket.socket:
    """The socket; port 0 takes a free one. ConfigError, with the hint, for an address that cannot be had."""
    try:
        made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128)
    except OSError as error:
        why = (os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)).lower()  # its own text names the address again
        raise ConfigError(f"cannot listen on {host} port {port}: {why}{f'; {hint}' if hint else ''}") from None
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
