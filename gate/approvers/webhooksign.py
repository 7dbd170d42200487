r"""Webhook signatures by Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, the body byte by byte as it is on the wire.

    webhook-id          names the message; the same when it is sent again
    webhook-timestamp   seconds since the epoch, when it was sent
    webhook-signature   "v1,BASE64", several separated by spaces while a secret is being replaced

A secret is `whsec_` and 24 to 64 bytes in base64; where one is kept there may be several, separated by spaces, the newest first: all of them
sign, any of them is accepted.

>>> secret = parse_secrets(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
>>> sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')        # the vector of the specification's libraries
'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gate.errors import ConfigError, GateError

if TYPE_CHECKING:
    from gate.people import Kept

WINDOW: Final = 300.0
_ID: Final = re.compile(r"[A-Za-z0-9_:-]{1,128}")  # a full stop would let id, timestamp and body be parted elsewhere
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_PREFIX: Final = b"whsec_"
_MOST: Final = 10


class Forged(GateError):
    """A message is not by whom it says, not of now, or not whole."""


def secrets(kept: Kept) -> tuple[bytes, ...]:
    """The secrets kept there, decoded; ConfigError, which does not repeat them, when one is none."""
    try:
        return parse_secrets(kept.read())
    except ValueError:
        raise ConfigError(f"what is kept in {kept} is no webhook secret: write whsec_ and 24 to 64 random bytes in base64") from None


def parse_secrets(text: bytes) -> tuple[bytes, ...]:
    """The secrets of a text; ValueError when one is none."""
    found = [base64.b64decode(one.removeprefix(_PREFIX), validate=True) for one in text.split() if one.startswith(_PREFIX)]
    if not found or len(found) != len(text.split()) or any(not 24 <= len(one) <= 64 for one in found):
        raise ValueError("no webhook secret")
    return tuple(found)


def sign(secrets: Iterable[bytes], name: str, timestamp: int, body: bytes) -> str:
    """What `webhook-signature` says about a message."""
    return " ".join(["v1," + base64.b64encode(_mac(secret, name, timestamp, body)).decode() for secret in secrets])


def check(secrets: Iterable[bytes], name: str, timestamp: str, signature: str, body: bytes, *, now: float) -> None:
    """Forged when the message is not signed with one of the secrets, or not sent within five minutes of now."""
    given = _given(signature)
    if not _ID.fullmatch(name) or not _SECONDS.fullmatch(timestamp) or not given:
        raise Forged("the message has no signature of version 1")
    expected = [_mac(secret, name, int(timestamp), body) for secret in secrets]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]  # all of them, whatever the first says
    if not any(matches) or str(int(timestamp)) != timestamp:
        raise Forged("the signature is not right")
    if not abs(now - int(timestamp)) <= WINDOW:
        raise Forged("the message is not of the last five minutes")


def _given(signature: str) -> Sequence[bytes]:
    found = list[bytes]()
    for one in signature.split(" ")[:_MOST]:
        version, _, text = one.partition(",")
        try:
            found += [base64.b64decode(text, validate=True)] if version == "v1" else []
        except (binascii.Error, ValueError):
            continue
    return found


def _mac(secret: bytes, name: str, timestamp: int, body: bytes) -> bytes:
    return hmac.digest(secret, f"{name}.{timestamp}.".encode() + body, sha256)
