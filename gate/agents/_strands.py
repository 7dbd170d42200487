"""What the adapter of Strands is made of: the class of gated tools, what is read of events and interrupts, and written as results."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

from gate.agents.around import asked, note, told
from gate.agents.framework import framework
from gate.errors import GateError, NeedsApproval

_strands: Final = framework("strands", extra="strands")
_interrupts: Final = framework("strands.interrupt", extra="strands")
_events: Final = framework("strands.types._events", extra="strands")


class GatedTool:
    """What makes a tool a gated one."""

    gate_guard: Any
    gate_agent: Any
    gate_declared = False
    tool_name: str

    async def stream(self, tool_use: Any, invocation_state: dict[str, Any], **more: Any) -> AsyncGenerator[Any]:
        """The tool's events, or its refusal."""
        bare: Any = super()
        for event in await self.gate_guard.call(self, bare.stream, tool_use, invocation_state, **more):
            yield event


class FailedError(Exception):
    """A tool failed, and Strands made a result of it."""


def result_of(events: list[Any]) -> dict[str, Any]:
    """The result that ends a tool's events; of an interrupt the event itself."""
    found: dict[str, Any] = getattr(events[-1], "tool_result", events[-1])
    return found


def outcome(events: list[Any]) -> Any:
    """What a tool gave, a text where it is one; raises what it failed with. An interrupt is the end of a call, too."""
    result = result_of(events)
    content = result.get("content")
    if result.get("status") == "error":
        raise FailedError(str(content)) from getattr(events[-1], "exception", None)
    return content[0]["text"] if content and len(content) == 1 and "text" in content[0] else content


def interrupts(agent: Any, tool_use: Any) -> list[Any]:
    """The answered interrupts of this call, the first first."""
    known = agent._interrupt_state.interrupts  # noqa: SLF001  # the answers are nowhere else; a version without it is refused by the AttributeError
    if not known:
        return []
    begins = f"v1:tool_call:{tool_use['toolUseId']}:"
    return [one for key, one in known.items() if key.startswith(begins) and one.response is not None]


def refusal(tool_use: Any, error: GateError) -> dict[str, Any]:
    """The result of a call that was refused."""
    return {"toolUseId": tool_use["toolUseId"], "status": "error", "content": [{"text": told(error)}]}


def schema(tool: Any) -> dict[str, object] | None:
    """The tool's arguments; without properties any."""
    described = tool.tool_spec["inputSchema"]
    found = described.get("json", described)
    return {"additionalProperties": False, **found} if found.get("properties") else found


def noted(value: Any, notices: Sequence[str]) -> Any:
    """A result with what the model must be told before it."""
    return [{"text": f"Note: {'; '.join(notices)}."}, *value] if isinstance(value, list) else note(value, notices)


def interrupt(tool: GatedTool, tool_use: Any, state: dict[str, Any], needed: NeedsApproval, times: int) -> Any:
    """The event that interrupts the agent for the question. times: how often it was before, for this call."""
    context = _strands.ToolContext(tool_use=tool_use, agent=tool.gate_agent, invocation_state=state)
    try:
        context.interrupt(f"gate:{times}", reason=asked(needed.question))
    except _interrupts.InterruptException as interrupted:
        return _events.ToolInterruptEvent(tool_use, [interrupted.interrupt])
    return refusal(tool_use, needed)
