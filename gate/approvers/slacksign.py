r"""Slack's request signature, version v0: HMAC-SHA256 over `v0:timestamp:body`, the body byte by byte as it came, in hexadecimal.

https://docs.slack.dev/authentication/verifying-requests-from-slack; the example there:

>>> body = (b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
...         b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J"
...         b"%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c")
>>> sign(b"8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503'
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import Final

from gate.approvers.webhooksign import WINDOW, Forged

_SECONDS: Final = re.compile(r"[1-9][0-9]{0,11}")
_SIGNATURE: Final = re.compile(r"v0=[0-9a-f]{64}")


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """What `X-Slack-Signature` says about a request."""
    return "v0=" + hmac.digest(secret, f"v0:{timestamp}:".encode() + body, sha256).hex()


def check(secret: bytes, timestamp: str, signature: str, body: bytes, *, now: float) -> None:
    """Forged when Slack has not signed the request, or not within five minutes of now."""
    if not _SECONDS.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        raise Forged("the request has no signature of version v0")
    if not hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode()):
        raise Forged("the signature is not right")
    if not abs(now - int(timestamp)) <= WINDOW:
        raise Forged("the request is not of the last five minutes")
