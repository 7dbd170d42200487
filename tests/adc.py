"""Delegation tokens of another draft (draft-asor-wimse-agent-delegation-chain, -01 and -02), verified by the same chain core as ours.

This is no feature: it shows that `gate.tokens.chain` knows nothing of one claim type, and scores that core against vectors written by others.
HMAC signatures, which those vectors use and the product never accepts, are checked only here.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from gate.errors import TokenError
from gate.tokens import jose
from gate.tokens.chain import Link, walk

SEGMENT: Final = r"[a-z][a-z0-9_-]*"
LITERAL: Final = re.compile(rf"{SEGMENT}(\.{SEGMENT})+\Z")
WILDCARD: Final = re.compile(rf"{SEGMENT}(\.{SEGMENT})*\.\*\Z")
OPAQUE: Final = re.compile(r"[\x21\x23-\x29\x2B-\x5B\x5D-\x7E]+\Z")
RANKS: Final = ["none", "internal", "any"]  # the order that -01 leaves to the key; -02 writes it into the token
ASCENDING: Final = {"max", "max_lifetime", "max_subtree"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation(Link):
    """One token: who is accountable, for whom it is, what it allows."""

    principal: str
    audience: object
    scopes: tuple[str, ...]
    constraints: Mapping[tuple[str, str], Any]


@dataclass(frozen=True)
class DelegationTokens:
    """The profile. `second` is revision -02; `audience` who we are."""

    secret: bytes
    algorithms: frozenset[str]
    second: bool
    audience: str | None

    def open(self, token: str, parent: Delegation | None) -> Delegation:
        """The token, its MAC verified, its two JSON parts canonical."""
        head, payload, mac = token.split(".")
        header, claims = canonical(decoded(head)), canonical(decoded(payload))
        if header.get("alg") not in self.algorithms or header.get("alg") != "HS256":
            raise TokenError(f"the alg {header.get('alg')!r} is not accepted")
        if not hmac.compare_digest(hmac.digest(self.secret, f"{head}.{payload}".encode(), sha256), decoded(mac)):
            raise TokenError("the signature does not verify")
        detail = self.detail(claims)
        if self.second:
            check_second(claims)
        most = claims.get("del_max_depth", None if parent is None else parent.max_depth + 1)
        return Delegation(
            token=token,
            digest=jose.signing_digest(token),
            jti=str(claims["jti"]),
            issued=whole(claims, "iat") if parent is None else parent.issued,  # this draft doesn't look at a child's iat
            expires=whole(claims, "exp"),
            depth=whole(claims, "del_depth"),
            max_depth=whole({"del_max_depth": most}, "del_max_depth") - 1,  # here it counts tokens
            par_hash=claims.get("par_hash"),
            principal=str(claims["sub"]) if self.second else "",
            audience=claims.get("aud"),
            scopes=tuple(detail["scopes"]),
            constraints=dict(self.constraint(each) for each in unique(detail.get("constraints", []))),
        )

    def widenings(self, parent: Delegation, child: Delegation) -> Iterator[str]:
        """Where the child allows more."""
        if child.principal != parent.principal:
            yield "the principal is another"
        for scope in child.scopes:
            if not any(self.covers(held, scope) for held in parent.scopes):
                yield f"the scope {scope} is not held"
        for pair, value in parent.constraints.items():
            if pair not in child.constraints or not narrower(pair[1], child.constraints[pair], value):
                yield f"the constraint {pair} is loosened or dropped"

    def covers(self, held: str, wanted: str) -> bool:
        """A wildcard covers what begins with it up to the dot; in -02 it covers no opaque scope."""
        if WILDCARD.match(held):
            return wanted.startswith(held[:-1]) and not (self.second and form(wanted) == "opaque")
        return held == wanted

    def detail(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """The one authorization detail, with nothing in it that nobody evaluates."""
        details = claims.get("authorization_details")
        if not isinstance(details, list) or len(details) != 1 or set(details[0]) != {"type", "scopes", "constraints"}:
            raise TokenError("malformed: not exactly one detail with exactly type, scopes and constraints")
        scopes = details[0]["scopes"]
        valid = all(form(scope) for scope in scopes) if self.second else all("*" not in scope or WILDCARD.match(scope) for scope in scopes)
        if details[0]["type"] != "agent_delegation" or not valid:
            raise TokenError("malformed: a type or a scope that nobody understands")
        return details[0]

    def constraint(self, data: Mapping[str, Any]) -> tuple[tuple[str, str], Any]:
        """((key, type), value) of a constraint."""
        kinds = sorted(set(data) - {"key", "order"})
        if len(kinds) != 1 or "key" not in data:
            raise TokenError("malformed: a constraint has a key and one typed value")
        kind = kinds[0]
        if kind != "rank":
            return (data["key"], kind), data[kind]
        order = data.get("order", None if self.second else RANKS)
        if not isinstance(order, list) or data["rank"] not in order:
            raise TokenError("malformed: a rank stands in its order")
        return (data["key"], kind), (tuple(order), order.index(data["rank"]))


def verify(tokens: Sequence[str], profile: DelegationTokens, now: float) -> tuple[Delegation, ...]:
    """The chain, and its last token for us."""
    links = walk(tokens, profile, now)
    audience = links[-1].audience
    if profile.audience is not None and profile.audience != audience and not (isinstance(audience, list) and profile.audience in audience):
        raise TokenError("the audience is another")
    return links


def form(scope: str) -> str:
    """The form of a scope by its bytes; empty when it has none."""
    return next((name for name, pattern in (("literal", LITERAL), ("wildcard", WILDCARD), ("opaque", OPAQUE)) if pattern.match(scope)), "")


def narrower(kind: str, child: Any, parent: Any) -> bool:
    """Whether one constraint's value is within another's; types that nobody knows must be the same."""
    if kind in ASCENDING:
        return bool(child <= parent)
    if kind == "min":
        return bool(child >= parent)
    if kind == "rank":
        return bool(child[0] == parent[0] and child[1] <= parent[1])
    return bool(child == parent)


def unique(constraints: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The constraints, no two of which have the same key and type."""
    pairs = [(each.get("key"), *sorted(set(each) - {"key", "order"})) for each in constraints]
    if len(set(pairs)) != len(pairs):
        raise TokenError("malformed: two constraints of one key and type")
    return constraints


def check_second(claims: Mapping[str, Any]) -> None:
    """What -02 requires of every token."""
    audience, cnf = claims.get("aud"), claims.get("cnf")
    if not all(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "client_id", "iss", "jti")):
        raise TokenError("malformed: sub, client_id, iss or jti is missing")
    if not (isinstance(audience, str) or (isinstance(audience, list) and audience)):
        raise TokenError("malformed: aud names nobody")
    if not isinstance(cnf, dict) or not {"jkt", "jwk", "x5t#S256"} & set(cnf):
        raise TokenError("malformed: cnf confirms no key")


def whole(claims: Mapping[str, Any], name: str) -> int:
    """A claim that is a whole number."""
    value = claims.get(name)
    if type(value) is not int:
        raise TokenError(f"malformed: {name} is no whole number")
    return value


def decoded(part: str) -> bytes:
    """Bytes of unpadded base64url."""
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def canonical(data: bytes) -> Mapping[str, Any]:
    """The object of a part that is RFC 8785 to the byte."""
    value = jose.loads_or_refuse(data, "the part")
    if not isinstance(value, dict) or jose.dumps(value) != data:
        raise TokenError("malformed: not canonical JSON")
    return value
