"""Team: who acts where one agent works through others: sub-agents, hand-offs, an agent that is another's tool.

    team = Team(around, {"reader": {"tools": ["read_file"]}})
    team.knows("reader", above="root")
    value = await team.arun("reader", sent, go_on)

An agent has its part of what its caller has, never more: one that is called by a tool, of what the caller acts under at that moment; one that a
run was handed to, of what the run acts under and of the parts of those above it in the tree of agents.  One without a part acts as its caller.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gate.agents.part import part
from gate.errors import ConfigError, Denied, GateError, Unavailable
from gate.inside import Inside

if TYPE_CHECKING:
    from gate.agents.around import Around, Sent
    from gate.ask import Question
    from gate.capability import Capability

T = TypeVar("T")

MOST: Final = 1024
_log: Final = logging.getLogger("gate")
_caller: Final[ContextVar[tuple[Team, str] | None]] = ContextVar("gate_team", default=None)
"""The agent inside whose tool this runs."""


class Team:
    """The agents of one adapter. parts: agent → what it has of its caller's, as `gate.attenuate` takes it, without its name."""

    def __init__(self, around: Around, parts: Mapping[str, Mapping[str, Any]]) -> None:
        self._around, self._gate = around, around.gate
        self._parts: dict[str, dict[str, Any]] = {name: {**said, "agent": name} for name, said in parts.items()}
        self._above: dict[str, str] = {}
        self._narrowed: OrderedDict[tuple[str, str, str], Capability] = OrderedDict()

    def knows(self, agent: str, above: str = "") -> None:
        """An agent, and the one above it in the tree, "" for none. ConfigError when the name is that of another agent elsewhere in the tree."""
        if self._above.setdefault(agent, above) != above:
            raise ConfigError(f"two agents are called '{agent}'; what one may do would be unclear: give one of them another name")

    @property
    def inside(self) -> bool:
        """Whether this runs inside a tool of an agent of this team, so that there is a caller whose narrower capability counts."""
        caller = _caller.get()
        return caller is not None and caller[0] is self

    async def arun(
        self, agent: str, sent: Sent, run: Callable[[dict[str, object]], Awaitable[T]], question: Question | None = None, said: object = None
    ) -> T:
        """`Around.arun` for an agent. sent.capability: what the run acts under; inside another's tool it is not looked at.

        question: what the call was paused for; said: what the framework's person says to that, as `Around.answered` takes it, None for nothing.
        """
        sent = self.acts(agent, sent)
        with Inside(_caller, (self, agent)):
            if said is None:
                return await self._around.arun(sent, run)
            with self._around.answered(question, said):
                return await self._around.arun(sent, run)

    def run(self, agent: str, sent: Sent, run: Callable[[dict[str, object]], T]) -> T:
        """The same of plain code, for a call that was not paused."""
        sent = self.acts(agent, sent)
        with Inside(_caller, (self, agent)):
            return self._around.run(sent, run)

    def acts(self, agent: str, sent: Sent) -> Sent:
        """The call with the capability of that agent in it. Denied when that cannot be made."""
        if not self._parts and _caller.get() is None:
            return sent
        try:
            return self._acts(agent, sent)
        except Denied as denial:
            raise self.refused(denial, sent.tool) from denial.__cause__
        except GateError as error:
            raise self.refused(Denied(f"'{agent}' cannot have its part: {error}"), sent.tool) from error
        except Exception as error:
            raise self.refused(Unavailable(f"the gate failed: {error}"), sent.tool) from error

    def refused(self, error: Exception, tool: str) -> Denied:
        """Records a refusal that the gate has not recorded itself, and is one also when that fails; of any other error makes one."""
        denial = error if isinstance(error, Denied) else Unavailable(str(error))
        denial.tool = denial.tool or tool
        try:
            self._gate.home.records.refusal(denial, self._gate.current(), None)
        except Exception:
            _log.exception("the refusal of '%s' could not be recorded", denial.tool)
        return denial

    def _acts(self, agent: str, sent: Sent) -> Sent:
        caller = _caller.get()
        line, acting = self._line(agent), self._gate.current()
        if caller is not None and caller[0] is self:
            sent = sent._replace(capability=None, session=acting.session)
            line = line[line.index(caller[1]) + 1 :] if caller[1] in line else line
        parts = [name for name in line if name in self._parts]
        found = sent.capability or acting.capability
        if not parts or found is None:
            return sent
        session = sent.session if sent.capability else acting.session
        for name in parts:
            found = self._part(found, session, name)
        return sent._replace(capability=found, session=session)

    def _line(self, agent: str) -> list[str]:
        """The agents from the top of the tree to this one."""
        line = [agent]
        while above := self._above.get(line[0], ""):
            line.insert(0, above)
        return line

    def _part(self, whole: Capability | str, session: str, agent: str) -> Capability:
        key = (whole if isinstance(whole, str) else whole.token, session, agent)
        if key not in self._narrowed:
            self._narrowed[key] = part(self._gate, whole, session, self._parts[agent])
            if len(self._narrowed) > MOST:
                self._narrowed.popitem(last=False)
        return self._narrowed[key]
