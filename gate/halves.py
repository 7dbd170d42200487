"""Halves: the path of a call in two, for frameworks that have only a before hook and an after hook.

    ticket = gate.authorize("save", arguments, ref="call_17")      # describe, decide, ask, spend
    value = save(**ticket.arguments)                               # the framework runs it, with the checked values
    gate.settle(ticket, value=value)                               # settle

`ref` is the framework's own id of the call.  Authorizing the same call of the same session under the same ref again, for the same agent and
capability, gives the same ticket and charges nothing, also from another process; `gate.ticket` finds it for an after hook that runs
elsewhere.  The first outcome stands, and takes the tool time that has passed since, unless it says how much.  `ticket.again` says that it
was open: a hook that was repeated says yes again, but two who would run the call themselves must not both (`gate.agents.parts`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gate import given
from gate.decide import Allow
from gate.permit import open_already
from gate.run import Outcome, measure, status_of
from gate.store import Charge
from gate.ticket import Ticket
from gate.waiting import BLOCKING, LOOPING, Waiting, drive

if TYPE_CHECKING:
    from gate.call import Acting, Call
    from gate.decide import Ask
    from gate.home import Home
    from gate.tool import Tool


class Halves(ABC):
    """The part of a gate that hooks use."""

    home: Home

    @abstractmethod
    async def begin(self, tool: Tool, args: tuple[object, ...], kwargs: Mapping[str, object], wait: Waiting, ref: str = "") -> Ticket:
        """The first four steps of the path, see `gate.gate`."""

    @abstractmethod
    def current(self) -> Acting:
        """Who acts now."""

    @abstractmethod
    def find_tool(self, name: str, arguments: Mapping[str, object]) -> Tool:
        """The tool of a name, see `gate.gate`."""

    def authorize(self, tool: str, arguments: Mapping[str, object], *, ref: str = "") -> Ticket:
        """The first four steps. Raises Denied; then it must not run."""
        given.check("authorize", ref=(ref, given.TEXT, _REF))
        return drive(self.begin(self.find_tool(tool, arguments), (), arguments, BLOCKING, ref))

    async def aauthorize(self, tool: str, arguments: Mapping[str, object], *, ref: str = "") -> Ticket:
        """`authorize` in an event loop."""
        given.check("aauthorize", ref=(ref, given.TEXT, _REF))
        return await self.begin(self.find_tool(tool, arguments), (), arguments, LOOPING, ref)

    def ticket(self, tool: str, arguments: Mapping[str, object], *, ref: str) -> Ticket | None:
        """The open ticket of an authorized call, for an after hook, also one in another process; None when there is none."""
        given.check("ticket", ref=(ref, given.TEXT, _REF))
        found = self.find_tool(tool, arguments)
        call = found.describe((), arguments, self.current())
        return reopened(self.home, found, call, Allow(("authorized before",), (), (), call.assessment.risk, "durable"), ref)

    def settle(
        self,
        ticket: Ticket,
        *,
        value: object = None,
        error: BaseException | None = None,
        seconds: float | None = None,
        cost: Mapping[str, object] | None = None,
    ) -> bool:
        """The last step. False when it was settled before, here or in another process. OutputLimit when the value must not be passed on.

        seconds: of tool time; left out, all that have passed since the call was authorized.
        """
        _check_settling(ticket, error, seconds, cost)
        outcome = _outcome(ticket, value, error, self._taken(ticket, seconds), cost)
        first = ticket.silent or self.home.ledger.settle(self.home.records.settlement(ticket, outcome))
        if outcome.status == "output-limit":
            outcome.result()
        return first

    async def asettle(
        self,
        ticket: Ticket,
        *,
        value: object = None,
        error: BaseException | None = None,
        seconds: float | None = None,
        cost: Mapping[str, object] | None = None,
    ) -> bool:
        """`settle` in an event loop."""
        _check_settling(ticket, error, seconds, cost)
        outcome = _outcome(ticket, value, error, self._taken(ticket, seconds), cost)
        first = ticket.silent or await self.home.ledger.asettle(self.home.records.settlement(ticket, outcome))
        if outcome.status == "output-limit":
            outcome.result()
        return first

    def _taken(self, ticket: Ticket, seconds: float | None) -> float:
        """Whoever says nothing of the time does not get it for nothing."""
        if seconds is not None:
            return seconds
        return 0.0 if ticket.since is None else max(0.0, self.home.now() - ticket.since)


def reopened(home: Home, tool: Tool, call: Call, decision: Allow | Ask, ref: str) -> Ticket | None:
    """The ticket of a call that is open under this ref already: same session, same ref, same call by the same agent and capability."""
    found = home.ledger.find(call.acting.session, ref, call.claim())
    if found is None:
        return None
    taken = tuple([Charge(key, amount, amount) for key, amount in found.reserved.items()])
    return Ticket(open_already(call._replace(serial=found.call_id), decision), tool, taken, ref, since=found.time, again=True)


_REF: Final = "'call_17'"
_TICKET: Final = given.Sort("what authorize or ticket gave,", lambda value: isinstance(value, Ticket))
_SECONDS: Final = given.Sort("a number of seconds,", lambda value: value is None or (given.NUMBER.admits(value) and value >= 0))  # type: ignore[operator]  # a number
_ERROR: Final = given.Sort("what the tool raised,", lambda value: value is None or isinstance(value, BaseException))


def _check_settling(ticket: object, error: object, seconds: object, cost: Mapping[str, object] | None) -> None:
    """ConfigError for what no outcome is made of; before anything is recorded, so that it can be settled rightly."""
    if (
        type(ticket) is Ticket
        and (seconds is None or (type(seconds) is float and 0 <= seconds <= 1e9))
        and cost is None
        and (error is None or isinstance(error, BaseException))
    ):
        return  # nearly every one
    given.check(
        "settle",
        ticket=(ticket, _TICKET, "gate.authorize(tool, arguments)"),
        error=(error, _ERROR, "an exception"),
        seconds=(seconds, _SECONDS, "0.2"),
        cost=(cost, given.Sort("a mapping from units to amounts", given.MAYBE_BY_NAME.admits), "{'usd': 0.02}"),
    )


def _outcome(ticket: Ticket, value: object, error: BaseException | None, seconds: float, cost: Mapping[str, object] | None) -> Outcome:
    """What the framework says became of a call."""
    if error is not None:
        return Outcome(status_of(error), None, error, seconds, None, cost)
    try:
        return Outcome("ok", value, None, seconds, measure(value, ticket.tool), cost)
    except Exception as limit:  # too large, or not to be measured: recorded as that
        return Outcome(status_of(limit), None, limit, seconds, None, cost)
