"""One request, within limits, redirects only where a constraint admits them."""

# lists of words are data, and read best as text
from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urljoin

import httpx

from capabilities._http.connect import PinnedTransport, Resolver, resolve
from capabilities._http.constraint import UrlConstraint
from capabilities._http.url import Url, parse

_REDIRECTS: Final = frozenset([301, 302, 303, 307, 308])
_KEPT: Final = ("content-type", "content-length", "last-modified", "etag", "retry-after", "link")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE: Final = re.compile(r"[!-~ \t]{0,4096}")
# RFC 9110: who is asked, how the message is framed and how it travels are not the caller's
_REFUSED: Final = frozenset(
    "host content-length transfer-encoding connection upgrade te trailer proxy-authorization proxy-connection keep-alive expect via forwarded "
    "x-forwarded-for x-forwarded-host x-real-ip x-aws-ec2-metadata-token metadata metadata-flavor".split()
)
_SECRET: Final = frozenset(["authorization", "cookie", "x-api-key"])


class Limits(NamedTuple):
    """Seconds in all, bytes of the answer's body as decoded, and how many redirects are followed."""

    wall: float = 30.0
    body: int = 10_000_000
    hops: int = 5


def check_headers(headers: Mapping[str, object]) -> dict[str, str]:
    """The headers as they are sent; ValueError for what a caller may not set or what could break the message apart."""
    made: dict[str, str] = {}
    for name, value in headers.items():
        if not isinstance(value, str) or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or value != value.strip():
            raise ValueError(f"the header {ascii(name)[:80]} or its value is malformed")
        if name.lower() in _REFUSED:
            raise ValueError(f"the header '{name}' is not a caller's to set")
        if name.lower() in made:
            raise ValueError(f"the header '{name}' is given twice")
        made[name.lower()] = value
    return made


class Fetcher:
    """Sends requests. `private`: hosts that may be reached although their addresses are not public. `follow`: redirects that are followed."""

    def __init__(self, private: Iterable[str], follow: UrlConstraint | None, limits: Limits, resolver: Resolver | None = None) -> None:
        self._follow, self._limits = follow, limits
        hosts = frozenset(parse(f"https://{f'[{host}]' if ':' in host else host}/").host for host in private)
        self._client = httpx.Client(transport=PinnedTransport(hosts, resolver or resolve), trust_env=False, follow_redirects=False)

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()

    def fetch(self, method: str, url: str, headers: Mapping[str, object], body: str) -> dict[str, object]:
        """status, url, headers, text and, for a redirect that was not followed, location."""
        ends = time.monotonic() + self._limits.wall
        sent, here, payload = check_headers(headers), parse(url), body.encode()
        for _ in range(self._limits.hops + 1):
            with self._client.stream(
                method, str(here), headers=sent, content=payload or None, timeout=max(0.001, ends - time.monotonic())
            ) as response:
                location = self._location(here, response)
                if location is None or not self._followed(method, response.status_code, location):
                    return self._answer(here, response, location, ends)
            if response.status_code == 303 or (response.status_code in (301, 302) and method == "POST"):
                method, payload = "GET", b""
            if (location.scheme, location.host, location.port) != (here.scheme, here.host, here.port):
                sent = {name: value for name, value in sent.items() if name not in _SECRET}
            here = location
        raise ValueError(f"more than {self._limits.hops} redirects")

    def _location(self, here: Url, response: httpx.Response) -> Url | None:
        """Where a redirect leads; ValueError when that is no URL that we would take."""
        if response.status_code not in _REDIRECTS or "location" not in response.headers:
            return None
        try:
            return parse(urljoin(str(here), response.headers["location"]))
        except ValueError as error:
            raise ValueError(f"it redirects to where no request may go: {error}") from error

    def _followed(self, method: str, status: int, location: Url) -> bool:
        after = "GET" if status == 303 or (status in (301, 302) and method == "POST") else method
        return self._follow is not None and self._follow.check({"method": after, "url": str(location)})

    def _answer(self, here: Url, response: httpx.Response, location: Url | None, ends: float) -> dict[str, object]:
        data = bytearray()
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > self._limits.body:
                raise ValueError(f"the answer is larger than {self._limits.body} bytes")
            if time.monotonic() > ends:
                raise httpx.ReadTimeout(f"the answer took longer than {self._limits.wall:g} s")
        kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
        text = bytes(data).decode(response.charset_encoding or "utf-8", errors="replace")
        return {"status": response.status_code, "url": str(here), "headers": kept, "text": text, "location": str(location) if location else ""}
