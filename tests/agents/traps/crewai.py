"""What gets around a careless gate in CrewAI. Where it shows something, the careless way is run first, and the tool runs."""

from __future__ import annotations

import asyncio
import json

from crewai import Crew, Task
from crewai.hooks import clear_before_tool_call_hooks, register_before_tool_call_hook
from crewai.tools import tool

from gate.agents.conformance import Use
from gate.agents.conformance.scenarios import MAIL, READ, WIPE
from gate.agents.crewai import guard
from tests.agents.harness.crewai import agent_of, crew_of
from tests.agents.traps import refused

PART = {"agent": "coworker", "tools": ["read_file"]}


def _tools(bench):
    return list(bench._stage([], None, None).tools.values())


def _guard(bench, crew, **around):
    return guard(crew, bench._gate, tools=bench._stage([], None, None).options, **around)


def _kickoff(bench, crew, how=lambda crew: crew.kickoff()):
    with bench._gate.acting(bench._capability(None), session="s"):
        return str(how(crew))


def hook_that_crashes(bench):
    """CrewAI swallows what its hooks raise, and runs the tool; a wrapped tool is refused whatever the hooks do."""

    def hook(context):
        raise RuntimeError("the policy cannot be read")

    register_before_tool_call_hook(hook)
    try:
        _kickoff(bench, crew_of([agent_of("root", [[WIPE]], {}, _tools(bench))]))
        bench.did("remove /")
        seen = {}
        _kickoff(bench, _guard(bench, crew_of([agent_of("root", [[WIPE]], seen, _tools(bench))])))
    finally:
        clear_before_tool_call_hooks()
    bench.did("remove /")
    assert "Refused by Gate" in seen["c3"].text


def result_from_the_cache(bench):
    """CrewAI keeps results for the whole crew: what one agent read is not handed to another that may not."""
    bare, seen = [], {}

    def crew(seen, *, gated):
        agents = [agent_of(role, [[READ._replace(id=role)]], seen, _tools(bench)) for role in ("reader", "stranger")]
        work = [Task(description="do it", expected_output="done", agent=agent) for agent in agents]
        made = Crew(agents=agents, tasks=work, verbose=False, cache=True)
        return _guard(bench, made, parts={"stranger": {"agent": "stranger", "tools": ["look_up"]}}) if gated else made

    first = {}
    _kickoff(bench, crew(first, gated=False))
    assert "data:a" in first["stranger"].text and not bare
    _kickoff(bench, crew(seen, gated=True))
    assert "data:a" in seen["reader"].text and "Refused by Gate" in seen["stranger"].text, seen


def tool_that_comes_later(bench):
    """A tool that an agent or a task is given after the crew was guarded is gated when the crew starts."""
    seen = {}
    crew = _guard(bench, crew_of([agent_of("root", [[WIPE, MAIL]], seen, [])]))
    later = {one.__name__: tool(one) for one in _tools(bench)}
    crew.agents[0].tools = [later["remove"]]
    crew.tasks[0].tools = [later["send_mail"], later["remove"]]
    _kickoff(bench, crew)
    bench.did("send_mail bob")
    assert "Refused by Gate" in seen["c3"].text


def coworker(bench):
    """A coworker that work is delegated to acts under its own part."""
    seen, asks = {}, Use("k1", "delegate_work_to_coworker", {"task": "mail bob", "context": "none", "coworker": "coworker"})
    root = agent_of("root", [[asks]], seen, [], allow_delegation=True)
    other = agent_of("coworker", [[READ, MAIL]], seen, _tools(bench))
    _kickoff(bench, _guard(bench, crew_of([root, other]), parts={"coworker": PART}))
    bench.did("read_file a")
    assert "Refused by Gate" in seen["c2"].text, seen
    assert [record["agent"] for record in bench.records("call", "intent")] == ["coworker"]


def both_ways_to_run_async(bench):
    """In an event loop, both of CrewAI's ways."""
    use = Use("l1", "look_up", {"word": "x"})
    for number, how in enumerate((lambda crew: asyncio.run(crew.akickoff()), lambda crew: asyncio.run(crew.kickoff_async())), 1):
        seen = {}
        _kickoff(bench, _guard(bench, crew_of([agent_of("root", [[READ, WIPE, use]], seen, _tools(bench))])), how)
        bench.did(*["read_file a", "look_up x"] * number, ordered=False)
        assert "Refused by Gate" in seen["c3"].text and "data:a" in seen["c1"].text and "found:x" in seen["l1"].text, seen


def model_that_writes_calls(bench):
    """A model without function calling writes its calls as text; they are gated, too."""
    for gated in (False, True):
        agent = agent_of("root", [[WIPE]], {}, _tools(bench))
        said = []

        class Writes(type(agent.llm)):
            def supports_function_calling(self):
                return False

            def call(self, messages, tools=None, **rest):
                said.append(str(messages))
                if len(said) > 1:
                    return "Thought: I now know the final answer\nFinal Answer: done"
                return f"Thought: go\nAction: remove\nAction Input: {json.dumps({'path': '/'})}"

        agent.llm = Writes([], {})
        crew = crew_of([agent])
        _kickoff(bench, _guard(bench, crew) if gated else crew)
        bench.did("remove /")
    assert any("Refused by Gate" in one for one in said), said


def tools_from_elsewhere(bench):
    """What CrewAI makes for an agent only when it runs is refused."""
    with refused("by 'multimodal'"):
        _guard(bench, crew_of([agent_of("root", [], {}, [], multimodal=True)]))
    crew = _guard(bench, crew_of([agent_of("root", [], {}, [])]))
    crew.agents[0].multimodal = True
    with refused("by 'multimodal'"):
        _kickoff(bench, crew)


TRAPS = {
    trap.__name__: trap
    for trap in (
        hook_that_crashes,
        result_from_the_cache,
        tool_that_comes_later,
        coworker,
        both_ways_to_run_async,
        model_that_writes_calls,
        tools_from_elsewhere,
    )
}
