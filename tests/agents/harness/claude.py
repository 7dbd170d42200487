"""The Claude Agent SDK with the Claude Code that it brings, in a network namespace with loopback only; the model is a script.

unshare -n python -m gate.agents.conformance tests.agents.harness.claude:ClaudeSDK
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from gate.agents.claude import Claude
from gate.agents.conformance import Harness, Ran, Seen, Stage, Use
from gate.agents.conformance.schema import json_schema
from tests.hooks.model import Model, serving

SERVER = "t"
QUIET = ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_TELEMETRY", "DISABLE_AUTOUPDATER", "DISABLE_ERROR_REPORTING", "IS_SANDBOX")


class ClaudeSDK(Harness):
    framework = "claude-agent-sdk"
    without = {
        "retries": "the hooks do not run the tool",
        "run_again": "every call has an id of its own; the same id after its outcome is another call, and charged again",
    }

    def __init__(self) -> None:
        """Loopback is all there is; the bundled program would otherwise find its way home."""
        if [line for line in Path("/proc/net/dev").read_text().splitlines()[2:] if not line.strip().startswith("lo:")]:
            raise SystemExit("run this inside: unshare -n")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    def run(self, stage: Stage) -> Ran:
        sub = stage.sub
        turns = {"main": self._turns(stage, stage.turns)}
        if sub:
            turns[sub.name] = self._turns(stage, sub.turns)
        with serving(Model(turns)) as model:
            try:
                said = asyncio.run(asyncio.wait_for(self._run(stage, model), 120))
            except Exception as error:
                return Ran(self._seen(model), broke=repr(error))
        return said

    def after_only(self, stage: Stage) -> None:
        use = stage.turns[0][0]
        event = {"hook_event_name": "PostToolUse", "session_id": "s", "cwd": stage.folder, "tool_name": f"mcp__{SERVER}__{use.tool}"}
        said = asyncio.run(self._gated(stage).hook({**event, "tool_input": use.arguments, "tool_use_id": use.id, "tool_response": "x"}, use.id, None))
        assert said == {}, said

    def _turns(self, stage: Stage, turns: Any) -> list[list[tuple[str, dict[str, Any], str]]]:
        return [[self._use(stage, use) for use in turn] for turn in turns]

    def _use(self, stage: Stage, use: Use) -> tuple[str, dict[str, Any], str]:
        if use.tool == "delegate" and stage.sub:
            return (
                "Agent",
                {"description": "go", "prompt": f"agent {stage.sub.name}", "subagent_type": stage.sub.name, "run_in_background": False},
                use.id,
            )
        return f"mcp__{SERVER}__{use.tool}", dict(use.arguments), use.id

    def _gated(self, stage: Stage) -> Claude:
        state = json.loads(stage.state or "{}")
        return Claude(
            stage.gate,
            capability=stage.capability,
            session=stage.session,
            answers=stage.answers,
            tools=stage.options,
            parts={stage.sub.name: stage.sub.part} if stage.sub else {},
            names={"Agent": "delegate", **{f"{SERVER}/{name}": name for name in stage.tools}},
            workspace=stage.folder,
            said={state["id"]: stage.said} if stage.state and stage.said is not None else {},
        )

    async def _run(self, stage: Stage, model: Model) -> Ran:
        from claude_agent_sdk import AgentDefinition, ClaudeAgentOptions, ClaudeSDKClient, ResultMessage, create_sdk_mcp_server, tool

        def made(name: str, function: Any) -> Any:
            @tool(name, function.__doc__ or name, json_schema(function))
            async def call(arguments: dict[str, Any]) -> dict[str, Any]:
                value = function(**arguments)
                value = await value if inspect.isawaitable(value) else value
                return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}]}

            return call

        gated = self._gated(stage) if stage.gate else None
        folder, state = Path(stage.folder), json.loads(stage.state or "{}")
        (folder / "person").mkdir(exist_ok=True)
        env = {"HOME": str(folder / "person"), "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "sk-dummy", **dict.fromkeys(QUIET, "1")}
        options = ClaudeAgentOptions(
            mcp_servers={SERVER: create_sdk_mcp_server(SERVER, tools=[made(name, one) for name, one in stage.tools.items()])},
            agents={stage.sub.name: AgentDefinition(description="helps", prompt="help")} if stage.sub else None,
            setting_sources=[],
            permission_mode="bypassPermissions",  # the gate decides, and nobody else
            include_partial_messages=stage.streaming,
            resume=state.get("session"),
            cwd=stage.folder,
            env={**os.environ, **env},
            **({"hooks": gated.hooks} if gated else {}),
        )
        result: Any = None
        async with ClaudeSDKClient(options) as client:
            await client.query("go on" if state else "go")
            async for message in client.receive_response():
                if isinstance(message, ResultMessage):
                    result = message
        if result is None:
            return Ran(self._seen(model), broke="the run ended without a result")
        if result.deferred_tool_use and gated:
            deferred = result.deferred_tool_use.id
            return Ran(self._seen(model), paused=[gated.questions[deferred]], state=json.dumps({"session": result.session_id, "id": deferred}))
        return Ran(self._seen(model), result.result or "", broke="" if not result.is_error else str(result.errors or result.result))

    def _seen(self, model: Model) -> dict[str, Seen]:
        return {name: Seen(text, error) for name, (text, error) in model.seen.items()}
