"""One request, within limits, redirects only where a constraint admits them."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple
from urllib.parse import urljoin

import httpcore
import httpx

from capabilities._http.connect import Resolver, resolve
from capabilities._http.constraint import UrlConstraint
from capabilities._http.exchange import Head, Limits, Sent, exchange, pool
from capabilities._http.headers import check_headers, references, sensitive
from capabilities._http.secrets import Scrubber, Vault
from capabilities._http.url import Url, parse
from gate.regex import regex

_REDIRECTS: Final = frozenset([301, 302, 303, 307, 308])
_KEPT: Final = ("content-type", "last-modified", "etag", "retry-after", "link")
_CHARSET: Final = regex(r"charset=\s*[\"']?([a-z0-9_-]{1,20})")
# those that a page may have by the WHATWG encoding standard; others are slow (punycode) or no character sets at all
_CHARSETS: Final = regex(
    r"utf-?8|utf-?16(le|be)?|(us-)?ascii|latin-?1|iso-?8859-?\d{1,2}|windows-?125\d|cp125\d|koi8-?[ru]|gbk|gb18030|big5|euc-?(jp|kr)|shift[_-]jis"
)


def private_hosts(names: Iterable[str]) -> frozenset[str]:
    """The hosts in the form in which a URL's host is compared."""
    return frozenset(parse(f"https://{f'[{name}]' if ':' in name and not name.startswith('[') else name}/").host for name in names)


class Got(NamedTuple):
    """The last answer: where it came from, and where it redirects to, if that was not followed."""

    url: Url
    head: Head
    data: bytes
    location: Url | None
    scrub: Scrubber


class Fetcher:
    """Sends requests.

    private: hosts that may be reached although their addresses are not public.  follow: redirects that are followed.  cookies: whether
    those of an answer are passed on.
    """

    def __init__(
        self,
        private: Iterable[str],
        follow: UrlConstraint | None,
        limits: Limits,
        resolver: Resolver | None = None,
        vault: Vault | None = None,
        *,
        cookies: bool = False,
    ) -> None:
        self._follow, self._limits, self._vault, self._cookies = follow, limits, vault or Vault({}), cookies
        self._pool = pool(private_hosts(private), resolver or resolve)
        weakref.finalize(self, self._pool.close)

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()

    def fetch(self, method: str, url: str, headers: Mapping[str, object], body: bytes) -> dict[str, object]:
        """status, url, headers, text and, for a redirect that was not followed, location."""
        with as_errors_of(httpx):
            got = self.get(method, parse(url), check_headers(headers), body)
        found = dict(got.head.headers)
        kept = {name: found[name] for name in _KEPT if name in found}
        text = got.scrub.text(got.data.decode(_charset(found.get("content-type", "")), errors="replace"))
        location = str(got.location) if got.location else ""
        return {"status": got.head.status, "url": str(got.url), "headers": kept, "text": text, "location": location}

    def get(self, method: str, here: Url, headers: dict[str, str], body: bytes) -> Got:
        """The last answer, after the redirects that may be followed."""
        ends = time.monotonic() + self._limits.wall
        for _ in range(self._limits.hops + 1):
            sent, scrub = self._vault.put_in(headers, method, here)
            pieces = exchange(self._pool, Sent(method, here, sent, body, ends, scrub, self._cookies), self._limits.body)
            try:
                head = next(pieces)
                location = self._location(here, head)
                if not isinstance(head, Head):
                    raise TypeError("an answer begins with its head")
                if location is None or not self._may_follow(method, head.status, location):
                    return Got(here, head, b"".join(piece for piece in pieces if isinstance(piece, bytes)), location, scrub)
            finally:
                pieces.close()
            if head.status == 303 or (head.status in (301, 302) and method == "POST"):
                method, body = "GET" if method != "HEAD" else method, b""
                headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
            if (location.scheme, location.host, location.port) != (here.scheme, here.host, here.port):
                headers = {name: value for name, value in headers.items() if not sensitive(name) and not references(value)}
            here = location
        raise ValueError(f"more than {self._limits.hops} redirects")

    def _location(self, here: Url, head: Head | bytes) -> Url | None:
        """Where a redirect leads; ValueError when that is no URL that we would take."""
        if not isinstance(head, Head) or head.status not in _REDIRECTS:
            return None
        given = [value for name, value in head.headers if name == "location"]
        if not given:
            return None
        try:
            if len(given) > 1:
                raise ValueError("it names several places")
            return parse(urljoin(str(here), given[0]))
        except ValueError as error:
            raise ValueError(f"it redirects to where no request may go: {error}") from error

    def _may_follow(self, method: str, status: int, location: Url) -> bool:
        after = "GET" if method != "HEAD" and (status == 303 or (status in (301, 302) and method == "POST")) else method
        return self._follow is not None and self._follow.check({"method": after, "url": str(location)})


@contextmanager
def as_errors_of(library: object) -> Generator[None]:
    """Errors of httpcore as the errors of the same name of a client library."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        made: Callable[[str], Exception] = getattr(library, type(error).__name__)
        raise made(str(error) or "it took too long") from None


def _charset(content_type: str) -> str:
    """The character set that the answer says it has, UTF-8 for none and for one that is not taken."""
    found = _CHARSET.search(content_type.lower())
    return found[1] if found and _CHARSETS.fullmatch(found[1]) else "utf-8"
