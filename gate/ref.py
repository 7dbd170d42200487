"""Ref: the framework's own id of the call that is made now.

Whoever passes a framework's call on says its id with `under`.  The records name it, and a call that waits for the disk runs once under it: the
same call of the same agent and session under the same id again, also in another process, is refused.  (A framework that resumes a run may come
to a call again that ran already.)  A call that people approved does not need that: the approval is good for one run.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gate.call import b64url, canonical
from gate.inside import Inside

if TYPE_CHECKING:
    from gate.call import Call

RAN: Final = "ref:"
"""How the ledger's name of such a call begins, among those of used approvals."""
KEPT: Final = 86400.0
"""Seconds for which it is remembered."""
Outside: TypeAlias = tuple[str, "Callable[[dict[str, object]], Any] | None", bool]
outside: Final[ContextVar[Outside]] = ContextVar("gate_outside", default=("", None, True))
"""What a framework said of the call that is made now: its id, what runs it (`gate.declare`), and whether no other call has that id.

One variable, because each costs."""


def current() -> str:
    """The id of the call that is made now, "" for none."""
    return outside.get()[0]


def under(ref: str, *, once: bool | None = None) -> Inside[Outside]:
    """The id of the call that is made inside; "" for none. once: as the function of that name gives; None for what it is already."""
    _, run, before = outside.get()
    return Inside(outside, (ref, run, before if once is None else once))


def once() -> bool:
    """Whether a call that waits for the disk runs once under its id: not where the provider gives one id to several calls."""
    return outside.get()[2]


def ran(call: Call, ref: str) -> str:
    """The ledger's name of a call under an id."""
    acting = call.acting
    return f"{RAN}{b64url(sha256(canonical([acting.session, acting.agent, ref, call.digest()])).digest())}"
