"""Semantic Kernel: functions of a plugin. A function filter sees the call of a plugin's function, too, but a plugin may come without the kernel."""

from __future__ import annotations

import asyncio

from semantic_kernel import Kernel
from semantic_kernel.contents import ChatHistory, FunctionCallContent
from semantic_kernel.functions import kernel_function

from gate.agents.wrapped import wrap_tool
from tests.agents.recipes import broken, closed, read_file, remove, shown, standing


def kernel(gate):
    # recipe
    functions = [wrap_tool(gate, read_file, effects="reads"), wrap_tool(gate, remove, effects=["writes", "irreversible"])]
    made = Kernel()
    made.add_plugin({function.__name__: kernel_function(function) for function in functions}, "files")
    # end
    return made


async def said(made) -> str:
    history = ChatHistory()
    for name in ("read_file", "remove"):
        call = FunctionCallContent(id=name, name=f"files-{name}", arguments='{"path": "a"}')
        await made.invoke_function_call(call, history, function_call_count=2)
    return " ".join(str(item.result) for message in history.messages for item in message.items)


def main() -> None:
    with standing() as (gate, capability), gate.acting(capability):
        made = kernel(gate)
        shown(asyncio.run(said(made)))
        with broken(gate):
            closed(lambda: asyncio.run(said(made)))


if __name__ == "__main__":
    main()
