"""Received: what the endpoints for signed answers have in common: the body byte by byte, strict JSON, and what was received before.

>>> object_of(b'{"a": 1, "a": 2}')
Traceback (most recent call last):
gate.approvers.received.Refused: the message says 'a' twice
"""

from __future__ import annotations

import json
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from gate.errors import GateError
from gate.shown import shown

if TYPE_CHECKING:
    from starlette.requests import Request

MOST: Final = 256 * 1024
KEEP: Final = 900.0
FULL: Final = 20_000


class Refused(GateError):
    """A request that is answered with `status` and the message, and does nothing."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


async def body_of(request: Request) -> bytes:
    """The raw body, at most 256 KiB."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST:
            raise Refused(413, f"the message is over {MOST >> 10} KiB")
    return body


def header(request: Request, name: str) -> str:
    """The one value of a header; "" when it is missing. Twice is refused: two readers could take two different ones."""
    found = request.headers.getlist(name)
    if len(found) > 1:
        raise Refused(400, f"the header {name} is there twice")
    return found[0].strip(" \t") if found else ""


def media_type(request: Request) -> str:
    """What the body says it is, without parameters."""
    return header(request, "content-type").partition(";")[0].strip().lower()


def object_of(body: bytes | str) -> dict[str, object]:
    """The JSON object of a body; no member twice, no number that JSON has not."""
    try:
        found: object = json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(400, "the message is no JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "the message is no JSON object")
    return cast("dict[str, object]", found)


def inside(data: dict[str, object], name: str) -> dict[str, object]:
    """The object under a name."""
    found = data.get(name)
    if not isinstance(found, dict):
        raise Refused(400, f"the message has no object '{name}'")
    return cast("dict[str, object]", found)


def text(data: dict[str, object], name: str, most: int = 200) -> str:
    """The text under a name, "" when there is none."""
    found = data.get(name, "")
    if not isinstance(found, str) or len(found) > most:
        raise Refused(400, f"'{name}' is no text of at most {most} characters")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise Refused(400, f"the message says {shown(next(name for name in names if names.count(name) > 1))} twice")
    return found


def _no_number(constant: str) -> object:
    raise ValueError(constant)


class Said(NamedTuple):
    """What a message was answered with."""

    status: int
    body: dict[str, object]


class Seen:
    """The messages of the last 15 minutes, which is longer than any of them counts, and what each was answered with. Thread-safe.

    It is this process's memory only.  A message that another process takes a second time meets the desk, where an answer counts once.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._said: dict[str, tuple[float, bytes, Said | None]] = {}

    def take(self, name: str, digest: bytes) -> Said | None:
        """None for a message that was not seen before and is now being answered; what it was answered with when it is sent again."""
        with self._lock:
            self._drop(monotonic())
            if name not in self._said:
                if len(self._said) >= FULL:
                    raise Refused(503, "too many messages at once")
                self._said[name] = monotonic() + KEEP, digest, None
                return None
            _, known, said = self._said[name]
        if known != digest or said is None:
            raise Refused(409, "a message with this id was received already")
        return said

    def answered(self, name: str, said: Said) -> None:
        """What a message was answered with, for when it is sent again."""
        with self._lock:
            until, digest, _ = self._said[name]
            self._said[name] = until, digest, said

    def forget(self, name: str) -> None:
        """A message that could not be worked at just now: it may be sent again."""
        with self._lock:
            self._said.pop(name, None)

    def _drop(self, now: float) -> None:
        for name in [name for name, (until, _, _) in self._said.items() if until <= now]:
            del self._said[name]
