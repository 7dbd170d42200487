"""The delegation chain: what must hold from one token to the next, whatever kind of claims the tokens carry.

A chain is a list of signed tokens, root first.  Each derived token is signed by the key its parent names and carries `par_hash`, the
digest of the parent's signing input; its depth is one more, its life is inside the parent's, and it grants nothing the parent doesn't.
A `Profile` knows one kind of token: how to open it and when its authority is narrower.  `gate.tokens.claims` is the profile of
draft-niyikiza-oauth-attenuating-agent-tokens-02 (section 8, steps 1 to 5); a test verifies another draft's chains with this same core.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from gate.errors import TokenError
from gate.tokens.jose import MAX_TOKEN

MAX_CHAIN: Final = 262144  # characters in all: MAX_CHAIN_SIZE, section 4.3.1
MAX_DEPTH: Final = 8  # MAX_DELEGATION_DEPTH, section 4.3: the least that interoperates
MAX_SKEW: Final = 30  # seconds a token may seem to come from the future: MAX_IAT_SKEW, section 4.4
MAX_LIFETIME: Final = 90 * 24 * 3600  # seconds: MAX_TOKEN_LIFETIME, section 4.4
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the core looks at in one verified token. Times are whole seconds since the epoch."""

    token: str
    digest: str
    jti: str
    issued: int
    expires: int
    depth: int
    max_depth: int
    par_hash: str | None


L = TypeVar("L", bound=Link)


class Profile(Protocol[L]):
    """One kind of token."""

    def open(self, token: str, parent: L | None) -> L:
        """The token, its signature verified under a trust anchor (no parent) or the key the parent names; TokenError otherwise."""
        ...

    def widenings(self, parent: L, child: L) -> Iterable[str]:
        """Where the child's authority is not within the parent's."""
        ...


def walk(tokens: Sequence[str], profile: Profile[L], now: float) -> tuple[L, ...]:
    """The opened links of a chain in which everything holds, root first; TokenError says which token fails, and at what."""
    _check_size(tokens)
    links: list[L] = []
    for index, token in enumerate(tokens):
        parent = links[-1] if links else None
        try:
            link = profile.open(token, parent)
            _check_time(link, now)
            _check_place(link, parent)
            if any(link.jti == earlier.jti for earlier in links):
                raise TokenError(f"its jti '{link.jti}' appears twice in the chain")
            if parent is not None:
                refuse_widening(profile.widenings(parent, link))
        except TokenError as error:
            raise TokenError(f"{_ordinal(index, len(tokens))}: {error}") from None
        links.append(link)
    return tuple(links)


def refuse_widening(found: Iterable[str]) -> None:
    """TokenError that lists the ways in which a token would widen its parent."""
    if reasons := tuple(found):
        more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        raise TokenError(f"it would allow more than the one it comes from: {'; '.join(reasons[:_SHOWN])}{more}")


def _check_size(tokens: Sequence[str]) -> None:
    if not tokens:
        raise TokenError("the chain holds no token")
    if len(tokens) > MAX_DEPTH + 1:
        raise TokenError(f"the chain holds {len(tokens)} tokens; {MAX_DEPTH + 1} are the most")
    if any(len(token) > MAX_TOKEN for token in tokens) or sum(map(len, tokens)) > MAX_CHAIN:
        raise TokenError(f"the chain is too large: at most {MAX_TOKEN} characters a token and {MAX_CHAIN} in all")


def _check_time(link: Link, now: float) -> None:
    if link.expires <= now:
        raise TokenError(f"it has expired {now - link.expires:.0f} s ago")
    if link.issued > now + MAX_SKEW:
        raise TokenError(f"it was issued {link.issued - now:.0f} s in the future; {MAX_SKEW} s of clock difference are accepted")
    if not link.issued < link.expires <= link.issued + MAX_LIFETIME:
        raise TokenError(f"its lifetime must be over 0 and at most {MAX_LIFETIME} s, not {link.expires - link.issued} s")


def _check_place(link: Link, parent: Link | None) -> None:
    if not 0 <= link.depth <= link.max_depth <= MAX_DEPTH:
        raise TokenError(f"its depth {link.depth} and maximum depth {link.max_depth} must be in order and at most {MAX_DEPTH}")
    if parent is None:
        if link.depth != 0 or link.par_hash is not None:
            raise TokenError("it is no root: a root has depth 0 and no par_hash")
        return
    if link.par_hash != parent.digest:
        raise TokenError("its par_hash is not that of the token before it")
    if link.depth != parent.depth + 1 or link.depth > parent.max_depth:
        raise TokenError(f"its depth {link.depth} does not follow {parent.depth}, or is over the maximum {parent.max_depth}")
    if link.max_depth > parent.max_depth:
        raise TokenError(f"it raises the maximum depth from {parent.max_depth} to {link.max_depth}")
    if link.expires > parent.expires or link.issued < parent.issued:
        raise TokenError("it lives outside the lifetime of the token it comes from")


def _ordinal(index: int, count: int) -> str:
    return "root token" if index == 0 else f"token {index + 1} of {count}"
