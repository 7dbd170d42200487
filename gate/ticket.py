"""Ticket: a call that was authorized and is not settled yet.

`authorize` gives one, `settle` takes it.  Between them the framework runs the tool with `arguments`, never with what the agent sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.call import Call
    from gate.permit import Permit
    from gate.store import Charge
    from gate.tool import Tool


class Ticket:
    """One authorized call. `ref` is the framework's own id of the call; `taken` is what was reserved."""

    __slots__ = ("permit", "ref", "taken", "tool")

    def __init__(self, permit: Permit, tool: Tool, ref: str = "", taken: tuple[Charge, ...] = ()) -> None:
        self.permit = permit
        self.tool = tool
        self.ref = ref
        self.taken = taken

    @property
    def call(self) -> Call:
        """The call that may run."""
        return self.permit.call

    @property
    def arguments(self) -> dict[str, object]:
        """Fresh values of the checked arguments, by name: what the tool must be run with."""
        args, kwargs = self.tool.schema.load(self.call.arguments)
        return {**dict(zip(self.tool.schema.spread, args, strict=False)), **kwargs}
