"""Call ids are the model's words (local models, proxies); and the raw words of a call beside its checked arguments."""

from __future__ import annotations

import asyncio
import json

import pytest

from gate import ANY, Gate
from gate.agents.around import Sent
from gate.agents.pausing import Pausing
from gate.errors import GateError
from tests.kit import ASK, intents, write_rules

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


@pytest.mark.parametrize("asks", [False, True])
def test_two_calls_of_one_id_at_once_are_not_one(gate: Gate, asks: bool) -> None:
    """An agent as a tool: a turn with the same call under the same id three times is charged, approved and recorded once, and runs three times."""
    if asks:
        write_rules(gate, ASK)
    made = Pausing(
        gate, capability=gate.grant("root", tools={"delegate": ANY}, calls=1), session="s", tools={"delegate": {"effects": "reads"}}, answers="owner"
    )
    made.declare("delegate", TEXT)
    sent, ran = Sent("delegate", {"text": "go"}, "call_1"), []

    async def run(arguments: dict[str, object]) -> str:
        ran.append(arguments)
        await asyncio.sleep(0.3)
        return "done"

    async def one() -> object:
        try:
            with made.answered(await made.question(sent), True if asks else None):
                return await made.arun_parts(sent, run, paused=lambda value: value is None)
        except GateError as error:
            return error

    async def turn() -> None:
        await asyncio.gather(one(), one(), one())

    asyncio.run(turn())
    assert len(intents(gate)) <= 1
    assert len(ran) <= 1, f"{len(ran)} runs, {len(intents(gate))} intent"


def test_a_tool_of_the_openai_sdk_sees_no_other_arguments_than_the_checked_ones(gate: Gate) -> None:
    """`ToolContext.tool_arguments` is what the model sent: a tool that reads it runs with what nobody checked, also after a person's edit."""
    agents = pytest.importorskip("agents")
    from agents.tool_context import ToolContext

    from gate.agents.openai_agents import guard

    seen: list[object] = []

    def pay(context: ToolContext, n: int) -> str:
        seen.append((json.loads(context.tool_arguments), {"n": n}))
        return "paid"

    pay.__annotations__["context"] = ToolContext  # the SDK reads annotations where this name is not known
    agent = agents.Agent(name="a", tools=[agents.function_tool(strict_mode=False)(pay)])
    made = guard(agent, gate, capability=gate.grant("root", tools={"pay": ANY}), tools={"pay": {"effects": "reads"}})
    text = '{"n": "5"}'
    asyncio.run(made.tools[0].on_invoke_tool(ToolContext(None, tool_name="pay", tool_call_id="c1", tool_arguments=text), text))
    assert seen and all(raw == checked for raw, checked in seen), seen
