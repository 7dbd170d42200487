"""Seal: what a form carries so that an answer is about what was on the page, in the browser that it was shown in, and nothing else.

    seal = binding_hash "." shown "." shown_at "." b64url(HMAC-SHA256(key, JCS([purpose, who, session, question, binding_hash, shown, shown_at])))

binding_hash is that of the question as it was shown; `shown` base64url(SHA-256) of the page's bytes from `<article` to `</article>`; `shown_at`
when it was rendered, in seconds since the epoch.  The key is the gate's own (`keys/inbox.secret`), so a page that was open while the inbox
restarted still counts.  The seal is no authority: whoever posts it must have signed in as `who`, in that session; and the desk judges the
answer anew.

>>> sealer = Sealer(bytes(32))
>>> sealer.open(sealer.seal(Shown("hash", "digest", 9.5), "ann", "s1", "q1"), "ann", "s1", "q1")
Shown(binding_hash='hash', digest='digest', at=9.5)
>>> sealer.open(sealer.seal(Shown("hash", "digest", 9.5), "ann", "s1", "q1"), "ann", "s2", "q1") is None
True
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import Final, NamedTuple

from gate.call import b64url, canonical

_FORM: Final = re.compile(r"([A-Za-z0-9_:-]{0,100})\.([A-Za-z0-9_-]{0,100})\.([0-9]{1,12}\.[0-9]{1,6})\.([A-Za-z0-9_-]{43})\Z")


class Shown(NamedTuple):
    """What somebody was shown: the call by its binding hash, the bytes by their digest, and when."""

    binding_hash: str
    digest: str
    at: float


class Sealer:
    """Makes and opens seals with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, shown: Shown, who: str, session: str, question: str) -> str:
        """The seal of what this person was shown of a question in this session."""
        at = f"{shown.at:.6f}"
        return f"{shown.binding_hash}.{shown.digest}.{at}.{self._mac(shown.binding_hash, shown.digest, at, who, session, question)}"

    def open(self, seal: str, who: str, session: str, question: str) -> Shown | None:
        """What was shown, None when the seal is not of this person, session and question."""
        found = _FORM.match(seal)
        if found is None:
            return None
        binding_hash, digest, at, mac = found.groups()
        if not hmac.compare_digest(mac, self._mac(binding_hash, digest, at, who, session, question)):
            return None
        return Shown(binding_hash, digest, float(at))

    def _mac(self, binding_hash: str, digest: str, at: str, who: str, session: str, question: str) -> str:
        data = canonical(["gate-inbox-form", who, session, question, binding_hash, digest, at])
        return b64url(hmac.digest(self._key, data, sha256))


def digest(article: bytes) -> str:
    """What identifies the bytes that were shown."""
    return b64url(sha256(article).digest())
