"""State: what the gate gives a modern client to bring back (`requestState`), so that it can go on with a call without remembering it itself.

    gate1.BASE64URL(JSON).BASE64URL(HMAC-SHA-256)

The client can read it and not change it: the key is the gate's own, `mcp-state` in its home.  It says which call it belongs to (capability, tool,
digest of the arguments, version of the rules), which question was asked, under which name the call was authorized, and what state the server itself
gave; it ends after ten minutes, and is good for one use.  It grants nothing: the gate decides the call again, and looks for the approval at the desk.

>>> states = States(b"k" * 32, lambda: 100.0)
>>> made = states.seal(Resume("", "fs/read", "d", "r", "q1", "", None))
>>> states.opened(made).question
'q1'
>>> states.opened(made)
Traceback (most recent call last):
ValueError: the requestState was used before
"""

from __future__ import annotations

import hmac
import json
import os
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.call import b64url, canonical
from gate.constraints.value import is_array
from gate.frozen import freeze, thaw

if TYPE_CHECKING:
    from gate.mcp.verdict import Hold

MARK: Final = "gate1."
KEPT: Final = 600.0
MOST: Final = 100_000
LONGEST: Final = 1_000_000


class Resume(NamedTuple):
    """One call that goes on. key: digest of the capability; question: "" for none; ref: see `gate.halves`; up: the server's own requestState."""

    key: str
    tool: str
    digest: str
    rules: str
    question: str
    ref: str
    up: str | None
    nonce: str = ""
    expires: float = 0.0


class States:
    """Seals and opens. now: seconds since the epoch."""

    def __init__(self, secret: bytes, now: Callable[[], float]) -> None:
        self._secret, self._now = secret, now
        self._used: OrderedDict[str, float] = OrderedDict()

    def seal(self, resume: Resume) -> str:
        """The text of a state that is good once, for ten minutes."""
        fresh = resume._replace(nonce=b64url(os.urandom(12)), expires=self._now() + KEPT)
        data = b64url(json.dumps(fresh, separators=(",", ":")).encode())
        return f"{MARK}{data}.{self._mac(data)}"

    def opened(self, text: str) -> Resume:
        """What a text says, once; ValueError for any that was changed, is too old, or was opened before."""
        data, _, mac = text.removeprefix(MARK).partition(".")
        if len(text) > LONGEST or not text.startswith(MARK) or not hmac.compare_digest(mac.encode(), self._mac(data).encode()):
            raise ValueError("the requestState is not one of this gate")
        said: object = json.loads(urlsafe_b64decode(data + "=" * (-len(data) % 4)))
        if not is_array(said) or len(said) != len(Resume._fields):
            raise ValueError("the requestState is not one of this gate")
        resume = Resume(*said)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what `seal` wrote
        now = self._now()
        if now >= resume.expires:
            raise ValueError("the requestState is too old; make the call again without it")
        if resume.nonce in self._used:
            raise ValueError("the requestState was used before")
        self._used[resume.nonce] = resume.expires
        while self._used and (len(self._used) > MOST or next(iter(self._used.values())) <= now):
            self._used.popitem(last=False)
        return resume

    def _mac(self, data: str) -> str:
        return b64url(hmac.digest(self._secret, data.encode("utf-8", "surrogatepass"), "sha256"))


def resume_of(hold: Hold, rules: str, question: str = "", ref: str = "", up: str | None = None) -> Resume:
    """What tells a held call from every other, also its tool from one that changed since. ValueError for arguments that no call can carry."""
    pin = str(hold.pending.extra.get("pin", ""))
    digest = sha256(canonical([pin, *[{"tool": call.tool, "arguments": thaw(freeze(call.arguments))} for call in hold.calls]])).digest()
    return Resume(key_of(hold), hold.calls[0].tool, b64url(digest), rules, question, ref, up)


def key_of(hold: Hold) -> str:
    """The digest of the capability a call is made under."""
    return b64url(sha256(hold.pending.context.key.encode()).digest())


def is_ours(text: object) -> bool:
    """Whether a requestState is one of a gate, or looks so."""
    return isinstance(text, str) and text.startswith(MARK)
