"""What the tests of the seam share: tools behind an adapter, a grant of them, and one that keeps what it ran with."""

from __future__ import annotations

import asyncio

from gate import ANY, Gate
from gate.agents.around import Around, Sent

TEXT = {"type": "object", "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}, "required": ["text"]}
SAY = Sent("say", {"text": "hi"}, "c1")
READS = {"say": {"effects": "reads"}, "tell": {"effects": "egress"}, "grow": {"effects": "reads", "output_limit": 10}}


def around(gate: Gate, *tools: str, **how) -> Around:
    made = Around(gate, tools=READS, **how)
    for tool in tools or ("say", "tell", "grow"):
        made.declare(tool, TEXT)
    return made


def grant(gate: Gate, agent: str = "root", *tools: str, **limits):
    return gate.grant(agent, tools=dict.fromkeys(tools or ("say", "tell", "grow"), ANY), principal="alice", **limits)


class Tool:
    """Keeps what it ran with."""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.ran, self.agents = gate, [], []

    def __call__(self, arguments):
        self.agents.append(self.gate.current().agent)
        self.ran.append(arguments)
        return f"said {arguments['text']}"

    async def later(self, arguments):
        await asyncio.sleep(0)
        return self(arguments)
