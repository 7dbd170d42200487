"""Strands: an agent with a scripted model, its sessions in files."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from strands import Agent, tool
from strands.models import Model
from strands.session.file_session_manager import FileSessionManager

from gate.agents.conformance import Harness, Ran, Seen, Stage
from gate.agents.strands import guard


class Scripted(Model):
    """Says its turns one after the other, then "done"; how far it is, is read from what it said before."""

    def __init__(self, turns):
        self.turns = turns

    def update_config(self, **model_config):
        pass

    def get_config(self):
        return {}

    async def structured_output(self, output_model, prompt, system_prompt=None, **kwargs):
        yield {}

    async def stream(self, messages, tool_specs=None, system_prompt=None, **kwargs):
        said = sum(1 for one in messages if one["role"] == "assistant")
        uses = self.turns[said] if said < len(self.turns) else ()
        yield {"messageStart": {"role": "assistant"}}
        for use in uses:
            yield {"contentBlockStart": {"start": {"toolUse": {"name": use.tool, "toolUseId": use.id}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(use.arguments)}}}}
            yield {"contentBlockStop": {}}
        if not uses:
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": "done"}}}
            yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if uses else "end_turn"}}


class Strands(Harness):
    framework = "strands-agents"
    without = {"after_without_before": "tools are wrapped, there is no after-hook"}

    @property
    def traps(self):
        from tests.agents.traps.strands import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            return asyncio.run(self._run(stage, seen))
        except Exception as error:
            return Ran(seen, broke=repr(error))

    def agent(self, stage: Stage, seen: dict[str, Seen]) -> Agent:
        """The agent, as its user would make it; a bare one for stage.gate None."""
        told = {"session": stage.session, "tools": stage.options}
        tools = [tool(one) for one in stage.tools.values()]
        if stage.sub:
            sub = stage.sub

            @tool
            async def delegate(task: str) -> str:
                """Hands a task to somebody else."""
                child = Agent(name=sub.name, model=Scripted(sub.turns), tools=tools[:-1], callback_handler=None)
                guard(child, stage.gate, parts={sub.name: {name: value for name, value in sub.part.items() if name != "agent"}}, **told)
                await child.invoke_async(task)
                return "the child is done"

            tools.append(delegate)
        folder = str(Path(stage.folder) / "sessions")
        if not stage.state:
            shutil.rmtree(folder, ignore_errors=True)
        manager = FileSessionManager(session_id=stage.session, storage_dir=folder)
        agent = Agent(agent_id="root", name="root", model=Scripted(stage.turns), tools=tools, session_manager=manager, callback_handler=None)
        return agent if stage.gate is None else guard(agent, stage.gate, capability=stage.capability, answers=stage.answers, **told)

    async def _run(self, stage: Stage, seen: dict[str, Seen]) -> Ran:
        agent = self.agent(stage, seen)
        prompt = "go"
        if stage.state:
            prompt = [{"interruptResponse": {"interruptId": one, "response": stage.said}} for one in json.loads(stage.state)]
        if stage.streaming:
            async for event in agent.stream_async(prompt):
                result = event.get("result", None)
        else:
            result = await agent.invoke_async(prompt)
        for message in agent.messages:
            for block in message["content"]:
                if answer := block.get("toolResult"):
                    text = "\n".join(one["text"] if "text" in one else json.dumps(one) for one in answer["content"])
                    seen[answer["toolUseId"]] = Seen(text, answer["status"] == "error")
        paused = list(result.interrupts or ())
        state = json.dumps([one.id for one in paused]) if paused else ""
        return Ran(seen, "" if paused else str(result).strip(), [one.reason for one in paused], state)
