"""Identity: who is at the page, as whichever sign-in is in use found it out.

A sign-in is a function from a request to an `Identity`, or to None for somebody who has not signed in and then sees nothing.  It reads the
request and changes nothing: pages, forms and the stream of events ask it again each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from starlette.requests import Request


class Identity(NamedTuple):
    """One person at one browser.

    name: the person, as `approvers.toml` and the key that signs for them call them.  session: names this sign-in and no other, so that what a
    page offers one browser is worth nothing in another; it needs no secrecy.  how: "link", "header" or "oidc", how they signed in.  since: when,
    in seconds since the epoch, 0 where each request says anew who it is.
    """

    name: str
    session: str
    how: str = ""
    since: float = 0.0


Identify: TypeAlias = "Callable[[Request], Identity | None]"
