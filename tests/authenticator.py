"""An authenticator in software: a real key, real signatures, the bytes of WebAuthn level 3 put together by hand, so that each can be wrong."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from gate.tokens.assertion import Credential
from gate.tokens.jwk import encode

UP, UV, BE, BS, AT, ED = (1 << bit for bit in (0, 2, 3, 4, 6, 7))


def cbor(value: Any) -> bytes:
    """As much of RFC 8949 as keys and attestation objects need."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    return _head(5, len(value)) + b"".join([cbor(name) + cbor(each) for name, each in value.items()])


def _head(major: int, number: int) -> bytes:
    for bits, code in ((8, "B"), (16, ">H"), (32, ">I")):
        if number < (24 if bits == 8 else 0):
            break
        if number < 1 << bits:
            return bytes([major << 5 | {8: 24, 16: 25, 32: 26}[bits]]) + struct.pack(code, number)
    return bytes([major << 5 | number])


def _es256() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def _rsa() -> Any:
    return rsa.generate_private_key(65537, 2048)


KEYS = {"ES256": _es256, "EdDSA": ed25519.Ed25519PrivateKey.generate, "RS256": _rsa}


@dataclass
class Authenticator:
    """One credential of one person. Whatever is passed to `sign` by name replaces what an honest browser and authenticator would say."""

    rp_id: str = "localhost"
    origin: str = "http://localhost:8766"
    kind: str = "ES256"
    count: int = 0
    id: bytes = field(default_factory=lambda: os.urandom(16))

    def __post_init__(self) -> None:
        self.key: Any = KEYS[self.kind]()

    @property
    def cose(self) -> bytes:
        public = self.key.public_key()
        if self.kind == "EdDSA":
            return cbor({1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()})
        numbers = public.public_numbers()
        if self.kind == "RS256":
            return cbor({1: 3, 3: -257, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)})
        return cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})

    @property
    def credential(self) -> Credential:
        return Credential(encode(self.id), self.cose, self.count, self.rp_id, self.origin, encode(b"handle"), 0)

    def client(self, challenge: bytes, kind: str, /, **said: Any) -> bytes:
        data = {"type": kind, "challenge": encode(challenge), "origin": self.origin, "crossOrigin": False} | said
        return json.dumps({name: value for name, value in data.items() if value is not None}).encode()

    def sign(
        self,
        challenge: bytes,
        /,
        *,
        kind: str = "webauthn.get",
        flags: int = UP | UV,
        rp_id: str = "",
        client: bytes = b"",
        more: bytes = b"",
        **said: Any,
    ) -> dict[str, Any]:
        """An assertion, as toJSON() gives it."""
        self.count += 1
        client = client or self.client(challenge, kind, **said)
        data = sha256((rp_id or self.rp_id).encode()).digest() + bytes([flags]) + struct.pack(">I", self.count) + more
        signature = self.raw(data + sha256(client).digest())
        response = {"authenticatorData": encode(data), "clientDataJSON": encode(client), "signature": encode(signature), "userHandle": None}
        return self._envelope(response)

    def create(self, challenge: bytes, /, *, kind: str = "webauthn.create", flags: int = UP | UV, rp_id: str = "", **said: Any) -> dict[str, Any]:
        """A new credential without attestation, as toJSON() gives it."""
        client = self.client(challenge, kind, **said)
        data = sha256((rp_id or self.rp_id).encode()).digest() + bytes([flags | AT]) + struct.pack(">I", self.count)
        data += bytes(16) + struct.pack(">H", len(self.id)) + self.id + self.cose
        made = cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._envelope({"attestationObject": encode(made), "clientDataJSON": encode(client), "transports": ["internal"]})

    def raw(self, data: bytes) -> bytes:
        if self.kind == "EdDSA":
            return self.key.sign(data)
        if self.kind == "RS256":
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def _envelope(self, response: dict[str, Any]) -> dict[str, Any]:
        name = encode(self.id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        }
