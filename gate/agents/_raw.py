"""How the providers write tools, calls and results: OpenAI (chat and responses), Anthropic; each as an object of its library or as a mapping.

>>> CHAT.read({"id": "call_1", "function": {"name": "look", "arguments": '{"at": "a"}'}}).arguments
{'at': 'a'}
>>> defined({"name": "look", "input_schema": {"type": "object"}})
('look', {'type': 'object'})
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from gate.agents.around import Sent
from gate.agents.framework import read
from gate.constraints.value import is_object

Message = dict[str, object]


class Style(NamedTuple):
    """How one provider writes a call and its result. read: a call of the model as tool, arguments, id."""

    read: Callable[[object], Sent]
    result: Callable[[Sent, object, bool], Message]


def of(native: object, name: str) -> Any:
    """A member of the provider's object or of a mapping."""
    return native.get(name) if is_object(native) else getattr(native, name, None)


def _result_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _read_chat(call: object) -> Sent:
    function = of(call, "function")
    return Sent(of(function, "name"), read(of(function, "arguments")), str(of(call, "id") or ""))


def _read_responses(item: object) -> Sent:
    return Sent(of(item, "name"), read(of(item, "arguments")), str(of(item, "call_id") or ""))


def _read_anthropic(block: object) -> Sent:
    return Sent(of(block, "name"), of(block, "input"), str(of(block, "id") or ""))


def _write_chat(sent: Sent, value: object, refused: bool) -> Message:  # noqa: FBT001  # one signature for three
    del refused
    return {"role": "tool", "tool_call_id": sent.id, "content": _result_text(value)}


def _write_responses(sent: Sent, value: object, refused: bool) -> Message:  # noqa: FBT001  # as above
    del refused
    return {"type": "function_call_output", "call_id": sent.id, "output": _result_text(value)}


def _write_anthropic(sent: Sent, value: object, refused: bool) -> Message:  # noqa: FBT001  # as above
    marked: Message = {"is_error": True} if refused else {}
    return {"type": "tool_result", "tool_use_id": sent.id, "content": _result_text(value), **marked}


CHAT: Final = Style(_read_chat, _write_chat)
RESPONSES: Final = Style(_read_responses, _write_responses)
ANTHROPIC: Final = Style(_read_anthropic, _write_anthropic)


def defined(definition: object) -> tuple[str, Mapping[str, object] | None]:
    """Name and JSON Schema of a tool as one of the providers takes it."""
    inner = of(definition, "function") or definition
    schema = of(inner, "parameters") or of(inner, "input_schema")
    return str(of(inner, "name")), schema if is_object(schema) else None
