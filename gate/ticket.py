"""Ticket: a call that was authorized and is not settled yet.

`authorize` gives one, `settle` takes it.  Between them the framework runs the tool with `arguments`, never with what the agent sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gate.call import Call
    from gate.permit import Permit
    from gate.store import Charge
    from gate.tool import Tool


class Ticket(NamedTuple):
    """One authorized call. `taken` is what was reserved, `ref` the framework's own id of the call."""

    permit: Permit
    tool: Tool
    taken: tuple[Charge, ...] = ()
    ref: str = ""
    varies: bool = True  # whether what was reserved is an estimate, of which the outcome tells the real amount
    edits: tuple[str, ...] = ()  # the questions in answer to which people changed the call; the agent asked for something else
    silent: bool = False  # leaves no record: a rule says audit = "off", and nothing about it needs settling
    since: float | None = None  # when it was let run, in seconds since the epoch
    again: bool = False  # it was open already: one call, so one run, and somebody else was told before that it may

    @property
    def call(self) -> Call:
        """The call that may run."""
        return self.permit.call

    @property
    def arguments(self) -> dict[str, object]:
        """Fresh values of the checked arguments, by name: what the tool must be run with."""
        return self.tool.schema.values(self.call.arguments)
