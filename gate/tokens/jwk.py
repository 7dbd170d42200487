"""Ed25519 keys (RFC 8032) and their JSON form (RFC 8037), their names (RFC 7638 thumbprints), and the keys one trusts.

>>> key = SigningKey(bytes(32))
>>> key.public.jwk()
{'crv': 'Ed25519', 'kty': 'OKP', 'x': 'O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik'}
>>> key.kid
'9ZP03Nu8GrXPAUkbKNxHOKBzxPX83SShgFkRNK-f2lw'
>>> key.public.verify(key.sign(b"x"), b"x"), key.public.verify(key.sign(b"x"), b"y")
(True, False)
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from gate.regex import regex

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

THUMBPRINT_URI: Final = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"  # RFC 9278
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_X: Final = regex(r"[A-Za-z0-9_-]{43}\Z")


def encode(data: bytes) -> str:
    """RFC 4648 section 5 without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of unpadded base64url; ValueError unless this is the one way to write them."""
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("it is not base64url without padding")
    return data


def thumbprint(raw: bytes) -> str:
    """The RFC 7638 SHA-256 thumbprint of a public key."""
    return encode(sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{encode(raw)}"}}'.encode()).digest())


@dataclass(frozen=True)
class PublicKey:
    """A public key: 32 bytes."""

    raw: bytes

    @cached_property
    def kid(self) -> str:
        """The key's name: its thumbprint."""
        return thumbprint(self.raw)

    @property
    def uri(self) -> str:
        """The thumbprint as a URI, which is the `iss` of whatever this key signs."""
        return THUMBPRINT_URI + self.kid

    def jwk(self) -> dict[str, str]:
        """The key as a JWK."""
        return {"crv": "Ed25519", "kty": "OKP", "x": encode(self.raw)}

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` over `data` was made by this key."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    @classmethod
    def from_jwk(cls, jwk: object) -> PublicKey:
        """The key of a JWK; ValueError when it is no Ed25519 key for signatures, or carries private key material."""
        if not isinstance(jwk, Mapping):
            raise ValueError("a key is a JSON object (a JWK)")
        members: dict[object, object] = dict(jwk)  # pyright: ignore[reportUnknownArgumentType]  # any JSON object
        if private := _PRIVATE & members.keys():
            raise ValueError(f"the key holds private material ({', '.join(sorted(map(str, private)))}) where only a public key may be")
        if members.get("kty") != "OKP" or members.get("crv") != "Ed25519":
            raise ValueError("the key is no Ed25519 key (kty OKP, crv Ed25519)")
        if members.get("use", "sig") != "sig" or members.get("alg", "Ed25519") not in {"Ed25519", "EdDSA"}:
            raise ValueError("the key is not meant for Ed25519 signatures")
        x = members.get("x")
        if not isinstance(x, str) or not _X.match(x):
            raise ValueError("the key's x is no base64url of 32 bytes")
        return cls(decode(x))

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return Ed25519PublicKey.from_public_bytes(self.raw)


class SigningKey:
    """A private key, from its 32-byte seed. It never shows itself and cannot be pickled."""

    __slots__ = ("_key", "public", "seed")

    public: PublicKey

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.seed = seed
        self._key: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh key."""
        return cls(os.urandom(32))

    @property
    def kid(self) -> str:
        """The name of the public key."""
        return self.public.kid

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature."""
        return self._key.sign(data)

    def jwk(self) -> dict[str, str]:
        """The private key as a JWK: only for the key file."""
        return self.public.jwk() | {"d": encode(self.seed)}

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object]) -> SigningKey:
        """The key of a private JWK; ValueError when it is none, or its two halves don't belong together."""
        public = PublicKey.from_jwk({name: value for name, value in jwk.items() if name != "d"})
        d = jwk.get("d")
        if not isinstance(d, str) or not _X.match(d):
            raise ValueError("the key's d is no base64url of 32 bytes")
        key = cls(decode(d))
        if key.public != public:
            raise ValueError("the key's x does not belong to its d")
        return key

    def __repr__(self) -> str:
        return f"<signing key {self.kid}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key stays where it is; it cannot be pickled or copied")


class Anchor(NamedTuple):
    """A key that is trusted: for what `issuer` says, under the name `kid`. `name` is what its owner calls it here."""

    issuer: str
    key: PublicKey
    name: str = ""
    kid: str = ""

    @classmethod
    def of(cls, key: PublicKey, name: str = "") -> Anchor:
        """Trust in a key that speaks for itself: its issuer is its thumbprint URI."""
        return cls(key.uri, key, name, key.kid)


@dataclass(frozen=True)
class TrustAnchors:
    """Every key trusted for one purpose."""

    anchors: tuple[Anchor, ...] = ()

    @classmethod
    def of(cls, *trusted: PublicKey | Anchor) -> TrustAnchors:
        """Trust in these."""
        return cls(tuple([Anchor.of(each) if isinstance(each, PublicKey) else each for each in trusted]))

    def candidates(self, kid: object) -> tuple[Anchor, ...]:
        """The anchors to try for a token that names `kid`: those of that name, else all. The signature decides, never the name."""
        return tuple([anchor for anchor in self.anchors if anchor.kid and anchor.kid == kid]) or self.anchors

    def __add__(self, other: Iterable[Anchor]) -> TrustAnchors:
        return TrustAnchors((*self.anchors, *other))

    def __iter__(self) -> Iterator[Anchor]:
        return iter(self.anchors)

    def __len__(self) -> int:
        return len(self.anchors)
