"""Verdict: what becomes of one message, and what the core is told about who acts.

Forward   goes on to the other side, as `body` says it (never the bytes that came)
Reply     goes back to whoever sent the message
Drop      goes nowhere; `why` is for the person who runs the gate
Hold      a call that the gate must decide: `Session.allowed` or `Session.refused` says then what becomes of it
Wait      the server's tools must be listed first; the same message is given to the core again afterwards
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from gate.mcp.wire import Message

Body: TypeAlias = "dict[str, object]"


class Forward(NamedTuple):
    """To the other side. `settles`: what the response is about, see `Flying`; None when it is about nothing that was authorized."""

    body: Body
    settles: Settles | None = None


class Reply(NamedTuple):
    """Back to the sender."""

    body: Body


class Drop(NamedTuple):
    """Nowhere."""

    why: str


class Wait(NamedTuple):
    """Until the tools of the server are listed."""

    message: Message


class Hold(NamedTuple):
    """Until the gate has decided about a call. tool, arguments: as it is declared in the gate, `fs/read_file`; `origin` says who wants it.

    forward: for a reverse request (sampling, elicitation, roots) and for one inside a result.  key: of whoever acts, see `Context`.
    """

    tool: str
    arguments: Mapping[str, object]
    message: Message
    origin: str
    key: str


class Settles(NamedTuple):
    """What became of a call that was authorized: `ticket` is the shell's own, given to `Session.allowed`.

    value: the result; error: why there is none; open: it is a task that goes on, and the ticket stays open.
    """

    ticket: object
    value: object = None
    error: str = ""


class Context(NamedTuple):
    """Who acts, as far as the core needs it; every answer comes from memory.

    key: names the capability; tasks and subscriptions belong to it.  sees: whether it grants a tool at all (and is alive).  covers: whether it
    grants this call.  life: seconds it has left, 0 when it is ended.
    """

    key: str
    sees: Callable[[str], bool]
    covers: Callable[[str, Mapping[str, object]], bool]
    life: Callable[[], float]


Verdict: TypeAlias = "Forward | Reply | Drop | Hold | Wait"
