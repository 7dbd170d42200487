"""Stdio: the shell around the core for a server that is a child process: one JSON-RPC message per line, both ways.

    relay = Relay(behind, session, child, stdin, stdout)
    code = await relay.run()

Reads a line, asks the core, does what it says.  A call that needs neither the disk nor a person is decided on the spot; every other is a task of its
own, so that one that waits for a person holds up nobody.  When the client closes its end, the server gets its end closed, some time, then SIGTERM,
then SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from gate.errors import ConfigError, GateError
from gate.mcp import wire
from gate.mcp.behind import Refusal
from gate.mcp.core import Session, presented, same
from gate.mcp.listing import list_tools
from gate.mcp.methods import FREE
from gate.mcp.people import People
from gate.mcp.pipes import Lines, Out
from gate.mcp.verdict import NOBODY, Drop, Forward, Hold, Ours, Permission, Reply, Verdict, Wait
from gate.shown import visible
from gate.ticket import Ticket

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Coroutine

    from gate.mcp.behind import Behind, Decided
    from gate.mcp.verdict import Context
    from gate.mcp.wire import Body, Message


def note(text: str) -> None:
    """A line for the person who runs it."""
    sys.stderr.write(f"gate mcp: {visible(text)}\n")


GRACE: Final = 2.0
"""Seconds the server has to end by itself, after its input ended and again after SIGTERM."""
_INTERNAL: Final = -32603
_ANYBODY: Final = FREE - {"resources/unsubscribe"}
"""Methods to which it does not matter who acts."""


class Relay:
    """One client and one server process.

    noted: takes lines for the person who runs it.  listed: called when the server's tools were listed.  warm: run once, in a thread, with the first
    message; what it raises ends the relay.
    """

    def __init__(
        self,
        behind: Behind,
        session: Session,
        child: subprocess.Popen[bytes],
        *,
        stdin: int = 0,
        stdout: int = 1,
        noted: Callable[[str], None] = note,
        listed: Callable[[list[object]], None] | None = None,
        longest: int = wire.LONGEST,
        people: People | None = None,
        warm: Callable[[], None] | None = None,
    ) -> None:
        if child.stdin is None or child.stdout is None:
            raise ConfigError("the server needs pipes")
        self.behind, self.session, self.child = behind, session, child
        self.people = people or People(behind, session)
        self._noted, self._listed, self._longest = noted, listed, longest
        self._fds = (stdin, stdout, os.dup(child.stdin.fileno()), child.stdout.fileno())
        child.stdin.close()  # `Out` closes its own, so that nobody closes a number that is another file's by then
        self._waiting: list[tuple[Message, Context]] = []
        self._listing: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._done = asyncio.Event()
        self._warming, self._code = warm, 0

    async def run(self) -> int:
        """Relays until the client or the server is gone, or somebody ends it; the exit code."""
        stdin, stdout, to_child, from_child = self._fds
        self._to_client, self._to_server = Out(stdout, self._done.set), Out(to_child, self._server_gone)
        self._from_client = Lines(stdin, self._client_line, self._client_gone, self._longest)
        self._from_server = Lines(from_child, self._server_line, self._server_gone, self._longest)
        loop = asyncio.get_running_loop()
        ended: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, partial(self._signalled, number, ended))
        self._from_client.start()
        self._from_server.start()
        await self._done.wait()
        code = await self._end()
        return self._code or (128 + ended[0] if ended else code)

    # ---- lines ----------------------------------------------------------------------------------------------------------------------

    def _client_line(self, line: bytes | None) -> None:
        try:
            if line is None:
                raise wire.BadMessage(f"a message is longer than {self._longest} bytes", wire.PARSE_ERROR)
            token, message = presented(wire.parse(line, self._longest))
        except wire.BadMessage as wrong:
            self._noted(f"refused what the client sent: {wrong}")
            self._send(self._to_client, wire.error(None, wrong.code, f"Refused by Gate: {wrong}"))
            return
        self._warm()
        try:
            context = NOBODY if message.method in _ANYBODY and not token else self.behind.context(token)
        except Exception as error:  # whatever is wrong with it: nobody acts
            self._noted(f"no capability: {error}")
            context = NOBODY
        if message.method == "notifications/cancelled":
            gone = message.params.get("requestId")
            self._waiting = [one for one in self._waiting if one[1].key != context.key or not same(one[0].id, gone)]
        self._from(message, context, monotonic())

    def _warm(self) -> None:
        """With the first message, in a thread, while the server thinks about it: what the next ones need. A capability that is none ends it all."""
        warm, self._warming = self._warming, None
        if warm is not None:
            self._task(self._warmed(warm))

    async def _warmed(self, warm: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(warm)
        except Exception as error:
            self._noted(str(error))
            self._code = 2
            self._done.set()

    def _from(self, message: Message, context: Context, now: float) -> None:
        """What a client sent, now or before the tools were listed."""
        try:
            self._do(self.session.client(message, context, now), self._to_client, self._to_server, context)
        except Exception as error:
            self._noted(f"refused a message: the gate failed: {error!r}")
            if message.id is not None and message.sort == "request":
                self.session.up.end(message.id)
                self._send(self._to_client, wire.error(message.id, _INTERNAL, "Refused by Gate: the gate failed"))

    def _server_line(self, line: bytes | None) -> None:
        try:
            if line is None:
                raise wire.BadMessage(f"a message is longer than {self._longest} bytes")
            message = wire.parse(line, self._longest)
            context = self._default()
            self._do(self.session.server(message, context, monotonic()), self._to_server, self._to_client, context)
        except wire.BadMessage as wrong:
            self._noted(f"dropped what the server sent: {wrong}")
        except Exception as error:  # dropped: nothing passes that was not judged
            self._noted(f"dropped what the server sent: the gate failed: {error!r}")
        if self._to_client.full:
            self._from_server.pause()
            asyncio.get_running_loop().call_later(0.05, self._resume)

    def _resume(self) -> None:
        if self._to_client.full and not self._to_client.gone:
            asyncio.get_running_loop().call_later(0.05, self._resume)
        else:
            self._from_server.resume()

    def _default(self) -> Context:
        try:
            return self.behind.context()
        except Exception:  # ended, or never there
            return NOBODY

    # ---- verdicts -------------------------------------------------------------------------------------------------------------------

    def _do(self, verdict: Verdict, sender: Out, other: Out, context: Context) -> None:
        """Does what the core says. sender: where the message came from; other: the other side."""
        if isinstance(verdict, Forward):
            self._send(other, verdict.body)
            self.behind.settle(verdict.settled)
        elif isinstance(verdict, Reply):
            self._send(sender, verdict.body)
            self.behind.settle(verdict.settled)
        elif isinstance(verdict, Drop):
            if verdict.why:
                self._noted(f"dropped: {verdict.why}")
            self.behind.settle(verdict.settled)
        elif isinstance(verdict, Hold):
            self._hold(verdict, sender, other)
        elif isinstance(verdict, Ours):
            answer = self._answers.pop(verdict.ident, None)
            if answer is not None and not answer.done():
                answer.set_result(verdict.message)
        else:
            self._wait(verdict, context)

    def _send(self, out: Out, body: Body) -> None:
        out.send(wire.dump(body))

    def _hold(self, hold: Hold, sender: Out, other: Out) -> None:
        decided = None if self.people.waits_for(hold) else self.behind.at_once(hold)
        if decided is not None:
            self._decided(hold, decided, sender, other)
        else:
            self._task(self._decide(hold, sender, other))

    async def _decide(self, hold: Hold, sender: Out, other: Out) -> None:
        try:
            decided = await self.people.decide(hold, self._elicit)
            if not isinstance(decided, (dict, Refusal)):
                decided = await self._looked_again(hold, decided)
            if isinstance(decided, dict):  # a modern client is asked, and calls again
                self.session.up.end(hold.pending.id)
                self._send(sender, decided)
            else:
                self._decided(hold, decided, sender, other)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._noted(f"refused a call: the gate failed: {error!r}")
            self._do(self.session.refused(hold, "Refused by Gate, it did not run: the gate failed"), sender, other, NOBODY)

    async def _looked_again(self, hold: Hold, decided: tuple[Permission, ...]) -> Decided:
        """The decision about a call that was held, once its tool is known as it is now: it may be another than the one that was asked about."""
        now = monotonic()
        if hold.pending.method != "tools/call" or not self.session.catalogue.needed(now):
            return decided
        try:
            if self._listing is None:
                self._listing = self._task(self._list(hold.message))
            await asyncio.shield(self._listing)
        except BaseException:
            self.behind.cancelled(decided)
            raise
        if not self.session.catalogue.needed(now):
            return decided
        self.behind.cancelled(decided)
        return Refusal("Refused by Gate, it did not run: the server does not list its tools any more")

    async def _elicit(self, params: Body, seconds: float) -> object:
        """What the client's own dialogue brings back, None for nothing."""
        with suppress(TimeoutError):
            answer = await asyncio.wait_for(self._ask(self._to_client, "elicitation/create", params), seconds)
            return answer.body.get("result")
        return None

    def _decided(self, hold: Hold, decided: Decided, sender: Out, other: Out) -> None:
        if isinstance(decided, Refusal):
            self._do(self.session.refused(hold, decided.words), sender, other, NOBODY)
            return
        verdict = self.session.allowed(hold, decided)
        if isinstance(verdict, Drop) and not verdict.settled:  # nobody waits for it any more
            self.behind.cancelled(decided)
        for permission in decided:
            if isinstance(permission.ticket, Ticket) and permission.ticket.tool.timeout:
                asyncio.get_running_loop().call_later(permission.ticket.tool.timeout, self._over, hold)
        self._do(verdict, sender, other, NOBODY)

    def _over(self, hold: Hold) -> None:
        """A call ran longer than it may."""
        pending = hold.pending
        if self.session.up.pending.get(pending.id) is not pending:
            return
        self.behind.settle(self.session.over(pending))
        reason = "it took longer than it may"
        self._send(self._to_server, {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": pending.id, "reason": reason}})
        self._send(self._to_client, wire.error(pending.id, -32001, f"Gate: {reason}; whether it did it is not known"))

    # ---- the server's tools -----------------------------------------------------------------------------------------------------------

    def _wait(self, wait: Wait, context: Context) -> None:
        self._waiting.append((wait.message, context))
        if self._listing is None:
            self._listing = self._task(self._list(wait.message))

    async def _list(self, message: Message) -> None:
        """Lists the tools of the server, then goes on with what waited for it."""
        now, why = monotonic(), ""
        try:
            now = await list_tools(message, partial(self._ask, self._to_server), self.behind, self.session.catalogue, self._listed)
            for name, withheld in self.session.catalogue.withheld.items():
                self._noted(f"'{name}' is withheld: {withheld}")
        except (GateError, TimeoutError, ValueError) as error:
            why = str(error) or "the server does not list its tools"
        finally:
            self._listing = None
            waiting, self._waiting = self._waiting, []
        for one, context in waiting:
            if why:
                self._send(self._to_client, wire.error(one.id, _INTERNAL, f"Refused by Gate: {why}"))
            else:
                self._from(one, context, now)

    async def _ask(self, out: Out, method: str, params: Body) -> Message:
        """The response to a request of the gate's own."""
        ident = self.session.own(secrets.token_hex(16), "client" if out is self._to_client else "server")
        self._answers[ident] = asyncio.get_running_loop().create_future()
        self._send(out, wire.request(ident, method, params))
        try:
            return await self._answers[ident]
        finally:
            self._answers.pop(ident, None)

    # ---- the end ----------------------------------------------------------------------------------------------------------------------

    def _client_gone(self) -> None:
        """No more will come; what is on its way is still answered, as far as the server does it in time."""
        self._task(self._drain())

    async def _drain(self) -> None:
        if others := self._tasks - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=GRACE)
        self._to_server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), GRACE)
        self._done.set()

    def _server_gone(self) -> None:
        """What was in flight is told so."""
        if self._done.is_set():
            return
        answers, settled = self.session.lost("the server is gone")
        for body in answers:
            self._send(self._to_client, body)
        self.behind.settle(settled)
        self._done.set()

    def _signalled(self, number: int, ended: list[int]) -> None:
        ended.append(number)
        self._done.set()

    async def _end(self) -> int:
        from gate.mcp.child import end

        self._from_client.stop()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        code = await asyncio.to_thread(end, self.child, GRACE)
        self._from_server.stop()
        self.behind.settle(self.session.lost("the gate ended")[1])
        await self._to_client.flush(GRACE)
        return code if code >= 0 else 128 - code

    def _task(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
