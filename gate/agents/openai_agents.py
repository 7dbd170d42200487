"""OpenAI Agents SDK (`openai-agents` 0.16 and later): every tool of an agent behind a gate.

    agent = guard(Agent(name="root", tools=[read_file], mcp_servers=[files]), gate, capability=cap)
    result = await Runner.run(agent, "…")

`guard` gives an agent like the one it was given, whose tools, MCP servers (their tools are called "server/tool" at the gate), hand-offs and
agents-as-tools are gated, also those that are added later or come with a clone.  Agents to hand off to are guarded with it; one that is behind
`handoff(…)` or `as_tool(…)` already must be guarded before, `handoff(guard(child, gate, part=…))`, or the agent is refused.  So is a tool that
the SDK runs without any function (computer, shell, patches) or that OpenAI runs, unless it is named in `hosted`: the gate never sees its calls.

Who acts: `capability`; or what `context.capability` says, where the run has a context with one; or whoever acts by `gate.acting`.  A call that
needs a person interrupts the run; `state.approve(item)`, and going on with the state, look at the gate's desk again.  A refusal is the tool's output.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Hashable, Iterable
from copy import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from gate.agents._openai_agents import GuardedAgent, checked, guarded_class, said_yes, shown
from gate.agents.around import Sent, told
from gate.agents.context import inside, who
from gate.agents.framework import check_hosted, framework, read, sendable
from gate.agents.pausing import Pausing
from gate.agents.shown import answered, show
from gate.errors import ConfigError, GateError

if TYPE_CHECKING:
    from gate.gate import Gate

_sdk: Final = framework("agents", extra="openai-agents")
_tool: Final = framework("agents.tool", extra="openai-agents")


def guard(agent: Any, gate: Gate, *, hosted: Collection[str] = (), **around: Any) -> Any:
    """The agent (an `agents.Agent`), guarded. hosted: tools that the gate does not see, allowed all the same. around: what `Around` takes.

    ConfigError for what cannot be guarded.
    """
    return _Behind(Pausing(gate, **around), frozenset(hosted), {}).guarded(agent)


class _Behind(NamedTuple):
    """What stands before the tools of agents that are guarded together. made: by the id of the bare agent; it is kept, so that the id stays its."""

    around: Pausing
    hosted: frozenset[str]
    made: dict[int, tuple[Any, Any]]

    def guarded(self, agent: Any) -> Any:
        if isinstance(agent, GuardedAgent):
            raise ConfigError(f"the agent '{agent.name}' is guarded already")
        if id(agent) in self.made:
            return self.made[id(agent)][1]
        fields = {one.name: getattr(agent, one.name) for one in dataclasses.fields(agent) if one.init}
        made = guarded_class(cast("Hashable", type(agent)))(**fields | {"tools": self.tools(agent.tools), "handoffs": [], "behind": self})
        self.made[id(agent)] = agent, made  # before its hand-offs, which may lead back
        made.handoffs = [self._target(one) for one in agent.handoffs]
        return made

    def _target(self, target: Any) -> Any:
        bare = isinstance(target, _sdk.Agent) and not isinstance(target, GuardedAgent)
        return self.guarded(target) if bare else checked(target)

    def tools(self, tools: Iterable[Any]) -> list[Any]:
        return [self._gated(tool) for tool in tools]

    def _gated(self, tool: Any) -> Any:
        if not isinstance(tool, _sdk.FunctionTool):
            check_hosted(str(getattr(tool, "name", type(tool).__name__)), self.hosted)
            return tool
        if isinstance(tool.on_invoke_tool, _Invoke):
            if tool.on_invoke_tool.behind is self:
                return tool
            tool = tool.on_invoke_tool.tool  # another agent's: it acts for this one here
        if tool._is_agent_tool and not isinstance(tool._agent_instance, GuardedAgent):  # noqa: SLF001  # where it is not, an AttributeError refuses
            raise ConfigError(f"the agent in the tool '{tool.name}' is not guarded; make the tool by guard(agent, gate, …).as_tool(…)")
        gated, invoke = copy(tool), _Invoke(self, tool)
        gated.on_invoke_tool, gated.needs_approval = invoke, invoke.needs_approval
        return gated


class _Invoke:
    """Runs one tool as the gate allows."""

    def __init__(self, behind: _Behind, tool: Any) -> None:
        self.behind, self.tool = behind, tool
        self._raising = copy(tool)  # the gate sees what the function raises, not the text that is made of it
        self._raising._failure_error_function, self._raising._use_default_failure_error_function = None, False  # noqa: SLF001  # no public way
        origin = _tool.get_function_tool_origin(tool)
        server = getattr(origin, "mcp_server_name", None)
        self._name = f"{server}/{tool.name}" if server else tool.qualified_name
        behind.around.declare(self._name, sendable(tool.params_json_schema))

    async def needs_approval(self, context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        """Whether the run stops before the call: the tool's own policy says so, or the gate asks a person."""
        own, around = self.tool.needs_approval, self.behind.around
        sent = Sent(self._name, arguments, call_id, *who(context.context))
        question = await around.question(sent)
        if question is not None and not said_yes(context, self.tool.name, call_id):
            show(around, sent, question)
        return question is not None or own is True or bool(own and await own(context, arguments, call_id))

    async def __call__(self, context: Any, text: str) -> Any:
        """What the tool gives, or why it was refused."""
        around = self.behind.around
        sent = Sent(self._name, read(text), context.tool_call_id, *who(context.context))

        async def run(arguments: dict[str, object]) -> Any:
            made = json.dumps(arguments)
            with inside(context.context), shown(context, made, agent=self.tool._is_agent_tool) as instead:  # noqa: SLF001  # as above
                return await self._raising.on_invoke_tool(instead, made)

        try:
            yes = said_yes(context, self.tool.name, context.tool_call_id)
            question = answered(around, sent, await around.question(sent)) if yes else None
            with around.answered(question, yes or None):
                if self.tool._is_agent_tool:  # noqa: SLF001  # as above
                    return await around.arun_parts(sent, run, paused=lambda value: value is None)
                return await around.arun(sent, run)
        except GateError as error:
            return told(error)
        except Exception as error:
            said: str | None = await _tool.maybe_invoke_function_tool_failure_error_function(function_tool=self.tool, context=context, error=error)
            if said is None:
                raise
            return said
