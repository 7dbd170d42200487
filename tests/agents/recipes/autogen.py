"""AutoGen: a `FunctionTool` has a function, which runs in a thread that does not know who acts: the capability is given."""

from __future__ import annotations

import asyncio
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

from gate.agents.wrapped import wrap_tool
from tests.agents.recipes import broken, closed, read_file, remove, shown, standing


def agent(gate, client, capability):
    # recipe
    who = {"capability": capability, "session": "thread-1"}
    functions = [wrap_tool(gate, read_file, effects="reads", **who), wrap_tool(gate, remove, effects=["writes", "irreversible"], **who)]
    tools: list[Any] = [FunctionTool(function, description=function.__doc__ or "") for function in functions]
    return AssistantAgent("reader", client, tools=tools)
    # end


def scripted():
    calls = [FunctionCall(id=name, name=name, arguments='{"path": "a"}') for name in ("read_file", "remove")]
    turn = CreateResult(finish_reason="function_calls", content=calls, usage=RequestUsage(1, 1), cached=False)
    info = ModelInfo(vision=False, function_calling=True, json_output=False, family="x", structured_output=False)
    return ReplayChatCompletionClient([turn, "done"], model_info=info)


def main() -> None:
    with standing() as (gate, capability):
        made = agent(gate, scripted(), capability)
        result = asyncio.run(made.run(task="go"))
        shown(" ".join(str(message.content) for message in result.messages))
        with broken(gate):
            closed(lambda: asyncio.run(again(made)))


async def again(made):
    made._model_client = scripted()
    return await made.run(task="go")


if __name__ == "__main__":
    main()
