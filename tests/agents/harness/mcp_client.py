"""An MCP session in a loop of the user's own, with a server in this process; the model is a list."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import cached_property
from importlib.metadata import version

from gate import ref
from gate.agents.conformance import Harness, Ran, Seen, Stage
from gate.agents.mcp_client import ERROR, GatedSession
from gate.agents.raw import Tools
from tests.agents.harness.raw import NO_PAUSE

NEW = not version("mcp").startswith("1.")


@asynccontextmanager
async def served(tools):
    """A session with a server that has these functions as tools."""
    if NEW:
        from mcp.client.client import Client
        from mcp.server.mcpserver import MCPServer

        server = MCPServer("server")
    else:
        from mcp.server.fastmcp import FastMCP
        from mcp.shared.memory import create_connected_server_and_client_session

        server = FastMCP("server")
    for tool in tools:
        server.add_tool(tool)
    async with Client(server) if NEW else create_connected_server_and_client_session(server._mcp_server) as session:
        yield session


class McpClient(Harness):
    framework = "mcp"
    pauses = False
    without = {
        "after_without_before": "the tool is called inside",
        "ask_framework_yes": NO_PAUSE,
        "streaming": "a result comes whole",
    }

    @cached_property
    def traps(self):
        from tests.agents.traps.mcp_client import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            asyncio.run(self._run(stage, seen))
        except Exception as error:
            return Ran(seen, broke=repr(error))
        return Ran(seen, "done")

    async def _run(self, stage: Stage, seen) -> None:
        async with served(stage.tools.values()) as session:
            await self._loop(stage, session, stage.turns, seen, capability=stage.capability)

    async def _loop(self, stage: Stage, session, turns, seen, **who) -> None:
        around = {"session": stage.session, "tools": stage.options, **who}
        gated = session if stage.gate is None else GatedSession(session, stage.gate, server="", **around)
        for turn in turns:
            for use, result in zip(turn, await asyncio.gather(*[self._use(stage, session, gated, use, seen, around) for use in turn]), strict=True):
                text = "\n".join(block.text for block in result.content)
                seen[use.id] = Seen(text, any(getattr(result, mark, False) for mark in ERROR))

    async def _use(self, stage: Stage, session, gated, use, seen, around):
        if use.tool != "delegate":
            with ref.under(use.id):
                return await gated.call_tool(use.tool, dict(use.arguments))

        async def delegate(task: str) -> str:
            await self._loop(stage, session, stage.sub.turns, seen, part=stage.sub.part)
            return "the child is done"

        tools = Tools(
            stage.gate, [{"name": "delegate", "parameters": {"properties": {"task": {}}}}], {"delegate": delegate}, **{**around, "tools": {}}
        )
        with ref.under(use.id):
            from gate.agents.around import Sent
            from gate.agents.mcp_client import refusal

            return refusal((await tools.arun(Sent("delegate", dict(use.arguments), use.id)))[0])
