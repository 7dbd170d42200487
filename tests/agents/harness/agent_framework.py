"""Microsoft Agent Framework: an agent with a scripted chat client, its session as JSON."""

from __future__ import annotations

import asyncio
import json

from agent_framework import (
    Agent,
    AgentSession,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    ChatResponseUpdate,
    Content,
    FunctionInvocationLayer,
    Message,
    ResponseStream,
    tool,
)

from gate.agents.agent_framework import guard
from gate.agents.conformance import Harness, Ran, Seen, Stage
from gate.agents.conformance.schema import json_schema


class Scripted(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    """Says its turns one after the other, then "done"; how far it is, is read from the calls it made before."""

    def __init__(self, turns, seen):
        super().__init__()
        self.turns, self.seen = turns, seen

    def _inner_get_response(self, *, messages, stream, options, **more):
        calls = {one.call_id for message in messages for one in message.contents if one.type == "function_call"}
        for message in messages:
            for one in message.contents:
                if one.type == "function_result":
                    text = one.result if isinstance(one.result, str) else json.dumps(one.result, default=str)
                    self.seen[one.call_id] = Seen(text, True if one.exception else None)
        turn = next((turn for turn in self.turns if not {use.id for use in turn} <= calls), ())
        contents = [Content.from_function_call(call_id=use.id, name=use.tool, arguments=dict(use.arguments)) for use in turn]
        said = contents or [Content.from_text("done")]

        async def answer():
            return ChatResponse(messages=[Message(role="assistant", contents=said)], response_id=f"r{len(calls)}")

        async def updates():
            yield ChatResponseUpdate(role="assistant", contents=said, message_id=f"m{len(calls)}")

        return ResponseStream(updates(), finalizer=ChatResponse.from_updates) if stream else answer()


class AgentFramework(Harness):
    framework = "agent-framework-core"
    without = {"after_without_before": "the middleware is around the call"}

    @property
    def traps(self):
        from tests.agents.traps.agent_framework import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            return asyncio.run(self._run(stage, seen))
        except Exception as error:
            return Ran(seen, broke=repr(error))

    def agent(self, stage: Stage, seen: dict[str, Seen]) -> Agent:
        """The agent, as its user would make it; a bare one for stage.gate None."""
        tools, parts = [tool(one, schema=json_schema(one)) for one in stage.tools.values()], {}
        if stage.sub:
            sub = stage.sub
            child = Agent(client=Scripted(sub.turns, seen), name=sub.name, tools=list(tools))
            tools.append(child.as_tool(name="delegate", description="Hands a task to somebody else.", arg_name="task"))
            parts = {sub.name: {name: value for name, value in sub.part.items() if name != "agent"}}
        agent = Agent(client=Scripted(stage.turns, seen), name="root", tools=tools)
        if stage.gate is None:
            return agent
        return guard(agent, stage.gate, capability=stage.capability, parts=parts, tools=stage.options, answers=stage.answers)

    async def _run(self, stage: Stage, seen: dict[str, Seen]) -> Ran:
        agent, session, said = self.agent(stage, seen), AgentSession(session_id=stage.session), "go"
        if stage.state:
            state = json.loads(stage.state)
            session = AgentSession.from_dict(state["session"])
            said = Message(role="user", contents=[self._answer(Content.from_dict(one), stage.said) for one in state["requests"]])
        if stage.streaming:
            stream = agent.run(said, session=session, stream=True)
            async for _ in stream:
                pass
            response = await stream.get_final_response()
        else:
            response = await agent.run(said, session=session)
        for message in response.messages:
            for one in message.contents:
                if one.type == "function_result":
                    seen.setdefault(one.call_id, Seen(str(one.result), True if one.exception else None))
        requests = response.user_input_requests
        paused = [one.additional_properties.get("gate") for one in requests]
        state = json.dumps({"session": session.to_dict(), "requests": [one.to_dict() for one in requests]}) if requests else ""
        return Ran(seen, "" if requests else response.text, paused, state)

    def _answer(self, request: Content, said: dict) -> Content:
        response = request.to_function_approval_response(said.get("approve", True))
        response.additional_properties["gate"] = {**response.additional_properties["gate"], "answer": said}
        return response
