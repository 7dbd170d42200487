"""Notices: which notifications pass. Those that are about something in flight, subscribed or owned, and those that say nothing of anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gate.mcp.era import SUBSCRIPTION, meta
from gate.mcp.tasks import asks
from gate.mcp.verdict import Drop, Forward, Settled

if TYPE_CHECKING:
    from gate.mcp.catalogue import Catalogue
    from gate.mcp.flight import Flight, Pending
    from gate.mcp.tasks import Tasks
    from gate.mcp.verdict import Context
    from gate.mcp.wire import Message

_OF_CLIENT: Final = frozenset({"notifications/initialized", "notifications/roots/list_changed"})
_OF_SERVER: Final = frozenset(
    {
        "notifications/message",
        "notifications/tools/list_changed",
        "notifications/resources/list_changed",
        "notifications/prompts/list_changed",
        "notifications/subscriptions/acknowledged",
        "notifications/elicitation/complete",
    }
)
_KNOWN: Final = frozenset(
    {
        *_OF_CLIENT,
        *_OF_SERVER,
        "notifications/progress",
        "notifications/cancelled",
        "notifications/resources/updated",
        "notifications/tasks/status",
        "notifications/tasks",
    }
)


class Notices:
    """The notifications of one session. uris: the resources that somebody subscribed to, by who; nobody hears more than they live."""

    def __init__(self, up: Flight, down: Flight, tasks: Tasks, catalogue: Catalogue, *, others: bool) -> None:
        self._up, self._down, self._tasks, self._catalogue, self._others = up, down, tasks, catalogue, others
        self.uris: dict[tuple[str, str], Context] = {}

    def began(self, uris: tuple[str, ...], context: Context) -> None:
        """Somebody subscribed to these resources."""
        self.uris.update({(uri, context.key): context for uri in uris})

    def ended(self, uri: object, context: Context) -> bool:
        """Somebody no longer wants to hear of one: whether nobody else does, so that the server may be told."""
        self.uris.pop((str(uri), context.key), None)
        return not any(one == uri and who.life() > 0 for (one, _), who in self.uris.items())

    def of_client(self, message: Message, context: Context) -> Forward | Drop:
        """What becomes of a client's notification. A request is cancelled by the capability that it was made under."""
        method = message.method
        if method == "notifications/cancelled":
            ident = message.params.get("requestId")
            mine = self._up.pending.get(ident) if isinstance(ident, (int, str)) and not isinstance(ident, bool) else None
            if mine is not None and mine.context.key != context.key:
                return Drop("a cancellation of somebody else's request")
            return self._cancelled(message, self._up)
        if method == "notifications/progress":
            return self._progress(message, self._down)
        return self._rest(message, passes=method in _OF_CLIENT)

    def of_server(self, message: Message) -> Forward | Drop:
        """What becomes of the server's."""
        method = message.method
        if method == "notifications/cancelled":
            return self._cancelled_by_server(message)
        if method == "notifications/progress":
            return self._progress(message, self._up)
        listen = meta(message).get(SUBSCRIPTION)
        if listen is not None and self._listens(listen) is None:
            return Drop(f"'{method}' for a subscription that nobody has")
        if method == "notifications/tools/list_changed":
            self._catalogue.changed()
        if method == "notifications/resources/updated":
            return Forward(message.body) if self._subscribed(message.params.get("uri")) else Drop("a resource that nobody subscribed to")
        if method in ("notifications/tasks/status", "notifications/tasks"):
            return self._status(message)
        return self._rest(message, passes=method in _OF_SERVER)

    def _rest(self, message: Message, *, passes: bool) -> Forward | Drop:
        if passes or (self._others and message.method not in _KNOWN):
            return Forward(message.body)
        return Drop(f"the notification {message.method[:64]!a} is not relayed")

    def _cancelled(self, message: Message, flight: Flight) -> Forward | Drop:
        pending = flight.cancel(message.params.get("requestId"))
        if pending is None:
            return Drop("a cancellation of no request")
        settled = tuple([Settled(ticket, "cancelled") for ticket in pending.tickets])
        return Forward(message.body, settled) if pending.passed else Drop(settled=settled)

    def _cancelled_by_server(self, message: Message) -> Forward | Drop:
        ident = message.params.get("requestId")
        if (listen := self._listens(ident)) is not None:
            self._up.end(listen.id)
            return Forward(message.body)
        return self._cancelled(message, self._down)

    def _progress(self, message: Message, flight: Flight) -> Forward | Drop:
        token = message.params.get("progressToken")
        if type(token) in (int, str) and token in flight.tokens:
            return Forward(message.body)
        return Drop("progress of no request")

    def _status(self, message: Message) -> Forward | Drop:
        ident = message.params.get("taskId")
        if not isinstance(ident, str) or ident not in self._tasks.known:
            return Drop("the status of no task")
        if asks(message.params):  # a client may answer it by tasks/update, and nobody would have decided
            return Drop("a task asks something of the client, which only a result of its call can")
        return Forward(message.body, self._tasks.told(ident, message.params))

    def _listens(self, ident: object) -> Pending | None:
        """The request that opened a subscription."""
        pending = self._up.pending.get(ident) if isinstance(ident, (int, str)) and not isinstance(ident, bool) else None
        if pending is None or not pending.passed or pending.method != "subscriptions/listen":
            return None
        return pending if pending.context.life() > 0 or not pending.uris else None

    def _subscribed(self, uri: object) -> bool:
        if not isinstance(uri, str):
            return False
        return any(who.life() > 0 and (uri == one or uri.startswith(f"{one.rstrip('/')}/")) for (one, _), who in self.uris.items())
