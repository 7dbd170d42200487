"""Ref: the framework's own id of the call that is made now.

Whoever passes a framework's call on says its id with `under`.  The records name it, and a call that waits for the disk runs once under it: the
same call of the same agent and session under the same id again, also in another process, is refused.  (A framework that resumes a run may come
to a call again that ran already.)  A call that people approved does not need that: the approval is good for one run.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gate.call import b64url, canonical

if TYPE_CHECKING:
    from gate.call import Call

RAN: Final = "ref:"
"""How the ledger's name of such a call begins, among those of used approvals."""
KEPT: Final = 86400.0
"""Seconds for which it is remembered."""
_ref: Final[ContextVar[str]] = ContextVar("gate_ref", default="")
current: Final = _ref.get


@contextmanager
def under(ref: str) -> Generator[None]:
    """The id of the call that is made inside; "" for none."""
    token = _ref.set(ref)
    try:
        yield
    finally:
        _ref.reset(token)


def ran(call: Call, ref: str) -> str:
    """The ledger's name of a call under an id."""
    acting = call.acting
    return f"{RAN}{b64url(sha256(canonical([acting.session, acting.agent, ref, call.digest()])).digest())}"
