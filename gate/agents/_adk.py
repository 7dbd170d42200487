"""What the adapter of Google ADK is made of: the classes of gated copies, what ADK's events say of a call, the schema and results of tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gate.agents.around import note
from gate.constraints.value import is_object


class GatedTool:
    """What makes a tool a gated one. gate_pauses: whether ADK finds the tool again when a run goes on."""

    gate_plugin: Any
    gate_pauses: bool
    gate_declared = ""

    async def run_async(self, *, args: Any, tool_context: Any) -> Any:
        """What the tool gives, or why it was refused."""
        bare: Any = super()

        def run(checked: dict[str, object]) -> Any:
            return bare.run_async(args=checked, tool_context=tool_context)

        return await self.gate_plugin.call(self, args, tool_context, run)


class GatedToolset:
    """What makes a toolset one of gated tools."""

    gate_plugin: Any

    async def get_tools(self, readonly_context: Any = None) -> list[Any]:
        """The tools, gated."""
        toolset: Any = super()
        return [self.gate_plugin.gated(tool) for tool in await toolset.get_tools(readonly_context)]


def pauses(context: Any) -> list[str]:
    """What the call was paused for, the latest first."""
    found: list[str] = []
    call = context.function_call_id
    for event in reversed(context.session.events):
        if any(one.id == call for one in event.get_function_calls()):
            break
        if (asked_for := event.actions.requested_tool_confirmations.get(call)) is not None:
            payload = asked_for.payload
            found.append(str(payload.get("question", "")) if is_object(payload) and payload.get("gate") == "question" else "")
        elif call in event.actions.requested_auth_configs:
            found.append("")
    return found


def answer(said: Any) -> dict[str, object]:
    """What the person says: yes or no, and of the payload what is an answer. A payload that only repeats the question says nothing."""
    payload: Mapping[str, object] = said.payload if is_object(said.payload) else {}
    told_by = {} if payload.get("gate") == "question" else dict(payload)
    return told_by if told_by.get("gate") == "answered" else {**told_by, "approve": said.confirmed}


def schema(tool: Any) -> dict[str, object] | None:
    """The tool's arguments: names, simple types, which are needed. None where ADK knows none."""
    declaration = tool._get_declaration()  # noqa: SLF001  # the method that tools of ADK are written with
    if declaration is None:
        return None
    described: dict[str, Any] = declaration.parameters_json_schema or {}
    if not described and declaration.parameters:
        described = declaration.parameters.model_dump(mode="json", exclude_none=True)
    given: dict[str, Any] = described.get("properties", {})
    properties = {name: {"type": "" if one.get("nullable") else str(one.get("type", "")).lower()} for name, one in given.items()}
    more = described.get("additionalProperties", "type" in described and "properties" not in described)
    return {"properties": properties, "required": list(described.get("required", ())), "additionalProperties": more is not False}


def noted(value: Any, notices: Sequence[str]) -> Any:
    """A result with what the model must be told besides it."""
    return {**value, "note": "; ".join(notices)} if is_object(value) else note(value, notices)
