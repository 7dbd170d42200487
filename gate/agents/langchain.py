"""LangChain and LangGraph: every tool call of an agent, or of a graph, behind a gate.

    agent = create_agent(model, tools, middleware=[GateMiddleware(gate)])                 # all tools of this agent
    node = ToolNode(guard(tools, gate))                                                   # these tools, wherever they are called

Both take what `gate.agents.around.Around` takes: capability, part, session, tools, answers.  Who acts is that capability; or `capability` of the
run's own context (`context=`); or whoever acts by `gate.acting`.  The session is the thread.

Middleware is its own agent's: a sub-agent needs one of its own, `GateMiddleware(gate, part={"agent": "reader", "tools": [...]})`, or guarded
tools.  A tool in which an agent runs is declared so, `tools={"task": {"effects": "delegates"}}`, because it may pause and is called again to go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import pydantic

from gate.agents._langchain import called, reading
from gate.agents._langgraph import InGraph
from gate.agents.framework import framework
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.gate import Gate

_AgentMiddleware: Any = framework("langchain.agents.middleware", extra="langchain").AgentMiddleware
_tools: Final = framework("langchain_core.tools", extra="langchain")


class GateMiddleware(_AgentMiddleware):  # type: ignore[misc]  # the framework's class is not there when this is checked
    """Puts every tool call of an agent behind a gate. around: what `Around` takes."""

    def __init__(self, gate: Gate, **around: Any) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  # as above
        self._graph = InGraph(gate, **around)

    def wrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """The framework's hook."""
        if isinstance(request.tool, _Guarded):
            return handler(request)  # it is behind a gate itself
        return self._graph.call(called(request), lambda arguments: handler(_with(request, arguments)))

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """The same in an event loop."""
        if isinstance(request.tool, _Guarded):
            return await handler(request)
        return await self._graph.acall(called(request), lambda arguments: handler(_with(request, arguments)))


def guard(tools: Iterable[Any], gate: Gate, /, **around: Any) -> list[Any]:
    """The same tools, each behind the gate wherever it is called. Functions become tools, as LangChain makes them.

    ConfigError for what is no tool of this process (a provider's own), and for what cannot be declared.
    """
    graph = InGraph(gate, **around)
    return [_guarded(graph, _tool(tool)) for tool in tools]


def _with(request: Any, arguments: dict[str, object]) -> Any:
    return request.override(tool_call={**request.tool_call, "args": arguments})


# ---- tools that are behind a gate themselves ---------------------------------------------------------------------------------------------


class _Guarded:
    """Mixed into a tool's own class: its calls go the gate's way and then to the tool itself."""

    _gate: tuple[InGraph, Any]

    def run(self, tool_input: Any, *args: Any, config: Any = None, tool_call_id: str | None = None, **kwargs: Any) -> Any:
        graph, tool = self._gate
        call, supplied = reading(tool, tool_input, config, tool_call_id)

        def go_on(arguments: dict[str, object]) -> Any:
            return tool.run({**arguments, **supplied}, *args, config=config, tool_call_id=tool_call_id, **kwargs)

        return graph.call(call, go_on)

    async def arun(self, tool_input: Any, *args: Any, config: Any = None, tool_call_id: str | None = None, **kwargs: Any) -> Any:
        graph, tool = self._gate
        call, supplied = reading(tool, tool_input, config, tool_call_id)

        async def go_on(arguments: dict[str, object]) -> Any:
            return await tool.arun({**arguments, **supplied}, *args, config=config, tool_call_id=tool_call_id, **kwargs)

        return await graph.acall(call, go_on)


def _tool(tool: Any) -> Any:
    if isinstance(tool, _tools.BaseTool):
        return tool
    if callable(tool):
        return _tools.tool(tool)
    raise ConfigError(f"{tool!r:.80} is run by its provider, where the gate never sees its calls")


def _guarded(graph: InGraph, tool: Any) -> Any:
    graph.see(tool)
    kind: Any = tool.__class__
    made: Any = type(kind.__name__, (_Guarded, kind), {"__module__": kind.__module__, "_gate": pydantic.PrivateAttr(default=None)})
    guarded: Any = made.model_construct(**{name: getattr(tool, name) for name in kind.model_fields})
    guarded._gate = graph, tool  # noqa: SLF001  # our own
    return guarded
