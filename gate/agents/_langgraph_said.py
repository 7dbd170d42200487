"""What is said in a graph: LangGraph's calls as the gate sees them, and its messages about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from gate.agents.around import Sent, note, told
from gate.agents.framework import framework
from gate.constraints.value import is_object
from gate.errors import GateError

_types: Final = framework("langgraph.types", extra="langchain")
_messages: Final = framework("langchain_core.messages", extra="langchain")

Config: TypeAlias = Mapping[str, Any]
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Called(NamedTuple):
    """One call in a graph. tool: the framework's, None for a name that it does not have. config: the runnable's."""

    sent: Sent
    tool: Any
    config: Config

    @property
    def place(self) -> tuple[str, ...]:
        """The thread, the one run of a node in it, and the call; () where nothing can be paused."""
        where: Mapping[str, object] = self.config.get("configurable") or _NOTHING
        return (str(where["thread_id"]), str(where["checkpoint_ns"]), self.sent.id) if {"thread_id", "checkpoint_ns"} <= where.keys() else ()

    @property
    def alone(self) -> bool:
        """Whether no other call is made in the same run of the node, so that its interrupts are this call's."""
        about: Mapping[str, Any] = self.config.get("metadata") or _NOTHING
        return "__pregel_push" in about.get("langgraph_triggers", ())


class FailedError(Exception):
    """The tool failed, and the framework has made a message of that already."""

    def __init__(self, result: Any) -> None:
        super().__init__(str(result.content))
        self.result = result


def checked(result: Any) -> Any:
    """The result of a tool that did not fail."""
    if isinstance(result, _messages.ToolMessage) and result.status == "error":
        raise FailedError(result)
    return result


def content(result: Any) -> Any:
    """What the gate sees of a result."""
    return result.content if isinstance(result, _messages.ToolMessage) else result


def replaced(result: Any, given: Any) -> Any:
    """The framework's result with this in the place of its content."""
    return result.model_copy(update={"content": given}) if isinstance(result, _messages.ToolMessage) else given


def refusal(called: Called, error: GateError) -> Any:
    """The framework's message about a call that was refused; a text where the call has no id."""
    sent = called.sent
    return _messages.ToolMessage(told(error), name=str(sent.tool), tool_call_id=sent.id, status="error") if sent.id else told(error)


def noted(value: Any, notices: Sequence[str]) -> Any:
    """A result with what the model must be told besides: in its text, in the blocks of it, or in the first message of a command."""
    if isinstance(value, _types.Command) and is_object(value.update) and isinstance(found := value.update.get("messages"), list):
        messages = [one.model_copy(update={"content": noted(one.content, notices)}) if n == 0 else one for n, one in enumerate(found)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]  # the framework's
        return replace(value, update={**value.update, "messages": messages})
    if isinstance(value, list):
        return [{"type": "text", "text": note("", notices).rstrip()}, *value]
    return value if isinstance(value, _types.Command) else note(value, notices)


def schema_of(tool: Any) -> Mapping[str, object]:
    """The JSON Schema of what a model may send: without what the graph supplies."""
    said = tool.tool_call_schema
    made = said if is_object(said) else said.model_json_schema() if hasattr(said, "model_json_schema") else said.schema()
    return {"additionalProperties": False, **made}
