"""Pydantic AI, with its own function model that says what is in a list."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ToolDenied
from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelRequest, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import DeltaToolCall, FunctionModel

from gate.agents.conformance import Harness, Ran, Seen, Stage
from gate.agents.pydantic_ai import Gated


@dataclass
class Deps:
    """What the user's own dependencies say of who acts."""

    capability: Any = None
    session: str = ""


def scripted(turns, seen) -> FunctionModel:
    """Says the turns, one after the other, then "done". seen: what it was told."""

    def says(messages):
        for part in [part for message in messages if isinstance(message, ModelRequest) for part in message.parts]:
            if part.part_kind in {"tool-return", "retry-prompt"} and getattr(part, "tool_call_id", None):
                failed = part.part_kind == "retry-prompt" or part.outcome not in {"success"}
                seen[part.tool_call_id] = Seen(part.model_response() if part.part_kind == "retry-prompt" else part.model_response_str(), failed)
        called = {part.tool_call_id for message in messages if isinstance(message, ModelResponse) for part in message.tool_calls}
        return next((turn for turn in turns if not {use.id for use in turn} <= called), None)

    def function(messages, info):
        turn = says(messages)
        return ModelResponse([TextPart("done")] if turn is None else [ToolCallPart(use.tool, dict(use.arguments), use.id) for use in turn])

    async def stream(messages, info):
        turn = says(messages)
        if turn is None:
            yield "done"
        for number, use in enumerate(turn or ()):
            yield {number: DeltaToolCall(use.tool, json.dumps(use.arguments), tool_call_id=use.id)}

    return FunctionModel(function, stream_function=stream)


class PydanticAI(Harness):
    framework = "pydantic-ai-slim"
    without = {"after_without_before": "the tool is called inside"}

    @property
    def traps(self):
        from tests.agents.traps.pydantic_ai import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            return asyncio.run(self._run(stage, self.agent(stage, seen), seen))
        except Exception as error:
            return Ran(seen, broke=repr(error))

    def agent(self, stage: Stage, seen) -> Agent:
        """The agent of a stage."""
        tools, around = list(stage.tools.values()), {"tools": stage.options, "answers": stage.answers}
        if stage.sub:
            child = Agent(scripted(stage.sub.turns, seen), tools=list(tools), capabilities=[Gated(stage.gate, part=stage.sub.part, **around)])

            async def delegate(task: str) -> str:
                """Hands a task to somebody else."""
                return (await child.run(task)).output

            tools.append(delegate)
        gated = [] if stage.gate is None else [Gated(stage.gate, **around)]
        return Agent(scripted(stage.turns, seen), tools=tools, output_type=[str, DeferredToolRequests], deps_type=Deps, capabilities=gated)

    async def _run(self, stage: Stage, agent: Agent, seen) -> Ran:
        said = {"deps": Deps(stage.capability, stage.session), **self._going_on(stage)}
        if stage.streaming:
            async with agent.run_stream(None if stage.state else "go", **said) as result:
                output = await result.get_output()
        else:
            result = await agent.run(None if stage.state else "go", **said)
            output = result.output
        if isinstance(output, DeferredToolRequests):
            paused = [output.metadata.get(call.tool_call_id) for call in output.approvals]
            return Ran(seen, "", paused, json.dumps([result.all_messages_json().decode(), [call.tool_call_id for call in output.approvals]]))
        return Ran(seen, output)

    def _going_on(self, stage: Stage) -> dict[str, Any]:
        if not stage.state:
            return {}
        messages, waiting = json.loads(stage.state)
        no = isinstance(stage.said, dict) and stage.said.get("approve") is False
        results = DeferredToolResults(approvals={each: ToolDenied("no") if no else True for each in waiting})
        return {"message_history": ModelMessagesTypeAdapter.validate_json(messages), "deferred_tool_results": results}
