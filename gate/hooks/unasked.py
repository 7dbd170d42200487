"""Unasked: what is recorded of a call that ran, and that this gate did not authorize.

    the agent's own person let it run   an intent whose approver is "native:AGENT", the charges, and its outcome
    nobody knows why it ran             a record "unauthorized": its hook was off, too slow or crashed, or it was refused and ran all the same

The yes of whoever sits at the agent is no approval of this gate, which cannot check who that was.  What such a call takes is charged as far as
something is left; that it ran is recorded in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gate.charges import charges
from gate.decide import Deny
from gate.errors import Denied
from gate.hooks.event import NOTHING
from gate.permit import open_already
from gate.ticket import Ticket

if TYPE_CHECKING:
    from gate.gate import Gate
    from gate.hooks.event import Event, Verdict


class Native(NamedTuple):
    """Whoever sits at the agent, where a record tells of approvals."""

    jti: str
    approver: str
    binding_hash: str


def handed(gate: Gate, event: Event, agent: str) -> Ticket | None:
    """The ticket of a call that the agent's own person let run, recorded now; None when the gate would not even ask about it."""
    if event.tool not in gate.tools:
        return None
    tool, decision = gate.find_tool(event.tool, event.arguments), gate.check(event.tool, event.arguments)
    if isinstance(decision, Deny):
        return None
    call = tool.describe((), event.arguments, gate.current())
    by, home = Native(f"{agent}:{event.id}"[:200], f"native:{agent}", call.digest()), gate.home
    taken = charges(home.plan(call.acting.capability, tool.name), tool, call, home.now())
    ticket = Ticket(open_already(call, decision), tool, taken, event.id)
    try:
        home.ledger.spend(home.records.elsewhere(ticket, by))
    except Denied:  # nothing is left of a budget, and yet it ran
        ticket = ticket._replace(taken=())
        home.ledger.spend(home.records.elsewhere(ticket, by))
    return ticket


def found(gate: Gate, event: Event) -> Verdict:
    """Records that a call ran unauthorized. Nothing of one that failed: a refused call may be reported so."""
    if event.phase == "post":
        acting = gate.current()
        gate.home.records.event(
            "unauthorized",
            agent=acting.agent,
            session=acting.session,
            tool=event.tool[:128],
            ref=event.id,
            reasons=["it ran, and no authorization of it is open here"],
        )
    return NOTHING
