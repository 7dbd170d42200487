"""Signed tokens: compact JWS (RFC 7515) with Ed25519 (RFC 8032, `alg` "Ed25519" of RFC 9864), and strict JSON.

    BASE64URL({"alg":"Ed25519","kid":"…","typ":"aat+jwt"}) . BASE64URL(claims) . BASE64URL(signature)

Tokens are made by joserfc.  To read one takes a single Ed25519 verification over the text as it came, which is done here: joserfc would import
X.509 and every other algorithm for it, a quarter of the time of a hook (the tests hold both to the same verdicts).  Before it: exactly one
algorithm, the expected `typ` (RFC 8725, section 3.11), no `crit`, no key taken from the header, one way to write base64url, at most 64 KiB, and
JSON as `loads` reads it.  Claims are parsed after the signature is verified.

>>> from gate.tokens.jwk import SigningKey, TrustAnchors
>>> key = SigningKey(bytes(32))
>>> token = sign(b'{"n":1}', key, "example+jwt")
>>> verify(token, TrustAnchors.of(key.public), "example+jwt")[0]
{'n': 1}
>>> verify(token, TrustAnchors.of(key.public), "other+jwt")
Traceback (most recent call last):
gate.errors.TokenError: the token's typ is 'example+jwt' where 'other+jwt' must be
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from gate.constraints.value import is_array, is_object
from gate.errors import TokenError
from gate.frozen import MAX_INT
from gate.regex import regex
from gate.tokens.jwk import Anchor, PublicKey, SigningKey, TrustAnchors, decode, encode

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey
    from joserfc.jws import JWSRegistry

ALG: Final = "Ed25519"
MAX_TOKEN: Final = 65536  # characters: MAX_TOKEN_SIZE of the draft, section 4.3.1
MAX_NESTING: Final = 96  # 32 nested constraints, two levels each, and the claims around them
_COMPACT: Final = regex(r"[A-Za-z0-9_-]{2,4096}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{86}\Z")
_MAX_DIGITS: Final = 400  # no finite double needs more
_STRING: Final = regex(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SURROGATE: Final = regex(rb"\\u[dD][89a-fA-F]")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _is_certificates(value: object) -> bool:
    return is_array(value) and all(map(_is_text, value))


_REGISTERED: Final[Mapping[str, Callable[[object], bool]]] = {
    **dict.fromkeys(("kid", "cty", "x5t", "x5t#S256"), _is_text),
    **dict.fromkeys(("jku", "x5u"), _is_url),
    "x5c": _is_certificates,
    "jwk": is_object,
}
"""What the header parameters of RFC 7515, section 4.1, must be where they are there. None of them is used but `kid`."""
_NOBODY: Final = Anchor("", PublicKey(bytes(32)), "not verified")


class Jws(NamedTuple):
    """A token whose signature holds: its claims, the anchor that signed, and the digest of its signing input."""

    claims: dict[str, object]
    anchor: Anchor
    digest: str


def sign(payload: bytes, key: SigningKey, typ: str, *, kid: bool = True) -> str:
    """The compact token over `payload`; TokenError when it would be too large to be accepted."""
    from joserfc import jws

    header = {"alg": ALG, "kid": key.kid, "typ": typ} if kid else {"alg": ALG, "typ": typ}
    token = jws.serialize_compact(header, payload, _private(key), registry=_registry())
    if len(token) > MAX_TOKEN:
        raise TokenError(f"the token would have {len(token)} characters; {MAX_TOKEN} are the most that is accepted")
    return token


def verify(token: str, anchors: TrustAnchors, typ: str) -> tuple[dict[str, object], str]:
    """The claims of a token and the thumbprint of the trusted key that signed it. TokenError says which check failed."""
    read = open_token(token, anchors, typ)
    return read.claims, read.anchor.key.kid


def open_token(token: str, anchors: TrustAnchors | PublicKey, typ: str) -> Jws:
    """A token that one of `anchors` signed; TokenError says which check failed. Times are the caller's to check."""
    head, payload = _split(token)
    header = _object(loads_or_refuse(head, "the token's header"), "the token's header")
    _check_header(header, typ)
    if wrong := [name for name, fits in _REGISTERED.items() if name in header and not fits(header[name])]:
        raise TokenError(f"the token's header has {wrong[0]!r} with a value that it cannot have")
    trusted = (Anchor.of(anchors),) if isinstance(anchors, PublicKey) else anchors.candidates(header.get("kid"))
    for anchor in trusted:
        if _signed_by(token, anchor.key):
            claims = _object(loads_or_refuse(payload, "the token's payload"), "the token's payload")
            return Jws(claims, anchor, signing_digest(token))
    raise TokenError("the token's signature is not by a key that is trusted for it")


def peek(token: str, typ: str) -> Jws:
    """A token as it stands, its signature NOT verified: to show it, or to derive from it, never to decide by it."""
    head, payload = _split(token)
    _check_header(_object(loads_or_refuse(head, "the token's header"), "the token's header"), typ)
    claims = _object(loads_or_refuse(payload, "the token's payload"), "the token's payload")
    return Jws(claims, _NOBODY, signing_digest(token))


def typ(token: str) -> str:
    """The type that a token's header claims, NOT verified: to choose how to check it. TokenError when it has none."""
    head, _ = _split(token)
    return str(_object(loads_or_refuse(head, "the token's header"), "the token's header").get("typ", ""))


def signing_digest(token: str) -> str:
    """base64url of SHA-256 over the JWS signing input (header and payload as they stand): `par_hash` and `aat_hash` of the draft."""
    return encode(sha256(token.rpartition(".")[0].encode()).digest())


def loads(data: bytes | str) -> object:
    """Strict JSON: plain Python data, or ValueError.

    Refused are duplicate members, NaN and infinities, lone surrogates, more than 96 nested levels, a byte order mark, and numbers that
    RFC 8785 would change (9007199254740993, 1.00000000000000001).  Whole numbers beyond ±(2^53-1) that it keeps become floats.
    """
    raw = data.encode() if isinstance(data, str) else data
    _limit_nesting(raw)
    try:
        value: object = json.loads(raw.decode("utf-8"), object_pairs_hook=_members, parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _SURROGATE.search(raw):
        _refuse_surrogates(value)
    return value


def loads_or_refuse(data: bytes | str, what: str) -> object:
    """As `loads`, with TokenError."""
    try:
        return loads(data)
    except ValueError as error:
        raise TokenError(f"{what} is no strict JSON: {error}") from None


def dumps(value: object) -> bytes:
    """RFC 8785 bytes; ValueError for what it cannot carry."""
    import rfc8785

    return rfc8785.dumps(value)  # type: ignore[arg-type]  # its type lists plain data; anything else raises


def _split(token: str) -> tuple[bytes, bytes]:
    if len(token) > MAX_TOKEN:
        raise TokenError(f"the token has {len(token)} characters; {MAX_TOKEN} are the most")
    if not _COMPACT.match(token):
        raise TokenError("the token is no compact JWS: three base64url parts joined by dots, the last of 86 characters")
    try:
        head, payload, _ = [decode(part) for part in token.split(".")]
    except ValueError:
        raise TokenError("a part of the token is not base64url in its one canonical form") from None
    return head, payload


def _check_header(header: Mapping[str, object], typ: str) -> None:
    if header.get("alg") != ALG:
        raise TokenError(f"the token's alg is {header.get('alg')!r}; only {ALG!r} is accepted")
    if header.get("typ") != typ:
        raise TokenError(f"the token's typ is {header.get('typ')!r} where {typ!r} must be")
    if unknown := {"crit", "b64"} & header.keys():
        raise TokenError(f"the token's header has '{min(unknown)}', and no extension is understood here")


def _signed_by(token: str, key: PublicKey) -> bool:
    signed, _, signature = token.rpartition(".")
    return key.verify(decode(signature), signed.encode())


@lru_cache(maxsize=1)
def _registry() -> JWSRegistry:
    from joserfc.jws import JWSRegistry

    registry = JWSRegistry(algorithms=[ALG], strict_check_header=False)  # unknown header parameters are ignored, as section 3.5 says
    registry.max_header_length, registry.max_payload_length = 4096, MAX_TOKEN
    return registry


@lru_cache(maxsize=64)
def _private(key: SigningKey) -> OKPKey:
    from joserfc.jwk import OKPKey

    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": encode(key.public.raw), "d": encode(key.seed)})


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TokenError(f"{what} is no JSON object")
    return value  # pyright: ignore[reportUnknownVariableType]  # a JSON object


def _limit_nesting(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= MAX_NESTING:
        return
    level = 0
    for mark in _STRING.sub(b"", raw):
        level += (mark in b"[{") - (mark in b"]}")
        if level > MAX_NESTING:
            raise ValueError(f"it is nested deeper than {MAX_NESTING} levels")


def _members(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"the member {name!r} appears twice")
        made[name] = value
    return made


def _integer(text: str) -> int | float:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    value = int(text)
    return value if -MAX_INT <= value <= MAX_INT else _float(text)


def _float(text: str) -> float:
    value = float(text)
    try:
        same = len(text) <= _MAX_DIGITS and Decimal(repr(value)) == Decimal(text)
    except InvalidOperation:
        same = False
    if not same:
        raise ValueError(f"the number {text[:40]} would be changed by RFC 8785; carry it as text")
    return value


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _refuse_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds a lone surrogate, which is not valid Unicode") from None
