"""Core: what becomes of a message, without any I/O.

    session = Session("fs", catalogue)
    verdict = session.client(message, context, now)          # what a client sent
    verdict = session.server(message, context, now)          # what the server sent; context: of whoever the session acts for
    verdict = session.allowed(hold, permissions)             # the gate allows all calls of a held message
    verdict = session.refused(hold, words)                   # it does not, and these are its words

The shells (`gate.mcp.stdio`, `gate.mcp.http`) read messages with `gate.mcp.wire`, ask the gate about what is held (`gate.mcp.behind`), and write what
a verdict says.  One session is one connection: ids in flight, progress tokens, subscriptions and tasks belong to it.

Closed world: a method that needs no grant is named in `gate.mcp.methods`, and so is every notification that passes; whatever else a client or a
server sends goes nowhere, and so does what `gate.mcp.params` does not know in params.  A response is passed on only to a request that is
in flight, and only of the side that was asked.

>>> from gate.mcp.catalogue import Catalogue
>>> from gate.mcp.verdict import NOBODY
>>> from gate.mcp.wire import parse
>>> session = Session("fs", Catalogue("fs"))
>>> session.client(parse(b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}'), NOBODY, 0.0).calls
(Wanted(tool='fs/resources/read', arguments={'uri': 'file:///a'}),)
>>> session.server(parse(b'{"jsonrpc":"2.0","id":7,"result":{}}'), NOBODY, 0.0).why
'a response to no request, 7'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from gate.constraints.value import is_array, is_object
from gate.mcp import wire
from gate.mcp.catalogue import Catalogue
from gate.mcp.era import CAPABILITY, complete, meta, modern
from gate.mcp.flight import Flight, Pending, token_of
from gate.mcp.methods import FREE, LISTS, OTHER, REMOVED, REVERSE, TASKS, Malformed, arguments_of, tool_of
from gate.mcp.notices import Notices
from gate.mcp.params import closed
from gate.mcp.results import Results, inner_calls
from gate.mcp.tasks import Tasks
from gate.mcp.verdict import Context, Drop, Forward, Hold, Ours, Permission, Reply, Settled, Verdict, Wait, Wanted
from gate.mcp.wire import Body, Id, Message

UNKNOWN: Final = -32602
NO_METHOD: Final = -32601
REFUSED: Final = -32010
_MINE: Final = "gate."
_A_MOMENT: Final = 1.0  # seconds for which a list that the gate made stands for the one that the client asks for now


def presented(message: Message) -> tuple[str, Message]:
    """The capability that a request brings in its `_meta`, "" for none, and the message without it. BadMessage when it is no text."""
    if "_meta" not in message.params or CAPABILITY not in (said := meta(message)):
        return "", message
    token = said[CAPABILITY]
    if type(token) is not str:
        raise wire.BadMessage(f"'{CAPABILITY}' must be a text")
    rest = {name: value for name, value in said.items() if name != CAPABILITY}
    params = {**message.params, "_meta": rest} if rest else {name: value for name, value in message.params.items() if name != "_meta"}
    body = wire.with_params(message, params)
    return token, message._replace(body=body, params=params)


class Session:
    """One client and one server. others: notifications that the gate does not know pass, too."""

    def __init__(self, server: str, catalogue: Catalogue, *, others: bool = False, tasks: Tasks | None = None) -> None:
        self.name, self.catalogue = server, catalogue
        self.up, self.down = Flight(), Flight()
        self.tasks = Tasks() if tasks is None else tasks
        self.initialized: Mapping[str, object] = {}
        self.notices = Notices(self.up, self.down, self.tasks, catalogue, others=others)
        self.results = Results(server, catalogue, self.tasks, self.notices)
        self._own: dict[Flight, set[Id]] = {self.up: set(), self.down: set()}

    # ---- the gate's own requests --------------------------------------------------------------------------------------------------

    def own(self, ident: str, asked: Literal["client", "server"] = "server") -> str:
        """The id of a request of the gate's own. Its response comes back as `Ours`, from the side that was asked and no other.

        ident: what nobody can guess, so that the other side cannot answer first where it is one of several servers or clients.
        """
        self._own[self.up if asked == "server" else self.down].add(_MINE + ident)
        return _MINE + ident

    # ---- what a client sends --------------------------------------------------------------------------------------------------------

    def client(self, message: Message, context: Context, now: float) -> Verdict:
        """What becomes of what a client sent."""
        message = closed(message)
        if message.sort == "notification":
            return self.notices.of_client(message, context)
        if message.sort != "request" or message.id is None:
            return self._response(message, self.down)
        if why := self._unfit(message.id, self.up):
            return Reply(wire.error(None, wire.INVALID_REQUEST, why))
        method = message.method
        if method in REMOVED and modern(message):
            return Reply(wire.error(message.id, NO_METHOD, "Method not found"))
        if (method == "tools/call" and self.catalogue.needed(now)) or (method == "tools/list" and self.catalogue.needed(now, _A_MOMENT)):
            return Wait(message)
        if method in FREE or method in LISTS or method == "tasks/list":
            return self._free(message, context)
        if method in TASKS:
            return self._task(message, context)
        return self._gated(message, context)

    def _unfit(self, ident: Id, flight: Flight) -> str:
        if type(ident) is str and ident.startswith(_MINE):
            return f"ids that begin with '{_MINE}' are the gate's own"
        return flight.refusal(ident)

    def _free(self, message: Message, context: Context) -> Verdict:
        if message.method == "initialize" and is_object(said := message.params.get("capabilities")):
            self.initialized = said
        if message.method == "resources/unsubscribe" and not self.notices.ended(message.params.get("uri"), context):
            return Reply(wire.result(message.id, {}))  # somebody else's goes on: the server has one subscription for all of this session
        self._start(message, context).passed = True
        return Forward(message.body)

    def _task(self, message: Message, context: Context) -> Verdict:
        if not self.tasks.owned(message.params.get("taskId"), context.key):
            return Reply(wire.error(message.id, UNKNOWN, "there is no such task"))
        pending = self._start(message, context)
        pending.passed, pending.name = True, str(message.params.get("taskId"))
        return Forward(message.body)

    def _gated(self, message: Message, context: Context) -> Verdict:
        if message.method == "tools/call":
            return self._call(message, context)
        tool = f"{self.name}/{tool_of(message.method)}"
        if message.method in REVERSE or message.method == OTHER:
            return Reply(wire.error(message.id, NO_METHOD, "Method not found"))
        try:
            calls = tuple([Wanted(tool, arguments) for arguments in arguments_of(message.method, message.params)])
        except Malformed as wrong:
            return Reply(wire.error(message.id, wire.INVALID_REQUEST if message.id is None else UNKNOWN, str(wrong)))
        pending = self._start(message, context)
        pending.uris = tuple([str(call.arguments["uri"]) for call in calls if "uri" in call.arguments])
        if not calls:  # it listens to lists only
            pending.passed = True
            return Forward(message.body)
        return Hold(calls, message, "request", pending, hidden=not context.sees(tool))

    def _call(self, message: Message, context: Context) -> Verdict:
        name, arguments = message.params.get("name"), message.params.get("arguments", {})
        if type(name) is not str or not is_object(arguments):
            return Reply(wire.error(message.id, UNKNOWN, "'name' must be a text and 'arguments' an object"))
        tool = f"{self.name}/{name}"
        hidden = name not in self.catalogue.admitted or not context.sees(tool)
        pending = self._start(message, context)
        pending.name, pending.extra["pin"] = name, self.catalogue.pin_of(name)
        return Hold((Wanted(tool, arguments),), message, "request", pending, hidden=hidden)

    def _start(self, message: Message, context: Context) -> Pending:
        ident: Id = message.id  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # a request has one
        return self.up.start(Pending(ident, message.method, "", context, modern(message), token_of(message)))

    # ---- what the server sends --------------------------------------------------------------------------------------------------------

    def server(self, message: Message, context: Context, now: float) -> Verdict:
        """What becomes of what the server sent. context: of whoever this session acts for, for what it asks of the client."""
        del now
        message = closed(message)
        if message.sort == "notification":
            return self.notices.of_server(message)
        if message.sort != "request" or message.id is None:
            return self._response(message, self.up)
        if why := self._unfit(message.id, self.down):
            return Reply(wire.error(None, wire.INVALID_REQUEST, why))
        pending = Pending(message.id, message.method, "", context, modern(message), token_of(message))
        if message.method == "ping":
            pending.passed = True
            self.down.start(pending)
            return Forward(message.body)
        if message.method not in REVERSE:
            return Reply(wire.error(message.id, NO_METHOD, "Method not found"))
        calls, why = inner_calls(self.name, message.method, message.params)
        if why:
            return Reply(wire.error(message.id, UNKNOWN, why))
        self.down.start(pending)
        return Hold(calls, message, "reverse", pending, hidden=not context.sees(calls[0].tool))

    def _response(self, message: Message, flight: Flight) -> Verdict:
        """What becomes of a response: of the server, or of the client to what the server asked."""
        if message.id in (own := self._own[flight]):
            own.discard(message.id)
            return Ours(str(message.id), message)
        waiting = flight.pending.get(message.id) if message.id is not None else None
        if waiting is None or not waiting.passed:  # one that is still held was never heard of on the other side
            flight.came(message.id)
            return Drop(f"a response to no request, {str(message.id)[:64]}")
        flight.end(waiting.id)
        if message.sort == "error":
            return Forward(message.body, tuple([Settled(ticket, "error", None, _said(message)) for ticket in waiting.tickets]))
        if flight is self.down:
            return Forward(message.body, tuple([Settled(ticket, "ok", message.body["result"]) for ticket in waiting.tickets]))
        return self.results.verdict(message, waiting)

    # ---- what the gate decided ------------------------------------------------------------------------------------------------------------

    def allowed(self, hold: Hold, permissions: Sequence[Permission]) -> Verdict:
        """The gate allows all calls of a held message. Drop when nobody waits any more; the shell settles the tickets then."""
        pending = hold.pending
        if hold.hidden:
            return Drop("a hidden call cannot be allowed")
        tickets = tuple([permission.ticket for permission in permissions])
        exact = hold.sort == "request" and pending.method == "tools/call"  # it is written with the checked ones
        exact = exact or all(same(call.arguments, one.arguments) for call, one in zip(hold.calls, permissions, strict=True))
        cancelled = tuple([Settled(ticket, "cancelled") for ticket in tickets])
        changed = "its arguments were changed, which only those of a tool can be"
        if hold.sort == "inputs":
            if not exact:
                refusal = self.refused(hold, changed)
                return refusal._replace(settled=(*refusal.settled, *cancelled))
            return Forward(hold.message.body, (*hold.settled, *[Settled(ticket, "ok") for ticket in tickets]))
        flight = self.up if hold.sort == "request" else self.down
        if flight.pending.get(pending.id) is not pending:
            return Drop()
        message = self._plain(hold)
        body = message.body
        if pending.method == "tools/call":
            if self.catalogue.pin_of(pending.name) != pending.extra.get("pin"):  # while a person thought about it
                words = "Refused by Gate, it did not run: the definition of the tool changed while it was asked about"
                return self.refused(hold, words)._replace(settled=cancelled)
            body = with_arguments(message, permissions[0].arguments)
        elif not exact:
            return self.refused(hold, changed)._replace(settled=cancelled)
        pending.tickets, pending.passed = tickets, True
        if pending.method in ("resources/subscribe", "subscriptions/listen"):
            self.notices.began(pending.uris, pending.context)
        return Forward(body)

    def _plain(self, hold: Hold) -> Message:
        """The message as the server gets it: without the gate's own state, where it went on with one."""
        plain = hold.pending.extra.get("message", hold.message)
        return plain if isinstance(plain, Message) else hold.message

    def refused(self, hold: Hold, words: str) -> Forward | Reply | Drop:
        """The gate does not allow one of them."""
        pending = hold.pending
        if hold.sort == "inputs":
            return Forward(self._denial(hold, words), hold.settled or self.results.given_up(pending))
        flight = self.up if hold.sort == "request" else self.down
        if flight.pending.get(pending.id) is not pending:
            return Drop()
        flight.end(pending.id)
        if hold.sort == "reverse":
            return Reply(wire.error(pending.id, -1, words))
        return Reply(self._denial(hold, words))

    def _denial(self, hold: Hold, words: str) -> Body:
        """The words, as the method's results have it; a hidden call is answered as one of something that is not there."""
        pending = hold.pending
        if pending.method == "tools/call":
            if hold.hidden and hold.sort == "request":
                return wire.error(pending.id, UNKNOWN, f"Unknown tool: {pending.name[:128]}")
            return wire.result(pending.id, complete({"content": [{"type": "text", "text": words}], "isError": True}, modern=pending.modern))
        if hold.hidden and tool_of(pending.method) == OTHER:
            return wire.error(pending.id, NO_METHOD, "Method not found")
        return wire.error(pending.id, REFUSED, words)

    def over(self, pending: Pending) -> tuple[Settled, ...]:
        """A call took too long: nobody waits for it any more."""
        if self.up.cancel(pending.id) is None:
            return ()
        return tuple([Settled(ticket, "timeout") for ticket in pending.tickets])

    def lost(self, why: str) -> tuple[list[Body], tuple[Settled, ...]]:
        """The server is gone: what the client is told about each of its requests, and what became of the calls."""
        answers: list[Body] = []
        settled = [*self.tasks.lost(), *[Settled(ticket, "lost", None, why) for tickets in self.results.kept.values() for ticket in tickets]]
        self.results.kept.clear()
        for ident in list(self.up.pending):
            if pending := self.up.end(ident):
                answers.append(wire.error(ident, -32000, why))
                settled += [Settled(ticket, "lost", None, why) for ticket in pending.tickets]
        for ident in list(self.down.pending):
            if pending := self.down.end(ident):
                settled += [Settled(ticket, "lost", None, why) for ticket in pending.tickets]
        return answers, tuple(settled)


def with_arguments(message: Message, arguments: dict[str, object]) -> Body:
    """A tools/call with the checked arguments: as they were written where they are the same values."""
    sent = message.params.get("arguments", {})
    if same(sent, arguments):
        return message.body
    return wire.with_params(message, {**message.params, "arguments": arguments})


def same(one: object, other: object) -> bool:
    """Whether two values of plain data are one value, so that what was written says what was checked. `1`, `1.0` and `true` are three.

    A number that was written more exactly than a double holds is none that was checked: who reads decimals would get another one.
    """
    if wire.is_body(one):
        return wire.is_body(other) and len(one) == len(other) and all(name in other and same(value, other[name]) for name, value in one.items())
    if is_array(one):
        return is_array(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return isinstance(other, float) and one == other and (not isinstance(one, wire.Real) or _says(one.text, one))
    return type(one) is type(other) and one == other


def _says(text: str, value: float) -> bool:
    """Whether a number as it was written is the one that its double is, digit by digit."""
    try:
        return Decimal(text) == Decimal(repr(float(value)))
    except InvalidOperation:
        return False


def _said(message: Message) -> str:
    said = message.body.get("error")
    return str(said.get("message"))[:500] if is_object(said) else ""
