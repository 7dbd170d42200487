"""Behind: the tools of one server as tools of a gate: declared, authorized, settled; and who acts.

    behind = Behind(gate, "fs", catalogue, kinds=kind_tools)
    context = behind.context(token)                 # who acts; Denied, TokenError when nobody may
    decided = await behind.decide(hold)             # the tickets of a held message, or the words of a refusal
    behind.settle(verdict.settled)                  # outcomes

Every call is authorized before anything is forwarded, with its intent recorded, and settled when its response came, it was cancelled, or the server
died.  Whatever goes wrong in here is a refusal.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.agents.around import told
from gate.call import b64url
from gate.constraints.value import is_array, is_object
from gate.effect import Assessment, Risk, join
from gate.errors import ConfigError, Denied, GateError, NeedsApproval, ToolTimeout
from gate.home import new_session
from gate.mcp.atonce import AT_ONCE, NotNow
from gate.mcp.methods import TOOLS
from gate.mcp.verdict import NOBODY, Context, Hold, Permission, Settled
from gate.ticket import Ticket
from gate.waiting import drive

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.capability import Capability
    from gate.decide import Standing
    from gate.gate import Gate, Scope
    from gate.kind import KindTool
    from gate.mcp.catalogue import Catalogue

Kinds = Callable[[str, list[Mapping[str, object]]], Mapping[str, "KindTool"]]
"""The tools of a server's list as tools of kinds, `SERVER/TOOL`; what `capabilities.mcp.kind_tools` does."""
MOST: Final = 256
_OPEN: Final = Assessment(frozenset(), Risk.HIGH, ("its definition admits arguments that it does not name, which nobody can inspect",))


class ServerError(Exception):
    """The server answered with an error, or its tool did."""


class Refusal(NamedTuple):
    """The gate does not allow it. words: for the model; question: what a person must answer first, where that would help."""

    words: str
    question: Question | None = None


Decided = tuple[Permission, ...] | Refusal


class Behind:
    """One server behind a gate. session: of all calls; capability: gives the default capability's token, "" for none.

    Without a session it is one per capability and server, whichever process asks: a client that starts again takes up the answer to its question.

    apart: each principal's calls are a session of their own, so that stopping one of them stops nobody else, and nobody spends another's budget.
    """

    apart = False

    def __init__(
        self, gate: Gate, server: str, catalogue: Catalogue, *, kinds: Kinds, session: str = "", capability: Callable[[], str] = str
    ) -> None:
        self.gate, self.server, self.catalogue = gate, server, catalogue
        self.session = session
        self._kinds, self._capability = kinds, capability
        self._scopes: OrderedDict[str, tuple[Scope, Context]] = OrderedDict()
        self._declared: dict[str, object] = {}
        self._since: dict[str, float] = {}
        for method, tool in TOOLS.items():
            schema = {"properties": dict(tool.properties), "required": list(tool.required), "additionalProperties": False}
            gate.declare(f"{server}/{method}", schema, effects=tool.effects, risk=tool.risk)

    def warm(self) -> None:
        """Loads what the first call needs: the rules, the ledger, the kinds."""
        self.gate.home.rules()
        self.gate.home.standing()
        self._kinds(self.server, [])

    # ---- who acts -----------------------------------------------------------------------------------------------------------------

    def context(self, token: str = "") -> Context:
        """Who acts under a token, or under the default one. Denied, TokenError or ConfigError when it is not acceptable."""
        token = token or self._capability()
        return self._of(token)[1] if token else NOBODY

    def _of(self, token: str) -> tuple[Scope, Context]:
        known = self._scopes.get(token)
        if known is None:
            scope = self.gate.scope_of(token, session=self.session)
            capability = scope[0].capability
            if capability is None:
                raise Denied("no capability was presented")
            scope = (scope[0]._replace(session=self.session_of(capability)), scope[1])
            known = self._scopes[token] = (scope, _context(self.gate, token, capability))
            if len(self._scopes) > MOST:
                self._scopes.popitem(last=False)
        return known

    def session_of(self, capability: Capability) -> str:
        """The session of a capability's calls."""
        if not self.apart:
            return self.session or f"mcp:{self.server}:{_digest(capability.presentation)}"
        self.session = self.session or new_session()
        return f"{self.session}.{_digest(capability.principal or capability.agent)}"

    def acting(self, key: str) -> AbstractContextManager[object]:
        """Everything inside acts as a context's key says."""
        return self.gate.within(self._of(key)[0]) if key else nullcontext()

    # ---- which tools there are ----------------------------------------------------------------------------------------------------

    def declare(self) -> None:
        """Puts the tools that the catalogue admits behind the gate, and takes those away that it does not."""
        admitted = self.catalogue.admitted
        for name in [name for name, one in self._declared.items() if admitted.get(name) != one]:
            self.gate.forget(f"{self.server}/{name}")
            del self._declared[name]
        for name, definition in list(admitted.items()):
            if name in self._declared:
                continue
            try:
                (full, tool), *_ = self._kinds(self.server, [definition]).items()
                _declare(self.gate, full, tool, definition)
                self._declared[name] = definition
            except (ConfigError, ValueError, KeyError, TypeError) as error:
                self.catalogue.withhold(name, f"the gate cannot take it: {error}")

    # ---- what may run ---------------------------------------------------------------------------------------------------------------

    def at_once(self, hold: Hold) -> Decided | None:
        """The decision where it takes no waiting: one call, allowed, whose record need not be on disk first; None otherwise."""
        if hold.hidden or len(hold.calls) != 1 or hold.sort == "inputs":
            return None
        (call,) = hold.calls
        try:
            with self.acting(hold.pending.context.key):
                found = self.gate.find_tool(call.tool, call.arguments)
                ticket = drive(self.gate.begin(found, (), call.arguments, AT_ONCE))
        except NotNow:
            return None
        except Exception as error:
            return _refusal(error)
        return (self._permitted(ticket),)

    async def decide(self, hold: Hold, *approvals: str, ref: str = "") -> Decided:
        """The decision about all calls of a held message. approvals: tokens presented for them; ref: see `gate.halves`."""
        found: list[Permission] = []
        try:
            with self.acting(hold.pending.context.key), self.gate.approving(*approvals):
                for call in hold.calls:
                    ticket = await self.gate.aauthorize(call.tool, call.arguments, ref=ref)
                    found.append(self._permitted(ticket))
        except BaseException as error:  # also a cancellation: what was allowed already does not run
            self.settle([Settled(one.ticket, "cancelled") for one in found])
            if isinstance(error, asyncio.CancelledError):
                raise
            return _refusal(error)
        if hold.hidden:
            self.settle([Settled(one.ticket, "cancelled") for one in found])
            return Refusal("there is no such tool")
        return tuple(found)

    def _permitted(self, ticket: Ticket) -> Permission:
        """The permission of a call, which takes time from now on."""
        self._since[ticket.call.id] = monotonic()
        return Permission(ticket.arguments, ticket)

    def cancelled(self, permissions: Iterable[Permission]) -> None:
        """Calls that were allowed and are not made."""
        self.settle([Settled(one.ticket, "cancelled") for one in permissions])

    def settle(self, settled: Iterable[Settled]) -> None:
        """Records outcomes. One that cannot be recorded is the ledger's to report: the result is not held back for it."""
        for one in settled:
            if isinstance(one.ticket, Ticket):
                try:
                    self._settle(one, one.ticket)
                except Exception as error:
                    _log_failure(error)

    def _settle(self, one: Settled, ticket: Ticket) -> None:
        error, now = _error(one), monotonic()
        seconds = now - self._since.pop(ticket.call.id, now)
        if error is None:
            self.gate.settle(ticket, value=one.value, seconds=seconds)
        else:
            self.gate.settle(ticket, error=error, seconds=seconds)


def _digest(text: str) -> str:
    return b64url(sha256(text.encode()).digest()[:9])


def _declare(gate: Gate, name: str, tool: KindTool, definition: Mapping[str, object]) -> None:
    """A tool of a server. A definition that names its arguments, if only to say that there are none, has no others.

    A tool that takes whatever it is sent takes what nobody can inspect, so its risk is high.
    """
    schema = definition.get("inputSchema")
    said: Mapping[str, object] = schema if is_object(schema) else {}
    if said.get("additionalProperties", not is_object(said.get("properties"))) is False:
        gate.declare(name, tool)
        return
    needed = [argument for argument in tool.arguments if argument not in tool.optional]
    described = {"required": needed, "properties": dict.fromkeys(tool.arguments), "additionalProperties": True}
    assessment = join([*([tool.assessment] if tool.assessment else []), _OPEN])
    gate.declare(name, described, like=tool._replace(assessment=assessment))


def _context(gate: Gate, token: str, capability: Capability) -> Context:
    grants = capability.grants

    known: list[tuple[Standing, bool]] = []  # the standing last looked at, and whether it ends this capability: it is another when anything changes

    def life() -> float:
        try:
            standing, now = gate.home.standing(), gate.home.now()
        except Exception:  # cannot tell: ended
            return 0.0
        if not known or known[0][0] is not standing:
            known[:] = [(standing, _ends(standing, capability))]
        early = capability.not_before is not None and now < capability.not_before
        return 0.0 if early or known[0][1] else max(0.0, capability.expires - now)

    def sees(tool: str) -> bool:
        return tool in grants and life() > 0

    def admits(tool: str, argument: str, value: object) -> bool:
        from gate.frozen import freeze

        if not sees(tool):
            return False
        entries = grants[tool].arguments
        entry = entries.get(argument) or entries.get("*")
        try:
            return entry is not None and entry.constraint.check(freeze(value))
        except Exception:  # a constraint that breaks its promise not to raise admits nothing
            return False

    return Context(token, sees, admits, life)


def _ends(standing: Standing, capability: Capability) -> bool:
    stopped = standing.stopped_agents
    return (
        standing.stopped_all
        or capability.agent in stopped
        or not capability.agents.isdisjoint(stopped)
        or not standing.revoked.isdisjoint(capability.ancestors)
    )


def _refusal(error: BaseException) -> Refusal:
    if isinstance(error, NeedsApproval):
        return Refusal(told(error), error.question)
    if isinstance(error, GateError):
        return Refusal(told(error))
    return Refusal(f"Refused by Gate, it did not run: the gate failed: {error}")


def _error(one: Settled) -> BaseException | None:
    if one.how == "ok":
        value = one.value
        return ServerError(_text_of(value)) if is_object(value) and value.get("isError") is True else None
    if one.how == "cancelled":
        return asyncio.CancelledError()
    if one.how == "timeout":
        return ToolTimeout("the server took too long; it may still be at it")
    return ConnectionError(f"the server is gone, and whether it did it is not known: {one.text}") if one.how == "lost" else ServerError(one.text)


def _text_of(result: Mapping[str, object]) -> str:
    content = result.get("content")
    texts = [str(one["text"]) for one in content if is_object(one) and "text" in one] if is_array(content) else []
    return (texts or ["the tool reported an error"])[0][:500]


def _log_failure(error: Exception) -> None:
    import logging

    logging.getLogger("gate").error("the outcome of a call could not be recorded: %s", error)
