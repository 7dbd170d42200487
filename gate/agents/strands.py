"""Strands: an agent whose tools are behind the gate, and the agents that it has for tools with them.

    agent = guard(Agent(tools=[read_file, send_mail]), gate, capability=cap)

`guard` puts a gated copy in the place of each tool, of the tool's own class; what comes later (a tool that is loaded, a hand-off of a swarm,
another hook's choice) is gated by a hook just before the call.  The gate decides inside the tool's own `stream`, after all hooks, so what they
make of the arguments is what it sees.  A refused call is a tool result with the status "error".

A call that needs a person interrupts the agent; the reason of the interrupt is the gate's question.  Inside an agent that is another's tool the
model is told to make the call again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from copy import copy
from math import inf
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from gate.agents._strands import FailedError, GatedTool, interrupt, interrupts, noted, outcome, refusal, result_of, schema
from gate.agents.around import Around, Sent, told
from gate.agents.framework import framework, gated_copy
from gate.agents.team import Team
from gate.constraints.value import is_object
from gate.errors import ConfigError, Denied, GateError, NeedsApproval

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.capability import Capability
    from gate.gate import Gate
    from gate.tool import Options

    Stream = Callable[..., AsyncGenerator[Any]]

_hooks: Final = framework("strands.hooks", extra="strands")


def guard(
    agent: Any,
    gate: Gate,
    *,
    capability: Capability | str | None = None,
    parts: Mapping[str, Mapping[str, Any]] | None = None,
    session: str = "",
    tools: Mapping[str, Options] | None = None,
    answers: str = "",
    once: bool = True,
) -> Any:
    """Puts the tools of the agent behind the gate; the agent.

    capability: what it acts under; without one what `invocation_state["capability"]` says, or whoever acts by `gate.acting`.  parts: agent (by its
    name) → what it has of its caller's, as `gate.attenuate` takes it, see `gate.agents.team`.  tools: name → options, see `gate.tool.Options`.
    session: of the calls, unless `invocation_state["session"]` names one.  answers: the approver whose yes an interrupt's response brings.
    once: see `Around`.
    ConfigError when it is guarded already.
    """
    return _Guard(Around(gate, session=session, tools=tools, answers=answers, once=once, noted=noted), parts or {}, capability).cover(agent)


class _Guard:
    """What stands before the tools of an agent and of those it has for tools."""

    def __init__(self, around: Around, parts: Mapping[str, Mapping[str, Any]], capability: Capability | str | None) -> None:
        self.around, self.team, self._capability = around, Team(around, parts), capability
        self._covered: WeakSet[Any] = WeakSet()

    def cover(self, agent: Any) -> Any:
        """The agent, with its tools gated, now and just before each call."""
        if agent in self._covered:
            return agent
        self._covered.add(agent)
        registry = agent.tool_registry
        for known in (registry.registry, registry.dynamic_tools):
            for name, tool in list(known.items()):
                known[name] = self.gated(tool, agent)
        try:
            agent.hooks.add_callback(_hooks.BeforeToolCallEvent, self._before, order=inf)
        except TypeError:  # older versions run hooks in the order in which they are added
            agent.hooks.add_callback(_hooks.BeforeToolCallEvent, self._before)
        return agent

    def _before(self, event: Any) -> None:
        if event.selected_tool is not None:
            event.selected_tool = self.gated(event.selected_tool, event.agent)
        else:
            event.cancel_tool = told(self.team.refused(Denied("there is no such tool"), str(event.tool_use["name"])))

    def gated(self, tool: Any, agent: Any) -> Any:
        """The gated copy of a tool for an agent, of the tool's own class."""
        if not isinstance(tool, GatedTool):
            made = gated_copy(tool, GatedTool, gate_guard=self, gate_agent=agent)
        elif tool.gate_guard is not self:
            raise ConfigError(f"the tool '{tool.tool_name}' is behind another guard")
        elif tool.gate_agent is agent:
            return tool
        else:
            made = copy(tool)
            made.gate_agent = agent
        inner = getattr(tool, "agent", None)
        if inner is not None and hasattr(inner, "tool_registry"):
            self.cover(inner)
        return made

    async def call(self, tool: Any, inner: Stream, tool_use: Any, state: dict[str, Any], **more: Any) -> list[Any]:
        """A call: the events of the tool, which are passed on when it is done, or its refusal."""
        events: list[Any] = []
        given: Any = None

        async def run(arguments: dict[str, object]) -> Any:
            nonlocal given
            events[:] = [event async for event in inner({**tool_use, "input": arguments}, state, **more)]
            given = outcome(events)
            return given

        try:
            agent, sent, question, said, times = self._read(tool, tool_use, state)
        except Exception as error:
            return [refusal(tool_use, self.team.refused(error, tool.tool_name))]
        try:
            value = await self.team.arun(agent, sent, run, question, said)
            if value is not given:
                events[-1:] = [result_of(events) | {"content": value if isinstance(value, list) else [{"text": value}]}]
        except NeedsApproval as needed:
            return [refusal(tool_use, needed) if self.team.inside else interrupt(tool, tool_use, state, needed, times)]
        except FailedError:
            pass  # the tool's own failure is in its events
        except GateError as error:
            return [refusal(tool_use, error)]
        return events

    def _read(self, tool: Any, tool_use: Any, state: dict[str, Any]) -> tuple[str, Sent, Question | None, object, int]:
        """Agent, call, the question that it was interrupted for, what the person says to it, and how often it was."""
        if not tool.gate_declared:
            self.around.declare(tool.tool_name, schema(tool))
            tool.gate_declared = True
        before = interrupts(tool.gate_agent, tool_use)
        ours = [one for one in before if one.name.startswith("gate:")]
        ref = str(tool_use["toolUseId"]) + "/" * (len(before) - len(ours))  # a tool that interrupted itself is run again for the same call
        capability = None if self.team.inside else self._capability or state.get("capability")
        sent = Sent(tool.tool_name, tool_use["input"], ref, capability, str(state.get("session") or ""))
        if not ours:
            return tool.gate_agent.name, sent, None, None, 0
        case = self.around.gate.home.desk.case(str(ours[-1].reason["question"]))
        said = ours[-1].response
        looks = is_object(said) and said.get("gate") == "answered"
        return tool.gate_agent.name, sent, case.question if case else None, None if looks else said, len(ours)
