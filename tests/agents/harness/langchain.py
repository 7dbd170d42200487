"""LangChain and LangGraph with a model that is a list: agents with the middleware, plain and async, and a graph of its own with guarded tools."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool as make_tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from gate.agents.conformance import Harness, Ran, Seen, Stage
from gate.agents.langchain import GateMiddleware, guard

NO_AFTER = "the tool is called inside"
DELEGATE = {"delegate": {"effects": "delegates"}}

warnings.filterwarnings("ignore", category=DeprecationWarning, module="langgraph|langchain")


class Scripted(BaseChatModel):
    """Says the next turn, by how often it has spoken in this conversation."""

    script: list[Any]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools, **_):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **_):
        said = sum(isinstance(message, AIMessage) for message in messages)
        return ChatResult(generations=[ChatGeneration(message=self.script[min(said, len(self.script) - 1)].model_copy())])


def model(turns) -> Scripted:
    calls = [[{"name": use.tool, "args": dict(use.arguments), "id": use.id, "type": "tool_call"} for use in turn] for turn in turns]
    return Scripted(script=[*[AIMessage("", tool_calls=call) for call in calls], AIMessage("done")])


class LangChain(Harness):
    """`create_agent` in an event loop."""

    framework = "langchain"
    without = {"after_without_before": NO_AFTER}

    @property
    def traps(self):
        from tests.agents.traps.langchain import TRAPS

        return TRAPS

    def run(self, stage: Stage) -> Ran:
        seen: dict[str, Seen] = {}
        try:
            return self._run(stage, seen)
        except Exception as error:
            return Ran(seen, broke=repr(error))

    def _run(self, stage: Stage, seen: dict[str, Seen]) -> Ran:
        return asyncio.run(self._arun(stage, seen))

    async def _arun(self, stage: Stage, seen: dict[str, Seen]) -> Ran:
        async with AsyncSqliteSaver.from_conn_string(f"{stage.folder}/graph.db") as saver:
            await saver.setup()
            if not stage.state:
                await saver.adelete_thread(stage.session)
            agent, given, config = self._agent(stage, saver, seen), self._given(stage), {"configurable": {"thread_id": stage.session}}
            if stage.streaming:
                last: dict[str, Any] = {}
                async for last in agent.astream(given, config, stream_mode="values"):
                    pass
                return _ran(last, seen)
            return _ran(await agent.ainvoke(given, config), seen)

    def _given(self, stage: Stage):
        return Command(resume=stage.said) if stage.state else {"messages": [HumanMessage("go")]}

    def _agent(self, stage: Stage, saver, seen):
        tools = [make_tool(function) for function in self._functions(stage, seen)]
        return create_agent(model(stage.turns), tools, middleware=self._middleware(stage), checkpointer=saver)

    def _middleware(self, stage: Stage, **who):
        if stage.gate is None:
            return []
        who = who or {"capability": stage.capability}
        return [GateMiddleware(stage.gate, tools={**stage.options, **DELEGATE}, answers=stage.answers, **who)]

    def _functions(self, stage: Stage, seen):
        functions = list(stage.tools.values())
        if (sub := stage.sub) is not None:
            tools = [make_tool(function) for function in functions]
            child = create_agent(model(sub.turns), tools, middleware=self._middleware(stage, part=sub.part))

            async def delegate(task: str) -> str:
                """Hands a task to somebody else."""
                result = await child.ainvoke({"messages": [HumanMessage(task)]})
                _ran(result, seen)
                return "the child is done"

            functions.append(delegate)
        return functions


class LangChainPlain(LangChain):
    """The same without an event loop; tools run in threads."""

    without = {**LangChain.without, "allow_async": "a tool that is only async cannot be called without a loop"}
    traps = {}

    def _run(self, stage: Stage, seen: dict[str, Seen]) -> Ran:
        with SqliteSaver.from_conn_string(f"{stage.folder}/graph.db") as saver:
            saver.setup()
            if not stage.state:
                saver.delete_thread(stage.session)
            agent, given, config = self._agent(stage, saver, seen), self._given(stage), {"configurable": {"thread_id": stage.session}}
            if stage.streaming:
                *_, last = agent.stream(given, config, stream_mode="values")
                return _ran(last, seen)
            return _ran(agent.invoke(given, config), seen)

    def _functions(self, stage: Stage, seen):
        functions = [function for function in super()._functions(stage, seen) if function.__name__ != "delegate"]
        if (sub := stage.sub) is not None:
            tools = [make_tool(function) for function in functions]
            child = create_agent(model(sub.turns), tools, middleware=self._middleware(stage, part=sub.part))

            def delegate(task: str) -> str:
                """Hands a task to somebody else."""
                _ran(child.invoke({"messages": [HumanMessage(task)]}), seen)
                return "the child is done"

            functions.append(delegate)
        return functions


class LangGraph(LangChain):
    """A graph of one's own: a model node, and a `ToolNode` with guarded tools, all calls of a turn in one node."""

    framework = "langgraph"
    traps = {}

    def _given(self, stage: Stage):
        """Where several calls share a node, a yes names its question."""
        about = {"question": stage.state} if stage.state and isinstance(stage.said, dict) else {}
        return Command(resume={**stage.said, **about}) if about else super()._given(stage)

    def _agent(self, stage: Stage, saver, seen):
        return self._graph(stage, self._functions(stage, seen), model(stage.turns), saver, capability=stage.capability)

    def _graph(self, stage: Stage, functions, scripted, saver=None, **who):
        tools: list[Any] = [make_tool(function) for function in functions]
        if stage.gate is not None:
            tools = guard(tools, stage.gate, tools={**stage.options, **DELEGATE}, answers=stage.answers, **who)
        graph = StateGraph(MessagesState)
        graph.add_node("model", lambda state: {"messages": [scripted.invoke(state["messages"])]})
        graph.add_node("tools", ToolNode(tools))
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else END)
        graph.add_edge("tools", "model")
        return graph.compile(checkpointer=saver)

    def _functions(self, stage: Stage, seen):
        functions = list(stage.tools.values())
        if (sub := stage.sub) is not None:
            child = self._graph(stage, functions, model(sub.turns), part=sub.part)

            async def delegate(task: str) -> str:
                """Hands a task to somebody else."""
                _ran(await child.ainvoke({"messages": [HumanMessage(task)]}), seen)
                return "the child is done"

            functions = [*functions, delegate]
        return functions


def _ran(result, seen: dict[str, Seen]) -> Ran:
    for message in result["messages"]:
        if isinstance(message, ToolMessage):
            seen[message.tool_call_id] = Seen(str(message.content), message.status == "error")
    if waits := result.get("__interrupt__"):
        return Ran(seen, paused=tuple([one.value for one in waits]), state=waits[0].value.get("question", "paused"))
    return Ran(seen, str(result["messages"][-1].content))
