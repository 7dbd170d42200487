"""Microsoft Agent Framework: an agent whose function calls are behind the gate, by a function middleware of its own.

    agent = guard(Agent(client=client, name="root", tools=[read_file, send_mail]), gate, capability=cap)

The middleware stands before every function that the agent calls: its own, those of MCP servers, those given to a run or added in one, and the
agents that it has for tools, which are guarded with it.  What the gate allowed is sealed: a middleware after it cannot change the arguments any
more, and one that tries is a refusal.  A refused call answers with text, and the loop goes on.

A call that needs a person ends the run with a `function_approval_request`, whose `additional_properties["gate"]` is the gate's question.  The
framework loses such a request of an agent that is a tool: there the model is told to make the call again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from gate.agents._agent_framework import agents_in, answer_of, arguments_of, edited, seal, value_of
from gate.agents.around import Around, Sent, asked, told
from gate.agents.framework import check_hosted, framework
from gate.agents.team import Team
from gate.constraints.value import is_object
from gate.errors import ConfigError, GateError, NeedsApproval

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.capability import Capability
    from gate.gate import Gate
    from gate.tool import Options

_framework: Final = framework("agent_framework", extra="agent-framework")


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
    hosted: Collection[str] = (),
) -> Any:
    """Puts what the agent calls behind the gate; the agent.

    capability: what it acts under; without one what `function_invocation_kwargs["capability"]` of the run says, or whoever acts by `gate.acting`.
    parts: agent (by its name) → what it has of its caller's, as `gate.attenuate` takes it, see `gate.agents.team`.  session: of the calls, unless
    the run has an `AgentSession`.  tools: name → options, see `gate.tool.Options`.  answers: the approver whose yes an approval response brings.
    once: see `Around`.  hosted: types of tools that the provider runs where no gate sees them, allowed all the same.  ConfigError for others.
    """
    around = Around(gate, session=session, tools=tools, answers=answers, once=once)
    return _Guard(around, Team(around, parts or {}), capability, frozenset(hosted)).cover(agent)


class _Guard:
    """What stands before the calls of an agent and of those it has for tools."""

    def __init__(self, around: Around, team: Team, capability: Capability | str | None, hosted: frozenset[str]) -> None:
        self.around, self.team, self._capability, self._hosted = around, team, capability, hosted
        self._covered: WeakSet[Any] = WeakSet()
        self._known: dict[str, object] = {}

    def cover(self, agent: Any) -> Any:
        """The agent, with the gate as its last middleware."""
        if agent not in self._covered:
            self._covered.add(agent)
            if any(isinstance(one, GateMiddleware) for one in agent.middleware or ()):
                raise ConfigError(f"the agent '{agent.name}' is guarded already")
            agent.middleware = [*(agent.middleware or ()), GateMiddleware(self, str(agent.name or "agent"))]
            for tool in agent.default_options.get("tools") or ():
                self.look_at(tool)
        return agent

    def look_at(self, tool: Any) -> None:
        """Puts a tool behind the gate, and guards the agent in one that is an agent. ConfigError for a tool that runs elsewhere."""
        if not isinstance(tool, _framework.FunctionTool):
            check_hosted(str(tool.get("type") if is_object(tool) else tool.__class__.__name__), self._hosted)
        elif self._known.get(tool.name) is not tool:
            self.around.declare(tool.name, {"additionalProperties": False, **tool.parameters()})
            for agent in agents_in(tool.func):
                if not any(isinstance(one, GateMiddleware) for one in agent.middleware or ()):
                    self.cover(agent)
            self._known[tool.name] = tool

    def read(self, context: Any) -> tuple[Sent, Question | None, object]:
        """The call as it came, the question that it was stopped for, and what the person says to it."""
        self.look_at(context.function)
        capability = None if self.team.inside else self._capability or context.kwargs.get("capability")
        session = context.session.session_id if context.session else ""
        sent = Sent(context.function.name, arguments_of(context), str(context.metadata.get("call_id") or ""), capability, session)
        question, said = answer_of(context)
        case = self.around.gate.home.desk.case(question) if question else None
        return (sent, case.question, said) if case and case.question.tool == sent.tool else (sent, None, None)


class GateMiddleware(_framework.FunctionMiddleware):  # type: ignore[misc, name-defined]  # the framework's class is not there when this is checked
    """The gate before the functions of one agent; made by `guard`."""

    def __init__(self, guard: _Guard, agent: str) -> None:
        self._guard, self._agent = guard, agent

    async def process(self, context: Any, call_next: Callable[[], Awaitable[None]]) -> None:
        """A call: what the function gives, or why it was refused."""
        team = self._guard.team

        async def run(arguments: dict[str, object]) -> Any:
            if "approval_response" in context.metadata and arguments != sent.arguments:
                context.result = await edited(context, arguments, sent.id)
            else:
                seal(context, arguments)
                await call_next()
            return value_of(context.result)

        try:
            sent, question, said = self._guard.read(context)
        except Exception as error:
            context.result = told(team.refused(error, context.function.name))
            return
        try:
            value = await team.arun(self._agent, sent, run, question, said)
            if value is not value_of(context.result):
                context.result = value
        except NeedsApproval as needed:
            context.result = told(needed) if team.inside else _request(context, sent, needed)
        except GateError as error:
            context.result = told(error)


def _request(context: Any, sent: Sent, needed: NeedsApproval) -> Any:
    """What ends the run for the question. Its id is the framework's of the call, by which it is found again."""
    call = _framework.Content.from_function_call(call_id=sent.id, name=sent.tool, arguments=sent.arguments)
    occurrence = context.metadata.get("function_call_occurrence_id")
    if occurrence:
        call.id = occurrence
    return _framework.Content.from_function_approval_request(
        id=occurrence or sent.id, function_call=call, additional_properties={"gate": asked(needed.question)}
    )
