"""What LangChain hands over of a call: the tool, what the model sent, what the program supplies besides, and the run that it is in."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any, Final

from gate.agents._langgraph_said import Called, schema_of
from gate.agents.around import Sent
from gate.agents.framework import framework
from gate.constraints.value import is_object

_tools: Final = framework("langchain_core.tools", extra="langchain")
_runtime: Final = framework("langgraph.runtime", extra="langchain")


def called(request: Any) -> Called:
    """The call of a middleware's request."""
    call, runtime = request.tool_call, request.runtime
    config: Mapping[str, Any] = getattr(runtime, "config", None) or {}
    return Called(_sent(call.get("name"), call.get("args"), call.get("id"), getattr(runtime, "context", None), config), request.tool, config)


def _sent(name: Any, arguments: Any, call_id: object, context: Any, config: Mapping[str, Any]) -> Sent:
    capability: Any = context.get("capability") if is_object(context) else getattr(context, "capability", None)
    where: Mapping[str, object] = config.get("configurable") or {}
    return Sent(name, arguments, str(call_id or ""), capability, str(where.get("thread_id", "")))


def reading(tool: Any, tool_input: Any, config: Any, call_id: str | None) -> tuple[Called, dict[str, object]]:
    """The call, and what of its input the program supplies: arguments that the tool's own code has and its schema for models has not."""
    config = config or {}
    supplied: dict[str, object] = {}
    if isinstance(tool_input, str):
        tool_input = dict.fromkeys(list(tool.args)[:1], tool_input)
    elif is_object(tool_input) and "langgraph_node" in (config.get("metadata") or {}):  # elsewhere nobody supplies anything
        ours = _supplied(tool)
        supplied = {name: value for name, value in tool_input.items() if name in ours}
        tool_input = {name: value for name, value in tool_input.items() if name not in ours}
    return Called(_sent(tool.name, tool_input, call_id, _context(), config), tool, config), supplied


def _supplied(tool: Any) -> set[str]:
    function = getattr(tool, "func", None) or getattr(tool, "coroutine", None) or tool._run  # noqa: SLF001  # where tools of a class of their own say it
    declared = schema_of(tool).get("properties")
    fields = tool.get_input_schema().model_fields
    by_hand = {name for name, field in fields.items() if any(map(_by_hand, field.metadata))}
    return {*signature(function).parameters, *fields} - by_hand - set(declared if is_object(declared) else ())


def _by_hand(mark: object) -> bool:
    """Whether what is marked so is put in by the program and not by the graph, which older versions leave as the model sent it."""
    kind = mark if isinstance(mark, type) else type(mark)
    injected = issubclass(kind, _tools.InjectedToolArg)
    return injected and kind is not _tools.InjectedToolCallId and not kind.__module__.startswith(("langgraph.", "langchain."))


def _context() -> Any:
    try:
        return _runtime.get_runtime().context
    except Exception:  # this is no graph
        return None
