"""Guard: what a request must be before any page sees it, and what every reply carries.

A page that decides is worth attacking through the browser of whoever may decide.  So, for every route, whoever adds it:

    Host          must be one of the names that this inbox was started for: a name an attacker points at 127.0.0.1 (DNS rebinding) is none
    POST          must come from our own pages: `Sec-Fetch-Site: same-origin` where the browser says it, and an `Origin` that is ours
    body          at most so many bytes, counted while it is read, whatever Content-Length says
    reply         runs our script and style only, cannot be framed, is not stored, sends no referrer

What is no browser sends neither Sec-Fetch-Site nor Origin and is let through to the route, which asks for its own proof: the seal of a form
together with the cookie of its session, the signature of a webhook.  `Origin: null` alone is refused: a sandboxed frame sends that too.

>>> cross_site({"sec-fetch-site": "cross-site"}), cross_site({"sec-fetch-site": "same-origin", "origin": "null"})
(True, False)
>>> cross_site({"origin": "http://evil.example", "host": "127.0.0.1:8790"}), cross_site({"origin": "null"}), cross_site({})
(True, True, False)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
LARGEST: Final = 256 * 1024
LARGEST_EDIT: Final = 4 * 1024 * 1024
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
REPLY: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "cache-control": "no-store",
}
_READS: Final = frozenset({"GET", "HEAD"})
_ONCE: Final = ("host", "origin", "sec-fetch-site", "content-length", "content-type", "cookie")


class TooLarge(Exception):
    """The body of a request is larger than any that we ask for."""


class Guard:
    """Wraps an application. hosts: names that lead here, without ports. secure: browsers reach it through https only."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], secure: bool = False) -> None:
        self._app, self._hosts = app, frozenset([host.lower() for host in hosts])
        self._reply = {**REPLY, "strict-transport-security": "max-age=31536000"} if secure else REPLY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a web socket is never accepted
        headers, started = Headers(scope=scope), False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._dress(MutableHeaders(raw=message.setdefault("headers", [])))
            await send(message)

        try:
            if refusal := self._refused(scope["method"], headers):
                await refusal(scope, receive, answer)
            else:
                await self._app(scope, limited(receive, headers, LARGEST_EDIT if scope["path"].endswith("/edit") else LARGEST), answer)
        except TooLarge:
            if started:
                raise
            await PlainTextResponse("too large", 413)(scope, receive, answer)

    def _dress(self, headers: MutableHeaders) -> None:
        for name, value in self._reply.items():
            if name not in headers or (name == "content-security-policy" and not headers[name].startswith("sandbox")):
                headers[name] = value

    def _refused(self, method: str, headers: Headers) -> PlainTextResponse | None:
        if any(len(headers.getlist(name)) > 1 for name in _ONCE):
            return PlainTextResponse("a header came twice", 400)
        if hostname(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("this inbox does not answer to that name; say where browsers reach it with: gate inbox --url", 421)
        if method not in _READS and cross_site(headers):
            return PlainTextResponse("refused: this does not come from a page of the inbox", 403)
        return None


def limited(receive: Receive, headers: Headers, largest: int) -> Receive:
    """`receive` that raises TooLarge as soon as more than so many bytes are announced or have come."""
    length, read = headers.get("content-length", "0"), 0

    async def counting() -> Message:
        nonlocal read
        if not length.isdecimal() or len(length) > 12 or int(length) > largest:
            raise TooLarge
        message = await receive()
        read += len(message.get("body", b""))
        if read > largest:
            raise TooLarge
        return message

    return counting


def hostname(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdecimal() and (":" not in name or name.endswith("]")) else host.lower()


def cross_site(headers: Mapping[str, str]) -> bool:
    """Whether a browser sends this for a page that is not ours. `headers` by their lower-case names."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return True
    if origin is None:
        return False
    if origin == "null":  # what our own pages send as well, because they send no referrer
        return site is None
    return urlsplit(origin).netloc != headers.get("host", "")
