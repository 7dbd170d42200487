"""Resource: one address of the HTTP API: its methods, a body that is read whole but bounded, strict JSON, and problems (RFC 9457).

Whatever goes wrong is said as `application/problem+json`, with a `type` that a program can tell apart; what nobody foresaw is a 500 without a
word about why, and nothing was answered.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gate.constraints.value import is_object
from gate.errors import ConfigError, Void
from gate.tokens import jose

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PREFIX: Final = "/access/v1"
MAX_BODY: Final = 128 * 1024  # bytes: two tokens of the largest size, more than any answer needs
OURS: Final = "urn:capgate:problem:"
ARAP: Final = "urn:openid:authzen:access-request:error:"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_log: Final = logging.getLogger("gate")

Handler: TypeAlias = "Callable[[Request, bytes], Awaitable[Response]]"


class Problem(Exception):
    """What is wrong with a request. type: a URI that names the class of it; detail: this one, for a person who reads the client's log."""

    def __init__(self, status: int, kind: str, title: str, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.kind, self.title, self.detail, self.headers = status, kind, title, detail, dict(headers or {})

    def response(self) -> Response:
        """The problem document."""
        told = {"type": self.kind, "title": self.title, "status": self.status} | ({"detail": self.detail} if self.detail else {})
        return _answer(told, self.status, "application/problem+json", self.headers)


class Resource:
    """An ASGI application for one address: handlers by method, such as `Resource(GET=…, POST=…)`."""

    def __init__(self, **handlers: Handler) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except Problem as problem:
            response = problem.response()
        except Void as void:
            response = Problem(409, OURS + "void", "The answer does not count", str(void)).response()
        except ConfigError as error:
            _log.exception("a request to %s was refused", scope.get("path"))
            response = Problem(503, OURS + "misconfigured", "Something that a person wrote for this gate is wrong", str(error)).response()
        except ClientDisconnect:
            return
        except Exception:
            _log.exception("a request to %s failed", scope.get("path"))
            response = Problem(500, "about:blank", "The gate could not do its own work; nothing was answered").response()
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            allowed = ", ".join(sorted(self._handlers))
            raise Problem(405, "about:blank", f"This address takes {allowed or 'no request'}", headers={"Allow": allowed})
        return await handler(request, await _body(request))


def json_response(data: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that nobody keeps."""
    return _answer(data, status, "application/json", headers or {})


def json_object(request: Request, body: bytes) -> Mapping[str, object]:
    """The JSON object of a request; a Problem for any other media type, for anything but an object, and for what strict JSON refuses."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Problem(415, "about:blank", "The body must be application/json")
    try:
        data = jose.loads(body)
    except ValueError as error:
        raise Problem(400, OURS + "json", "The body is no strict JSON", str(error)) from None
    if not is_object(data):
        raise Problem(400, OURS + "json", "The body is no JSON object")
    return data


def rfc3339(moment: float) -> str:
    """Seconds since the epoch as RFC 3339 writes them, in UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _body(request: Request) -> bytes:
    """The body, counted while it is read; one that is announced as too large is not read at all."""
    length, read = request.headers.get("content-length", "0"), bytearray()
    if not length.isdecimal() or len(length) > 12 or int(length) > MAX_BODY:
        raise _too_large()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BODY:
            raise _too_large()
    return bytes(read)


def _too_large() -> Problem:
    return Problem(413, "about:blank", f"The body has more than {MAX_BODY} bytes", headers={"Connection": "close"})


def _answer(data: Mapping[str, object], status: int, media: str, headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), status, {**_HEADERS, **headers}, media)
