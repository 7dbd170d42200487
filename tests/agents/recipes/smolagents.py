"""smolagents: a tool is an object whose `forward` is called. A `CodeAgent` runs in a thread of its own, so the capability is given."""

from __future__ import annotations

from smolagents import CodeAgent, ToolCallingAgent, tool
from smolagents.models import ChatMessage, ChatMessageToolCall, ChatMessageToolCallFunction, MessageRole, Model

from gate.agents.wrapped import wrap_tool
from tests.agents.recipes import broken, closed, ran, read_file, remove, shown, standing


# recipe
def gated(gate, function, capability, **options):
    made = tool(function)
    made.forward = wrap_tool(gate, function, capability=capability, **options)
    return made
    # end


class Scripted(Model):
    def __init__(self, turns) -> None:
        super().__init__()
        self.turns = iter(turns)

    def generate(self, messages, **_):
        turn = next(self.turns)
        if isinstance(turn, str):
            return ChatMessage(role=MessageRole.ASSISTANT, content=turn)
        call = ChatMessageToolCall(id=turn[0], type="function", function=ChatMessageToolCallFunction(name=turn[0], arguments=turn[1]))
        return ChatMessage(role=MessageRole.ASSISTANT, content="", tool_calls=[call])


CALLS = [("read_file", {"path": "a"}), ("remove", {"path": "a"}), ("final_answer", {"answer": "done"})]
CODE = ["<code>\nprint(read_file('a'))\n</code>", "<code>\nprint(remove('a'))\n</code>", "<code>\nfinal_answer('done')\n</code>"]


def said(agent) -> str:
    agent.run("go")
    return " ".join(str(getattr(step, "observations", "")) + str(getattr(step, "error", "")) for step in agent.memory.steps)


def main() -> None:
    with standing() as (gate, capability):
        tools = [gated(gate, read_file, capability, effects="reads"), gated(gate, remove, capability, effects="writes")]
        shown(said(ToolCallingAgent(tools=tools, model=Scripted(CALLS), verbosity_level=0)))
        ran.clear()
        shown(said(CodeAgent(tools=tools, model=Scripted(CODE), verbosity_level=0)))
        with broken(gate):
            closed(lambda: said(ToolCallingAgent(tools=tools, model=Scripted(CALLS), verbosity_level=0)))


if __name__ == "__main__":
    main()
