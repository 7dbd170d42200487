"""Verdict: what becomes of one message, and what the core is told about who acts.

Forward   goes on to the other side, as `body` says it (never the bytes that came)
Reply     goes back to whoever sent the message
Drop      goes nowhere; `why` is for the person who runs the gate
Hold      calls that the gate must decide: `Session.allowed` or `Session.refused` says then what becomes of the message
Wait      the server's tools must be listed first; the same message is given to the core again afterwards
Ours      it answers a request of the gate's own
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from gate.mcp.flight import Pending
    from gate.mcp.wire import Body, Message


class Settled(NamedTuple):
    """What became of a call that was authorized. ticket: the shell's own, as `Session.allowed` got it; text: why there is no value."""

    ticket: object
    how: Literal["ok", "error", "cancelled", "timeout", "lost"]
    value: object = None
    text: str = ""


class Forward(NamedTuple):
    """To the other side."""

    body: Body
    settled: tuple[Settled, ...] = ()


class Reply(NamedTuple):
    """Back to the sender."""

    body: Body
    settled: tuple[Settled, ...] = ()


class Drop(NamedTuple):
    """Nowhere. why: "" where nobody needs to know."""

    why: str = ""
    settled: tuple[Settled, ...] = ()


class Ours(NamedTuple):
    """The response to the gate's own request of this id: `message.body` has its result or error."""

    ident: str
    message: Message


class Wait(NamedTuple):
    """Until the tools of the server are listed. session: of whoever waits, for a list that is theirs."""

    message: Message


class Wanted(NamedTuple):
    """One call, as the gate decides it: the tool as it is declared there, `fs/read_file`."""

    tool: str
    arguments: Mapping[str, object]


class Hold(NamedTuple):
    """Until the gate has decided about all of `calls`.

    sort: a request of the client, one of the server (`reverse`), or those inside a result (`inputs`).  hidden: whoever acts sees no such thing; it is
    refused in any case, and the gate is asked so that it is recorded.
    """

    calls: tuple[Wanted, ...]
    message: Message
    sort: Literal["request", "reverse", "inputs"]
    pending: Pending
    hidden: bool = False
    settled: tuple[Settled, ...] = ()


class Permission(NamedTuple):
    """The gate allows a call: with these arguments, which are the checked ones, under this ticket."""

    arguments: dict[str, object]
    ticket: object


class Context(NamedTuple):
    """Who acts, as far as the core needs it; every answer comes from memory.

    key: names the capability; tasks belong to it.  sees: whether it grants a tool at all, and is alive.  admits: whether it could grant a tool with
    this value of that argument.  life: seconds it has left, 0 when it is ended.
    """

    key: str
    sees: Callable[[str], bool]
    admits: Callable[[str, str, object], bool]
    life: Callable[[], float]


def _nothing(*_: object) -> bool:
    return False


NOBODY: Final = Context("", _nothing, _nothing, lambda: 0.0)
Verdict: TypeAlias = "Forward | Reply | Drop | Hold | Wait | Ours"
