"""What the adapter of Strands reads of a tool's events and of an agent's interrupts, and writes as results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gate.agents.around import note, told
from gate.errors import GateError


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
    state = agent._interrupt_state  # noqa: SLF001  # what the person answered is nowhere else; a version without it is refused by the AttributeError
    begins = f"v1:tool_call:{tool_use['toolUseId']}:"
    return [one for key, one in state.interrupts.items() if key.startswith(begins) and one.response is not None]


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
