"""DSPy: functions become tools of a `ReAct`. An exception of a tool would be shown to the model with its stack trace."""

from __future__ import annotations

import dspy
from dspy.utils import DummyLM

from gate.agents.wrapped import wrap_tool
from tests.agents.recipes import broken, closed, read_file, remove, shown, standing


def agent(gate):
    # recipe
    tools = [wrap_tool(gate, read_file, effects="reads"), wrap_tool(gate, remove, effects=["writes", "irreversible"])]
    return dspy.ReAct("question -> answer", tools=tools)
    # end


def steps(*calls):
    turns = [{"next_thought": "t", "next_tool_name": name, "next_tool_args": arguments} for name, arguments in (*calls, ("finish", {}))]
    return DummyLM([*turns, {"reasoning": "r", "answer": "ok"}])


def main() -> None:
    with standing() as (gate, capability):
        react, calls = agent(gate), [("read_file", {"path": "a"}), ("remove", {"path": "a"})]
        dspy.configure(lm=steps(*calls))
        with gate.acting(capability):
            shown(str(react(question="go").trajectory))
        dspy.configure(lm=steps(*calls))
        with gate.acting(capability), broken(gate):
            closed(lambda: react(question="go"))


if __name__ == "__main__":
    main()
