"""Line: one client's conversation over HTTP, and what the gate makes of each message in it, in either direction.

The legacy era has sessions, each a line of its own, bound to whoever began it; a modern request is a line by itself, and its tasks are kept with
those of its server.  A verdict of the core becomes, here, what is sent: `of_client` ends with what goes on to the server or back to the client,
`of_server` with what the client gets, if anything.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gate.constraints.value import is_array, is_object
from gate.mcp import headers as head
from gate.mcp import sse, wire
from gate.mcp.behind import Refusal
from gate.mcp.core import Session
from gate.mcp.era import LEGACY, MODERN, modern, own_params
from gate.mcp.people import People
from gate.mcp.upstream import Answer, Unreachable
from gate.mcp.verdict import Drop, Forward, Hold, Ours, Permission, Reply, Settled, Verdict, Wait
from gate.mcp.wire import Message
from gate.shown import visible

if TYPE_CHECKING:
    from gate.mcp.behind import Behind, Decided
    from gate.mcp.headers import Headers
    from gate.mcp.state import States
    from gate.mcp.upstream import Upstream
    from gate.mcp.verdict import Context
    from gate.mcp.wire import Body

Show: TypeAlias = "Callable[[Body], Awaitable[None]]"
MOST_PAGES: Final = 100
_AGAIN: Final = 5
_NO_METHOD: Final = -32601
_MOST_EVENTS: Final = 1000
_LONGEST_EVENT: Final = 512
_LISTING: Final = "gate.list"
_SESSION: Final = "mcp-session-id"
_LAST_EVENT: Final = "last-event-id"
_log: Final = logging.getLogger("gate")


class Dialogue(NamedTuple):
    """How people are reached: see `gate.mcp.people`. states: of modern clients; kept: tickets of calls that go on in another request."""

    answers: str
    waits: float
    states: States | None
    kept: dict[str, tuple[object, ...]]


class Server(NamedTuple):
    """What all lines share. listed: gets the server's tools before the catalogue does; alone: for one listing at a time.

    said: what is known of the server from one line for the next: its instructions, and why which tool is withheld.
    """

    behind: Behind
    upstream: Upstream
    listed: Callable[[list[object], Session], None] | None
    alone: asyncio.Lock
    said: dict[str, str]
    dialogue: Dialogue


class Asked(NamedTuple):
    """A request of a client as it came, with who acts."""

    message: Message
    headers: Headers
    context: Context


class Line:
    """One conversation. owner: who began it; there: the server's own id of the session."""

    def __init__(self, server: Server, session: Session, owner: tuple[str, str], there: str = "") -> None:
        self.server, self.session, self.owner, self.there = server, session, owner, there
        self.used = time.monotonic()
        self._people = People(server.behind, session, answers=server.dialogue.answers, waits=server.dialogue.waits, states=server.dialogue.states)
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._version, self._events = "", OrderedDict[str, None]()
        session.results.instructions = server.said.get("")

    # ---- what the client sent -----------------------------------------------------------------------------------------------------------

    async def of_client(self, asked: Asked, show: Show) -> Forward | Reply | Drop:
        """What becomes of it; its outcomes are recorded. show: sends the client a request of the gate's own.

        head.Mismatch where the headers of its arguments say otherwise.
        """
        verdict: Verdict = self.session.client(asked.message, asked.context, time.monotonic())
        for _ in range(2):
            if not isinstance(verdict, Wait):
                break
            await self._list(asked)
            verdict = self.session.client(asked.message, asked.context, time.monotonic())
        if isinstance(verdict, Hold):
            try:
                if asked.message.method == "tools/call":
                    head.check_params(asked.headers, self._schema(asked.message), _arguments(asked.message))
            except head.Mismatch:
                self.session.refused(verdict, "")
                raise
            verdict = await self._decided(verdict, show, asked)
        if isinstance(verdict, Ours):
            answer = self._answers.pop(verdict.ident, None)
            if answer is not None and not answer.done():
                answer.set_result(verdict.message)
            return Drop()
        if isinstance(verdict, (Wait, Hold)):
            return Reply(wire.error(asked.message.id, wire.INVALID_REQUEST, "the gate could not list the server's tools"))
        self.server.behind.settle(verdict.settled)
        return verdict

    def headers_of(self, asked: Asked, body: Body) -> Headers:
        """The headers with which a message goes on."""
        params = body.get("params", {})
        now = asked.message._replace(params=params if isinstance(params, dict) else {})
        return [*_fixed(asked.headers), *self._session_header(), *head.of(asked.headers, now, self._schema(asked.message))]

    def _session_header(self) -> Headers:
        return [(_SESSION, self.there)] if self.there else []

    def _schema(self, message: Message) -> object:
        definition = self.session.catalogue.admitted.get(str(message.params.get("name")), {})
        return definition.get("inputSchema")

    async def _decided(self, hold: Hold, show: Show, asked: Asked | None = None) -> Forward | Reply | Drop | Hold:
        """The gate's decision about a held message, after asking the client where that is how a person is reached. asked: a client's own request."""
        behind = self.server.behind
        decided: Decided | Body | None = None if self._people.waits_for(hold) else behind.at_once(hold)
        if decided is None:
            decided = await self._people.decide(hold, partial(self._elicit, show))
        if isinstance(decided, dict):  # a modern client is asked, and calls again
            self.session.up.end(hold.pending.id)
            return Reply(decided)
        if isinstance(decided, Refusal):
            return self.session.refused(hold, decided.words)
        if asked is not None and hold.pending.method == "tools/call":
            await self._looked_again(asked, decided)
        verdict = self.session.allowed(hold, decided)
        if isinstance(verdict, Drop):  # nobody waits any more
            behind.cancelled(decided)
        return verdict if isinstance(verdict, (Forward, Reply, Drop, Hold)) else Drop("an unexpected verdict")

    async def _looked_again(self, asked: Asked, decided: tuple[Permission, ...]) -> None:
        """The server's tools as they are now: a call that was held may be of another than the one that was asked about. Unreachable, as `_list`."""
        try:
            if self.session.catalogue.needed(time.monotonic()):
                await self._list(asked)
        except BaseException:
            self.server.behind.cancelled(decided)
            self.session.up.end(asked.message.id)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a request has one
            raise

    async def _elicit(self, show: Show, params: Body, seconds: float) -> object:
        """What the client's own dialogue brings back, None for nothing."""
        ident = self.session.own(secrets.token_hex(16), "client")
        self._answers[ident] = asyncio.get_running_loop().create_future()
        try:
            await show(wire.request(ident, "elicitation/create", params))
            answer = await asyncio.wait_for(self._answers[ident], seconds)
            return answer.body.get("result")
        except (TimeoutError, Unreachable):
            return None
        finally:
            self._answers.pop(ident, None)

    # ---- what the server sent -----------------------------------------------------------------------------------------------------------

    async def of_server(self, data: bytes, context: Context, show: Show) -> Body | None:
        """What the client gets of one message of the server's; None for nothing. Its outcomes are recorded. show: as for `of_client`."""
        message = wire.parse(data)
        verdict: Verdict = self.session.server(message, context, time.monotonic())
        if (instructions := self.session.results.instructions) is not None:
            self.server.said[""] = instructions
        while isinstance(verdict, Hold):
            self.server.behind.settle(verdict.settled)
            verdict = await self._decided(verdict._replace(settled=()), show)
        if isinstance(verdict, (Forward, Reply, Drop)):
            self.server.behind.settle(verdict.settled)
        if isinstance(verdict, Reply):
            await self._back(verdict.body)
        if message.sort == "result" and wire.is_body(result := message.body["result"]) and not self._version:
            self._version = str(result.get("protocolVersion", ""))
        return verdict.body if isinstance(verdict, Forward) else None

    def event(self, ident: str) -> None:
        """Keeps the id of an event that the client of this session got; of the oldest it may not come back for the rest."""
        if self.there and len(ident) <= _LONGEST_EVENT:
            ident = ident.encode("utf-8", "replace").decode("latin-1")  # as the header says it
            self._events[ident] = None
            self._events.move_to_end(ident)
            if len(self._events) > _MOST_EVENTS:
                self._events.popitem(last=False)

    def last_event(self, headers: Headers) -> Headers:
        """The header with which a stream is taken up; head.Mismatch for an event that was not of this session.

        Many servers keep the events of all sessions in one place, and look for the id alone.
        """
        said = head.one(headers, _LAST_EVENT)
        if said is None:
            return []
        if said not in self._events:
            raise head.Mismatch("the header last-event-id names no event of this session")
        return [(_LAST_EVENT, said)]

    async def _back(self, body: Body) -> None:
        """Tells the server that its request is refused."""
        fixed = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")]
        try:
            answer = await self.server.upstream.send("POST", [*fixed, *self._session_header()], wire.dump(body))
            await answer.close()
        except Unreachable:
            return

    def lost(self, ident: object, why: str) -> Body | None:
        """The answer to a request whose stream ended without one; its outcome is recorded. None when it had its answer."""
        pending = self.session.up.end(ident) if isinstance(ident, (int, str)) else None
        if pending is None:
            return None
        self.server.behind.settle([Settled(ticket, "lost", None, why) for ticket in pending.tickets])
        return wire.error(pending.id, -32000, why)

    def gone(self, ident: object) -> None:
        """Nobody waits for the answer to a request any more."""
        pending = self.session.up.end(ident) if isinstance(ident, (int, str)) else None
        if pending is not None:
            self.server.behind.settle([Settled(ticket, "cancelled") for ticket in pending.tickets])

    def ended(self, why: str) -> None:
        """The whole conversation is over."""
        self.server.behind.settle(self.session.lost(why)[1])

    # ---- the server's tools -----------------------------------------------------------------------------------------------------------------

    async def _list(self, asked: Asked) -> None:
        """Lists the server's tools, all pages, on behalf of a client. Unreachable when it cannot be done."""
        catalogue = self.session.catalogue
        async with self.server.alone:
            if not catalogue.needed(time.monotonic(), 0.05):
                return
            items: list[object] = []
            for _ in range(_AGAIN):
                turn = catalogue.turn
                items = await self._pages(asked)
                if catalogue.turn == turn:
                    break
            if self.server.listed is not None:
                self.server.listed(items, self.session)
            catalogue.listed(items, time.monotonic())
            self.server.behind.declare()
            for name, why in catalogue.withheld.items():
                if self.server.said.get(name) != why:
                    self.server.said[name] = why
                    _log.warning("'%s' is withheld: %s", visible(name), visible(why))

    async def _pages(self, asked: Asked) -> list[object]:
        items: list[object] = []
        params = own_params(asked.message)
        for _ in range(MOST_PAGES):
            result = await self._ask(asked, wire.request(_LISTING, "tools/list", params))
            if result is None:
                return items  # a server without tools
            found = result.get("tools")
            items += found if is_array(found) else ()
            if not isinstance(cursor := result.get("nextCursor"), str):
                return items
            params = own_params(asked.message, cursor=cursor)
        raise Unreachable(f"the server lists more than {MOST_PAGES} pages of tools")

    async def _ask(self, asked: Asked, body: Body) -> Body | None:
        """The result of a request of the gate's own, None from a server without the method; Unreachable for anything else."""
        fixed = [("content-type", "application/json"), ("accept", "application/json, text/event-stream"), *self._own(asked)]
        answer = await self.server.upstream.send("POST", [*fixed, *self._session_header()], wire.dump(body))
        try:
            async for data in messages(answer):
                message = wire.parse(data)
                if message.id == _LISTING and message.sort == "result" and wire.is_body(result := message.body["result"]):
                    return result
                if message.id == _LISTING and _code(message) == _NO_METHOD:
                    return None
                if message.id == _LISTING:
                    break
        except wire.BadMessage as wrong:
            raise Unreachable(f"the server's answer is no message: {wrong}") from None
        finally:
            await answer.close()
        raise Unreachable("the server does not list its tools")

    def _own(self, asked: Asked) -> Headers:
        """The headers of the protocol for a request of the gate's own: never a version that only the asker says."""
        if modern(asked.message):
            return [("mcp-protocol-version", MODERN), ("mcp-method", "tools/list")]
        said = self._version or next((value for name, value in asked.headers if name == "mcp-protocol-version"), "")
        return [("mcp-protocol-version", said)] if said in LEGACY else []


def _code(message: Message) -> object:
    """The code of an error, None for what is none."""
    error = message.body.get("error")
    return error.get("code") if wire.is_body(error) else None


async def messages(answer: Answer) -> AsyncIterator[bytes]:
    """The messages in an answer, of one or the other media type."""
    if answer.sort == "text/event-stream":
        events = sse.Events()
        async for chunk in answer.chunks():
            for event in events.feed(chunk):
                if event.data and event.type in ("", "message"):
                    yield event.data.encode()
    elif answer.sort == "application/json":
        yield await answer.text(wire.LONGEST)


def _fixed(headers: Headers) -> Headers:
    accept = ", ".join(value for name, value in headers if name == "accept")
    return [("content-type", "application/json"), *([("accept", accept)] if accept else [])]


def _arguments(message: Message) -> dict[str, object]:
    found = message.params.get("arguments", {})
    return dict(found) if is_object(found) else {}
