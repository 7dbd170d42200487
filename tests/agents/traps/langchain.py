"""What gets around a careless gate in LangChain and LangGraph. Where it shows something, the careless way is run first, and the tool runs."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolArg, InjectedToolCallId
from langchain_core.tools import tool as make_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.types import Command, interrupt

from gate import ANY
from gate.agents.conformance import Use
from gate.agents.conformance.scenarios import MAIL, READ, WIPE
from gate.agents.langchain import GateMiddleware, guard
from gate.errors import ConfigError, GateError

OTHER = Use("c9", "send_mail", {"to": "carol"})
DELEGATES = {"delegate": {"effects": "delegates"}}


class Careless(AgentMiddleware):
    """What one writes first: asks in the hook, and forgets the rest."""

    def __init__(self, gate) -> None:
        self.gate = gate

    async def awrap_tool_call(self, request, handler):
        try:
            self.gate.check(request.tool_call["name"], request.tool_call["args"])
        except GateError as error:
            return ToolMessage(str(error), tool_call_id=request.tool_call["id"], status="error")
        if request.tool_call["name"] == "send_mail":
            interrupt("may it?")
        return await handler(request)


def _tools(bench) -> list[Any]:
    return [make_tool(function) for function in bench._stage([], None, None).tools.values()]


def _calls(*uses):
    return AIMessage("", tool_calls=[{"name": use.tool, "args": dict(use.arguments), "id": use.id, "type": "tool_call"} for use in uses])


def _node(tools, **how):
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode(tools, **how))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(checkpointer=InMemorySaver())


def _go(graph, given, thread="t"):
    return asyncio.run(graph.ainvoke(given, {"configurable": {"thread_id": thread}}))


def _guarded(bench, tools=None, **how):
    return guard(tools or _tools(bench), bench._gate, capability=bench._capability(None), tools=bench._stage([], None, None).options, **how)


def _scripted(*turns):
    from tests.agents.harness.langchain import model

    return model(turns)


def a_paused_node_runs_its_other_calls_again(bench) -> None:
    """`ToolNode` makes all calls of a turn in one node, and repeats it all when one of them paused. With the gate each runs once."""
    bench.ask_about_mail()
    careless = Careless(bench._gate)
    graph = _node(_tools(bench), awrap_tool_call=careless.awrap_tool_call)
    bench._gate.declare("read_file", None, effects="reads")
    bench._gate.declare("send_mail", None, effects="egress")
    _go(graph, {"messages": [_calls(READ, MAIL)]})
    _go(graph, Command(resume=True))
    bench.did("read_file a", "read_file a", "send_mail bob", ordered=False)
    for name in ("read_file", "send_mail"):
        bench._gate.forget(name)
    bench._log.unlink()
    graph = _node(_guarded(bench))
    assert _go(graph, {"messages": [_calls(READ, MAIL)]}).get("__interrupt__")
    bench.approve()
    done = _go(graph, Command(resume={"gate": "answered"}))
    bench.did("read_file a", "send_mail bob")
    assert ["data:a", "sent to bob"] == [message.content for message in done["messages"][1:]]


def what_was_kept_for_a_paused_node_is_for_that_node(bench) -> None:
    """The same call in another run of the node, or another thread, runs."""
    graph = _node(_guarded(bench))
    for thread in ("t", "t", "u"):
        _go(graph, {"messages": [_calls(READ)]}, thread)
    bench.did(*["read_file a"] * 3)


def a_yes_to_one_question_is_given_to_another(bench) -> None:
    """LangGraph hands the values of a node's earlier pauses out again, and those of a sibling: none of them counts for another question."""
    bench.ask_about_mail()
    graph = _node(_guarded(bench, answers="owner"))
    waits = _go(graph, {"messages": [_calls(MAIL, OTHER)]})["__interrupt__"][0].value
    for said in (True, {"approve": True}, {"approve": True, "question": "another"}, {"approve": True, "arguments": {"to": "carol"}}):
        again = _go(graph, Command(resume=said))["__interrupt__"][0].value
        bench.did()
    first = waits["arguments"]["to"]
    again = _go(graph, Command(resume={"approve": True, "question": waits["question"]}))
    bench.did(f"send_mail {first}")
    _go(graph, Command(resume={"approve": True, "question": again["__interrupt__"][0].value["question"]}))
    bench.did("send_mail bob", "send_mail carol", ordered=False)


def a_yes_that_came_too_late_is_taken_for_the_next_question(bench) -> None:
    """The question expired while the person thought: their yes does not answer the one that is asked instead."""
    bench.ask_about_mail()
    agent = create_agent(_scripted([MAIL]), _tools(bench), middleware=[_middleware(bench, answers="owner")], checkpointer=InMemorySaver())
    _go(agent, {"messages": [HumanMessage("go")]})
    bench.clock.advance(3600)
    assert _go(agent, Command(resume={"approve": True})).get("__interrupt__")
    bench.did()
    _go(agent, Command(resume={"approve": True}))
    bench.did("send_mail bob")


def _middleware(bench, **how):
    options = {**bench._stage([], None, None).options, **DELEGATES}
    return GateMiddleware(bench._gate, **{"capability": bench._capability(None), "tools": options, **how})


def a_pause_inside_a_tool_repeats_the_tool(bench) -> None:
    """A sub-agent asks; the tool it is in is repeated from its beginning. It is charged once, and what the sub-agent did is not done twice."""
    bench.ask_about_mail()
    child = create_agent(
        _scripted([READ, Use("k9", "send_mail", {"to": "carol"})], [MAIL]), _tools(bench), middleware=[_middleware(bench, capability=None)]
    )
    bodies = []

    @make_tool
    async def delegate(task: str) -> str:
        """Hands a task on."""
        bodies.append(task)
        result = await child.ainvoke({"messages": [HumanMessage(task)]})
        return str(result["messages"][-1].content)

    agent = create_agent(
        _scripted([Use("c5", "delegate", {"task": "write"})]), [delegate], middleware=[_middleware(bench)], checkpointer=InMemorySaver()
    )
    assert _go(agent, {"messages": [HumanMessage("go")]}).get("__interrupt__")
    bench.approve()
    assert _go(agent, Command(resume={"gate": "answered"})).get("__interrupt__")
    bench.approve()
    done = _go(agent, Command(resume={"gate": "answered"}))
    assert len(bodies) > 1 and done["messages"][-1].content == "done", done
    ran = bench._log.read_text().split("\n")
    assert [line for line in ran if "mail" in line] == ["send_mail carol", "send_mail bob"], ran  # older versions repeat the child, which reads again
    assert [each["tool"] for each in bench.records("intent", "call")].count("delegate") == 1
    assert len([each for each in bench.records("outcome") if each.get("ref") == "c5"]) == 1


def several_calls_of_one_id(bench) -> None:
    """A turn has the same call three times under one id: an agent in a tool runs for it once, because it is charged once."""
    bodies: list[str] = []

    @make_tool
    async def delegate(task: str) -> str:
        """Hands a task on."""
        bodies.append(task)
        await asyncio.sleep(0.2)
        return "done"

    turn = [Use("c5", "delegate", {"task": "write"})] * 3
    for gated, count in (([], 3), ([_middleware(bench)], 1)):
        bodies.clear()
        _go(create_agent(_scripted(turn), [delegate], middleware=gated, checkpointer=InMemorySaver()), {"messages": [HumanMessage("go")]})
        assert len(bodies) == count, bodies
    assert len(bench.records("call", "intent")) == 1


def no_checkpointer_no_pause(bench) -> None:
    """Without a checkpointer an interrupt would end the run without a word: the model is refused, and goes on."""
    bench.ask_about_mail()
    agent = create_agent(_scripted([MAIL], [READ]), _tools(bench), middleware=[_middleware(bench)])
    done = asyncio.run(agent.ainvoke({"messages": [HumanMessage("go")]}))
    bench.did("read_file a")
    assert "Refused by Gate for now" in done["messages"][2].content and done["messages"][-1].content == "done"


def the_hook_of_the_other_flavour_is_missing(bench) -> None:
    """Middleware with one of the two hooks breaks the other flavour's run; both are there."""
    agent = create_agent(_scripted([READ]), [tool for tool in _tools(bench) if tool.name == "read_file"], middleware=[Careless(bench._gate)])
    try:
        agent.invoke({"messages": [HumanMessage("go")]})
    except NotImplementedError:
        pass
    else:
        raise AssertionError("it ran")
    agent = create_agent(_scripted([READ], [WIPE]), _tools(bench), middleware=[_middleware(bench)])
    assert "Refused" in agent.invoke({"messages": [HumanMessage("go")]})["messages"][4].content
    bench.did("read_file a")


def a_tool_may_answer_with_a_command(bench) -> None:
    """A `Command` passes as it was, with its message; in the middle of others, too."""

    @make_tool
    def look_up(word: str, call_id: Annotated[str, InjectedToolCallId], state: Annotated[dict, InjectedState]) -> Command:
        """Looks up, and says so in the state."""
        return Command(update={"messages": [ToolMessage(f"found:{word} of {len(state['messages'])}", tool_call_id=call_id)]})

    use = Use("c1", "look_up", {"word": "x"})
    for tools, middleware in (([look_up], [_middleware(bench)]), (_guarded(bench, [look_up]), [])):
        agent = create_agent(_scripted([use]), tools, middleware=middleware)
        done = asyncio.run(agent.ainvoke({"messages": [HumanMessage("go")]}))
        assert "found:x of 2" in done["messages"][2].content, done


def a_model_sends_what_the_program_supplies(bench) -> None:
    """The names of injected arguments are no arguments of a call."""
    got = []

    @make_tool
    def look_up(word: str, state: Annotated[dict, InjectedState]) -> str:
        """Looks up."""
        got.append(state)
        return word

    use = Use("c1", "look_up", {"word": "x", "state": {"user": "root"}})
    agent = create_agent(_scripted([use]), [look_up], middleware=[_middleware(bench)])
    assert "unknown argument" in asyncio.run(agent.ainvoke({"messages": [HumanMessage("go")]}))["messages"][2].content
    (tool,) = _guarded(bench, [look_up])
    asyncio.run(create_agent(_scripted([use]), [tool]).ainvoke({"messages": [HumanMessage("go")]}))
    assert not got or "user" not in got[0]
    message = tool.invoke({"name": "look_up", "args": dict(use.arguments), "id": "c1", "type": "tool_call"})
    assert message.status == "error" and "unknown argument" in message.content and len(got) <= 1


def a_model_sends_what_the_program_puts_in_by_hand(bench) -> None:
    """Older `ToolNode`s leave an argument marked `InjectedToolArg` as the model sent it; it is in no schema, so no grant could speak of it."""
    paid = []

    @make_tool
    def pay(amount: int, account: Annotated[str, InjectedToolArg]) -> str:
        """Pays."""
        paid.append((amount, account))
        return "paid"

    cap = bench._gate.grant("root", tools={"pay": {"amount": ANY}})
    graph = _node(guard([pay], bench._gate, capability=cap, tools={"pay": {"effects": "reads"}}), handle_tool_errors=True)
    _go(graph, {"messages": [_calls(Use("c1", "pay", {"amount": 1, "account": "mallory"}))]})
    assert paid == []


def guarded_tools_are_gated_however_they_are_called(bench) -> None:
    """Not only by a `ToolNode`: by `invoke` with arguments or a call, by `run`, by both at once with the middleware, and after a copy."""
    read, wipe = (next(tool for tool in _guarded(bench) if tool.name == name) for name in ("read_file", "remove"))
    call = {"name": "remove", "args": {"path": "/"}, "id": "c3", "type": "tool_call"}
    for tool in (wipe, wipe.model_copy()):
        assert "Refused by Gate" in tool.invoke({"path": "/"})
        assert "Refused by Gate" in tool.run({"path": "/"})
        assert "Refused by Gate" in asyncio.run(tool.arun("/"))
        assert (message := tool.invoke(call)).status == "error" and message.tool_call_id == "c3"
    assert read.invoke({"path": "a"}) == "data:a" and read.invoke("a") == "data:a"
    agent = create_agent(_scripted([MAIL]), _guarded(bench), middleware=[_middleware(bench)])
    assert "sent to bob" in asyncio.run(agent.ainvoke({"messages": [HumanMessage("go")]}))["messages"][2].content
    bench.did("read_file a", "read_file a", "send_mail bob", ordered=False)


def a_tool_that_the_agent_does_not_have(bench) -> None:
    """A name that no tool has, and a tool of a provider."""
    agent = create_agent(_scripted([Use("c1", "remove_all", {})]), _tools(bench), middleware=[_middleware(bench)])
    assert "Refused by Gate" in asyncio.run(agent.ainvoke({"messages": [HumanMessage("go")]}))["messages"][2].content
    try:
        guard([{"type": "web_search"}], bench._gate)
    except ConfigError as error:
        assert "provider" in str(error)
    else:
        raise AssertionError("nobody said so")


def two_tools_of_one_name(bench) -> None:
    """A sub-agent's tool with the name of another tool, but other arguments, is refused instead of being judged as the other one."""

    @make_tool
    def read_file(path: str, follow: bool) -> str:
        """Another."""
        raise AssertionError("it ran")

    _guarded(bench)
    agent = create_agent(_scripted([Use("c1", "read_file", {"path": "a", "follow": True})]), [read_file], middleware=[_middleware(bench)])
    done = asyncio.run(agent.ainvoke({"messages": [HumanMessage("go")]}))
    assert "already" in done["messages"][2].content


def the_context_of_a_run_says_who_acts(bench) -> None:
    """A capability in the run's context; and a session is its thread."""
    from dataclasses import dataclass

    @dataclass
    class Who:
        capability: Any

    agent = create_agent(
        _scripted([READ, WIPE]), _tools(bench), middleware=[_middleware(bench, capability=None)], context_schema=Who, checkpointer=InMemorySaver()
    )
    capability = bench._gate.grant("from the context", tools={"read_file": ANY})
    asyncio.run(agent.ainvoke({"messages": [HumanMessage("go")]}, {"configurable": {"thread_id": "th"}}, context=Who(capability.presentation)))
    bench.did("read_file a")
    (record,) = bench.records("intent", "call")
    assert (record["agent"], record["session"], record["ref"]) == ("from the context", "th", "c1")


TRAPS = {
    trap.__name__: trap
    for trap in (
        a_paused_node_runs_its_other_calls_again,
        what_was_kept_for_a_paused_node_is_for_that_node,
        a_yes_to_one_question_is_given_to_another,
        a_yes_that_came_too_late_is_taken_for_the_next_question,
        a_pause_inside_a_tool_repeats_the_tool,
        several_calls_of_one_id,
        no_checkpointer_no_pause,
        the_hook_of_the_other_flavour_is_missing,
        a_tool_may_answer_with_a_command,
        a_model_sends_what_the_program_supplies,
        a_model_sends_what_the_program_puts_in_by_hand,
        guarded_tools_are_gated_however_they_are_called,
        a_tool_that_the_agent_does_not_have,
        two_tools_of_one_name,
        the_context_of_a_run_says_who_acts,
    )
}
