"""Request: that whoever sends an HTTP request holds a key, as DPoP (RFC 9449) shows it, without any other token or shared secret.

A compact JWS by the sender's key, `typ` `gate-request+jwt`, with exactly these claims:

    iss    who sends it: an approver's name, or the agent of the capability that is presented beside it
    aud    the gate it is sent to
    jti    never used twice; whoever accepts requests remembers it until `iat` leaves the window
    iat    within 30 s of the gate's clock
    htm    the HTTP method
    htu    the address, without query and fragment
    body   base64url(SHA-256(the body)), of no bytes where there is no body

So one that is overheard is worth nothing for another request, another body, another gate, or a second time.

>>> key = SigningKey(bytes(32))
>>> made = sign(key, who="ann", audience="g", method="GET", url="https://gate.example/x?y=1", now=1000.0)
>>> ours = TrustAnchors.of(key.public)
>>> check(made, ours, audience="g", method="GET", url="https://gate.example/x", now=1000.0).who
'ann'
>>> check(made, ours, audience="g", method="POST", url="https://gate.example/x", now=1000.0)
Traceback (most recent call last):
gate.errors.TokenError: the request's proof is for 'GET', not for 'POST'
"""

from __future__ import annotations

import hmac
import threading
from hashlib import sha256
from typing import Final, NamedTuple

from gate.call import b64url
from gate.errors import TokenError
from gate.shown import visible
from gate.tokens import jose
from gate.tokens.jwk import PublicKey, SigningKey, TrustAnchors

TYP: Final = "gate-request+jwt"
WINDOW: Final = 30  # seconds either way, as for a proof of possession
REMEMBERED: Final = 100_000
_CLAIMS: Final = {"iss": str, "aud": str, "jti": str, "iat": int, "htm": str, "htu": str, "body": str}


class Sent(NamedTuple):
    """A verified proof. name: what this gate calls the key.  expires: until when `jti` must be remembered, seconds since the epoch."""

    who: str
    name: str
    kid: str
    jti: str
    issued: int
    expires: int


def sign(key: SigningKey, *, who: str, audience: str, method: str, url: str, now: float, body: bytes = b"") -> str:
    """The proof of one request by the holder of `key`."""
    from gate.token import new_jti

    claims = {"iss": who, "aud": audience, "jti": new_jti(now), "iat": int(now), "htm": method, "htu": _bare(url), "body": _digest(body)}
    return jose.sign(jose.dumps(claims), key, TYP)


def check(proof: str, anchors: TrustAnchors | PublicKey, *, audience: str, method: str, url: str, now: float, body: bytes = b"") -> Sent:
    """The proof, if one of `anchors` signed it for exactly this request; TokenError says which check failed. That it came once is `Seen`'s."""
    opened = jose.open_token(proof, anchors, TYP)
    claims = opened.claims
    if claims.keys() != _CLAIMS.keys() or any(type(claims[name]) is not kind for name, kind in _CLAIMS.items()):
        raise TokenError("the request's proof does not have exactly the claims of one")
    text = {name: str(value) for name, value in claims.items()}
    if text["aud"] != audience:
        raise TokenError("the request's proof is for another gate")
    if text["htm"] != method:
        raise TokenError(f"the request's proof is for '{visible(text['htm'])}', not for '{method}'")
    if text["htu"] != _bare(url):
        raise TokenError(f"the request's proof is for another address than '{_bare(url)}'")
    if not hmac.compare_digest(text["body"].encode(), _digest(body).encode()):
        raise TokenError("the request's proof is for another body")
    issued = int(text["iat"])
    if not -WINDOW <= now - issued <= WINDOW:
        raise TokenError(f"the request's proof was made {abs(now - issued):.0f} s {'ago' if issued < now else 'from now'}; {WINDOW} s are accepted")
    if not 0 < len(text["jti"]) <= 128:
        raise TokenError("the request's proof has no id of 1 to 128 characters, so it could not be told from a replay")
    return Sent(text["iss"], opened.anchor.name, opened.anchor.key.kid, text["jti"], issued, issued + WINDOW + 1)


class Seen:
    """The proofs that were accepted and may not come again, of this process. Thread-safe.

    It forgets everything with its process; so it refuses what was made before it began, which another may have accepted.
    """

    def __init__(self, now: float) -> None:
        self._since = int(now)
        self._until: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def once(self, sent: Sent, now: float) -> None:
        """Remembers a proof; TokenError when it came before, or may have, or when too many are remembered to take another."""
        with self._lock:
            if sent.issued < self._since:
                raise TokenError("the request's proof was made before this server began; make another")
            if (sent.kid, sent.jti) in self._until:
                raise TokenError("the request's proof was used before")
            if len(self._until) >= REMEMBERED:
                self._until = {key: until for key, until in self._until.items() if until >= now}
            if len(self._until) >= REMEMBERED:
                raise TokenError("too many requests at once; try again in a minute")
            self._until[sent.kid, sent.jti] = sent.expires


def _digest(body: bytes) -> str:
    return b64url(sha256(body).digest())


def _bare(url: str) -> str:
    """An address without query and fragment, as it is signed (RFC 9449, section 4.2)."""
    return url.partition("#")[0].partition("?")[0]
