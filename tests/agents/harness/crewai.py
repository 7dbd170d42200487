"""CrewAI, with a model of its public interface that says what is in a list."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import nullcontext
from typing import Any

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true", "CREWAI_TESTING": "true"}
os.environ["CREWAI_STORAGE_DIR"] = os.environ["HOME"] = tempfile.mkdtemp(prefix="gate-crewai-")

from crewai import LLM, Agent, BaseLLM, Crew, Task
from crewai.tools import tool
from pydantic import PrivateAttr

from gate.agents.conformance import Harness, Ran, Seen, Stage
from gate.agents.crewai import guard

assert LLM
NO_PAUSE = "CrewAI has no pause that outlives a process: the model is refused and calls again"
NO_ID = "CrewAI gives a tool no id of the call"


class Scripted(BaseLLM):
    """Says the turns, one after the other, then "done". seen: what it was told."""

    _turns: Any = PrivateAttr()
    _seen: Any = PrivateAttr()

    def __init__(self, turns, seen):
        super().__init__(model="scripted")
        self._turns, self._seen = turns, seen

    def supports_function_calling(self):
        return True

    def call(self, messages, tools=None, **rest):
        told = {message["tool_call_id"]: Seen(str(message["content"])) for message in messages if message.get("role") == "tool"}
        self._seen.update(told)
        for turn in self._turns:
            if not {use.id for use in turn} <= set(told):
                return [{"id": use.id, "type": "function", "function": _function(use)} for use in turn]
        return "done"

    async def acall(self, messages, tools=None, **rest):
        return self.call(messages, tools)


def _function(use):
    return {"name": use.tool, "arguments": json.dumps(dict(use.arguments))}


def crew_of(agents, tasks=1, **more):
    """A crew whose first agent does the tasks."""
    work = [Task(description="do it", expected_output="done", agent=agents[0]) for _ in range(tasks)]
    return Crew(agents=agents, tasks=work, verbose=False, **more)


def agent_of(role, turns, seen, tools, **more):
    """An agent of a crew."""
    return Agent(role=role, goal="g", backstory="b", llm=Scripted(turns, seen), tools=[tool(one) for one in tools], verbose=False, **more)


class CrewAI(Harness):
    framework = "crewai"
    pauses = False
    without = {
        "after_without_before": "the tool is called inside",
        "ask_framework_yes": NO_PAUSE,
        "call_id": NO_ID,
        "run_again": NO_ID,
    }

    @property
    def traps(self):
        from tests.agents.traps.crewai import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        tools = list(stage.tools.values())
        if stage.sub:
            sub = stage.sub
            child = agent_of(sub.name, sub.turns, seen, tools)
            guard(child, stage.gate, parts={sub.name: sub.part}, tools=stage.options)

            def delegate(task: str) -> str:
                """Hands a task to somebody else."""
                return str(child.kickoff(task))

            tools.append(delegate)
        crew = crew_of([agent_of("root", stage.turns, seen, tools)], stream=stage.streaming)
        if stage.gate is not None:
            guard(crew, stage.gate, tools=stage.options)
        acting = stage.gate.acting(stage.capability, session=stage.session) if stage.gate and stage.capability else nullcontext()
        try:
            with acting:
                result = crew.kickoff()
                if stage.streaming:
                    list(result)
                    result = result.result
        except Exception as error:
            return Ran(seen, broke=repr(error))
        return Ran(seen, str(result))
