"""Deep Agents: middleware is its own agent's, so the tools themselves are guarded, and the middleware stands before what comes with the agent."""

from __future__ import annotations

import asyncio

from deepagents import create_deep_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from gate import ANY
from gate.agents.langchain import GateMiddleware, guard
from tests.agents.harness.langchain import Scripted
from tests.agents.recipes import REFUSED, broken, closed, ran, standing


def read_notes(path: str) -> str:
    """Reads notes."""
    ran.append(f"read {path}")
    return f"data:{path}"


def remove(path: str) -> str:
    """Removes a file."""
    ran.append(f"remove {path}")
    return "gone"


OPTIONS = {"task": {"effects": "delegates"}, "read_notes": {"effects": "reads"}}


def agent(gate, model):
    # recipe
    reader = {"agent": "reader", "tools": ["read_notes"]}  # what the sub-agent has of its caller's capability
    own = [GateMiddleware(gate, part=reader, tools=OPTIONS)]
    sub = {"name": "reader", "description": "reads", "system_prompt": "Read.", "tools": [read_notes, remove], "middleware": own}
    tools = guard([read_notes, remove], gate, tools=OPTIONS)  # the sub-agent that comes with every deep agent gets these
    return create_deep_agent(model, tools, middleware=[GateMiddleware(gate, tools=OPTIONS)], subagents=[sub])
    # end


def careless(gate, model):
    """Middleware on the root alone: what its sub-agents call is not seen."""
    return create_deep_agent(model, [read_notes, remove], middleware=[GateMiddleware(gate, tools=OPTIONS)])


class Turns(Scripted):
    """Says the turns one after the other, whichever agent asks."""

    def _generate(self, messages, stop=None, run_manager=None, **_):
        return ChatResult(generations=[ChatGeneration(message=self.script.pop(0))])


def turns(who: str, *calls) -> Turns:
    def turn(name, arguments, call_id):
        return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": call_id, "type": "tool_call"}])

    made = [turn(name, {"path": "a"}, f"k{number}") for number, name in enumerate(calls)]
    return Turns(script=[turn("task", {"description": "do it", "subagent_type": who}, "c1"), *made, AIMessage("done below"), AIMessage("done")])


def run(made) -> str:
    seen = []
    for _, chunk in made.stream({"messages": [HumanMessage("go")]}, stream_mode="updates", subgraphs=True):
        seen += [str(message.content) for update in chunk.values() if update for message in _messages(update)]
    return " ".join(seen)


def _messages(update) -> list:
    found = update.get("messages", []) if isinstance(update, dict) else []
    return found if isinstance(found, list) else []


def main() -> None:
    with standing() as (gate, _), gate.acting(gate.grant("root", tools={"task": ANY, "read_notes": ANY})):
        run(careless(gate, turns("general-purpose", "remove")))
        assert ran == ["remove a"], ran  # the hole
    for who in ("general-purpose", "reader"):
        with standing() as (gate, _), gate.acting(gate.grant("root", tools={"task": ANY, "read_notes": ANY})):
            text = run(agent(gate, turns(who, "read_notes", "remove")))
            assert ran == ["read a"] and "data:a" in text and REFUSED in text, (ran, text)
            ran.clear()
            asyncio.run(agent(gate, turns(who, "remove")).ainvoke({"messages": [HumanMessage("go")]}))
            assert not ran
    with standing() as (gate, _), gate.acting(gate.grant("root", tools={"task": ANY, "read_notes": ANY})), broken(gate):
        closed(lambda: run(agent(gate, turns("reader", "read_notes"))))


if __name__ == "__main__":
    main()
