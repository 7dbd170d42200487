"""Carrier: makes a page's requests in its place.

A browser would resolve names again, follow redirects without asking, and connect before anybody knows.  So it makes no request at all: each
one is looked at here, made by the fetcher of the http kind (checked addresses, limits, redirects only within), and answered with what came.
A page that is redirected while it is loading is told to go there itself, so that going there is looked at too.

`FLAGS` are for starting the browser so that what is not handed over has no network: names do not resolve, and every connection goes to a
proxy that is not there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from capabilities._http.constraint import METHODS, UrlConstraint
from capabilities._http.fetch import Fetcher, Got
from capabilities._http.url import Url, parse

FLAGS: Final = (
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=socks5://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pings",
)
# what a page could connect with past a route, and workers, whose requests some browsers do not hand over
SCRIPT: Final = """
for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'RTCDataChannel', 'WebTransport', 'WebSocketStream', 'SharedWorker', 'Worker'])
  try { Object.defineProperty(globalThis, name, {value: undefined}); } catch {}
try { Object.defineProperty(Navigator.prototype, 'serviceWorker', {value: undefined}); } catch {}
"""
_POLICY: Final = "frame-src http: https:; worker-src 'none'; object-src 'none'"
# how the browser's request and our answer travel is ours to say; what makes a browser connect by itself is left out
_REQUEST_OWN: Final = re.compile(
    r":.*|host|connection|content-length|accept-encoding|transfer-encoding|te|trailer|upgrade|proxy-.*|expect|keep-alive"
)
_ANSWER_OWN: Final = frozenset("link report-to reporting-endpoints nel speculation-rules content-security-policy-report-only refresh".split())
_VALUE: Final = re.compile(r"[!-~ \t]*")
_HOPS: Final = 5


class Reply(NamedTuple):
    """What the page gets."""

    status: int
    headers: dict[str, str]
    body: bytes


class Refused(ValueError):
    """The request was not made; the message says why."""


class Carrier:
    """Answers requests within a constraint. One page landed on is kept until the browser asks for it."""

    def __init__(self, within: UrlConstraint, fetcher: Fetcher, landing: Fetcher) -> None:
        self.within, self._follows, self._stays = within, fetcher, landing
        self._landed: dict[str, Got] = {}
        self.refused: list[str] = []

    def land(self, text: str) -> str:
        """Where a URL leads in the end, every step of the way within the constraint; `Refused` for one that is not."""
        url = self.checked("GET", text)
        for _ in range(_HOPS + 1):
            got = self._stays.get("GET", url, {}, b"")
            if got.location is None:
                self._landed = {str(url): got}
                return str(url)
            url = self.checked("GET", str(got.location))
        raise Refused(f"more than {_HOPS} redirects")

    def checked(self, method: str, text: str) -> Url:
        """The URL, if a request there is within the constraint."""
        value = {"method": method, "url": text}
        try:
            url = parse(text)
        except ValueError as error:
            raise Refused(str(error)) from None
        if method not in METHODS or not self.within.check(value):
            raise Refused(self.within.explain(value))
        return url

    def answer(self, method: str, text: str, headers: Mapping[str, str], body: bytes | None, *, document: bool) -> Reply | None:
        """What a request of the page is answered with, None when it is refused. `document`: it is a page or a frame."""
        try:
            url = self.checked(method, text)
            if body is None and headers.get("content-length", "0") != "0":
                raise Refused("its body cannot be seen")
            sent = {name.lower(): value for name, value in headers.items() if not _REQUEST_OWN.fullmatch(name.lower()) and _VALUE.fullmatch(value)}
            got = self._landed.pop(str(url), None) if document and method == "GET" else None
            got = got or (self._stays if document else self._follows).get(method, url, sent, body or b"")
            return self._reply(got, document=document)
        except Exception as error:  # whatever went wrong, the page gets nothing
            self.refused = [*self.refused[-99:], f"{method} {ascii(text)[:200]}: {error}"]
            return None

    def _reply(self, got: Got, *, document: bool) -> Reply:
        if got.location is not None:
            where = str(self.checked("GET", str(got.location)))
            if not document:
                raise Refused(f"it redirects to {where}, which may not be followed")
            page = f'<!doctype html><meta http-equiv="refresh" content="0;url={html.escape(where)}">'
            return Reply(200, {"content-type": "text/html; charset=utf-8", "content-security-policy": _POLICY}, page.encode())
        made: dict[str, str] = {}
        for name, value in got.head.headers:
            if name not in _ANSWER_OWN:
                made[name] = f"{made[name]}{chr(10) if name == 'set-cookie' else ', '}{value}" if name in made else value
        if document:
            made["content-security-policy"] = ", ".join(filter(None, [made.get("content-security-policy"), _POLICY]))
            made["x-dns-prefetch-control"] = "off"
        return Reply(got.head.status, made, got.data)
