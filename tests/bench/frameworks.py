"""What the adapters add to a call over `gate.wrap`, in processor time of the caller, where they gate a tool's own method.

    python -m tests.bench.frameworks adk|strands|agent_framework          # in that framework's environment, see tests/agents/pins.toml

Each is (gated tool - bare tool) - (gate.wrap - bare function).  The tool is of the framework's own class, and what it does itself is next to
nothing, because a framework's way of calling a function takes several times as long and varies by more than the adapter takes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace

from tests.bench.calls import _loop, aadd, gated
from tests.bench.measure import Run

ROUNDS, BATCH = 60, 100
NAME, ARGUMENTS = "raadd", {"a": 5, "b": 7}
_ids = count()


def adk(gate) -> tuple[Run, Run]:
    """A tool, its session with the event that called it."""
    from google.adk.events import Event
    from google.adk.tools import BaseTool
    from google.genai import types

    from gate.agents.adk import GatePlugin

    class Add(BaseTool):
        def _get_declaration(self):
            return types.FunctionDeclaration(name=NAME, parameters_json_schema=_SCHEMA)

        async def run_async(self, *, args, tool_context):
            return args["a"] + args["b"]

    call = types.FunctionCall(id="call_1", name=NAME, args=ARGUMENTS)
    session = SimpleNamespace(id="bench", events=[Event(author="root", content=types.Content(role="model", parts=[types.Part(function_call=call)]))])

    def run(tool) -> Run:
        async def once():
            call.id = f"call_{next(_ids)}"
            context = SimpleNamespace(session=session, function_call_id=call.id, tool_confirmation=None, agent_name="root")
            return await tool.run_async(args=ARGUMENTS, tool_context=context)

        return _loop(once)

    bare = Add(name=NAME, description="Adds.")
    return run(bare), run(GatePlugin(gate).gated(bare))


def strands(gate) -> tuple[Run, Run]:
    """A tool of an agent, which gives one event."""
    from strands import Agent
    from strands.types._events import ToolResultEvent
    from strands.types.tools import AgentTool

    from gate.agents.strands import guard

    class Add(AgentTool):
        tool_name, tool_type = NAME, "python"
        tool_spec = {"name": NAME, "description": "Adds.", "inputSchema": {"json": _SCHEMA}}

        async def stream(self, tool_use, invocation_state, **_):
            given = tool_use["input"]["a"] + tool_use["input"]["b"]
            yield ToolResultEvent({"toolUseId": tool_use["toolUseId"], "status": "success", "content": [{"text": str(given)}]})

    def run(tool) -> Run:
        async def once():
            return [event async for event in tool.stream({"name": NAME, "toolUseId": f"call_{next(_ids)}", "input": ARGUMENTS}, {})]

        return _loop(once)

    bare = Add()
    agent = guard(Agent(name="root", tools=[bare], callback_handler=None), gate)
    return run(bare), run(agent.tool_registry.registry[NAME])


def agent_framework(gate) -> tuple[Run, Run]:
    """A function's context, and the middleware before what would call it."""
    from agent_framework import Agent, BaseChatClient, Content, FunctionInvocationContext, tool

    from gate.agents.agent_framework import guard

    class Silent(BaseChatClient):
        def _inner_get_response(self, **_):
            raise NotImplementedError

    function = tool(aadd, name=NAME, schema=_SCHEMA)
    middleware = guard(Agent(client=Silent(), name="root", tools=[function]), gate).middleware[-1]

    def run(process) -> Run:
        async def once():
            context = FunctionInvocationContext(function=function, arguments=ARGUMENTS, metadata={"call_id": f"call_{next(_ids)}"})

            async def go_on():
                given = context.arguments
                context.result = [Content.from_text(str(given["a"] + given["b"]))]

            await process(context, go_on)
            return context.result

        return _loop(once)

    async def nothing(_context, go_on):
        await go_on()

    return run(nothing), run(middleware.process)


_SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}


def fastest(runs: dict[str, Run]) -> dict[str, float]:
    """Microseconds of one operation of each, of the fastest of many batches in turns: other work on the machine can only add."""
    found = dict.fromkeys(runs, float("inf"))
    for run in runs.values():
        run(2 * BATCH)
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.thread_time()
            run(BATCH)
            found[name] = min(found[name], (time.thread_time() - start) / BATCH * 1e6)
    return found


def main() -> None:
    """The figures of one framework, without a log and with one."""
    for audit in ("off", "buffered"):
        with tempfile.TemporaryDirectory() as folder, gated(Path(folder), audit) as gate:
            wrapped = gate.wrap(aadd)
            bare, made = globals()[sys.argv[1]](gate)
            us = fastest({"function": _loop(lambda: aadd(5, 7)), "wrap": _loop(lambda wrapped=wrapped: wrapped(5, 7)), "bare": bare, "gated": made})
            over = us["gated"] - us["bare"] - (us["wrap"] - us["function"])
            print(f"{sys.argv[1]}, audit {audit}: {over:.1f} us over gate.wrap;", ", ".join(f"{name} {took:.1f}" for name, took in us.items()))


if __name__ == "__main__":
    main()
