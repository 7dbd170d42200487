"""ID token: who a provider says that somebody is (OpenID Connect Core 1.0, section 3.1.3.7).

A compact JWS, alg RS256, ES256 or EdDSA (Ed25519), signed by one key of the provider's JWKS: that of its `kid`, or the only one of its
type.  Keys for other uses or of other types, symmetric ones above all, are not looked at, so no text of the provider's can become a secret.
The claims are read after the signature: `iss` and `nonce` are the expected ones, `aud` is this client and nobody else, `azp` too where it is
said, `exp` is to come, `iat` is no more than ten minutes ago, `at_hash` fits the access token where it is said.  A minute's difference of
clocks is let pass.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256, sha512
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, cast

from gate.errors import TokenError
from gate.tokens import jose
from gate.tokens.jwk import PublicKey, decode, encode

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

SKEW: Final = 60
LATEST: Final = 600
LARGEST: Final = 65536
SMALLEST_RSA: Final = 2048
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "RS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")


class Expected(NamedTuple):
    """What the token must say. access_token: that came with it, "" for none.  now: seconds since the epoch."""

    issuer: str
    client: str
    nonce: str
    access_token: str
    now: float


class Head(NamedTuple):
    """The header: which algorithm, and which key, "" where it names none."""

    alg: str
    kid: str


def verify(token: str, jwks: object, expected: Expected) -> Mapping[str, object]:
    """The claims of a token that is right in everything above; TokenError says in what it is not."""
    said = head(token)
    signed, _, signature = token.rpartition(".")
    if not _holds(said.alg, _key(jwks, said), signed.encode(), _decoded(signature), token):
        _refuse("the ID token's signature is not by the provider's key")
    claims = _object(_decoded(signed.partition(".")[2]), "the ID token's payload")
    _check_whose(claims, expected)
    _check_when(claims, expected.now)
    if "at_hash" in claims and not _equal(claims["at_hash"], _at_hash(said.alg, expected.access_token)):
        _refuse("the ID token belongs to another access token")
    return claims


def head(token: str) -> Head:
    """The header of a token, which nobody has verified yet."""
    if len(token) > LARGEST or not _COMPACT.match(token):
        _refuse("the ID token is no compact JWS")
    said = _object(_decoded(token.partition(".")[0]), "the ID token's header")
    alg, kid, typ = said.get("alg"), said.get("kid", ""), said.get("typ", "JWT")
    if not isinstance(alg, str) or alg not in _TYPES:
        _refuse(f"the ID token's alg is {alg!r}; accepted are {', '.join(_TYPES)}")
    if not isinstance(kid, str) or not isinstance(typ, str) or typ.upper() != "JWT" or {"crit", "b64"} & said.keys():
        _refuse("the ID token's header is not one of an ID token")
    return Head(alg, kid)


def has(jwks: object, said: Head) -> bool:
    """Whether the key that a header means is among these."""
    return len(_candidates(jwks, said)) == 1


def _candidates(jwks: object, said: Head) -> Sequence[Mapping[str, object]]:
    listed = cast("Mapping[str, object]", jwks).get("keys") if isinstance(jwks, Mapping) else None
    keys = [cast("Mapping[str, object]", key) for key in cast("list[object]", listed if isinstance(listed, list) else []) if isinstance(key, dict)]
    return [key for key in keys if _fits(key, said)]


def _fits(key: Mapping[str, object], said: Head) -> bool:
    kty, curve = _TYPES[said.alg]
    return (
        key.get("kty") == kty
        and (not curve or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", said.alg) in ({"EdDSA", "Ed25519"} if kty == "OKP" else {said.alg})
        and (not said.kid or key.get("kid") == said.kid)
    )


def _key(jwks: object, said: Head) -> Mapping[str, object]:
    found = _candidates(jwks, said)
    if len(found) != 1:
        _refuse(f"the provider has {'no' if not found else 'more than one'} key that the ID token could be by")
    return found[0]


def _holds(alg: str, key: Mapping[str, object], signed: bytes, signature: bytes, token: str) -> bool:
    try:
        if alg in {"EdDSA", "Ed25519"}:  # joserfc warns of the name that RFC 9864 replaces, and providers still use it
            return PublicKey.from_jwk({name: value for name, value in key.items() if name in {"kty", "crv", "x"}}).verify(signature, signed)
        return _joserfc(alg, key, token)
    except (ValueError, TypeError):
        return False


def _joserfc(alg: str, key: Mapping[str, object], token: str) -> bool:
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    if alg == "RS256" and int.from_bytes(decode(str(key.get("n")))).bit_length() < SMALLEST_RSA:
        return False
    public = {name: value for name, value in key.items() if name in {"kty", "crv", "x", "y", "n", "e"}}
    try:
        read: RSAKey | ECKey = (RSAKey if alg == "RS256" else ECKey).import_key(public)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # it checks the members
        registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
        registry.max_header_length, registry.max_payload_length = LARGEST, LARGEST
        jws.deserialize_compact(token, read, registry=registry)
    except JoseError:
        return False
    return True


def _check_whose(claims: Mapping[str, object], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        _refuse("the ID token is by another issuer")
    if claims.get("aud") not in (expected.client, [expected.client]) or claims.get("azp", expected.client) != expected.client:
        _refuse("the ID token is for somebody else")
    if not _equal(claims.get("nonce"), expected.nonce):
        _refuse("the ID token is of another sign-in")
    if not isinstance(sub := claims.get("sub"), str) or not 0 < len(sub) <= 255:
        _refuse("the ID token does not say who you are")


def _check_when(claims: Mapping[str, object], now: float) -> None:
    exp, iat, nbf = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    for moment in (exp, iat, nbf):
        if isinstance(moment, bool) or not isinstance(moment, (int, float)):
            _refuse("the ID token does not say until when it is good")
    if now >= cast("float", exp) + SKEW:
        _refuse("the ID token has expired")
    if not now - LATEST <= cast("float", iat) <= now + SKEW or cast("float", nbf) > now + SKEW:
        _refuse("the ID token was not issued just now; if it was, the clocks differ")


def _at_hash(alg: str, access_token: str) -> str:
    """The left half of the digest of the access token; EdDSA's digest is SHA-512."""
    digest = (sha512 if _TYPES[alg][0] == "OKP" else sha256)(access_token.encode()).digest()
    return encode(digest[: len(digest) // 2])


def _equal(said: object, expected: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode(), expected.encode())


def _decoded(part: str) -> bytes:
    try:
        return decode(part)
    except ValueError:
        raise TokenError("a part of the ID token is not base64url in its one canonical form") from None


def _object(data: bytes, what: str) -> Mapping[str, object]:
    value = jose.loads_or_refuse(data, what)
    if not isinstance(value, dict):
        _refuse(f"{what} is no JSON object: {json.dumps(value)[:20]}")
    return cast("Mapping[str, object]", value)


def _refuse(why: str) -> NoReturn:
    raise TokenError(why)
