"""Post: one bounded HTTP request to a receiver that may be down, slow, wrong or hostile.

    tries        4, after a failure to connect, a time-out, 429 and 5xx; waits 1, 2, 4 s with jitter, or what `Retry-After` says
    time         10 s for each try, whatever arrives and however slowly; a receiver that asks to wait over 20 s is left for later
    reply        at most 64 KiB are read, undecoded; a longer one is cut off and is a failure
    redirects    never followed: where a message goes is what `approvers.toml` says
    where        https, or http to this machine

>>> later({"retry-after": "7"}, now=0.0), later({"retry-after": "Thu, 01 Jan 1970 00:00:09 GMT"}, now=4.0), later({"retry-after": "soon"}, now=0.0)
(7.0, 5.0, 0.0)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cache
from time import time
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from gate.errors import GateError
from gate.people import loopback

if TYPE_CHECKING:
    from ssl import SSLContext

    import httpx
    from tenacity import RetryCallState

SECONDS: Final = 10.0
MOST: Final = 64 * 1024
TRIES: Final = 4
PATIENCE: Final = 20.0


class Undelivered(GateError):
    """A channel could not tell somebody; the message says why, and holds no secret."""


class Reply(NamedTuple):
    """What a receiver said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Again(Undelivered):
    """It may be tried again, after so many seconds at least."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


def post(url: str, body: bytes, headers: Callable[[], Mapping[str, str]], *, pace: float = 1.0, seconds: float = SECONDS) -> Reply:
    """The reply of a receiver that took the message (2xx); Undelivered otherwise.

    headers: made anew for each try, as they hold the time.  pace: seconds of the first wait between two tries.  seconds: of each try.
    """
    return asyncio.run(_tried(url, body, headers, pace, seconds))


async def _tried(url: str, body: bytes, headers: Callable[[], Mapping[str, str]], pace: float, seconds: float) -> Reply:
    from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    backoff = wait_random_exponential(multiplier=pace, max=PATIENCE)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(backoff(state), error.after if isinstance(error, _Again) else 0.0)

    def hopeless(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        return isinstance(error, _Again) and error.after > PATIENCE

    stop = stop_after_attempt(TRIES)
    tries = AsyncRetrying(
        retry=retry_if_exception_type(_Again), wait=wait, stop=lambda state: stop(state) or hopeless(state), reraise=True, sleep=asyncio.sleep
    )
    return await tries(_once, url, body, headers, seconds)


async def _once(url: str, body: bytes, headers: Callable[[], Mapping[str, str]], seconds: float) -> Reply:
    import httpx

    try:
        async with asyncio.timeout(seconds):
            reply = await _sent(url, body, headers())
    except TimeoutError:
        raise _Again(f"{_host(url)} took over {seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:  # their texts may hold the URL, and that a secret
        raise _Again(f"{_host(url)} cannot be reached ({type(error).__name__})") from None
    if reply.status == 429 or reply.status >= 500:  # RFC 6585 and RFC 9110
        raise _Again(f"{_host(url)} answered {reply.status}", later(reply.headers, now=time()))
    if not 200 <= reply.status < 300:
        where = ", a redirect, which is not followed" if 300 <= reply.status < 400 else ""
        raise Undelivered(f"{_host(url)} answered {reply.status}{where}")
    return reply


async def _sent(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    import httpx

    parts = urlsplit(url)
    if parts.scheme != "https" and not loopback(parts.hostname or ""):
        raise Undelivered(f"{_host(url)} can only be told by https")
    sent = {**headers, "accept-encoding": "identity", "user-agent": "capgate"}
    proxied = parts.scheme == "https"  # what is for this machine does not go by a proxy of the environment
    made = httpx.AsyncClient(verify=_trusted(), trust_env=proxied, follow_redirects=False, timeout=SECONDS)
    async with made as client, client.stream("POST", url, content=body, headers=sent) as reply:
        return Reply(reply.status_code, dict(reply.headers), await _limited(reply, url))


@cache
def _trusted() -> SSLContext:
    """The certificates that count; read once, for reading them takes longer than a message."""
    import httpx

    return httpx.create_ssl_context()


async def _limited(reply: httpx.Response, url: str) -> bytes:
    read = b""
    async for part in reply.aiter_raw(4096):
        read += part
        if len(read) > MOST:
            raise Undelivered(f"{_host(url)} answered with more than {MOST >> 10} KiB")
    return read


def later(headers: Mapping[str, str], *, now: float) -> float:
    """The seconds that `Retry-After` (RFC 9110, 10.2.3) asks to wait, 0 when it says nothing."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        return max(parsedate_to_datetime(said).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return 0.0


def _host(url: str) -> str:
    """What is said of a URL: where it leads, without its path, which may be a secret."""
    return urlsplit(url).hostname or "the receiver"
