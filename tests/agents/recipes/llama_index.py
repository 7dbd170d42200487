"""LlamaIndex: a `FunctionTool` has a function, plain or async."""

from __future__ import annotations

import asyncio

from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.llms import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import FunctionTool, ToolSelection

from gate.agents.wrapped import wrap_tool
from tests.agents.recipes import broken, closed, read_file, remove, shown, standing


def agent(gate, llm):
    # recipe
    functions = [wrap_tool(gate, read_file, effects="reads"), wrap_tool(gate, remove, effects=["writes", "irreversible"])]
    return FunctionAgent(llm=llm, tools=[FunctionTool.from_defaults(function) for function in functions], streaming=False)
    # end


class Scripted(FunctionCallingLLM):
    @property
    def metadata(self):
        return LLMMetadata(is_function_calling_model=True)

    async def achat_with_tools(self, tools, chat_history=None, **_):
        first = not any(message.role.value == "assistant" for message in chat_history or [])
        return ChatResponse(message=ChatMessage(role="assistant", content="" if first else "done", additional_kwargs={"first": first}))

    def get_tool_calls_from_response(self, response, **_):
        names = ("read_file", "remove") if response.message.additional_kwargs["first"] else ()
        return [ToolSelection(tool_id=name, tool_name=name, tool_kwargs={"path": "a"}) for name in names]

    def _prepare_chat_with_tools(self, *_, **__):
        return {}

    def _none(self, *_, **__):
        raise NotImplementedError

    chat = stream_chat = complete = stream_complete = achat = astream_chat = acomplete = astream_complete = _none


async def said(made) -> str:
    handler, results = made.run("go"), []
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            results.append(event.tool_output.content)
    await handler
    return " ".join(results)


def main() -> None:
    with standing() as (gate, capability), gate.acting(capability):
        made = agent(gate, Scripted())
        shown(asyncio.run(said(made)))
        with broken(gate):
            closed(lambda: asyncio.run(said(made)))


if __name__ == "__main__":
    main()
