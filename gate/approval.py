"""Approval: the authorization token, signed by an approver's key, for one call, for a short time, good once.

A compact JWS (RFC 7515), `alg` Ed25519 (RFC 9864), `typ` `gate-approval+jwt`, with exactly these claims:

    iss           the approver's name: the name of the trusted key that signs
    aud           the gate that asked
    jti           unique; the ledger burns it in the transaction that records the intent
    iat, exp      seconds since the epoch; at most 300 s apart
    binding_hash  AuthZEN ARAP draft 1, made by gate.ask.binding_hash
    question      the id of the question that was answered

The key must be in the approvers' trust set, which is apart from the issuers': who may grant capabilities may not thereby approve.
"""

from __future__ import annotations

import hmac
import json
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.ask import APPROVAL_SECONDS
from gate.call import b64url
from gate.errors import TokenError

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.keys import SigningKey, TrustAnchors

TYP: Final = "gate-approval+jwt"
SKEW: Final = 30
_CLAIMS: Final = {"iss": str, "aud": str, "jti": str, "iat": int, "exp": int, "binding_hash": str, "question": str}


class Approval(NamedTuple):
    """A verified approval. `approver` is the name it claims, `kid` the key that signed it."""

    jti: str
    approver: str
    kid: str
    binding_hash: str
    issued: int
    expires: int
    question: str


def sign(question: Question, key: SigningKey, *, approver: str, audience: str, now: float) -> str:
    """The approval of exactly what the question shows, by `approver`'s key."""
    from gate.tokens import jose

    claims = {
        "iss": approver,
        "aud": audience,
        "jti": b64url(os.urandom(16)),
        "iat": int(now),
        "exp": int(min(now + APPROVAL_SECONDS, question.expires)),
        "binding_hash": question.binding_hash,
        "question": question.id,
    }
    return jose.sign(json.dumps(claims, separators=(",", ":")).encode(), key, TYP)


def check(token: str, *, binding_hash: str, anchors: TrustAnchors, audience: str, now: float) -> Approval:
    """The approval in a token; TokenError says which check failed. Whether it was used before is the ledger's to say."""
    from gate.tokens import jose

    opened = jose.open_token(token, anchors, TYP)
    claims = opened.claims
    if claims.keys() != _CLAIMS.keys() or any(type(claims[name]) is not kind for name, kind in _CLAIMS.items()):
        raise TokenError("the approval does not have exactly the claims of an approval")
    approval = Approval(
        jti=str(claims["jti"]),
        approver=str(claims["iss"]),
        kid=opened.anchor.key.kid,
        binding_hash=str(claims["binding_hash"]),
        issued=int(claims["iat"]),  # type: ignore[call-overload]  # an int, checked above
        expires=int(claims["exp"]),  # type: ignore[call-overload]  # as above
        question=str(claims["question"]),
    )
    if not hmac.compare_digest(approval.binding_hash.encode(), binding_hash.encode()):
        raise TokenError("the approval is for another call: tool, arguments, capability, session, task or rules differ")
    if claims["aud"] != audience:
        raise TokenError("the approval is for another gate")
    if opened.anchor.name.removeprefix("approver-") != approval.approver:
        raise TokenError(f"the approval says it is by '{approval.approver}', and its key belongs to '{opened.anchor.name}'")
    if not approval.jti:
        raise TokenError("the approval has no id, so it could not be used up")
    if approval.expires - approval.issued > APPROVAL_SECONDS:
        raise TokenError(f"the approval is valid for more than {APPROVAL_SECONDS} s")
    if approval.issued > now + SKEW:
        raise TokenError("the approval was issued in the future")
    if now >= approval.expires:
        raise TokenError("the approval has expired")
    return approval
