"""Who acts behind the hooks of the Claude Agent SDK: the agent, or one of its sub-agents under its part."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gate.agents.around import MOST, Around, Sent
from gate.errors import Denied

if TYPE_CHECKING:
    from gate.gate import Gate, Scope
    from gate.hooks.event import Event


class Acting(Around):
    """The seam of all adapters, asked who acts and what was answered; the agent runs the tools itself."""

    def acting(self, event: Event, session: str) -> Scope:
        """Who makes a call. session: the agent's own, where the program named none."""
        return self._scope(Sent(event.tool, {}, event.id, session=session))


class Who:
    """The agents of one client. parts: sub-agent type → what of the capability it has. given: what `Around` takes."""

    def __init__(self, gate: Gate, parts: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> None:
        self._gate, self._parts, self._given = gate, parts, given
        self._root = Acting(gate, **given)
        self._subs: OrderedDict[tuple[str, str], Acting] = OrderedDict()

    def scope(self, event: Event) -> Scope:
        """Who makes the call of this event."""
        return self.around(event).acting(event, self.session(event))

    def around(self, event: Event) -> Acting:
        """The root's, or a sub-agent's: one for each that started it, and whose name its own begins with."""
        if not (event.sub or event.sort):
            return self._root
        if "/" in event.sub + event.sort:
            raise Denied("the name of a sub-agent has no '/': it would read as the sub-agent of another one")
        root = self._root.acting(event, self.session(event))[0].agent
        key = root, event.sub or event.sort
        if key not in self._subs:
            part = {"agent": f"{root}/{event.sort or event.sub}", **self._parts.get(event.sort, {})}
            self._subs[key] = Acting(self._gate, **self._given, part=part)
            if len(self._subs) > MOST:
                self._subs.popitem(last=False)
        return self._subs[key]

    def session(self, event: Event) -> str:
        """The agent's own session, "" where the program named one."""
        return "" if self._given.get("session") else event.session
