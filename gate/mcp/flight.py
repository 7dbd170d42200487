"""Flight: the requests of one direction that have no response yet, by id; and the progress tokens they named.

An id is in use until its response came, also after the request was cancelled: a late response must not be taken for that of another request.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_object

if TYPE_CHECKING:
    from gate.mcp.verdict import Context
    from gate.mcp.wire import Id, Message

MOST: Final = 10_000
"""Requests in flight, and cancelled ones whose ids are still kept."""


@dataclass(slots=True, eq=False)
class Pending:
    """One request. tickets: of the calls it is, once they were authorized; passed: it went on; modern: it is of the modern era."""

    id: Id
    method: str
    name: str
    context: Context
    modern: bool
    token: Id | None
    tickets: tuple[object, ...] = ()
    passed: bool = False
    uris: tuple[str, ...] = ()
    extra: dict[str, object] = field(default_factory=dict[str, object])


class Flight:
    """The requests of one direction."""

    def __init__(self) -> None:
        self.pending: dict[Id, Pending] = {}
        self.tokens: Counter[Id] = Counter()
        self._late: OrderedDict[Id, None] = OrderedDict()

    def refusal(self, ident: Id) -> str:
        """Why a request of this id cannot start: "" when it can."""
        if ident in self.pending or ident in self._late:
            return f"the id {str(ident)[:64]!a} is in use"
        return f"more than {MOST} requests are in flight" if len(self.pending) >= MOST else ""

    def start(self, pending: Pending) -> Pending:
        """A request that was let in."""
        self.pending[pending.id] = pending
        if pending.token is not None:
            self.tokens[pending.token] += 1
        return pending

    def came(self, ident: Id | None) -> None:
        """The late response to a cancelled request: its id is free again."""
        if ident is not None:
            self._late.pop(ident, None)

    def end(self, ident: Id) -> Pending | None:
        """Its response came, or was given; None when there is no such request."""
        pending = self.pending.pop(ident, None)
        if pending is not None:
            self.forget(pending.token)
        return pending

    def forget(self, token: Id | None) -> None:
        """A progress token that is not reported on any more."""
        if token is not None:
            self.tokens[token] -= 1
            if self.tokens[token] <= 0:
                del self.tokens[token]

    def cancel(self, ident: object) -> Pending | None:
        """Nobody waits for it any more; None when there is no such request. Its id stays in use until a response comes."""
        pending = self.end(ident) if type(ident) in (int, str) else None  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what the line says
        if pending is not None and pending.passed:
            self._late[pending.id] = None
            if len(self._late) > MOST:
                self._late.popitem(last=False)
        return pending


def token_of(message: Message) -> Id | None:
    """The progress token that a request names."""
    meta = message.params.get("_meta")
    token = meta.get("progressToken") if is_object(meta) else None
    return token if type(token) in (int, str) else None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # what the line says
