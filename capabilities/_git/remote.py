"""Where a remote is: an https or ssh URL in one form; every other way that git knows to reach one is refused.

    git@github.com:acme/app.git   → ssh://git@github.com/acme/app.git

`ext::` starts a program, `file://` and plain paths lead to other repositories of this host, `git://` and `http://` are unprotected, and names of
remotes are whatever a repository's own configuration makes of them.  The short form of ssh is taken for the user `git`, where hosting
services read it like the long one.

>>> remote("git@github.com:acme/app.git"), remote("https://GitHub.com/acme/app")
('ssh://git@github.com/acme/app.git', 'https://github.com/acme/app')
>>> remote("ext::sh -c id")
Traceback (most recent call last):
ValueError: 'ext::sh -c id' is no address of a remote; write 'https://host/path' or 'ssh://git@host/path'
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from capabilities._http.url import parse
from gate.constraint import show

_SHORT: Final = re.compile(r"git@([A-Za-z0-9.-]+):(?![0-9]+/)/?([^:]+)", re.ASCII)
_LONG: Final = re.compile(r"ssh://(?:([a-z_][a-z0-9_-]{0,31})@)?([^@]+)", re.ASCII)
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~][A-Za-z0-9._~+@-]*)+", re.ASCII)


class Remote(NamedTuple):
    """The parts of a remote's address."""

    scheme: str
    user: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port in (0, 443) else f":{self.port}"
        return f"{self.scheme}://{user}{host}{port}{self.path}"


def split(value: object) -> Remote:
    """The parts; ValueError says why the address is refused."""
    if not isinstance(value, str) or not 0 < len(value) <= 2048:
        raise ValueError("a remote is the text of its address, at most 2048 characters")
    text = f"ssh://git@{short[1]}/{short[2]}" if (short := _SHORT.fullmatch(value)) else value
    long = _LONG.fullmatch(text)
    if not long and not text.lower().startswith("https://"):
        raise ValueError(f"{show(value)} is no address of a remote; write 'https://host/path' or 'ssh://git@host/path'")
    url = parse(f"https://{long[2]}" if long else text)
    if url.query or "#" in text or not _PATH.fullmatch(url.path) or "/." in url.path or url.path.startswith("/-"):
        raise ValueError(f"{show(value)} has a path that is none of a repository")
    port = 0 if long and f":{url.port}" not in long[2] else url.port
    return Remote("ssh" if long else "https", (long[1] or "") if long else "", url.host, port, url.path)


def remote(value: object) -> str:
    """The address in its one form; ValueError says why it is refused."""
    return str(split(value))
