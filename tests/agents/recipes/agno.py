"""agno: functions are tools. A hook would be skipped where it is async and the run is not; a wrapped function cannot be."""

from __future__ import annotations

import json

from agno.agent import Agent
from agno.models.base import Model
from agno.models.response import ModelResponse

from gate.agents.wrapped import wrap_tool
from tests.agents.recipes import broken, closed, read_file, remove, shown, standing


def agent(gate, model):
    # recipe
    tools = [wrap_tool(gate, read_file, effects="reads"), wrap_tool(gate, remove, effects=["writes", "irreversible"])]
    return Agent(model=model, tools=tools, telemetry=False)
    # end


class Scripted(Model):
    def __init__(self) -> None:
        super().__init__(id="scripted")
        calls = [("read_file", "c1"), ("remove", "c2")]
        self.turns = iter([[{"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps({"path": "a"})}} for n, i in calls]])

    def invoke(self, *_, **__):
        calls = next(self.turns, None)
        return ModelResponse(role="assistant", content="", tool_calls=calls) if calls else ModelResponse(role="assistant", content="done")

    async def ainvoke(self, *_, **__):
        return self.invoke()

    def invoke_stream(self, *_, **__):
        yield self.invoke()

    async def ainvoke_stream(self, *_, **__):
        yield self.invoke()

    def _parse_provider_response(self, response, **_):
        return response

    def _parse_provider_response_delta(self, response, **_):
        return response


def main() -> None:
    with standing() as (gate, capability), gate.acting(capability):
        made = agent(gate, Scripted())
        result = made.run("go")
        shown(" ".join(str(message.content) for message in result.messages if message.role == "tool"))
        with broken(gate):
            made.model = Scripted()
            closed(lambda: made.run("go"))


if __name__ == "__main__":
    main()
