"""OpenAI Agents SDK, with a model of its public interface that says what is in a list."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from agents import Agent, Model, ModelResponse, RunConfig, Runner, RunState, Usage, function_tool, set_tracing_disabled
from openai.types.responses import Response, ResponseCompletedEvent, ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from gate.agents.conformance import Harness, Ran, Seen, Stage
from gate.agents.openai_agents import guard

set_tracing_disabled(True)


@dataclass
class Context:
    """What the user's own context says of who acts."""

    capability: Any = None
    session: str = ""


class Scripted(Model):
    """Says the turns, one after the other, then "done". `seen`: what it was told."""

    def __init__(self, turns, seen) -> None:
        self.turns, self.seen = turns, seen

    async def get_response(self, system_instructions, input, *args, **kwargs) -> ModelResponse:
        return ModelResponse(output=self._says(input), usage=Usage(), response_id=None)

    async def stream_response(self, system_instructions, input, *args, **kwargs):
        said = {"output": self._says(input), "tools": [], "tool_choice": "none", "parallel_tool_calls": False}
        response = Response(id="r", created_at=0, model="scripted", object="response", **said)
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)

    def _says(self, items) -> list[Any]:
        items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        self.seen.update({item["call_id"]: Seen(_text(item["output"])) for item in items if item.get("type") == "function_call_output"})
        called = {item["call_id"] for item in items if item.get("type") == "function_call"}
        for turn in self.turns:
            if not {use.id for use in turn} <= called:
                return [_call(use) for use in turn]
        text = ResponseOutputText(type="output_text", text="done", annotations=[])
        return [ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])]


def _call(use) -> ResponseFunctionToolCall:
    arguments = {"input": use.arguments["task"]} if use.tool == "delegate" else use.arguments
    return ResponseFunctionToolCall(type="function_call", call_id=use.id, name=use.tool, arguments=json.dumps(arguments))


def _text(output) -> str:
    return output if isinstance(output, str) else json.dumps(output)


class OpenAIAgents(Harness):
    framework = "openai-agents"
    without = {"after_without_before": "the tool is called inside"}

    @property
    def traps(self):
        from tests.agents.traps.openai_agents import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            return asyncio.run(self._run(stage, self._agent(stage, seen), seen))
        except Exception as error:
            return Ran(seen, broke=repr(error))

    def _agent(self, stage: Stage, seen) -> Agent:
        tools = [function_tool(strict_mode=False)(one) for one in stage.tools.values()]
        around = {"tools": stage.options, "answers": stage.answers}
        if stage.sub:
            child = Agent(name=stage.sub.name, model=Scripted(stage.sub.turns, seen), tools=list(tools))
            tools.append(guard(child, stage.gate, part=stage.sub.part, **around).as_tool("delegate", "Hands a task to somebody else."))
        root = Agent(name="root", model=Scripted(stage.turns, seen), tools=tools)
        return root if stage.gate is None else guard(root, stage.gate, **around)

    async def _run(self, stage: Stage, agent: Agent, seen) -> Ran:
        context = Context(stage.capability, stage.session)
        going_on = await self._answered(stage, agent, context) if stage.state else "go"
        said = {"run_config": RunConfig(tracing_disabled=True)} | ({} if stage.state else {"context": context})  # a state has its own
        if stage.streaming:
            result = Runner.run_streamed(agent, going_on, **said)
            async for _ in result.stream_events():
                pass
        else:
            result = await Runner.run(agent, going_on, **said)
        if not result.interruptions:
            return Ran(seen, result.final_output)
        state = result.to_state().to_string(context_serializer=lambda _: {})
        return Ran(seen, "", [[item.name, item.arguments] for item in result.interruptions], state)

    async def _answered(self, stage: Stage, agent: Agent, context: Context) -> RunState:
        state = await RunState.from_string(agent, stage.state, context_override=context)
        for item in state.get_interruptions():
            if isinstance(stage.said, dict) and stage.said.get("approve") is False:
                state.reject(item)
            else:
                state.approve(item)
        return state
