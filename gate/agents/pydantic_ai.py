"""Pydantic AI (`pydantic-ai-slim` 2.20 and later): a capability of an agent that puts all its tools behind a gate.

    agent = Agent("…", tools=[read_file], toolsets=[server], output_type=[str, DeferredToolRequests], capabilities=[Gated(gate)])
    result = await agent.run("…", deps=deps)

Every toolset is gated, also one that comes with a run, and every tool that another capability adds.  A tool that the provider runs, or that is
run outside the process (`ExternalToolset`), stops the run unless it is named in `hosted`: the gate never sees its calls.

Who acts: `capability`; or what `deps.capability` says; or whoever acts by `gate.acting`.  A call that needs a person is deferred where the
agent's `output_type` has `DeferredToolRequests`; its metadata is the gate's question.  Going on with `DeferredToolResults(approvals={id: True})`
looks at the gate's desk again.  Otherwise, and in an agent inside a tool, the model is refused with the question's id.  A refusal is a failed
tool result.  What runs is what was checked: the arguments as Pydantic AI validated them, or validated again where a person changed them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from gate.agents._pydantic_ai import sendable
from gate.agents.around import Sent, asked, told
from gate.agents.context import inside, who
from gate.agents.framework import check_hosted, framework, read
from gate.agents.pausing import Pausing
from gate.constraints.value import is_array
from gate.errors import GateError, NeedsApproval

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gate.gate import Gate

    Run = Callable[[Any], Awaitable[Any]]

_ai: Final = framework("pydantic_ai", extra="pydantic-ai")
_capabilities: Final = framework("pydantic_ai.capabilities", extra="pydantic-ai")
_exceptions: Final = framework("pydantic_ai.exceptions", extra="pydantic-ai")
_Capability: Any = _capabilities.AbstractCapability
_Wrapper: Any = framework("pydantic_ai.toolsets", extra="pydantic-ai").WrapperToolset


class Gated(_Capability):  # type: ignore[misc]  # pyright: ignore[reportUntypedBaseClass]  # of a framework that need not be there
    """The capability. hosted: tools that the gate does not see, allowed all the same. around: what `Around` takes."""

    def __init__(self, gate: Gate, *, hosted: Collection[str] = (), **around: Any) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  # as above
        self._around, self._hosted = Pausing(gate, **around), frozenset(hosted)
        self._behind: set[str] = set()

    def get_ordering(self) -> Any:
        """Innermost: what other capabilities do with the tools comes through here."""
        return _capabilities.CapabilityOrdering(position="innermost")

    def get_wrapper_toolset(self, toolset: Any) -> Any:
        """All tools of a run, gated."""
        return _Toolset(toolset, self)

    async def before_model_request(self, ctx: Any, request_context: Any) -> Any:
        """ConfigError for a tool of the provider, before it is offered."""
        del ctx
        for tool in request_context.model_request_parameters.native_tools:
            check_hosted(str(tool.kind), self._hosted)
        return request_context

    async def wrap_tool_execute(self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Run) -> Any:
        """Gates a tool that another capability added around the toolset; the others are gated inside."""
        if call.tool_name in self._behind:
            return await handler(args)
        self._around.declare(call.tool_name, tool_def.parameters_json_schema)
        return await self.gated(ctx, call.tool_name, read(call.args), lambda _: handler(args), edits=False)

    def declare(self, name: str, definition: Any) -> None:
        """Puts a tool of a toolset behind the gate. ConfigError when it cannot be."""
        if definition.kind == "external":
            check_hosted(name, self._hosted)
        self._around.declare(name, definition.parameters_json_schema)
        self._behind.add(name)

    async def gated(self, ctx: Any, name: str, arguments: Any, run: Run, *, edits: bool = True) -> Any:
        """What a tool gives. ToolFailed when it did not run, ApprovalRequired when it must wait; what it raises passes through."""
        around = self._around

        async def checked(made: dict[str, object]) -> Any:
            if not edits and made != arguments:
                raise _exceptions.ToolFailed(f"Refused by Gate, it did not run: the arguments of '{name}' cannot be changed")
            with inside(ctx.deps):
                return await run(made)

        try:
            sent = self._sent(ctx, name, arguments)
            with around.answered(await around.question(sent) if ctx.tool_call_approved else None, ctx.tool_call_approved or None):
                return await around.arun(sent, checked)
        except NeedsApproval as waits:
            if _defers(ctx.agent):
                raise _exceptions.ApprovalRequired(asked(waits.question)) from None
            raise _exceptions.ToolFailed(told(waits)) from None
        except GateError as error:
            raise _exceptions.ToolFailed(told(error)) from None

    def _sent(self, ctx: Any, name: str, arguments: Any) -> Sent:
        capability, session = who(ctx.deps)
        sent = Sent(name, arguments, ctx.tool_call_id or "", capability, session or getattr(ctx, "conversation_id", None) or "")
        if ctx.tool_call_approved and not self._around.asks(sent):  # the tool itself paused, when it ran under this id
            return sent._replace(id=f"{sent.id}+")
        return sent


@dataclass
class _Toolset(_Wrapper):  # type: ignore[misc]  # pyright: ignore[reportUntypedBaseClass]  # as above
    """All tools of a run, each call through the gate. by: the capability."""

    by: Gated

    async def get_tools(self, ctx: Any) -> Any:
        tools = await self.wrapped.get_tools(ctx)
        for name, tool in tools.items():
            self.by.declare(name, tool.tool_def)
        return tools

    async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
        properties = tool.tool_def.parameters_json_schema.get("properties", {})

        async def run(checked: dict[str, object]) -> Any:
            values = tool_args
            if sendable(tool_args, properties) != checked:
                values = tool.args_validator.validate_json(json.dumps(checked), context=ctx.validation_context)
            return await self.wrapped.call_tool(name, values, ctx, tool)

        return await self.by.gated(ctx, name, sendable(tool_args, properties), run)


def _defers(agent: Any) -> bool:
    """Whether the run of an agent can end with calls that wait for a person."""
    output = getattr(agent, "output_type", None)
    types = output if is_array(output) else [output, *get_args(output)]
    return _ai.DeferredToolRequests in types
