"""Haystack: a `Tool` has a function. An exception of it would end the run where the agent is told to raise."""

from __future__ import annotations

from haystack import component
from haystack.components.agents import Agent
from haystack.dataclasses import ChatMessage, ToolCall
from haystack.tools import create_tool_from_function

from gate.agents.wrapped import wrap_tool
from tests.agents.recipes import broken, closed, read_file, remove, shown, standing


def agent(gate, generator):
    # recipe
    functions = [wrap_tool(gate, read_file, effects="reads"), wrap_tool(gate, remove, effects=["writes", "irreversible"])]
    return Agent(chat_generator=generator, tools=[create_tool_from_function(function) for function in functions])
    # end


@component
class Scripted:
    @component.output_types(replies=list[ChatMessage])
    def run(self, messages: list[ChatMessage], tools=None, **_):
        if any(message.role.value == "assistant" for message in messages):
            return {"replies": [ChatMessage.from_assistant("done")]}
        calls = [ToolCall(tool_name=name, arguments={"path": "a"}, id=name) for name in ("read_file", "remove")]
        return {"replies": [ChatMessage.from_assistant(tool_calls=calls)]}


def main() -> None:
    with standing() as (gate, capability), gate.acting(capability):
        made = agent(gate, Scripted())
        result = made.run(messages=[ChatMessage.from_user("go")])
        shown(" ".join(str(one.result) for message in result["messages"] for one in message.tool_call_results))
        with broken(gate):
            closed(lambda: made.run(messages=[ChatMessage.from_user("go")]))


if __name__ == "__main__":
    main()
