"""Google ADK: a plugin of the app, and with it every tool of every agent in the app is behind the gate.

    app = App(name="mail", root_agent=root, plugins=[GatePlugin(gate, capability=cap)])

The plugin puts a gated copy in the place of each tool, when a run, an agent and a request to the model begin: the agents' own, those of toolsets,
those that ADK adds (`transfer_to_agent`), those behind an `AgentTool` that does not inherit plugins.  What a call finds that is no such copy is
refused.  A copy is of the tool's own class, so ADK treats it as it would the tool; whatever callbacks change of the arguments, the gate sees last.

A refused call answers `{"error": …}`.  A call that needs a person pauses by ADK's own tool confirmation, whose payload is the gate's question.
ADK pauses a call once, and loses the pause of an agent behind an `AgentTool`: there the model is told to make the call again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from gate.agents._adk import GatedTool, GatedToolset, answer, noted, pauses, schema
from gate.agents.around import Around, Sent, asked, told
from gate.agents.framework import framework, gated_copy
from gate.agents.team import Team
from gate.errors import ConfigError, Denied, GateError, NeedsApproval

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.capability import Capability
    from gate.gate import Gate
    from gate.tool import Options

_models: Final = framework("google.adk.models", extra="adk")
_plugins: Final = framework("google.adk.plugins.base_plugin", extra="adk")
_tools: Final = framework("google.adk.tools", extra="adk")
_toolsets: Final = framework("google.adk.tools.base_toolset", extra="adk")

HOSTED: Final = "the provider would run tools of this request where no gate sees them: {}; name them in hosted= if that is meant"
"""What a run ends with when the model would be given such tools."""

OTHER: Final = "these agents are behind another GatePlugin: make one for all runs, and say with who= or gate.acting for whom each is"


class GatePlugin(_plugins.BasePlugin):  # type: ignore[misc, name-defined]  # ADK's class is not there when this is checked
    """The tools of an app behind a gate.

    capability: what the root agent acts under.  who: for an app that serves many, gives it for a call's `ToolContext`, or None.  Without both,
    whoever acts by `gate.acting`.  parts: agent → what it has of its caller's, as `gate.attenuate` takes it, see `gate.agents.team`.
    tools: name → options, see `gate.tool.Options`.  answers: the approver whose yes a confirmation brings.  once: see `Around`.  hosted: tools of the
    provider that may be used although no gate sees them, by their names in ADK's request ("google_search"); also "code_executor".
    """

    def __init__(
        self,
        gate: Gate,
        *,
        capability: Capability | str | None = None,
        who: Callable[[Any], Capability | str | None] | None = None,
        parts: Mapping[str, Mapping[str, Any]] | None = None,
        tools: Mapping[str, Options] | None = None,
        answers: str = "",
        once: bool = True,
        hosted: Collection[str] = (),
    ) -> None:
        super().__init__(name="gate")  # pyright: ignore[reportUnknownMemberType]  # as above
        self.around = Around(gate, tools=tools, answers=answers, once=once, noted=noted)
        self._team = Team(self.around, parts or {})
        self._who: Callable[[Any], Capability | str | None] = who or (lambda _context: capability)
        self._hosted = frozenset(hosted)

    async def before_run_callback(self, *, invocation_context: Any) -> None:
        """The agents that are known when a run begins; a resumed one begins here, too."""
        self.cover(invocation_context.agent)

    async def before_agent_callback(self, *, agent: Any, callback_context: Any) -> None:
        """One that came later."""
        del callback_context
        self.cover(agent)

    async def before_model_callback(self, *, callback_context: Any, llm_request: Any) -> Any:
        """The tools that this request really has, also those that ADK adds itself."""
        del callback_context
        for name, tool in llm_request.tools_dict.items():
            llm_request.tools_dict[name] = self.gated(tool, pauses=False)
        given = {name for tool in llm_request.config.tools or () for name, value in tool if value is not None}
        if hosted := sorted(given - self._hosted - {"function_declarations"}):
            return _models.LlmResponse(error_code="GATE", error_message=HOSTED.format(", ".join(hosted)))
        return None

    async def before_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any) -> dict[str, Any] | None:
        """Refuses what is no gated copy of this plugin's, however it came here."""
        del tool_args, tool_context
        name = str(tool.name)
        if isinstance(tool, GatedTool) and tool.gate_plugin is self:
            return None
        return {"error": told(self._team.refused(Denied("it is not behind this gate"), name))}

    def cover(self, agent: Any) -> None:
        """Puts the tools of an agent, and of all below it, behind the gate."""
        if getattr(agent, "code_executor", None) is not None and "code_executor" not in self._hosted:
            raise ConfigError(f"'{agent.name}' runs code that the model writes, which is no tool call: {HOSTED.format('code_executor')}")
        above = agent.parent_agent
        self._team.knows(agent.name, above.name if above else "")
        if hasattr(agent, "tools"):
            agent.tools = [self.gated(tool) for tool in agent.tools]
        for below in agent.sub_agents:
            self.cover(below)

    def gated(self, tool: Any, *, pauses: bool = True) -> Any:
        """The gated copy of a tool, a toolset or a function. Anything else as it is; it becomes a tool when a request is made."""
        if isinstance(tool, (GatedTool, GatedToolset)):
            if tool.gate_plugin is self:
                return tool
            raise ConfigError(OTHER)
        bare: Any = tool
        if not isinstance(tool, (_tools.BaseTool, _toolsets.BaseToolset)):
            if not callable(tool):
                return tool
            bare = _tools.FunctionTool(tool)
        mixin = GatedToolset if isinstance(tool, _toolsets.BaseToolset) else GatedTool
        made = gated_copy(bare, mixin, gate_plugin=self, gate_pauses=pauses)
        if hasattr(bare, "agent"):  # an AgentTool's, whose runner may not have this plugin
            self.cover(bare.agent)
        return made

    async def call(self, tool: Any, args: object, context: Any, run: Callable[[dict[str, object]], Awaitable[Any]]) -> Any:
        """A call: what the tool gives, or why it was refused."""
        try:
            sent, question, said = self._read(tool, args, context)
        except Exception as error:
            return {"error": told(self._team.refused(error, tool.name))}
        try:
            return await self._team.arun(context.agent_name, sent, run, question, said)
        except NeedsApproval as needed:
            if tool.gate_pauses and context.tool_confirmation is None and not self._team.inside:
                context.request_confirmation(hint=str(needed), payload=asked(needed.question))
                context.actions.skip_summarization = True
            return {"error": told(needed)}
        except GateError as error:
            return {"error": told(error)}

    def _read(self, tool: Any, args: object, context: Any) -> tuple[Sent, Question | None, object]:
        """The call as it came, and the question it was paused for with what ADK's person says to it."""
        if tool.gate_declared != tool.name:
            self.around.declare(tool.name, schema(tool))
            tool.gate_declared = tool.name
        before, call, said = pauses(context), context.function_call_id or "", context.tool_confirmation
        ref = call + "/" * before.count("")  # a tool that wanted something of the person itself is run again for the same call
        sent = Sent(tool.name, args, ref, None if self._team.inside else self._who(context), context.session.id)
        case = self.around.gate.home.desk.case(before[0]) if said and before and before[0] else None
        return (sent, case.question, answer(said)) if case else (sent, None, None)
