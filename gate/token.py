"""A capability on the wire: a chain of signed tokens that anyone with the issuer's public key can verify offline.

The format is draft-niyikiza-oauth-attenuating-agent-tokens-02.  A token is a compact JWS (RFC 7515), `alg` Ed25519 (RFC 9864), `typ`
`aat+jwt`, its payload canonical JSON (RFC 8785).  A root token that `grant` made:

    {"alg":"Ed25519","kid":"9ZP0…","typ":"aat+jwt"}
    {
      "jti": "019abc00-…",                       unique; what revocation names
      "iss": "urn:ietf:params:oauth:jwk-thumbprint:sha-256:9ZP0…",
      "iat": 1764000000, "exp": 1764000900,       at most 90 days apart
      "nbf": 1764000060,                          if it starts later
      "aud": "https://gate.example",              the gates it is for; without it, any that trusts the issuer
      "del_depth": 0, "del_max_depth": 3,         how deep it is, how deep its descendants may be; at most 8
      "cnf": {"jwk": {"crv": "Ed25519", "kty": "OKP", "x": "…"}},   the holder's key: presents it and signs what is derived
      "authorization_details": [{
        "type": "attenuating_agent_token",
        "tools": {"save": {"path": {"constraint_type": "exact", "value": "out/notes.md"},
                           "text": {"constraint_type": "wildcard"}}}
      }],
      "gate": {"agent": "researcher", "principal": "alice", "limits": {"calls": 100}, "labels": ["web"]}
    }

A derived token is signed with its parent's holder key and named by it: `iss` is that key's thumbprint URI (RFC 9278).  It also has
`par_hash`, base64url(SHA-256(signing input of the parent)), and everything in it is within the parent: `gate.tokens.chain` for depth, time and
linkage, `gate.tokens.claims` for authority.  As text, a chain is the JSON object of section 7.4, `{"aat_chain": [root, …, leaf]}`.

>>> from gate.constraint import ANY
>>> from gate.tokens.jwk import SigningKey, TrustAnchors
>>> issuer, holder = SigningKey(bytes(32)), SigningKey(bytes([1]) * 32)
>>> root = mint(issuer, agent="researcher", tools={"save": {"path": ["a", "b"]}}, expires=900, holder=holder.public, now=0)
>>> chain = attenuate([root], holder, agent="writer", tools={"save": {"path": "a"}}, holder=holder.public, now=1)
>>> capability = verify(chain, TrustAnchors.of(issuer.public), audience=None, now=2)
>>> capability.agent, capability.depth, capability.grants["save"].covers({"path": "b"}, frozenset())
('writer', 1, False)
>>> attenuate(chain, holder, agent="writer", tools={"save": {"path": ANY}}, holder=holder.public, now=1)
Traceback (most recent call last):
gate.errors.TokenError: it would allow more than the one it comes from: tool 'save', argument 'path': wildcard is not within exact value="a"
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.capability import NO_LIMITS, Budget, Capability, Grant, Limits
from gate.constraint import show
from gate.constraints.value import is_array, is_object
from gate.errors import TokenError
from gate.tokens import jose
from gate.tokens.chain import MAX_CHAIN, MAX_DEPTH, MAX_LIFETIME, refuse_widening, walk
from gate.tokens.claims import TYP, TYPE, AgentTokens, Claims, parse, widenings
from gate.tokens.jwk import PublicKey, SigningKey, TrustAnchors

if TYPE_CHECKING:
    from gate.keys import KeyRing

_NO_TOOL_LIMITS: Final[Mapping[str, Limits]] = MappingProxyType({})


class Presentation(NamedTuple):
    """What a holder presents: the chain, root first, and the proof of possession for one call if there is one."""

    chain: tuple[str, ...]
    proof: str | None = None


def mint(
    key: SigningKey,
    *,
    agent: str,
    tools: Mapping[str, object],
    expires: float,
    holder: PublicKey,
    now: float,
    principal: str = "",
    limits: Limits = NO_LIMITS,
    tool_limits: Mapping[str, Limits] = _NO_TOOL_LIMITS,
    not_before: float | None = None,
    max_depth: int = 3,
    labels: Collection[str] = (),
    audience: str | None = None,
    jti: str | None = None,
    issuer: str | None = None,
) -> str:
    """A root token. `tools` is what `Grant.of` takes for each tool; times are seconds since the epoch, rounded up to whole ones.

    ValueError names the tool, argument or limit that is not understood.
    """
    grants = {tool: Grant.of(tool, arguments) for tool, arguments in tools.items()}
    if unknown := sorted(set(tool_limits) - set(grants)):
        raise ValueError(f"there are limits for the tool {show(unknown[0])}, which is not granted")
    if not 0 <= max_depth <= MAX_DEPTH:
        raise ValueError(f"a capability may be delegated 0 to {MAX_DEPTH} times, not {max_depth}")
    if not now < expires <= math.floor(now) + MAX_LIFETIME:
        raise ValueError(f"a capability expires after now and within {MAX_LIFETIME // 86400} days")
    ours = _ours(agent, limits, tool_limits, labels) | {"principal": principal}
    claims: dict[str, object] = {"iss": issuer or key.public.uri, "iat": math.floor(now), "exp": math.ceil(expires), "del_depth": 0}
    return _signed(key, claims | {"del_max_depth": max_depth}, grants, ours, holder, jti or new_jti(now), audience, not_before)


def attenuate(
    chain: str | Sequence[str],
    key: SigningKey,
    *,
    agent: str,
    holder: PublicKey,
    now: float,
    tools: Mapping[str, object] | Iterable[str] | None = None,
    limits: Limits = NO_LIMITS,
    tool_limits: Mapping[str, Limits] = _NO_TOOL_LIMITS,
    expires: float | None = None,
    not_before: float | None = None,
    labels: Collection[str] | None = None,
    max_depth: int | None = None,
    audience: str | None = None,
    jti: str | None = None,
) -> tuple[str, ...]:
    """The chain with one narrower token at its end, signed by the holder of its last one; nobody else is asked.

    What is left out is inherited; `tools` may also be names of tools to keep as they are.  TokenError names everything that would be wider
    than before, and says when the chain cannot be delegated; ValueError what is not understood.
    """
    tokens = parse_presentation(chain).chain if isinstance(chain, str) else tuple(chain)
    parent = inspect(tokens)[-1]
    if key.public != parent.holder:
        raise TokenError("the key is not the one that holds this capability, so it cannot be delegated with it")
    if parent.depth >= parent.max_depth:
        raise TokenError(f"the capability may not be delegated further: its depth {parent.depth} is the maximum")
    issued = max(math.floor(now), parent.issued)
    claims: dict[str, object] = {"iss": key.public.uri, "iat": issued, "del_depth": parent.depth + 1, "par_hash": parent.digest}
    claims["exp"] = parent.expires if expires is None else math.ceil(expires)
    claims["del_max_depth"] = parent.max_depth if max_depth is None else max_depth
    ours = _ours(agent, limits, tool_limits, labels)
    token = _signed(key, claims, _narrowed(parent, tools), ours, holder, jti or new_jti(now), audience, not_before)
    _check_child(parent, inspect((*tokens, token))[-1], now)
    return (*tokens, token)


def verify(
    chain: str | Sequence[str],
    anchors: TrustAnchors,
    *,
    audience: str | Collection[str] | None,
    now: float,
    require_audience: bool = False,
) -> Capability:
    """The capability of a chain: signatures, format, every invariant, audience. TokenError says which token fails, and at what.

    audience: what this gate is called; a token that names other audiences is refused.  The result may be cached for as long as it lasts:
    revocation, start, expiry and budgets are looked at per call.
    """
    tokens = parse_presentation(chain).chain if isinstance(chain, str) else tuple(chain)
    links = walk(tokens, AgentTokens(anchors), now)
    leaf = links[-1]
    if leaf.grants is None or leaf.depth + 1 != len(links):
        raise TokenError("the last token of the chain grants nothing: it has no capability entry")
    _check_audience(links, {audience} if isinstance(audience, str) else frozenset(audience or ()), required=require_audience)
    return Capability(
        jti=leaf.jti,
        issuer=links[0].issuer,
        agent=leaf.agent,
        principal=leaf.principal,
        grants=leaf.grants,
        limits=leaf.limits,
        not_before=leaf.not_before,
        expires=leaf.expires,
        issued=leaf.issued,
        depth=leaf.depth,
        max_depth=leaf.max_depth,
        labels=leaf.labels,
        ancestors=tuple([link.jti for link in links]),
        token=leaf.token,
        chain=tokens,
        kid=links[0].anchor.key.kid,
        budgets=tuple([Budget(_account(link), link.own_limits, link.own_tool_limits) for link in links]),
        holder=MappingProxyType(leaf.holder.jwk()),
        agents=frozenset([link.agent for link in links]),
    )


def inspect(chain: str | Sequence[str]) -> tuple[Claims, ...]:
    """The claims of a chain without verifying any signature: to show it, or to derive from it, never to decide by it."""
    tokens = parse_presentation(chain).chain if isinstance(chain, str) else chain
    links: list[Claims] = []
    for token in tokens:
        links.append(parse(token, jose.peek(token, TYP), links[-1] if links else None))
    if not links:
        raise TokenError("the chain holds no token")
    return tuple(links)


def grant(
    ring: KeyRing,
    *,
    agent: str,
    tools: Mapping[str, object],
    expires: float,
    now: float,
    principal: str = "",
    limits: Limits = NO_LIMITS,
    tool_limits: Mapping[str, Limits] = _NO_TOOL_LIMITS,
    not_before: float | None = None,
    max_depth: int = 3,
    labels: Collection[str] = (),
    audience: str | None = None,
) -> str:
    """A root capability as text, signed by the ring's issuer and held by a fresh key of the ring. Arguments and errors as for `mint`."""
    jti = new_jti(now)
    token = mint(
        ring.signing("issuer"),
        agent=agent,
        tools=tools,
        expires=expires,
        holder=ring.holder(jti).public,
        now=now,
        principal=principal,
        limits=limits,
        tool_limits=tool_limits,
        not_before=not_before,
        max_depth=max_depth,
        labels=labels,
        audience=audience,
        jti=jti,
    )
    return format_presentation([token])


def delegate(
    ring: KeyRing,
    chain: str | Sequence[str],
    *,
    agent: str,
    now: float,
    tools: Mapping[str, object] | Iterable[str] | None = None,
    limits: Limits = NO_LIMITS,
    tool_limits: Mapping[str, Limits] = _NO_TOOL_LIMITS,
    expires: float | None = None,
    not_before: float | None = None,
    labels: Collection[str] | None = None,
    max_depth: int | None = None,
    audience: str | None = None,
    holder: PublicKey | None = None,
) -> str:
    """A narrower capability as text, held by a fresh key of the ring unless `holder` is given. Other arguments and errors as for `attenuate`."""
    jti, parent = new_jti(now), inspect(chain)[-1]
    if not ring.has_holder(parent.jti):
        raise TokenError(f"the key that holds the capability '{parent.jti}' is not in this key ring, so it cannot be delegated from here")
    made = attenuate(
        chain,
        ring.holder(parent.jti),
        agent=agent,
        holder=holder or ring.holder(jti).public,
        now=now,
        tools=tools,
        limits=limits,
        tool_limits=tool_limits,
        expires=expires,
        not_before=not_before,
        labels=labels,
        max_depth=max_depth,
        audience=audience,
        jti=jti,
    )
    return format_presentation(made)


def format_presentation(chain: Sequence[str], proof: str | None = None) -> str:
    """A chain, and the proof for one call if there is one, as the JSON text of section 7.4."""
    return json.dumps({"aat_chain": list(chain)} | ({"aat_pop": proof} if proof else {}), separators=(",", ":"))


def parse_presentation(text: str) -> Presentation:
    """The chain and proof of a presentation's text; a single token may also stand for itself. TokenError when it is neither."""
    if len(text) > MAX_CHAIN + 2 * jose.MAX_TOKEN:
        raise TokenError(f"the presentation has {len(text)} characters, more than any chain may have")
    text = text.strip()
    if not text.startswith("{"):
        return Presentation((text,))
    data = jose.loads_or_refuse(text, "the presentation")
    chain = data.get("aat_chain") if is_object(data) else None
    proof = data.get("aat_pop") if is_object(data) else None
    if not is_array(chain) or not (proof is None or isinstance(proof, str)):
        raise TokenError('a presentation is {"aat_chain": [token, …]}, with "aat_pop" beside it where a proof is needed')
    tokens = tuple([token for token in chain if isinstance(token, str)])
    if len(tokens) != len(chain) or not tokens:
        raise TokenError("'aat_chain' is an array of at least one token")
    return Presentation(tokens, proof)


def new_jti(now: float) -> str:
    """A fresh identifier, a UUIDv7 (RFC 9562, section 5.7): in the order of time, with 74 random bits."""
    bits = int.from_bytes(os.urandom(10)) | (int(now * 1000) & (2**48 - 1)) << 80
    text = f"{bits & ~(0xF << 76) & ~(0x3 << 62) | (7 << 76) | (2 << 62):032x}"  # without uuid, which imports ways to ask the host
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _ours(agent: str, limits: Limits, tool_limits: Mapping[str, Limits], labels: Collection[str] | None) -> dict[str, object]:
    ours: dict[str, object] = {"agent": agent}
    if limits:
        ours["limits"] = limits.for_all_tools().to_json()
    if by_tool := {tool: one.to_json() for tool, one in tool_limits.items() if one}:
        ours["tool_limits"] = by_tool
    return ours if labels is None else ours | {"labels": sorted(labels)}


def _signed(  # the parts of one token, from its two makers above
    key: SigningKey,
    claims: dict[str, object],
    grants: Mapping[str, Grant],
    ours: dict[str, object],
    holder: PublicKey,
    jti: str,
    audience: str | None,
    not_before: float | None,
) -> str:
    tools = {tool: grant.to_json() for tool, grant in grants.items()}
    whole = claims | {"jti": jti, "cnf": {"jwk": holder.jwk()}, "gate": ours, "authorization_details": [{"type": TYPE, "tools": tools}]}
    if audience is not None:
        whole["aud"] = audience
    if not_before is not None:
        whole["nbf"] = math.ceil(not_before)
    return jose.sign(jose.dumps(whole), key, TYP)


def _narrowed(parent: Claims, tools: Mapping[str, object] | Iterable[str] | None) -> Mapping[str, Grant]:
    granted = parent.grants or {}
    if tools is None:
        return granted
    if is_object(tools):
        return {tool: Grant.of(tool, arguments) for tool, arguments in tools.items()}
    kept = tuple(tools)
    if unknown := [tool for tool in kept if tool not in granted]:
        raise TokenError(f"tool {show(unknown[0])} is not granted, so it cannot be passed on")
    return {tool: granted[tool] for tool in kept}


def _check_child(parent: Claims, child: Claims, now: float) -> None:
    found = list(widenings(parent, child))
    if child.expires > parent.expires:
        found.insert(0, f"it would expire {child.expires - parent.expires} s later")
    if child.max_depth > parent.max_depth:
        found.insert(0, f"it could be delegated to depth {child.max_depth}, over {parent.max_depth}")
    refuse_widening(found)
    if child.expires <= now or child.max_depth < child.depth:
        raise TokenError("it has expired, or its maximum depth is under its own depth")


def _check_audience(links: Sequence[Claims], ours: Collection[str], *, required: bool) -> None:
    for index, link in enumerate(links):
        if link.audience is not None and link.audience.isdisjoint(ours):
            raise TokenError(f"token {index + 1} of {len(links)} is for {', '.join(map(show, sorted(link.audience))) or 'nobody'}, not for this gate")
    if required and all(link.audience is None for link in links):
        raise TokenError("no token of the chain says for which gate it is (aud), and this gate requires it")


def _account(link: Claims) -> str:
    """Under which name a link's budgets are kept. Whoever derives a capability chooses its id, so the digest of its token tells it apart."""
    return link.jti if link.depth == 0 else f"{link.jti}~{link.digest[:16]}"
