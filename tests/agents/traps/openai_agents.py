"""What gets around a careless gate in the OpenAI Agents SDK. Where it shows something, the careless way is run first, and the tool runs."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from contextlib import suppress

from agents import Agent, RunConfig, Runner, RunState, WebSearchTool, function_tool, handoff
from agents.exceptions import ModelBehaviorError
from agents.mcp import MCPServer
from agents.tool_context import ToolContext
from mcp.types import CallToolResult, GetPromptResult, ListPromptsResult, TextContent
from mcp.types import Tool as McpTool

from gate import ANY
from gate.agents.conformance import Use
from gate.agents.conformance.scenarios import MAIL, READ, WIPE
from gate.agents.openai_agents import guard
from gate.approvers.callback import Callback
from tests.agents.harness.openai_agents import Context, Scripted
from tests.agents.traps import refused

HAND_OFF = Use("h1", "transfer_to_child", {})
READER = {"agent": "child", "tools": ["read_file"]}


def _tools(bench):
    return [function_tool(strict_mode=False)(one) for one in bench._stage([], None, None).tools.values()]


def _agent(bench, name, turns, seen=None, **more):
    return Agent(name=name, model=Scripted(turns, {} if seen is None else seen), **{"tools": _tools(bench), **more})


def _run(bench, agent, capability=None):
    context = Context(capability or bench._capability(None), "s")
    return asyncio.run(Runner.run(agent, "go", context=context, run_config=RunConfig(tracing_disabled=True)))


def hand_off_leaves_the_gate_behind(bench):
    """The agent that is handed to is behind the gate, too."""
    careless = guard(_agent(bench, "root", [[HAND_OFF]]), bench._gate, tools=bench._stage([], None, None).options)
    careless.handoffs.append(_agent(bench, "child", [[WIPE]]))
    with refused("'child' that is handed off to is not guarded"):
        _run(bench, careless)
    naive = _agent(bench, "root", [[HAND_OFF]], tools=careless.tools, handoffs=[_agent(bench, "child", [[WIPE]])])
    _run(bench, naive)
    bench.did("remove /")
    seen = {}
    root = _agent(bench, "root", [[HAND_OFF]], seen, handoffs=[_agent(bench, "child", [[HAND_OFF], [WIPE]], seen)])
    assert _run(bench, guard(root, bench._gate, tools=bench._stage([], None, None).options)).final_output == "done"
    bench.did("remove /")
    assert "Refused by Gate" in seen["c3"].text


def hand_off_in_a_circle(bench):
    """Two agents that hand off to each other are guarded once each."""
    one, other = _agent(bench, "one", []), _agent(bench, "other", [])
    one.handoffs, other.handoffs = [other], [one]
    guarded = guard(one, bench._gate, tools=bench._stage([], None, None).options)
    assert guarded.handoffs[0].handoffs[0] is guarded


def hand_off_to_a_part(bench):
    """Who was handed to acts under its part, and the record says so."""
    seen, options = {}, bench._stage([], None, None).options
    child = guard(_agent(bench, "child", [[HAND_OFF], [READ, MAIL]], seen), bench._gate, part=READER, tools=options)
    _run(bench, guard(_agent(bench, "root", [[HAND_OFF]], seen, handoffs=[handoff(child)]), bench._gate, tools=options))
    bench.did("read_file a")
    assert "Refused by Gate" in seen["c2"].text
    assert [record["agent"] for record in bench.records("call", "intent")] == ["child"]


def hidden_agent_is_not_guarded(bench):
    """An agent that was bound into a hand-off or a tool before it was guarded is refused."""
    child = _agent(bench, "child", [])
    with refused("handed off to"):
        guard(_agent(bench, "root", [], handoffs=[handoff(child)]), bench._gate)
    with refused("in the tool 'ask' is not guarded"):
        guard(_agent(bench, "root", [], tools=[child.as_tool("ask", "Asks.")]), bench._gate)


def tool_that_comes_later(bench):
    """A tool that is added to the guarded agent, or comes with a clone, is behind the gate."""
    options = bench._stage([], None, None).options
    seen = {}
    agent = guard(_agent(bench, "root", [[WIPE]], seen, tools=[]), bench._gate, tools=options)
    agent.tools.extend(_tools(bench))
    _run(bench, agent)
    bench.did()
    assert "Refused by Gate" in seen.pop("c3").text
    _run(bench, guard(_agent(bench, "root", [[WIPE]], seen, tools=[]), bench._gate, tools=options).clone(tools=_tools(bench)))
    bench.did()
    assert "Refused by Gate" in seen["c3"].text


def tool_of_another_agent(bench):
    """A gated tool that is given to a narrower agent acts for that one."""
    options = bench._stage([], None, None).options
    root = guard(_agent(bench, "root", []), bench._gate, capability=bench._capability(None), tools=options)
    _run(bench, _agent(bench, "thief", [[MAIL]], tools=root.tools))
    bench.did("send_mail bob")  # whoever takes the tools of a guarded agent acts as that one
    _run(bench, guard(_agent(bench, "child", [[MAIL]], tools=root.tools), bench._gate, part=READER, tools=options))
    bench.did("send_mail bob")


def tools_nobody_sees(bench):
    """A tool that runs at the provider, or by no function, is refused; named, it is let be."""
    with refused("web_search"):
        guard(_agent(bench, "root", [], tools=[WebSearchTool()]), bench._gate)
    agent = guard(_agent(bench, "root", [], tools=[WebSearchTool()]), bench._gate, hosted=["web_search"])
    agent.tools.append(_computer())
    with refused("the gate never sees"):
        _run(bench, agent)


def _computer():
    from agents import LocalShellTool

    return LocalShellTool(executor=lambda request: "ran")


class Server(MCPServer):
    """An MCP server in this process. called: what ran."""

    name = "mail"

    def __init__(self):
        super().__init__()
        self.called = []

    async def connect(self): ...

    async def cleanup(self): ...

    async def list_tools(self, run_context=None, agent=None):
        schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
        return [McpTool(**{"name": "send_mail", "description": "Sends.", "inputSchema": schema})]

    async def call_tool(self, tool_name, arguments, meta=None):
        self.called.append(arguments)
        return CallToolResult(content=[TextContent(type="text", text="the server sent it")])

    async def list_prompts(self):
        return ListPromptsResult(prompts=[])

    async def get_prompt(self, name, arguments=None):
        return GetPromptResult(messages=[])


def tool_of_an_mcp_server(bench):
    """A server's tool is another tool than the agent's own of that name: what was granted for one is not granted for the other."""
    server, seen = Server(), {}
    _run(bench, _agent(bench, "root", [[MAIL]], tools=[], mcp_servers=[server]))
    assert server.called == [{"to": "bob"}]
    agent = guard(_agent(bench, "root", [[MAIL]], seen, tools=[], mcp_servers=[server]), bench._gate)
    _run(bench, agent)
    assert len(server.called) == 1 and "mail/send_mail" in seen["c2"].text
    granted = bench._gate.grant("root", tools={"mail/send_mail": {"to": ANY}})
    _run(bench, agent, granted)
    assert len(server.called) == 2 and "the server sent it" in seen["c2"].text


def nested_pause(bench):
    """A call of an agent inside a tool pauses the whole run; after a restart it runs once, and the tool around it is charged and recorded once."""
    bench.ask_about_mail()
    options = bench._stage([], None, None).options

    def root(seen):
        child = guard(_agent(bench, "child", [[MAIL]], seen), bench._gate, tools=options)
        tools = [*_tools(bench), child.as_tool("delegate", "Does.")]
        return guard(_agent(bench, "root", [[Use("c5", "delegate", {"task": "mail bob"})]], seen, tools=tools), bench._gate, tools=options)

    result = _run(bench, root({}))
    assert [item.name for item in result.interruptions] == ["send_mail"]
    kept = result.to_state().to_string(context_serializer=lambda _: {})
    bench.did()
    bench.approve()

    async def go_on():
        seen = {}
        agent = root(seen)
        context = Context(bench._capability(None), "s")
        state = await RunState.from_string(agent, kept, context_override=context, context_deserializer=lambda _: context)
        for item in state.get_interruptions():
            state.approve(item)
        return await Runner.run(agent, state), seen

    result, seen = asyncio.run(go_on())
    bench.did("send_mail bob")
    assert result.final_output == "done" and "sent to bob" in seen["c2"].text
    assert [record["tool"] for record in bench.records("call", "intent")] == ["delegate", "send_mail"]
    assert len(bench.records("call", "outcome")) == 2


def grandchild_takes_from_the_root(bench):
    """An agent inside an agent has its part of what that one has, though the SDK hands both the root's context."""
    options, seen = bench._stage([], None, None).options, {}
    mailer = {"agent": "grandchild", "tools": ["send_mail"]}
    inner = guard(_agent(bench, "grandchild", [[MAIL]], seen), bench._gate, part=mailer, tools=options)
    task = Use("k1", "inner", {"input": "x"})
    child = _agent(bench, "child", [[task]], seen, tools=[*_tools(bench), inner.as_tool("inner", "Does.")])
    part = {"agent": "child", "tools": ["read_file", "inner"]}
    outer = guard(child, bench._gate, part=part, tools=options).as_tool("outer", "Does.")
    root = guard(_agent(bench, "root", [[Use("c5", "outer", {"input": "x"})]], seen, tools=[outer]), bench._gate, tools=options)
    granted = bench._gate.grant("root", tools=dict.fromkeys(("read_file", "send_mail", "inner", "outer"), ANY))
    _run(bench, root, granted)
    bench.did()
    assert "Refused by Gate" in seen["c2"].text


def two_of_one_name(bench):
    """Arguments in which a name appears twice are no arguments: what is checked might not be what runs."""

    class Twice(Scripted):
        def _says(self, items):
            said = super()._says(items)
            if hasattr(said[0], "arguments"):
                said[0].arguments = '{"to": "bob", "to": "mallory"}'
            return said

    seen = {}
    agent = Agent(name="root", model=Twice([[MAIL]], seen), tools=_tools(bench))
    _run(bench, agent)
    bench.did("send_mail mallory")
    result = _run(bench, guard(agent, bench._gate, tools=bench._stage([], None, None).options))
    bench.did("send_mail mallory")
    assert "Refused by Gate" in seen["c2"].text and not result.interruptions


def program_is_asked_once(bench):
    """A program that approves in this process is asked once, though the SDK comes twice."""
    bench.ask_about_mail()
    asked = []
    bench._gate.approvers = [Callback(bench._gate, lambda question: asked.append(question.id) or True)]
    assert bench.run([[MAIL]]).final == "done"
    bench.did("send_mail bob")
    assert len(asked) == 1


def own_policy_is_kept(bench):
    """What the tool's own needs_approval stops, stays stopped; and a yes to it is none to the gate."""
    tools = [dataclasses.replace(tool, needs_approval=True) if tool.name == "read_file" else tool for tool in _tools(bench)]
    seen = {}
    agent = guard(_agent(bench, "root", [[READ, WIPE]], seen, tools=tools), bench._gate, tools=bench._stage([], None, None).options)
    result = _run(bench, agent)
    assert [item.name for item in result.interruptions] == ["read_file"]
    state = result.to_state()
    state.approve(result.interruptions[0], always_approve=True)
    assert asyncio.run(Runner.run(agent, state)).final_output == "done"
    bench.did("read_file a")
    assert "Refused by Gate" in seen["c3"].text and json.dumps(seen["c1"].text)


def yes_to_all_later_ones(bench):
    """A yes to every later call of a tool signs for none of them: the approver saw only the first."""
    bench.ask_about_mail()
    seen, other = {}, Use("c9", "send_mail", {"to": "carol"})
    agent = guard(_agent(bench, "root", [[MAIL], [other]], seen), bench._gate, answers="owner", tools=bench._stage([], None, None).options)
    result = _run(bench, agent)
    state = result.to_state()
    state.approve(result.interruptions[0], always_approve=True)
    asyncio.run(Runner.run(agent, state))
    bench.did()
    assert "Refused by Gate" in seen["c2"].text and "Refused by Gate" in seen["c9"].text


def same_id_with_other_arguments(bench):
    """A yes is to the call that was shown: models choose ids, and one that comes under the same id with other arguments is another call."""
    bench.ask_about_mail()
    other = Use(MAIL.id, "send_mail", {"to": "carol"})
    for turns in ([[MAIL], [other]], [[MAIL, other]]):
        agent = guard(_agent(bench, "root", turns), bench._gate, answers="owner", tools=bench._stage([], None, None).options)
        with suppress(ModelBehaviorError):  # of newer SDKs, for two calls of one id in one turn
            result = _run(bench, agent)
            state = result.to_state()
            state.approve(result.interruptions[0])
            asyncio.run(Runner.run(agent, state))
    bench.did("send_mail bob")


def raw_arguments(bench):
    """A tool that looks at its context sees the arguments that were checked, not those that the model sent."""
    seen = []

    @function_tool(strict_mode=False)
    def look_up(context: ToolContext, n: int) -> str:
        call = context.tool_call
        seen.append([json.loads(context.tool_arguments), json.loads(call.arguments if call else "null"), {"n": n}])
        return "5"

    turns = [[Use("n1", "look_up", {"n": "5"})]]
    agent = _agent(bench, "root", turns, tools=[look_up])
    _run(bench, agent)
    assert seen.pop() == [{"n": "5"}, {"n": "5"}, {"n": 5}]
    assert _run(bench, guard(agent, bench._gate, tools={"look_up": {"effects": "reads"}})).final_output == "done"
    assert seen == [[{"n": 5}, {"n": 5}, {"n": 5}]]


def several_of_one_id(bench):
    """An agent in a tool that is called three times under one id runs once: the id is the model's word. (Newer SDKs make one call of them, too.)"""
    runs = []

    class Counted(Scripted):
        async def get_response(self, *args, **kwargs):
            runs.append(1)
            await asyncio.sleep(0.2)
            return await super().get_response(*args, **kwargs)

    use, seen = Use("c5", "delegate", {"task": "go"}), {}

    options = bench._stage([], None, None).options
    child = guard(Agent(name="child", model=Counted([], {})), bench._gate, tools=options).as_tool("delegate", "Does.")
    _run(bench, guard(_agent(bench, "root", [[use, use, use]], seen, tools=[child]), bench._gate, tools=options))
    assert len(runs) == len(bench.records("call", "intent")) == 1


TRAPS = {
    trap.__name__: trap
    for trap in (
        hand_off_leaves_the_gate_behind,
        hand_off_in_a_circle,
        hand_off_to_a_part,
        hidden_agent_is_not_guarded,
        tool_that_comes_later,
        tool_of_another_agent,
        tools_nobody_sees,
        tool_of_an_mcp_server,
        nested_pause,
        grandchild_takes_from_the_root,
        two_of_one_name,
        program_is_asked_once,
        own_policy_is_kept,
        yes_to_all_later_ones,
        same_id_with_other_arguments,
        raw_arguments,
        several_of_one_id,
    )
}
