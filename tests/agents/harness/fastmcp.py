"""A FastMCP server in this process, whose client is a loop of the user's own; the model is a list."""

from __future__ import annotations

import asyncio
from functools import cached_property

from fastmcp import Client, FastMCP

from gate.agents.around import Sent
from gate.agents.conformance import Harness, Ran, Seen, Stage
from gate.agents.fastmcp import CALL, CAPABILITY, SESSION, GateMiddleware
from gate.agents.mcp_client import refusal
from gate.agents.raw import Tools
from tests.agents.harness.raw import NO_PAUSE


def served(stage: Stage, **around) -> FastMCP:
    """A server of the stage's tools."""
    server = FastMCP("server", middleware=[] if stage.gate is None else [GateMiddleware(stage.gate, tools=stage.options, **around)])
    for tool in stage.tools.values():
        server.tool(tool)
    return server


class FastMcp(Harness):
    framework = "fastmcp"
    pauses = False
    without = {
        "after_without_before": "the tool is called inside",
        "ask_framework_yes": NO_PAUSE,
        "streaming": "a result comes whole",
    }

    @cached_property
    def traps(self):
        from tests.agents.traps.fastmcp import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            asyncio.run(self._loop(stage, stage.turns, seen, capability=stage.capability))
        except Exception as error:
            return Ran(seen, broke=repr(error))
        return Ran(seen, "done")

    async def _loop(self, stage: Stage, turns, seen, *, capability=None, **who) -> None:
        async with Client(served(stage, **who)) as client:
            for turn in turns:
                for use, result in zip(turn, await asyncio.gather(*[self._use(stage, client, use, seen, capability) for use in turn]), strict=True):
                    text = "\n".join(block.text for block in result.content)
                    seen[use.id] = Seen(text, getattr(result, "is_error", None) is True)

    async def _use(self, stage: Stage, client, use, seen, capability):
        token = {CAPABILITY: capability.presentation} if capability else {}
        if use.tool != "delegate":
            meta = {CALL: use.id, SESSION: stage.session, **token}
            return await client.call_tool(use.tool, dict(use.arguments), raise_on_error=False, meta=meta)

        async def delegate(task: str) -> str:
            await self._loop(stage, stage.sub.turns, seen, capability=capability, part=stage.sub.part)
            return "the child is done"

        definition = {"name": "delegate", "parameters": {"properties": {"task": {}}}}
        tools = Tools(stage.gate, [definition], {"delegate": delegate}, capability=capability, session=stage.session)
        return refusal((await tools.arun(Sent("delegate", dict(use.arguments), use.id)))[0])
