"""Assertion: a yes that a person's authenticator signed (WebAuthn level 3), so that a page, a session or this machine alone cannot give it.

What is signed is `authenticatorData || SHA-256(clientDataJSON)`; clientDataJSON holds the challenge, which is the digest of exactly what is
granted (`gate.approval.challenge`), and the origin of the page.  The assertion is kept as JSON in the form of
`PublicKeyCredential.toJSON()`, with nothing in it that is not needed, so that somebody else can verify it years later without this gate:

    {"id": "…", "rawId": "…", "type": "public-key",
     "response": {"authenticatorData": "…", "clientDataJSON": "…", "signature": "…"}}                 values: base64url without padding

`check` asks for: strict JSON, base64url written the one way, type webauthn.get, this challenge, the origin and the relying party that the
credential was enrolled with, no frame of another origin, the person present and verified (PIN or biometrics), a credential of this very
person, a signature counter that moved on where the authenticator has one, and the signature.  The cryptography is the package webauthn's.

>>> from hashlib import sha256
>>> from gate.tokens.jwk import SigningKey, encode
>>> key, challenge = SigningKey(bytes(32)), sha256(b"pay 5 eur").digest()
>>> cose = bytes.fromhex("a4010103272006215820") + key.public.raw                            # RFC 9053: OKP, EdDSA, Ed25519
>>> ann = Credential("a2V5", cose, 0, "localhost", "http://localhost:8766", "aGFuZGxl", 0)
>>> client = b'{"type":"webauthn.get","challenge":"%s","origin":"http://localhost:8766"}' % encode(challenge).encode()
>>> data = sha256(b"localhost").digest() + bytes([0b101]) + bytes(4)                          # present and verified; no counter
>>> parts = {"authenticatorData": data, "clientDataJSON": client, "signature": key.sign(data + sha256(client).digest())}
>>> said = {"id": "a2V5", "rawId": "a2V5", "type": "public-key", "response": {name: encode(part) for name, part in parts.items()}}
>>> check(said, challenge=challenge, credentials=[ann]).id
'a2V5'
>>> check(said, challenge=sha256(b"pay 5000 eur").digest(), credentials=[ann])
Traceback (most recent call last):
gate.errors.TokenError: the passkey signed something else than what is granted here
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from gate.errors import TokenError
from gate.tokens import jose
from gate.tokens.jwk import decode, encode

if TYPE_CHECKING:
    from types import ModuleType

    from webauthn.helpers.cose import COSEAlgorithmIdentifier

MAX_ASSERTION: Final = 8192  # bytes of JSON; an RSA signature, a long origin and all the rest take less than 2 KiB
ALGORITHMS: Final = (-8, -7, -257)  # EdDSA, ES256, RS256: what WebAuthn recommends, and what openssl verifies
_SIGNED: Final = ("authenticatorData", "clientDataJSON", "signature")
_CREATED: Final = ("attestationObject", "clientDataJSON")
_ENROL: Final = b"gate passkey enrolment 1\0"


class Credential(NamedTuple):
    """One passkey of one person.

    id, handle: base64url; how the authenticator calls the credential, and the person.  public_key: a COSE_Key (RFC 9052).  sign_count: how
    often it has signed, 0 for those that do not count.  rp_id, origin: where it was enrolled, the only place where it is good.  added:
    seconds since the epoch.
    """

    id: str
    public_key: bytes
    sign_count: int
    rp_id: str
    origin: str
    handle: str
    added: int

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {**self._asdict(), "public_key": encode(self.public_key)}

    @property
    def spki(self) -> bytes:
        """The public key as other tools read it: SubjectPublicKeyInfo (RFC 5280), DER."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        package()
        from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography

        return decoded_public_key_to_cryptography(decode_credential_public_key(self.public_key)).public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )


def check(assertion: Mapping[str, object] | str | bytes, *, challenge: bytes, credentials: Iterable[Credential], fresh: bool = False) -> Credential:
    """The credential that signed `challenge`, with the counter that it has now; TokenError says which check failed.

    credentials: those of the one person who is asked.  fresh: the assertion has just been made, so its counter must be ahead of the one
    kept (`gate.tokens.passkey.accept`); without it, it is verified once more later, when the authenticator may have signed other things.
    """
    webauthn = package()
    said = kept(assertion)
    credential = next((one for one in credentials if hmac.compare_digest(one.id, str(said["id"]))), None)
    if credential is None:
        _refuse("the passkey is none of this person's")
    _check_client(_response(said, _SIGNED)["clientDataJSON"], "webauthn.get", challenge, credential.origin)
    try:
        verified = webauthn.verify_authentication_response(
            credential=dict(said),
            expected_challenge=challenge,
            expected_rp_id=credential.rp_id,
            expected_origin=credential.origin,
            credential_public_key=credential.public_key,
            credential_current_sign_count=credential.sign_count if fresh else 0,
            require_user_verification=True,
        )
    except Exception as error:  # whatever it raises, the assertion is no yes
        raise TokenError(f"the passkey's signature does not hold: {error or type(error).__name__}") from error
    return credential._replace(sign_count=int(verified.new_sign_count))


def enrolled_as(attestation: Mapping[str, object] | str | bytes, *, challenge: bytes, rp_id: str, origin: str, handle: str, now: float) -> Credential:
    """The credential that an authenticator has just made, from `toJSON()` of `navigator.credentials.create`; TokenError otherwise."""
    webauthn = package()
    said = _envelope(attestation, _CREATED)
    _check_client(_response(said, _CREATED)["clientDataJSON"], "webauthn.create", challenge, origin)
    try:
        made = webauthn.verify_registration_response(
            credential=dict(said),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(),
        )
    except Exception as error:  # as above
        raise TokenError(f"this is no new passkey: {error or type(error).__name__}") from error
    return Credential(encode(made.credential_id), made.credential_public_key, made.sign_count, rp_id, origin, handle, int(now))


def enrolment(name: str, credential: Credential, *, audience: str) -> bytes:
    """What a passkey that a person has already signs so that one more becomes theirs at the gate `audience`: 32 bytes."""
    bound: dict[str, object] = {"approver": name, "audience": audience, **credential.to_json()}
    del bound["sign_count"], bound["added"]
    return sha256(_ENROL + jose.dumps(bound)).digest()


def kept(assertion: Mapping[str, object] | str | bytes) -> dict[str, object]:
    """An assertion as it is kept: what was signed and by which credential, nothing else; TokenError when it has not that shape."""
    return _envelope(assertion, _SIGNED)


def package() -> ModuleType:
    """The package webauthn, which only who uses passkeys needs; TokenError says how to get it."""
    try:
        import webauthn
    except ImportError:
        raise TokenError("passkeys need the package webauthn; install it with: pip install 'capgate[inbox]'") from None
    return webauthn


def _envelope(data: Mapping[str, object] | str | bytes, members: tuple[str, ...]) -> dict[str, object]:
    if isinstance(data, (str, bytes)):
        if len(data) > MAX_ASSERTION:
            _refuse(f"what the passkey said has more than {MAX_ASSERTION} bytes")
        data = _object(jose.loads_or_refuse(data, "what the passkey said"))
    response = _object(data.get("response"))
    parts = {name: response.get(name) for name in members}
    if data.get("type") != "public-key" or data.get("id") != data.get("rawId"):
        _refuse("what the passkey said is no public-key credential with one id")
    for value in (data.get("id"), *parts.values()):
        _bytes(value)
    return {"id": data["id"], "rawId": data["id"], "type": "public-key", "response": parts}


def _check_client(encoded: str, kind: str, challenge: bytes, origin: str) -> None:
    """The client data as the browser wrote it. The package looks at some of it again; the frame and doubled members only we look at."""
    client = _object(jose.loads_or_refuse(decode(encoded), "the passkey's client data"))
    if client.get("type") != kind:
        _refuse(f"the passkey's client data is of type {client.get('type')!r} where {kind!r} must be")
    if not isinstance(said := client.get("challenge"), str) or not hmac.compare_digest(said.encode(), encode(challenge).encode()):
        _refuse("the passkey signed something else than what is granted here")
    if client.get("origin") != origin:
        _refuse(f"the passkey signed at {client.get('origin')!r}, and it was enrolled at {origin!r}")
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        _refuse("the passkey signed inside a page of somebody else")


def _response(said: Mapping[str, object], members: tuple[str, ...]) -> dict[str, str]:
    response = _object(said["response"])
    return {name: str(response[name]) for name in members}


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        _refuse("what the passkey said is no JSON object of the form of PublicKeyCredential.toJSON()")
    return value  # pyright: ignore[reportUnknownVariableType]  # a JSON object


def _bytes(value: object) -> bytes:
    try:
        if not isinstance(value, str) or not 0 < len(value) <= MAX_ASSERTION or not value.isascii():
            raise ValueError("no text")
        return decode(value)
    except ValueError:
        raise TokenError("a part of what the passkey said is not base64url in its one canonical form") from None


def _algorithms() -> list[COSEAlgorithmIdentifier]:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    return [COSEAlgorithmIdentifier(number) for number in ALGORITHMS]


def _refuse(why: str) -> NoReturn:
    raise TokenError(why)
