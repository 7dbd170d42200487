"""Carrier: makes a page's requests in its place.

A browser would resolve names again, follow redirects without asking, and connect before anybody knows.  So it makes no request at all: each
one is looked at here, made by the fetcher of the http kind (checked addresses, limits, redirects only within), and answered with what came.
A page that is redirected while it is loading is told to go there itself, so that going there is looked at too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from capabilities._http.constraint import METHODS, UrlConstraint
from capabilities._http.fetch import Fetcher, Got
from capabilities._http.url import Url, parse

_POLICY: Final = "frame-src http: https:; worker-src 'none'; object-src 'none'"
# how the browser's request and our answer travel is ours to say; what makes a browser connect by itself is left out
_REQUEST_OWN: Final = re.compile(
    r":.*|host|connection|content-length|accept-encoding|transfer-encoding|te|trailer|upgrade|proxy-.*|expect|keep-alive"
)
_ANSWER_OWN: Final = frozenset("link report-to reporting-endpoints nel speculation-rules content-security-policy-report-only refresh".split())
_VALUE: Final = re.compile(r"[!-~ \t]*")
HOPS: Final = 5


class Reply(NamedTuple):
    """What the page gets."""

    status: int
    headers: dict[str, str]
    body: bytes


class Refused(ValueError):
    """The request was not made; the message says why."""


class Carrier:
    """Answers requests within a constraint. follows, stays: fetchers that follow redirects within it, and that follow none."""

    def __init__(self, within: UrlConstraint, follows: Fetcher, stays: Fetcher) -> None:
        self.within, self._follows, self._stays = within, follows, stays
        self._going = ""
        self.moved = self.stopped = ""
        self.refused: list[str] = []

    def set_out(self, text: str) -> str:
        """The address to open. Afterwards `moved` says where it redirects to, or `stopped` why it was not opened; `Refused` for one outside."""
        self.moved = self.stopped = ""
        self._going = str(self.checked("GET", text))
        return self._going

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
        going = document and method == "GET" and text == self._going
        try:
            url = self.checked(method, text)
            if body is None and headers.get("content-length", "0") != "0":
                raise Refused("its body cannot be seen")
            sent = {name.lower(): value for name, value in headers.items() if not _REQUEST_OWN.fullmatch(name.lower()) and _VALUE.fullmatch(value)}
            got = (self._stays if document else self._follows).get(method, url, sent, body or b"")
            return self._reply(got) if got.location is None else self._moving(got, str(got.location), document=document, going=going)
        except Exception as error:  # whatever went wrong, the page gets nothing
            self.refused = [*self.refused[-99:], f"{method} {ascii(text)[:200]}: {error}"]
            self.stopped = str(error) if going else self.stopped
            return None
        finally:
            self._going = "" if going else self._going

    def _moving(self, got: Got, where: str, *, document: bool, going: bool) -> Reply:
        """An empty page in place of a redirect: whoever set out goes on, any other page is told to."""
        self.checked("GET", where)
        if not document:
            raise Refused(f"it redirects to {where}, which may not be followed")
        self.moved = where if going else self.moved
        page = "" if going else f'<!doctype html><meta http-equiv="refresh" content="0;url={html.escape(where)}">'
        made = {name: value for name, value in _headers(got).items() if name == "set-cookie"}
        return Reply(200, made | {"content-type": "text/html; charset=utf-8", **_policies("")}, page.encode())

    def _reply(self, got: Got) -> Reply:
        made = _headers(got)
        return Reply(got.head.status, made | _policies(made.get("content-security-policy", "")), got.data)


def _headers(got: Got) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, value in got.head.headers:
        if name not in _ANSWER_OWN:
            made[name] = f"{made[name]}{chr(10) if name == 'set-cookie' else ', '}{value}" if name in made else value
    return made


def _policies(own: str) -> dict[str, str]:
    """What a page may not do, besides what it forbids itself."""
    return {"content-security-policy": f"{own}, {_POLICY}" if own else _POLICY, "x-dns-prefetch-control": "off"}
