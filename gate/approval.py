"""Approval: the authorization token, signed by an approver's key, for one call, for a short time, good once.

A compact JWS (RFC 7515), `alg` Ed25519 (RFC 9864), `typ` `gate-approval+jwt`, with exactly these claims:

    iss           the approver's name: the name of the trusted key that signs
    aud           the gate that asked
    jti           unique; the ledger burns it in the transaction that records the intent
    iat, exp      seconds since the epoch; at most 300 s apart, or as long as the question is open where it needs several people
    binding_hash  AuthZEN ARAP draft 1, made by gate.ask.binding_hash
    question      the id of the question that was answered
    passkey       where the question asks for one: the WebAuthn assertion over `challenge`, as PublicKeyCredential.toJSON gives it

Who approves for more than one call signs `typ` `gate-lasting-approval+jwt` instead, where `binding_hash` is replaced by

    scope         which calls: {"agent", "chain", "principal", "session", "task", "capability", "tool", "rules", "approvers", "quorum"}, all as then;
                  {"risk", "effects", "techniques", "asked", "requires"}, no more than then; {"arguments": name → constraint}
    uses          how many of them; each takes one from a budget of the ledger
    seconds       how long it was meant to hold; exp is no later

The key must be in the approvers' trust set, which is apart from the issuers': who may grant capabilities may not thereby approve.

What is granted has a digest, `granted`: the binding hash of the one call, or base64url(SHA-256(JCS({"scope", "uses", "seconds"}))).  A passkey
signs the challenge SHA-256(JCS({"approver", "granted", "question"})), so its assertion is worth nothing for another call, question or person:

>>> len(challenge("q1", "ann", "h")), challenge("q1", "ann", "h") == challenge("q2", "ann", "h")
(32, False)
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from gate.ask import APPROVAL_SECONDS, LASTING_TYP, ONCE
from gate.call import b64url, canonical
from gate.effect import Risk
from gate.errors import TokenError
from gate.fewer.scopes import covered, refusals

if TYPE_CHECKING:
    from gate.ask import Question, Scope
    from gate.keys import SigningKey, TrustAnchors
    from gate.tokens.jose import Jws

TYP: Final = "gate-approval+jwt"
LONGEST: Final = 8 * 3600
MOST_USES: Final = 1000
SKEW: Final = 30
_COMMON: Final = {"iss": str, "aud": str, "jti": str, "iat": int, "exp": int, "question": str}
_CLAIMS: Final = _COMMON | {"binding_hash": str}
_LASTING: Final = _COMMON | {"scope": dict, "uses": int, "seconds": int}


class Approval(NamedTuple):
    """A verified approval. `approver` is the name it claims, `kid` the key that signed it.

    granted: the digest of what it covers.  uses: of an approval for several calls, how many; 0 for exactly one.  passkey: its assertion.
    """

    jti: str
    approver: str
    kid: str
    binding_hash: str
    issued: int
    expires: int
    question: str
    uses: int = 0
    granted: str = ""
    passkey: Mapping[str, object] | None = None


def sign(
    question: Question,
    key: SigningKey,
    *,
    approver: str,
    audience: str,
    now: float,
    scope: Scope = ONCE,
    passkey: Mapping[str, object] | None = None,
) -> str:
    """The approval of what the question shows, by `approver`'s key: of exactly this call, or of the calls of `scope`."""
    from gate.tokens import jose

    claims: dict[str, object] = {
        "iss": approver,
        "aud": audience,
        "jti": b64url(os.urandom(16)),
        "iat": int(now),
        "exp": int(min(now + lifetime(question), question.expires)),
        "question": question.id,
    }
    if scope.arguments is None:
        claims["binding_hash"] = question.binding_hash
    else:
        claims |= {"exp": int(now + scope.seconds), "seconds": int(scope.seconds), "uses": scope.uses, "scope": covered(question, scope)}
    if passkey is not None:
        claims["passkey"] = dict(passkey)
    return jose.sign(json.dumps(claims, separators=(",", ":")).encode(), key, TYP if scope.arguments is None else LASTING_TYP)


def lifetime(question: Question) -> float:
    """How long an approval may be good: a few minutes; where several people must answer, until the question expires, for they come one by one."""
    return APPROVAL_SECONDS if question.quorum == 1 else max(APPROVAL_SECONDS, question.expires - question.created)


def granted(question: Question, scope: Scope) -> str:
    """The digest of what a yes to a scope covers."""
    if scope.arguments is None:
        return question.binding_hash
    return _granted(covered(question, scope), scope.uses, int(scope.seconds))


def _granted(scope: Mapping[str, object], uses: int, seconds: int) -> str:
    return b64url(sha256(canonical({"scope": dict(scope), "uses": uses, "seconds": seconds})).digest())


def challenge(question: str, approver: str, digest: str) -> bytes:
    """What a passkey signs: that this person approves what has this digest, in answer to this question."""
    return sha256(canonical({"approver": approver, "granted": digest, "question": question})).digest()


def check(token: str, *, binding_hash: str, anchors: TrustAnchors, audience: str, now: float, seconds: float = APPROVAL_SECONDS) -> Approval:
    """The approval of one call in a token; TokenError says which check failed. Whether it was used before is the ledger's to say.

    seconds: how long it may be good, see `lifetime`.
    """
    approval, claims = _opened(token, TYP, _CLAIMS, anchors, audience, now, seconds)
    told = str(claims["binding_hash"])
    if not hmac.compare_digest(told.encode(), binding_hash.encode()):
        raise TokenError("the approval is for another call: tool, arguments, capability, session, task or rules differ")
    return approval._replace(binding_hash=told, granted=told)


def check_lasting(token: str, asked: Question, *, anchors: TrustAnchors, audience: str, now: float) -> Approval:
    """The approval of several calls in a token, if it covers the one that is asked about. Whether uses are left is the ledger's to say."""
    approval, claims = _opened(token, LASTING_TYP, _LASTING, anchors, audience, now, LONGEST)
    scope, uses, seconds = cast("Mapping[str, object]", claims["scope"]), int(str(claims["uses"])), int(str(claims["seconds"]))
    if not 1 <= uses <= MOST_USES or not 0 < seconds <= LONGEST or approval.expires - approval.issued > seconds:
        raise TokenError("the approval is for too many calls, or for too long")
    if asked.risk >= Risk.CRITICAL:
        raise TokenError("a call of critical risk is approved once at a time")
    if reasons := refusals(scope, asked):
        raise TokenError(f"the approval is no good here: {'; '.join(reasons)}")
    return approval._replace(uses=uses, binding_hash=asked.binding_hash, granted=_granted(scope, uses, seconds))


class Said(NamedTuple):
    """What an approval for several calls says it covers."""

    scope: Mapping[str, object]
    uses: int
    seconds: int


def scope_of(token: str) -> Said:
    """That, as it stands; whoever needs it to be genuine has checked the approval."""
    from gate.tokens import jose

    claims = jose.peek(token, LASTING_TYP).claims
    return Said(cast("Mapping[str, object]", claims["scope"]), int(str(claims["uses"])), int(str(claims["seconds"])))


def _opened(
    token: str, typ: str, expected: Mapping[str, type], anchors: TrustAnchors, audience: str, now: float, seconds: float
) -> tuple[Approval, Mapping[str, object]]:
    """What both kinds have in common, checked."""
    from gate.tokens import jose

    opened = jose.open_token(token, anchors, typ)
    claims = opened.claims
    if set(claims) - {"passkey"} != set(expected) or any(type(claims[name]) is not kind for name, kind in expected.items()):
        raise TokenError("the approval does not have exactly the claims of an approval")
    passkey = claims.get("passkey")
    if passkey is not None and not isinstance(passkey, dict):
        raise TokenError("the passkey of the approval is no object")
    approval = _of(opened, cast("Mapping[str, object] | None", passkey))
    if claims["aud"] != audience:
        raise TokenError("the approval is for another gate")
    if opened.anchor.name.removeprefix("approver-") != approval.approver:
        raise TokenError(f"the approval says it is by '{approval.approver}', and its key belongs to '{opened.anchor.name}'")
    if not approval.jti:
        raise TokenError("the approval has no id, so it could not be used up")
    if approval.expires - approval.issued > seconds:
        raise TokenError(f"the approval is valid for more than {int(seconds)} s")
    if approval.issued > now + SKEW:
        raise TokenError("the approval was issued in the future")
    if now >= approval.expires:
        raise TokenError("the approval has expired")
    return approval, claims


def _of(opened: Jws, passkey: Mapping[str, object] | None) -> Approval:
    claims = opened.claims
    return Approval(
        jti=str(claims["jti"]),
        approver=str(claims["iss"]),
        kid=opened.anchor.key.kid,
        binding_hash="",
        issued=int(claims["iat"]),  # type: ignore[call-overload]  # an int, checked before
        expires=int(claims["exp"]),  # type: ignore[call-overload]  # as above
        question=str(claims["question"]),
        passkey=passkey,
    )
