"""A loop without a framework, in the style of a provider; the model is a list."""

from __future__ import annotations

import asyncio
import inspect
import json
from types import SimpleNamespace

from gate.agents.conformance import Harness, Ran, Seen, Stage, Use
from gate.agents.conformance.schema import json_schema
from gate.agents.raw import Tools

NO_PAUSE = "the loop is the user's own: the model is refused and calls again"


class OpenAIChat(Harness):
    framework = "capgate"
    pauses = False
    without = {"after_without_before": "the tool is called inside", "ask_framework_yes": NO_PAUSE}

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            asyncio.run(self._run(stage, seen))
        except Exception as error:
            return Ran(seen, broke=repr(error))
        return Ran(seen, "done")

    async def _run(self, stage: Stage, seen) -> None:
        functions = dict(stage.tools)
        if stage.sub:
            sub = stage.sub

            async def delegate(task: str) -> str:
                """Hands a task to somebody else."""
                tools = self._tools(stage, functions, part=sub.part)
                await self._loop(tools, sub.turns, seen)
                return "the child is done"

            functions["delegate"] = delegate
        if stage.gate is None:
            return await self._bare(stage, functions, seen)
        tools = self._tools(stage, functions, capability=stage.capability)
        await self._loop(tools, stage.turns, seen)

    def _tools(self, stage: Stage, functions, **who) -> Tools:
        definitions = [{"type": "function", "function": {"name": name, "parameters": json_schema(one)}} for name, one in functions.items()]
        options = {name: said for name, said in stage.options.items() if name in functions}
        return Tools(stage.gate, definitions, functions, session=stage.session, tools=options, **who)

    async def _loop(self, tools: Tools, turns, seen) -> None:
        for turn in turns:
            for message in await asyncio.gather(*[self._call(tools, use) for use in turn]):
                seen.update(message)

    async def _call(self, tools: Tools, use: Use) -> dict[str, Seen]:
        function = SimpleNamespace(name=use.tool, arguments=json.dumps(use.arguments))
        message = await tools.aopenai_chat(SimpleNamespace(id=use.id, function=function))
        return {message["tool_call_id"]: Seen(message["content"])}

    async def _bare(self, stage: Stage, functions, seen) -> None:
        """What the user's own loop does without the gate: raises what a tool raises."""
        for turn in stage.turns:
            for use in turn:
                value = functions[use.tool](**use.arguments)
                value = await value if inspect.isawaitable(value) else value
                seen[use.id] = Seen(value if isinstance(value, str) else json.dumps(value))
