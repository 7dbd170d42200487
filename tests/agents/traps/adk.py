"""What gets around a careless gate in Google ADK. Where it shows something, the careless way is run first, and the tool runs."""

from __future__ import annotations

import asyncio

from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.code_executors import BaseCodeExecutor
from google.adk.code_executors.code_execution_utils import CodeExecutionResult
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.runners import InMemoryRunner
from google.adk.tools import FunctionTool, ToolContext, google_search
from google.adk.tools.agent_tool import AgentTool
from google.adk.tools.base_toolset import BaseToolset
from google.genai import types

from gate import ANY
from gate.agents.adk import GatePlugin
from gate.agents.around import told
from gate.agents.conformance import Use
from gate.agents.conformance.bench import GRANTS
from gate.agents.conformance.scenarios import MAIL, READ, WIPE
from gate.agents.conformance.tools import OPTIONS
from gate.errors import GateError
from tests.agents.harness.adk import CONFIRM, Scripted, Task

TO_CHILD = Use("t1", "transfer_to_agent", {"agent_name": "child"})
TO_GRANDCHILD = Use("t2", "transfer_to_agent", {"agent_name": "grandchild"})
READER = {"tools": ["read_file", "transfer_to_agent", "grandchild"]}


class Careless(BasePlugin):
    """The obvious plugin: decides before the tool, settles after it."""

    def __init__(self, gate, capability):
        super().__init__(name="careless")
        self.gate, self.capability, self.tickets = gate, capability, {}

    async def before_tool_callback(self, *, tool, tool_args, tool_context):
        try:
            with self.gate.acting(self.capability):
                self.tickets[tool_context.function_call_id] = self.gate.authorize(tool.name, tool_args)
        except GateError as error:
            return {"error": told(error)}
        return None

    async def after_tool_callback(self, *, tool, tool_args, tool_context, result):
        if ticket := self.tickets.pop(tool_context.function_call_id, None):
            self.gate.settle(ticket, value=result)


def _careless(bench):
    for name in ("read_file", "send_mail", "remove", "child"):
        bench._gate.declare(name, None, **OPTIONS.get(name, {}))
    grants = {**GRANTS, "child": ANY}
    return Careless(bench._gate, bench._gate.grant("root", tools=grants, principal="alice"))


def _plugin(bench, granted=(), **more):
    """Ours; the root was granted these too."""
    key = str(granted)
    if key not in bench._held:
        bench._held[key] = bench._gate.grant("root", tools={**GRANTS, **dict.fromkeys(granted, ANY)}, principal="alice", delegations=4)
    capability = bench._held[key]
    return GatePlugin(bench._gate, **{"capability": capability, "tools": OPTIONS, **more})


def _tools(bench, *names):
    tools = bench._stage([], None, None).tools
    return [tools[name] for name in names or ("read_file", "send_mail", "remove")]


def _agent(name, turns, tools, **more):
    return LlmAgent(name=name, model=Scripted(model="scripted", turns=turns), tools=tools, **more)


def _run(root, *plugins, says=(), session=None):
    """Runs until the end, answering each pause with the next of `says`; what was told per call, the pauses, and the error that ended it."""
    return asyncio.run(_arun(InMemoryRunner(app=App(name="app", root_agent=root, plugins=list(plugins))), list(says), session))


async def _arun(runner, says, session=None):
    session = await runner.session_service.create_session(app_name="app", user_id="alice", session_id=session)
    seen, paused, part = {}, [], types.Part(text="go")
    while part:
        message, part, broke = types.Content(role="user", parts=[part]), None, ""
        async for event in runner.run_async(user_id="alice", session_id=session.id, new_message=message):
            broke = event.error_message or ""
            for one in event.content.parts if event.content else ():
                if (response := one.function_response) and response.name != CONFIRM:
                    seen[response.id] = str(response.response)
                if (call := one.function_call) and call.name == CONFIRM:
                    paused.append(call.args["toolConfirmation"].get("payload"))
                    if says:
                        answer = types.FunctionResponse(id=call.id, name=CONFIRM, response=says.pop(0))
                        part = types.Part(function_response=answer)
    return seen, paused, broke


def callback_changes_the_arguments(bench):
    """What an agent's own callback makes of the arguments is what the gate decides about."""

    def to_mallory(tool, args, tool_context):
        args["to"] = "mallory"

    def root():
        return _agent("root", [[MAIL]], _tools(bench), before_tool_callback=to_mallory)

    _run(root(), _careless(bench))
    bench.did("send_mail mallory")
    for each in ("send_mail", "read_file", "remove", "child"):
        bench._gate.forget(each)
    seen, _, _ = _run(root(), _plugin(bench))
    bench.did("send_mail mallory")
    assert "Refused by Gate" in seen["c2"] and "mallory" in seen["c2"]


def agent_tool_without_plugins(bench):
    """An agent behind an AgentTool that inherits no plugins is behind the gate all the same."""
    call = Use("a1", "child", {"task": "x"})

    def root():
        return _agent("root", [[call]], [AgentTool(_agent("child", [[WIPE], [READ]], _tools(bench), input_schema=Task), include_plugins=False)])

    _run(root(), _careless(bench))
    bench.did("remove /", "read_file a")
    for each in ("send_mail", "read_file", "remove", "child"):
        bench._gate.forget(each)
    _run(root(), _plugin(bench, ["child"]))
    bench.did("remove /", "read_file a", "read_file a")


def tool_that_comes_later(bench):
    """A tool that a callback adds to the request is refused; one that is added to the agent is behind the gate at the next run."""

    def adds(callback_context, llm_request):
        llm_request.append_tools([FunctionTool(_tools(bench, "send_mail")[0])])

    root = _agent("root", [[MAIL]], _tools(bench, "read_file"), before_model_callback=adds)
    plugin = _plugin(bench)
    seen, _, _ = _run(root, plugin)
    bench.did()
    assert "not behind this gate" in seen["c2"]
    root.before_model_callback, root.model = None, Scripted(model="scripted", turns=[[MAIL, WIPE]])
    root.tools.extend(_tools(bench, "send_mail", "remove"))
    seen, _, _ = _run(root, plugin)
    bench.did("send_mail bob")
    assert "Refused by Gate" in seen["c3"]


def tools_of_a_toolset(bench):
    """The tools of a toolset are behind the gate, under the names that the model is told."""

    class Files(BaseToolset):
        async def get_tools(self, readonly_context=None):
            return [FunctionTool(one) for one in _tools(bench, "read_file", "remove")]

        async def close(self):
            pass

    turns = [[Use("c1", "disk_read_file", {"path": "a"}), Use("c3", "disk_remove", {"path": "/"})]]
    seen, _, _ = _run(_agent("root", turns, [Files(tool_name_prefix="disk")]), _plugin(bench, ["disk_read_file"]))
    bench.did("read_file a")
    assert "data:a" in seen["c1"] and "Refused by Gate" in seen["c3"]


def hand_off(bench):
    """A hand-off is a call; who was handed to acts under its part, and those below it under no more."""

    def root():
        grandchild = _agent("grandchild", [[Use("g1", "send_mail", {"to": "bob"})]], _tools(bench))
        child = _agent("child", [[READ, MAIL], [TO_GRANDCHILD]], _tools(bench), sub_agents=[grandchild])
        return _agent("root", [[TO_CHILD]], _tools(bench), sub_agents=[child])

    seen, _, _ = _run(root(), _plugin(bench))
    bench.did()
    assert "Refused by Gate" in seen["t1"]
    seen, _, _ = _run(root(), _plugin(bench, ["transfer_to_agent", "grandchild"], parts={"child": READER}))
    bench.did("read_file a")
    assert "Refused by Gate" in seen["c2"] and "Refused by Gate" in seen["g1"], seen
    assert {record["agent"] for record in bench.records("call", "intent") if record["tool"] == "read_file"} == {"child"}


def grandchild_takes_from_the_root(bench):
    """An agent that is called by a narrower one acts under no more than that one, though the plugin knows the root's capability."""
    grandchild = _agent(
        "grandchild", [[Use("g1", "send_mail", {"to": "bob"}), Use("g2", "read_file", {"path": "g"})]], _tools(bench), input_schema=Task
    )
    child = _agent("child", [[Use("k1", "grandchild", {"task": "x"})]], [AgentTool(grandchild)], input_schema=Task)
    root = _agent("root", [[Use("a1", "child", {"task": "x"})]], [AgentTool(child)])
    _run(root, _plugin(bench, ["child", "grandchild", "transfer_to_agent"], parts={"child": READER}))
    bench.did("read_file g")
    assert any(record["tool"] == "send_mail" for record in bench.records("refusal"))


def pause_behind_an_agent_tool(bench):
    """ADK would lose the pause of an agent behind an AgentTool: the model is told, and calls again once somebody said yes."""
    bench.ask_about_mail()

    def root(call):
        child = _agent("child", [[MAIL]], _tools(bench), input_schema=Task)
        return _agent("root", [[Use(call, "child", {"task": "x"})]], [AgentTool(child)])

    _, paused, _ = _run(root("a1"), _plugin(bench, ["child"]), session="s")
    bench.did()
    bench.approve()
    _run(root("a2"), _plugin(bench, ["child"]), session="s")
    bench.did("send_mail bob")
    assert not paused


def code_that_the_model_writes(bench):
    """Code of the model runs without a tool call: an agent with an executor is refused."""
    ran = []

    class Executor(BaseCodeExecutor):
        def execute_code(self, invocation_context, code_execution_input):
            ran.append(code_execution_input.code)
            return CodeExecutionResult(stdout="done")

    class Writes(Scripted):
        async def generate_content_async(self, llm_request, stream=False):
            text = "done" if ran else "```python\nremove('/')\n```"
            async for response in super().generate_content_async(llm_request, stream):
                response.content.parts = [types.Part(text=text)]
                yield response

    def root():
        return LlmAgent(name="root", model=Writes(model="scripted", turns=[]), code_executor=Executor())

    _run(root(), _careless(bench))
    assert ran
    ran.clear()
    try:
        _run(root(), _plugin(bench))
    except Exception as error:
        assert "code that the model writes" in str(error), error
    assert not ran
    _run(root(), _plugin(bench, hosted=["code_executor"]))
    assert ran


def tools_that_the_provider_runs(bench):
    """A request with a tool that Google runs is not made, unless that is said."""

    def root():
        agent = _agent("root", [], [google_search])
        agent.model.model = "gemini-2.0-flash"
        return agent

    _, _, broke = _run(root(), _plugin(bench))
    assert "google_search" in broke
    _, _, broke = _run(root(), _plugin(bench, hosted=["google_search"]))
    assert not broke


def yes_to_the_tool_is_none_to_the_gate(bench):
    """A confirmation that a tool wants of its own is no answer to the gate's question, even of a person whose yes counts."""
    bench.ask_about_mail()
    root = _agent("root", [[MAIL]], [FunctionTool(_tools(bench, "send_mail")[0], require_confirmation=True)])
    seen, paused, _ = _run(root, _plugin(bench, answers="owner"), says=[{"confirmed": True}])
    if paused[0] is None:
        bench.did()
        assert "Make the same call again" in seen["c2"], seen
    else:  # before 2.0 the tool's own wish comes after the gate's, and ADK has one answer for both
        bench.did("send_mail bob")


def tool_with_a_wish_of_its_own(bench):
    """A tool that asks the person something itself is run again for the same call, though what changes something runs once for an id."""
    log = []

    def book(room: str, tool_context: ToolContext) -> str:
        """Books a room."""
        log.append(room)
        if tool_context.tool_confirmation is None:
            tool_context.request_confirmation(hint="sure?")
            tool_context.actions.skip_summarization = True
            return "wait"
        return "booked"

    def root():
        return _agent("root", [[Use("b1", "book", {"room": "7"})]], [book])

    seen, _, _ = _run(root(), _plugin(bench, ["book"]), says=[{"confirmed": True}])
    assert "booked" in seen["b1"] and log == ["7", "7"], seen


def no_counts(bench):
    """A no in ADK holds, whatever the desk says."""
    bench.ask_about_mail()

    class Approves(dict):
        """Somebody approves at the desk, and ADK's person says no."""

        def __init__(self):
            bench.approve()
            super().__init__(confirmed=False, payload={"reason": "not like this"})

    class Says(list):
        def pop(self, at):
            return Approves() if super().pop(at) else None

    runner = InMemoryRunner(app=App(name="app", root_agent=_agent("root", [[MAIL]], _tools(bench)), plugins=[_plugin(bench)]))
    seen, _, _ = asyncio.run(_arun(runner, Says([True])))
    bench.did()
    assert "not like this" in seen["c2"], seen


def who_fails(bench):
    """What goes wrong while the adapter finds out who acts is a refusal, and the loop goes on."""

    def who(context):
        raise RuntimeError("no such user")

    seen, _, _ = _run(_agent("root", [[READ], [MAIL]], _tools(bench)), _plugin(bench, who=who))
    bench.did()
    assert "no such user" in seen["c1"] and "c2" in seen
    assert len(bench.records("refusal")) == 2


def agents_of_another_plugin(bench):
    """Agents that are behind one plugin are not run by another, which would act for somebody else."""
    root = _agent("root", [[READ]], _tools(bench))
    _run(root, _plugin(bench))
    try:
        _run(root, _plugin(bench))
    except Exception as error:
        assert "another GatePlugin" in str(error), error
    else:
        raise AssertionError("it ran")
    bench.did("read_file a")


TRAPS = {
    trap.__name__: trap
    for trap in (
        callback_changes_the_arguments,
        agent_tool_without_plugins,
        tool_that_comes_later,
        tools_of_a_toolset,
        hand_off,
        grandchild_takes_from_the_root,
        pause_behind_an_agent_tool,
        code_that_the_model_writes,
        tools_that_the_provider_runs,
        yes_to_the_tool_is_none_to_the_gate,
        tool_with_a_wish_of_its_own,
        no_counts,
        who_fails,
        agents_of_another_plugin,
    )
}
