"""The claims of a capability token: parsed strictly, checked for shape, and compared with those of the token it was derived from.

This is the chain profile of draft-niyikiza-oauth-attenuating-agent-tokens-02, sections 3 and 4.5; `gate.token` shows a whole token.
Claims that are only ours stand in one member, `gate`, and attenuate like this, a member left out being inherited:

    agent        who holds the capability; may change from one token to the next
    principal    who is accountable; never changes
    limits       budgets of the whole capability (gate.limits); each at most the parent's
    tool_limits  budgets of single tools; as above
    labels       what its values may carry; a subset of the parent's

`nbf` (RFC 7519) is the latest of the chain.  In tokens of others, without `gate`, the agent is the holder's key and the principal the
issuer; other claims are ignored, as section 3.4 says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gate.capability import Grant, Limits
from gate.constraint import show, unknown_types
from gate.constraints.value import is_array, is_object
from gate.errors import TokenError
from gate.limits import NO_LIMITS
from gate.regex import regex
from gate.tokens.chain import Link
from gate.tokens.jose import Jws, open_token
from gate.tokens.jwk import Anchor, PublicKey, TrustAnchors

TYP: Final = "aat+jwt"
TYPE: Final = "attenuating_agent_token"
_URI: Final = regex(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+\Z")
_MAX_NAME: Final = 1024
_NO_TOOL_LIMITS: Final[Mapping[str, Limits]] = MappingProxyType({})
_OURS: Final = frozenset({"agent", "principal", "limits", "tool_limits", "labels"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims(Link):
    """One token's claims. `grants` is None in a token without capability entry; `own_*` is what this token itself limits."""

    issuer: str
    anchor: Anchor
    holder: PublicKey
    audience: frozenset[str] | None
    not_before: int | None
    grants: Mapping[str, Grant] | None
    agent: str
    principal: str
    labels: frozenset[str]
    limits: Limits
    own_limits: Limits
    own_tool_limits: Mapping[str, Limits]
    tool_limits: Mapping[str, Limits]


@dataclass(frozen=True, slots=True)
class AgentTokens:
    """The chain profile of this draft, rooted in some issuers' keys."""

    anchors: TrustAnchors

    def open(self, token: str, parent: Claims | None) -> Claims:
        """The verified token; TokenError says which check failed."""
        jws = open_token(token, self.anchors if parent is None else parent.holder, TYP)
        claims = parse(token, jws, parent)
        if claims.issuer != jws.anchor.issuer:
            raise TokenError(f"its iss is {show(claims.issuer)}, and the key that signed it speaks for {show(jws.anchor.issuer)}")
        if parent is None and claims.grants is None:
            raise TokenError(f"it is a root and has no capability entry of type '{TYPE}'")
        return claims

    def widenings(self, parent: Claims, child: Claims) -> Iterator[str]:
        """Where the child would allow more (I4), with ours beside the draft's."""
        yield from widenings(parent, child)


def widenings(parent: Claims, child: Claims) -> Iterator[str]:
    """Where the child would allow more than the parent; nothing when it is an attenuation."""
    granted = parent.grants or {}
    for tool, grant in (child.grants or {}).items():
        if tool not in granted:
            yield f"tool {show(tool)} is not granted"
        else:
            yield from (f"tool {show(tool)}, {reason}" for reason in granted[tool].widenings(grant))
    if child.principal != parent.principal:
        yield f"the principal {show(child.principal)} is not {show(parent.principal)}"
    yield from parent.limits.widenings(child.own_limits)
    for tool, limits in child.own_tool_limits.items():
        if tool not in (child.grants or {}):
            yield from (f"tool {show(tool)}, {reason}" for reason in parent.tool_limits.get(tool, NO_LIMITS).widenings(limits))
    if extra := sorted(child.labels - parent.labels):
        yield f"label {show(extra[0])} is not carried"


def parse(token: str, jws: Jws, parent: Claims | None) -> Claims:
    """The claims of an opened token, with what is inherited from its parent filled in; TokenError for anything malformed."""
    claims = jws.claims
    ours = _object(claims.get("gate", {}), "gate")
    if unknown := sorted(set(ours) - _OURS):
        raise TokenError(f"its member 'gate' holds {show(unknown[0])}, which nobody here understands")
    holder, issuer = _holder(claims), _issuer(claims)
    own, own_tools = _limits(ours.get("limits", {}), "limits", whole=True), _tool_limits(ours)
    inherited = parent.tool_limits if parent else _NO_TOOL_LIMITS
    tool_limits = {**inherited, **{tool: limits.within(inherited.get(tool, NO_LIMITS)) for tool, limits in own_tools.items()}}
    return Claims(
        token=token,
        digest=jws.digest,
        jti=_text(claims.get("jti"), "jti"),
        issued=_integer(claims, "iat"),
        expires=_integer(claims, "exp"),
        depth=_integer(claims, "del_depth"),
        max_depth=_integer(claims, "del_max_depth"),
        par_hash=None if "par_hash" not in claims else _text(claims["par_hash"], "par_hash"),
        issuer=issuer,
        anchor=jws.anchor,
        holder=holder,
        audience=_audience(claims),
        not_before=_latest(claims, parent),
        grants=_grants(claims, tool_limits),
        agent=_text(ours["agent"], "agent") if "agent" in ours else holder.uri,
        principal=_principal(ours, parent, issuer),
        labels=_labels(ours, parent),
        limits=own.within(parent.limits) if parent else own,
        own_limits=own,
        own_tool_limits=own_tools,
        tool_limits=MappingProxyType(tool_limits),
    )


def _holder(claims: Mapping[str, object]) -> PublicKey:
    cnf = _object(claims.get("cnf"), "cnf")
    try:
        return PublicKey.from_jwk(cnf.get("jwk"))
    except ValueError as error:
        raise TokenError(f"its holder key (cnf.jwk) cannot be used: {error}") from None


def _issuer(claims: Mapping[str, object]) -> str:
    issuer = _text(claims.get("iss"), "iss")
    if not _URI.match(issuer):
        raise TokenError(f"its iss {show(issuer)} is no URI")
    return issuer


def _audience(claims: Mapping[str, object]) -> frozenset[str] | None:
    if "aud" not in claims:
        return None
    audience = claims["aud"]
    names = audience if is_array(audience) else [audience]
    return frozenset(_text(name, "aud") for name in names)


def _latest(claims: Mapping[str, object], parent: Claims | None) -> int | None:
    own = _integer(claims, "nbf") if "nbf" in claims else None
    inherited = parent.not_before if parent else None
    return max([moment for moment in (own, inherited) if moment is not None], default=None)


def _grants(claims: Mapping[str, object], limits: Mapping[str, Limits]) -> Mapping[str, Grant] | None:
    details = claims.get("authorization_details")
    if not is_array(details):
        raise TokenError("its authorization_details is no array")
    ours = [entry for detail in details if (entry := _object(detail, "authorization_details")).get("type") == TYPE]
    if not ours:
        return None
    if len(ours) > 1:
        raise TokenError(f"its authorization_details has {len(ours)} entries of type '{TYPE}'; one is the most")
    if unknown := sorted(set(ours[0]) - {"type", "tools"}):
        raise TokenError(f"its capability entry has the member {show(unknown[0])}, which nobody here understands")
    tools = _object(ours[0].get("tools"), "tools")
    return MappingProxyType({tool: _grant(tool, arguments, limits.get(tool, NO_LIMITS)) for tool, arguments in tools.items()})


def _grant(tool: str, arguments: object, limits: Limits) -> Grant:
    try:
        grant = Grant.from_json(tool, arguments, limits)
    except ValueError as error:
        raise TokenError(str(error)) from None
    for name, entry in grant.arguments.items():
        if unknown := unknown_types(entry.constraint):
            raise TokenError(f"tool {show(tool)}, argument {show(name)}: nothing here implements the constraint type {show(unknown[0])}")
    return grant


def _principal(ours: Mapping[str, object], parent: Claims | None, issuer: str) -> str:
    inherited = parent.principal if parent else issuer
    principal = ours.get("principal", inherited)
    if not isinstance(principal, str) or len(principal) > _MAX_NAME:
        raise TokenError("its principal is no text of reasonable length")
    return principal


def _labels(ours: Mapping[str, object], parent: Claims | None) -> frozenset[str]:
    if "labels" not in ours:
        return parent.labels if parent else frozenset()
    labels = ours["labels"]
    if not is_array(labels):
        raise TokenError("its labels are no array")
    return frozenset(_text(label, "label") for label in labels)


def _tool_limits(ours: Mapping[str, object]) -> Mapping[str, Limits]:
    by_tool = _object(ours.get("tool_limits", {}), "tool_limits")
    return MappingProxyType({tool: _limits(limits, f"tool_limits of {show(tool)}") for tool, limits in by_tool.items()})


def _limits(data: object, what: str, *, whole: bool = False) -> Limits:
    try:
        return Limits.from_json(data).for_all_tools() if whole else Limits.from_json(data)
    except ValueError as error:
        raise TokenError(f"its {what}: {error}") from None


def _integer(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:
        raise TokenError(f"its {name} is {show(value)}, and must be a whole number written without fraction or exponent")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME:
        raise TokenError(f"its {name} must be text of 1 to {_MAX_NAME} characters")
    return value


def _object(value: object, name: str) -> Mapping[str, object]:
    if not is_object(value):
        raise TokenError(f"its {name} is missing or no object")
    return value
