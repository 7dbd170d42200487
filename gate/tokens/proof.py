"""Proof of possession: that whoever presents a capability holds its key, for one call (draft -02, section 7).

A compact JWS by the holder's key, `typ` `aat-pop+jwt`, its payload canonical JSON (RFC 8785):

    {
      "jti": "c980f2a1-…",              never used twice; whoever accepts proofs remembers it until `iat` leaves the window
      "iat": 1764000300,                within 30 s of the verifier's clock
      "aat_id": "019abc00-…",           the capability's jti
      "aat_hash": "…",                  base64url(SHA-256(signing input of the capability's own token))
      "aat_tool": "save",               the tool called
      "hta": {"path": "out/notes.md"},  its arguments, all of them
      "aat_aud": "https://gate.example",  to whom it is presented, if that is known
      "nonce": "…"                      what the verifier asked for, if it did
    }

It is for the boundary between processes or hosts; inside one process nobody needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from gate.capability import Capability
from gate.constraints.value import is_array, is_object
from gate.errors import Denied, TokenError
from gate.frozen import Frozen, freeze, thaw
from gate.token import Presentation, inspect, new_jti, verify
from gate.tokens import jose
from gate.tokens.jwk import PublicKey, SigningKey, TrustAnchors

TYP: Final = "aat-pop+jwt"
WINDOW: Final = 30  # seconds either way, section 9.10


class Proof(NamedTuple):
    """A verified proof. `jti` must be remembered, and refused again, until `expires`."""

    jti: str
    issued: int
    expires: int


def prove(
    capability: Capability | Sequence[str],
    key: SigningKey,
    *,
    tool: str,
    arguments: Mapping[str, Frozen],
    now: float,
    audience: str | None = None,
    nonce: str | None = None,
) -> str:
    """The proof for one call, by the capability's holder."""
    token = capability.token if isinstance(capability, Capability) else capability[-1]
    jti = capability.jti if isinstance(capability, Capability) else inspect(capability)[-1].jti
    claims: dict[str, object] = {"jti": new_jti(now), "iat": int(now), "aat_id": jti, "aat_hash": jose.signing_digest(token)}
    claims |= {"aat_tool": tool, "hta": thaw(arguments)}
    claims |= {name: value for name, value in (("aat_aud", audience), ("nonce", nonce)) if value is not None}
    return jose.sign(jose.dumps(claims), key, TYP, kid=False)


def check(
    proof: str,
    capability: Capability,
    *,
    tool: str,
    arguments: Mapping[str, Frozen],
    now: float,
    audience: str | Collection[str] | None = None,
    require_audience: bool = False,
    nonces: Collection[str] | None = None,
    window: int = WINDOW,
) -> Proof:
    """The proof, if it is by the capability's holder for exactly this call; TokenError says which check failed.

    nonces: those that this verifier issued and still accepts; None when it asks for none.  Remembering the `jti` is the caller's.
    """
    claims = jose.open_token(proof, PublicKey.from_jwk(capability.holder), TYP).claims
    if any(not isinstance(claims.get(name), str) or not claims[name] for name in ("jti", "aat_id", "aat_hash", "aat_tool")):
        raise TokenError("the proof lacks one of jti, aat_id, aat_hash and aat_tool")
    issued, given = claims.get("iat"), claims.get("hta")
    if type(issued) is not int or not is_object(given):
        raise TokenError("the proof has no whole number iat, or no object hta with the arguments")
    if claims["aat_id"] != capability.jti or claims["aat_hash"] != jose.signing_digest(capability.token):
        raise TokenError("the proof is for another capability")
    if claims["aat_tool"] != tool:
        raise TokenError("the proof is for another tool")
    if _canonical(given) != _canonical(thaw(arguments)):
        raise TokenError("the proof is for other arguments")
    _check_audience(claims, {audience} if isinstance(audience, str) else frozenset(audience or ()), required=require_audience)
    if not -window <= now - issued <= window:
        raise TokenError(f"the proof was made {abs(now - issued):.0f} s {'ago' if issued < now else 'from now'}; {window} s are accepted")
    if nonces is not None and claims.get("nonce") not in nonces:
        raise TokenError("the proof does not carry a nonce that was issued here and is still accepted")
    return Proof(str(claims["jti"]), issued, issued + window + 1)


def admit(
    presentation: Presentation,
    anchors: TrustAnchors,
    *,
    tool: str,
    arguments: object,
    now: float,
    audience: str | Collection[str] | None = None,
    require_audience: bool = False,
    require_proof_audience: bool = False,
    nonces: Collection[str] | None = None,
) -> tuple[Capability, Proof]:
    """What a presentation from outside allows for one call: the draft's section 8, all of it.

    arguments: as `jose.loads` read them.  TokenError when chain or proof fail, Denied with every reason when the grant does not cover the
    call.  Policy, revocation, budgets and remembering the proof's `jti` come after this.
    """
    capability = verify(presentation.chain, anchors, audience=audience, now=now, require_audience=require_audience)
    if presentation.proof is None:
        raise TokenError("the presentation holds no proof of possession (aat_pop)")
    frozen = _arguments(arguments)
    proof = check(
        presentation.proof,
        capability,
        tool=tool,
        arguments=frozen,
        now=now,
        audience=audience,
        require_audience=require_proof_audience,
        nonces=nonces,
    )
    if (grant := capability.grants.get(tool)) is None:
        raise Denied(f"the capability does not grant the tool {tool!r}", tool=tool)
    if not grant.covers(frozen, frozenset()):
        raise Denied(*grant.refusals(frozen, frozenset()), tool=tool)
    return capability, proof


def _arguments(arguments: object) -> Mapping[str, Frozen]:
    try:
        frozen = freeze(arguments)
    except ValueError as error:
        raise TokenError(f"the arguments cannot be carried: {error}") from None
    if not isinstance(frozen, Mapping):
        raise TokenError("the arguments are no object")
    return frozen


def _check_audience(claims: Mapping[str, object], ours: Collection[str], *, required: bool) -> None:
    audience = claims.get("aat_aud")
    if "aat_aud" not in claims:
        if required:
            raise TokenError("the proof does not say to whom it is presented (aat_aud), and this gate requires it")
        return
    names = audience if is_array(audience) else [audience]
    if not any(name in ours for name in names if isinstance(name, str)):
        raise TokenError("the proof is presented to somebody else")


def _canonical(arguments: object) -> bytes:
    try:
        return jose.dumps(arguments)
    except ValueError as error:
        raise TokenError(f"the arguments cannot be carried: {error}") from None
