"""Sessions: who has signed in at which browser, kept in memory only.

    Set-Cookie: __Host-gate=<43 characters>; HttpOnly; Path=/; SameSite=Strict; Secure       through https
    Set-Cookie: gate=<43 characters>; HttpOnly; Path=/; SameSite=Strict                      at http://localhost

The cookie is 256 random bits; what is kept is its SHA-256.  A session ends after an hour without use, after twelve hours at the latest, when
its person signs out or is no longer in `approvers.toml`, and when the inbox ends.  A page that is open and only listens is no use.  Signing
in makes a new one and ends that which the browser came with, so that nobody can plant one.  One that began over loopback is good for
connections of the same user of this machine only (`gate.approvers.inbox.peer`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final

from gate.approvers.inbox import peer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

IDLE: Final = 3600.0
LONGEST: Final = 12 * 3600.0
MOST: Final = 1000
_SIZE: Final = 43


@dataclass(slots=True)
class Session:
    """One sign-in. owner: the user of this machine it began with, None for one that began elsewhere. made, used: by a clock that never goes back."""

    name: str
    how: str
    since: float
    owner: int | None
    made: float
    used: float
    id: str = field(default_factory=lambda: token_urlsafe(16))


def boottime() -> float:
    """Seconds that pass also while the machine sleeps, where the system has such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Sessions:
    """Everybody who is signed in. secure: the inbox is reached through https only. Thread-safe."""

    def __init__(self, *, secure: bool, clock: Callable[[], float] = boottime) -> None:
        self._secure, self._clock = secure, clock
        self._lock = threading.Lock()
        self._held: dict[bytes, Session] = {}
        self.cookie = "__Host-gate" if secure else "gate"

    def find(self, request: Request) -> Session | None:
        """The session of a request; using it keeps it alive."""
        key, now = self._key(request), self._clock()
        with self._lock:
            session = self._held.get(key)
            if session is None:
                return None
            if now - session.used > IDLE or now - session.made > LONGEST:
                del self._held[key]
                return None
        if session.owner is not None and peer.owner(request) != session.owner:
            return None
        if _is_use(request):
            session.used = now
        return session

    def begin(self, request: Request, response: Response, *, name: str, how: str, since: float) -> Session:
        """A new session in place of the one that the browser came with; its cookie is set on the response."""
        now, token = self._clock(), token_urlsafe(32)
        session = Session(name, how, since, peer.owner(request), now, now)
        with self._lock:
            self._held.pop(self._key(request), None)
            if len(self._held) >= MOST:
                del self._held[min(self._held, key=lambda one: self._held[one].used)]
            self._held[_digest(token)] = session
        response.set_cookie(self.cookie, token, path="/", secure=self._secure, httponly=True, samesite="strict")
        return session

    def end(self, request: Request, response: Response) -> None:
        """Signs out."""
        with self._lock:
            self._held.pop(self._key(request), None)
        response.delete_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="strict")

    def end_all(self, name: str) -> int:
        """Ends every session of a person; how many there were."""
        with self._lock:
            gone = [key for key, session in self._held.items() if session.name == name]
            for key in gone:
                del self._held[key]
        return len(gone)

    def _key(self, request: Request) -> bytes:
        return _digest(cookie(request, self.cookie))


def cookie(request: Request, name: str) -> str:
    """The one cookie of that name, "" where there is none or another page of this host has added a second."""
    said = [part.strip() for header in request.headers.getlist("cookie") for part in header.split(";")]
    found = [part.removeprefix(f"{name}=") for part in said if part.startswith(f"{name}=")]
    return found[0] if len(found) == 1 and len(found[0]) == _SIZE and found[0].isascii() else ""


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _is_use(request: Request) -> bool:
    """Whether a person did something: opened a page or sent a form; what a page fetches by itself does not count."""
    return request.method != "GET" or request.headers.get("sec-fetch-mode", "navigate") == "navigate"
