"""Raw: a loop without a framework, with the messages of OpenAI (chat and responses), Anthropic, and LiteLLM (which speaks OpenAI's).

    tools = Tools(gate, definitions, {"read_file": read_file}, capability=cap)
    messages += [tools.openai_chat(call) for call in message.tool_calls]           # {"role": "tool", …}
    inputs   += [tools.openai_responses(item) for item in calls]                   # {"type": "function_call_output", …}
    content  += [tools.anthropic(block) for block in message.content if block.type == "tool_use"]

definitions: the tools as the provider gets them, of any of the four.  A refused call is an ordinary result that says so; what a tool raises is
raised.  Each method takes the provider's object or the same as a mapping, and has an async twin (`aopenai_chat` …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from gate.agents._raw import ANTHROPIC, CHAT, RESPONSES, Message, Style, defined
from gate.agents.around import Around, Sent, told
from gate.errors import ConfigError, GateError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gate.gate import Gate
    from gate.tool import Options


class Tools:
    """The functions of a loop behind a gate. around: what `Around` takes: capability, part, session, tools, answers.

    ConfigError for a definition that cannot be taken, and for a name in `tools` that no definition has.
    """

    def __init__(
        self,
        gate: Gate,
        definitions: Iterable[object],
        functions: Mapping[str, Callable[..., Any]],
        *,
        tools: Mapping[str, Options] | None = None,
        **around: Any,
    ) -> None:
        self.around = Around(gate, tools=tools, **around)
        self._functions = dict(functions)
        found = [defined(definition) for definition in definitions]
        names = [name for name, _ in found]
        if unknown := sorted(set(tools or ()) - set(names)):  # the tool that is meant would be undeclared, and not ask
            raise ConfigError(f"tools= says what '{unknown[0]}' does, and no definition has that name; there are {', '.join(names) or 'none'}")
        for name, schema in found:
            self.around.declare(name, schema)

    def run(self, sent: Sent) -> tuple[object, bool]:
        """What a call gives, or why it was refused, and whether it was. Raises what the tool raises; an async tool needs `arun`."""
        try:
            return self.around.run(sent, lambda arguments: self._functions[sent.tool](**arguments)), False
        except GateError as error:
            return told(error), True

    async def arun(self, sent: Sent) -> tuple[object, bool]:
        """The same in an event loop; a plain tool is called there, too."""

        async def call(arguments: dict[str, object]) -> object:
            value: Any = self._functions[sent.tool](**arguments)
            return await value if isawaitable(value) else value

        try:
            return await self.around.arun(sent, call), False
        except GateError as error:
            return told(error), True

    def openai_chat(self, call: object) -> Message:
        """The message that answers one of `message.tool_calls` (Chat Completions; LiteLLM)."""
        return self._answer(CHAT, call)

    def openai_responses(self, item: object) -> Message:
        """The input item that answers a `function_call` item (Responses)."""
        return self._answer(RESPONSES, item)

    def anthropic(self, block: object) -> Message:
        """The content block that answers a `tool_use` block (Messages)."""
        return self._answer(ANTHROPIC, block)

    def aopenai_chat(self, call: object) -> Coroutine[Any, Any, Message]:
        """`openai_chat` in an event loop."""
        return self._aanswer(CHAT, call)

    def aopenai_responses(self, item: object) -> Coroutine[Any, Any, Message]:
        """`openai_responses` in an event loop."""
        return self._aanswer(RESPONSES, item)

    def aanthropic(self, block: object) -> Coroutine[Any, Any, Message]:
        """`anthropic` in an event loop."""
        return self._aanswer(ANTHROPIC, block)

    def _answer(self, style: Style, native: object) -> Message:
        sent = style.read(native)
        return style.result(sent, *self.run(sent))

    async def _aanswer(self, style: Style, native: object) -> Message:
        sent = style.read(native)
        return style.result(sent, *await self.arun(sent))
