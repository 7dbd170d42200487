"""Google ADK: an app with a scripted model, its sessions in SQLite."""

from __future__ import annotations

import asyncio
import json
import warnings
from pathlib import Path

from gate.agents.conformance import Harness, Ran, Seen, Stage

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from google.adk.agents import LlmAgent
    from google.adk.agents.run_config import RunConfig, StreamingMode
    from google.adk.apps import App
    from google.adk.apps.app import ResumabilityConfig
    from google.adk.models import BaseLlm, LlmResponse
    from google.adk.runners import Runner
    from google.adk.sessions import DatabaseSessionService
    from google.adk.tools.agent_tool import AgentTool
    from google.genai import types
    from pydantic import BaseModel

    from gate.agents.adk import GatePlugin

CONFIRM = "adk_request_confirmation"


class Scripted(BaseLlm):
    """Says its turns one after the other, then "done"; how far it is, is read from what it said before."""

    turns: list

    async def generate_content_async(self, llm_request, stream=False):
        said = sum(1 for one in llm_request.contents if one.role == "model")
        uses = self.turns[said] if said < len(self.turns) else ()
        parts = [types.Part(function_call=types.FunctionCall(id=use.id, name=use.tool, args=dict(use.arguments))) for use in uses]
        yield LlmResponse(content=types.Content(role="model", parts=parts or [types.Part(text="done")]))


class Task(BaseModel):
    """What a sub-agent is called with."""

    task: str


class GoogleADK(Harness):
    framework = "google-adk"
    without = {"after_without_before": "tools are wrapped, there is no after-hook"}

    @property
    def traps(self):
        from tests.agents.traps.adk import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            return asyncio.run(self._run(stage, seen))
        except Exception as error:
            return Ran(seen, broke=repr(error))

    def app(self, stage: Stage, seen: dict[str, Seen]) -> App:
        """The app, as its user would write it; a bare one for stage.gate None."""
        tools = [*stage.tools.values()]
        parts = {}
        if stage.sub:
            sub = stage.sub
            child = LlmAgent(name=sub.name, model=Scripted(model="scripted", turns=list(sub.turns)), tools=[*tools], input_schema=Task)
            delegate = AgentTool(child)
            delegate.name = "delegate"
            tools.append(delegate)
            parts = {sub.name: {name: value for name, value in sub.part.items() if name != "agent"}}
        root = LlmAgent(name="root", model=Scripted(model="scripted", turns=list(stage.turns)), tools=tools)
        plugins = (
            []
            if stage.gate is None
            else [GatePlugin(stage.gate, capability=stage.capability, parts=parts, tools=stage.options, answers=stage.answers)]
        )
        return App(name="app", root_agent=root, plugins=plugins, resumability_config=ResumabilityConfig(is_resumable=True))

    async def _run(self, stage: Stage, seen: dict[str, Seen]) -> Ran:
        service = DatabaseSessionService(db_url=f"sqlite+aiosqlite:///{Path(stage.folder) / 'sessions.db'}")
        runner = Runner(app=self.app(stage, seen), session_service=service)
        told = {"user_id": "alice", "session_id": stage.session}
        if stage.state:
            said = stage.said
            answer = {"confirmed": said.get("approve", True), "payload": said}
            parts = [
                types.Part(function_response=types.FunctionResponse(id=one, name=CONFIRM, response=answer))
                for one in json.loads(stage.state)["confirm"]
            ]
            told["invocation_id"] = json.loads(stage.state)["invocation"]
        else:
            await service.delete_session(app_name="app", **told)
            await service.create_session(app_name="app", **told)
            parts = [types.Part(text="go")]
        mode = RunConfig(streaming_mode=StreamingMode.SSE if stage.streaming else StreamingMode.NONE)
        try:
            return await self._gather(runner.run_async(**told, new_message=types.Content(role="user", parts=parts), run_config=mode), seen)
        finally:
            await runner.close()

    async def _gather(self, events, seen: dict[str, Seen]) -> Ran:
        final, paused, confirm, invocation = "", [], [], ""
        async for event in events:
            invocation = event.invocation_id
            for part in event.content.parts if event.content else ():
                if part.text:
                    final = part.text
                if (call := part.function_call) and call.name == CONFIRM:
                    paused.append(call.args["toolConfirmation"].get("payload"))
                    confirm.append(call.id)
                if (response := part.function_response) and response.name != CONFIRM:
                    seen[response.id] = Seen(_text(response.response), "error" in response.response)
        state = json.dumps({"confirm": confirm, "invocation": invocation}) if paused else ""
        return Ran(seen, "" if paused else final, paused, state)


def _text(response: dict) -> str:
    return response["result"] if isinstance(response.get("result"), str) else json.dumps(response, ensure_ascii=False)
