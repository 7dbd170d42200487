"""Enrolment: that a passkey is somebody's, or no longer is, as the log tells it.

    {"type": "passkey", "action": "enrol", "approver": "ann", "by": "link", "id": "…", "public_key": "…", "spki": "…", "rp_id": "localhost",
     "origin": "http://localhost:8790", "handle": "…", "sign_count": 0, "added": 1764112000}

public_key: a COSE_Key in base64url.  spki: the same as SubjectPublicKeyInfo in base64, which openssl reads.  by: "link" or "code", which an
administrator made, or the id of the passkey that signed for this one; then `assertion` is what it signed (`gate.tokens.assertion.enrolment`).
With {"action": "remove"}: who took it away.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gate.home import Home
    from gate.tokens.assertion import Credential


def recorded(
    home: Home, action: Literal["enrol", "remove"], name: str, credential: Credential, *, by: str, assertion: Mapping[str, object] | None = None
) -> None:
    """Writes it to the log, on disk before anything is signed with it."""
    told: dict[str, object] = dict(credential.to_json())
    if action == "enrol":
        told["spki"] = b64encode(credential.spki).decode()
    if assertion is not None:
        told["assertion"] = dict(assertion)
    home.records.authority("passkey", action=action, approver=name, by=by, **told)
