"""The chain core on tokens that are no tokens: what must hold from one link to the next, whatever the claims."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gate.errors import TokenError
from gate.tokens.chain import MAX_CHAIN, MAX_DEPTH, MAX_LIFETIME, Link, walk

NOW = 1000.0


@dataclass(frozen=True)
class Table:
    """A profile that looks tokens up instead of verifying them."""

    links: dict[str, Link]

    def open(self, token: str, parent: Link | None) -> Link:
        """The link of a token; `parent` is what the core says comes before."""
        if token not in self.links:
            raise TokenError("its signature does not verify")
        return self.links[token]

    def widenings(self, parent: Link, child: Link) -> Iterator[str]:
        """Tokens named wide… allow more."""
        if child.token.startswith("wide"):
            yield f"{child.token} is wider than {parent.token}"
            yield "in two ways"


def link(place: int, **changes: Any) -> Link:
    """A link that follows the one before."""
    made = Link(
        token=f"t{place}",
        digest=f"d{place}",
        jti=f"j{place}",
        issued=900 + place,
        expires=2000 - place,
        depth=place,
        max_depth=3,
        par_hash=f"d{place - 1}" if place else None,
    )
    return replace(made, **changes)


def run(*links: Link, now: float = NOW) -> tuple[Link, ...]:
    """The walk along these links."""
    return walk([each.token for each in links], Table({each.token: each for each in links}), now)


def test_a_valid_chain() -> None:
    chain = tuple(link(depth) for depth in range(4))
    assert run(*chain) == chain
    assert run(chain[0]) == chain[:1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expires": 1000}, "expired 0 s ago"),
        ({"expires": 990}, "expired 10 s ago"),
        ({"issued": 1031}, "31 s in the future"),
        ({"issued": 1020, "expires": 1010}, "lifetime"),
        ({"expires": 901 + MAX_LIFETIME}, "lifetime"),
        ({"depth": 1, "par_hash": None}, "no root"),
        ({"par_hash": "d0"}, "no root"),
        ({"max_depth": MAX_DEPTH + 1}, "at most 8"),
        ({"max_depth": -1}, "in order"),
        ({"depth": -1}, "in order"),
    ],
)
def test_a_root_that_fails(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TokenError, match=f"root token: .*{message}"):
        run(link(0, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"par_hash": None}, "par_hash"),
        ({"par_hash": "d1"}, "par_hash"),
        ({"depth": 2}, "does not follow 0"),
        ({"depth": 0}, "does not follow 0"),
        ({"max_depth": 4}, "raises the maximum depth"),
        ({"max_depth": 0}, "in order"),
        ({"expires": 2001}, "outside the lifetime"),
        ({"issued": 899}, "outside the lifetime"),
        ({"expires": 999}, "expired"),
        ({"jti": "j0"}, "'j0' appears twice"),
        ({"token": "wide"}, "more than the one it comes from: wide is wider than t0; in two ways"),
    ],
)
def test_a_derived_token_that_fails(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TokenError, match=f"token 2 of 2: .*{message}"):
        run(link(0), link(1, **changes))


def test_an_ancestor_that_is_terminal() -> None:
    with pytest.raises(TokenError, match="over the maximum 0"):
        run(link(0, max_depth=0), link(1))


def test_a_jti_far_up_the_chain_counts_too() -> None:
    with pytest.raises(TokenError, match="token 4 of 4: its jti 'j0' appears twice"):
        run(link(0), link(1), link(2), link(3, jti="j0"))


def test_no_token_is_opened_in_a_chain_that_is_too_long_or_too_large() -> None:
    for tokens in ([], ["x"] * (MAX_DEPTH + 2), ["x" * 65_537], ["x" * 60_000] * 5):
        with pytest.raises(TokenError, match="no token|are the most|too large"):
            walk(tokens, Table({}), NOW)
    assert 5 * 60_000 > MAX_CHAIN


def test_a_token_that_cannot_be_opened_stops_the_walk() -> None:
    with pytest.raises(TokenError, match="token 2 of 3: its signature"):
        walk(["t0", "forged", "t2"], Table({"t0": link(0), "t2": link(2)}), NOW)
