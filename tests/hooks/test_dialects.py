"""What each agent says, and what is said to it: the documented formats, as data. An event that is not known, or not whole, is no event."""

from __future__ import annotations

import json

import pytest

from gate.hooks.event import Event, Reply, Verdict, server_tool
from gate.hooks.registry import AGENTS, dialect

_CLAUDE = {
    "session_id": "s1",
    "transcript_path": "/x.jsonl",
    "cwd": "/work",
    "permission_mode": "default",
    "tool_name": "Bash",
    "tool_input": {"command": "ls"},
    "tool_use_id": "t1",
}
_CODEX = {**_CLAUDE, "turn_id": "u1", "model": "m"}
_GEMINI = {"session_id": "s1", "transcript_path": "/x", "cwd": "/work", "timestamp": "2026-11-26T00:00:00Z", "tool_name": "run_shell_command"}
_COPILOT = {"sessionId": "s1", "timestamp": 1, "cwd": "/work", "toolName": "bash", "toolArgs": {"command": "ls"}}
_CURSOR = {
    "conversation_id": "s1",
    "generation_id": "g1",
    "cursor_version": "3.9.16",
    "workspace_roots": ["/work"],
    "user_email": None,
    "transcript_path": None,
    "cwd": "",
}
_SHELL = {"tool_name": "Shell", "tool_input": {"command": "ls", "cwd": "", "timeout": 30000}, "tool_use_id": "t1"}

EVENTS = [
    ("claude", {**_CLAUDE, "hook_event_name": "PreToolUse"}, Event("pre", "PreToolUse", "s1", "Bash", {"command": "ls"}, "t1", "/work")),
    (
        "claude",
        {**_CLAUDE, "hook_event_name": "PreToolUse", "agent_id": "a1", "agent_type": "Explore"},
        Event("pre", "PreToolUse", "s1", "Bash", {"command": "ls"}, "t1", "/work", "a1", "Explore"),
    ),
    (
        "claude",
        {**_CLAUDE, "hook_event_name": "PostToolUse", "tool_response": {"stdout": "a"}},
        Event("post", "PostToolUse", "s1", "Bash", {"command": "ls"}, "t1", "/work", result={"stdout": "a"}),
    ),
    (
        "claude",
        {**_CLAUDE, "hook_event_name": "PostToolUseFailure", "error": "exit 1"},
        Event("failed", "PostToolUseFailure", "s1", "Bash", {"command": "ls"}, "t1", "/work", error="exit 1"),
    ),
    (
        "claude",
        {**_CLAUDE, "hook_event_name": "PreToolUse", "tool_name": "mcp__github__get_issue", "tool_input": {"n": 1}},
        Event("pre", "PreToolUse", "s1", "github/get_issue", {"n": 1}, "t1", "/work"),
    ),
    ("codex", {**_CODEX, "hook_event_name": "PreToolUse"}, Event("pre", "PreToolUse", "s1", "Bash", {"command": "ls"}, "t1", "/work")),
    (
        "codex",
        {**{k: v for k, v in _CODEX.items() if k != "tool_use_id"}, "hook_event_name": "PermissionRequest"},
        Event("permission", "PermissionRequest", "s1", "Bash", {"command": "ls"}, "", "/work"),
    ),
    (
        "gemini",
        {**_GEMINI, "hook_event_name": "BeforeTool", "tool_input": {"command": "ls"}},
        Event("pre", "BeforeTool", "s1", "run_shell_command", {"command": "ls"}, cwd="/work"),
    ),
    (
        "gemini",
        {
            **_GEMINI,
            "hook_event_name": "BeforeTool",
            "tool_name": "mcp__a__b",
            "tool_input": {},
            "mcp_context": {"server_name": "x", "tool_name": "y"},
        },
        Event("pre", "BeforeTool", "s1", "x/y", {}, cwd="/work"),
    ),
    (
        "gemini",
        {**_GEMINI, "hook_event_name": "AfterTool", "tool_input": {"command": "ls"}, "tool_response": {"llmContent": "a"}},
        Event("post", "AfterTool", "s1", "run_shell_command", {"command": "ls"}, cwd="/work", result={"llmContent": "a"}),
    ),
    (
        "gemini",
        {**_GEMINI, "hook_event_name": "AfterTool", "tool_input": {}, "tool_response": {"llmContent": "", "error": "no"}},
        Event("failed", "AfterTool", "s1", "run_shell_command", {}, cwd="/work", result={"llmContent": "", "error": "no"}, error="no"),
    ),
    ("copilot", {**_COPILOT, "hook_event_name": "preToolUse"}, Event("pre", "preToolUse", "s1", "bash", {"command": "ls"}, cwd="/work")),
    (
        "copilot",
        {**_COPILOT, "hook_event_name": "preToolUse", "toolArgs": '{"command": "ls"}'},
        Event("pre", "preToolUse", "s1", "bash", {"command": "ls"}, cwd="/work"),
    ),
    (
        "copilot",
        {
            "hook_event_name": "PreToolUse",
            "session_id": "s1",
            "timestamp": "x",
            "cwd": "/work",
            "tool_name": "Bash",
            "tool_input": {"command": "ls"},
        },
        Event("pre", "PreToolUse", "s1", "Bash", {"command": "ls"}, cwd="/work"),
    ),
    (
        "copilot",
        {**_COPILOT, "hook_event_name": "postToolUseFailure", "error": "exit 1"},
        Event("failed", "postToolUseFailure", "s1", "bash", {"command": "ls"}, cwd="/work", error="exit 1"),
    ),
    (
        "cursor",
        {**_CURSOR, **_SHELL, "hook_event_name": "preToolUse"},
        Event("pre", "preToolUse", "s1", "Shell", {"command": "ls", "cwd": "", "timeout": 30000}, "t1", "/work"),
    ),
    (
        "cursor",
        {**_CURSOR, "command": "ls", "cwd": "/work/a", "sandbox": False, "hook_event_name": "beforeShellExecution"},
        Event("pre", "beforeShellExecution", "s1", "Shell", {"command": "ls"}, cwd="/work/a", second='["Shell", "ls"]'),
    ),
    (
        "cursor",
        {**_CURSOR, "tool_name": "get", "tool_input": '{"n": 1}', "url": "https://x.example", "hook_event_name": "beforeMCPExecution"},
        Event("pre", "beforeMCPExecution", "s1", "MCP:get", {"n": 1}, cwd="/work", second='["MCP:get", {"n": 1}]'),
    ),
    (
        "cursor",
        {**_CURSOR, "file_path": "/work/a", "content": "x", "attachments": [], "hook_event_name": "beforeReadFile"},
        Event("pre", "beforeReadFile", "s1", "Read", {"file_path": "/work/a"}, cwd="/work", second='["Read", "/work/a"]'),
    ),
    (
        "cursor",
        {**_CURSOR, "subagent_id": "a", "subagent_type": "explore", "task": "look", "tool_call_id": "t1", "hook_event_name": "subagentStart"},
        Event("pre", "subagentStart", "s1", "Task", {"task": "look", "subagent_type": "explore"}, cwd="/work", second='["Task", "t1"]'),
    ),
    (
        "cursor",
        {**_CURSOR, **_SHELL, "tool_output": '{"output": "a"}', "duration": 1.5, "hook_event_name": "postToolUse"},
        Event("post", "postToolUse", "s1", "Shell", _SHELL["tool_input"], "t1", "/work", result='{"output": "a"}'),
    ),
]


@pytest.mark.parametrize(("agent", "said", "event"), EVENTS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_an_agent_says_is_one_event(agent: str, said: dict, event: Event) -> None:
    assert dialect(agent).read(said) == event


PRE = {
    "claude": ("PreToolUse", "hookSpecificOutput"),
    "codex": ("PreToolUse", "hookSpecificOutput"),
    "gemini": ("BeforeTool", ""),
    "copilot": ("preToolUse", ""),
    "cursor": ("preToolUse", ""),
}


def said(agent: str, verdict: Verdict, phase: str = "pre", name: str = "") -> object:
    """What is printed, as data; None for nothing."""
    reply = dialect(agent).reply(Event(phase, name or PRE[agent][0], arguments={"a": 1, "b": 2}), verdict)
    assert (reply.code, reply.err) == (0, "")
    return json.loads(reply.out) if reply.out else None


def _nested(word: str, **more: object) -> dict:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": word, **more}}


WHY = {"permissionDecisionReason": "why"}
REPLIES = [
    ("claude", Verdict("allow", "why"), _nested("allow", **WHY)),
    ("claude", Verdict("allow", "why", {"a": 2}), _nested("allow", **WHY, updatedInput={"a": 2}, additionalContext="why")),
    ("claude", Verdict("deny", "why"), _nested("deny", **WHY)),
    ("claude", Verdict("ask", "why"), _nested("ask", **WHY)),
    ("claude", Verdict("defer", "why"), _nested("defer", **WHY)),
    ("claude", Verdict("nothing"), _nested("deny", permissionDecisionReason="refused by Gate")),
    ("codex", Verdict("allow", "why"), None),
    ("codex", Verdict("allow", "why", {"a": 2}), _nested("allow", updatedInput={"a": 2})),
    ("codex", Verdict("deny", "why"), _nested("deny", **WHY)),
    ("codex", Verdict("ask", "why"), _nested("deny", **WHY)),
    ("codex", Verdict("defer", ""), _nested("deny", permissionDecisionReason="refused by Gate")),
    ("codex", Verdict("nothing"), _nested("deny", permissionDecisionReason="refused by Gate")),
    ("gemini", Verdict("allow", "why"), {"decision": "allow"}),
    (
        "gemini",
        Verdict("allow", "why", {"a": 2, "b": 2}),
        {"decision": "allow", "hookSpecificOutput": {"hookEventName": "BeforeTool", "tool_input": {"a": 2, "b": 2}}},
    ),
    ("gemini", Verdict("deny", "why"), {"decision": "deny", "reason": "why"}),
    ("gemini", Verdict("ask", "why"), {"decision": "deny", "reason": "why"}),
    ("copilot", Verdict("allow", "why"), {"permissionDecision": "allow"}),
    ("copilot", Verdict("allow", "why", {"a": 2}), {"permissionDecision": "allow", "modifiedArgs": {"a": 2}}),
    ("copilot", Verdict("deny", "why"), {"permissionDecision": "deny", **WHY}),
    ("copilot", Verdict("ask", "why"), {"permissionDecision": "ask", **WHY}),
    ("copilot", Verdict("defer", "why"), {"permissionDecision": "deny", **WHY}),
    ("cursor", Verdict("allow", "why"), {"permission": "allow"}),
    ("cursor", Verdict("allow", "why", {"a": 2}), {"permission": "allow", "updated_input": {"a": 2}}),
    ("cursor", Verdict("deny", "why"), {"permission": "deny", "user_message": "why", "agent_message": "why"}),
    ("cursor", Verdict("ask", "why"), {"permission": "deny", "user_message": "why", "agent_message": "why"}),
]


@pytest.mark.parametrize(("agent", "verdict", "printed"), REPLIES, ids=str)
def test_a_verdict_is_said_as_the_agent_documents_it(agent: str, verdict: Verdict, printed: object) -> None:
    assert said(agent, verdict) == printed


@pytest.mark.parametrize("agent", AGENTS)
def test_only_an_allow_is_an_allow(agent: str) -> None:
    allowed = json.dumps(said(agent, Verdict("allow")))
    for word in ("deny", "ask", "defer", "nothing", "withheld"):
        printed = said(agent, Verdict(word, "why"))
        assert printed is not None and json.dumps(printed) != allowed
        assert "allow" not in json.dumps(printed)


@pytest.mark.parametrize("agent", AGENTS)
def test_after_a_call_nothing_is_decided(agent: str) -> None:
    name = {"gemini": "AfterTool", "copilot": "postToolUse", "cursor": "postToolUse"}.get(agent, "PostToolUse")
    assert said(agent, Verdict("nothing"), "post", name) in ({}, None)
    assert "too much" in json.dumps(said(agent, Verdict("withheld", "too much"), "post", name))


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_before_its_own_person_is_asked_the_gate_says_no_or_nothing(agent: str) -> None:
    assert said(agent, Verdict("nothing"), "permission", "PermissionRequest") is None
    assert said(agent, Verdict("allow"), "permission", "PermissionRequest") is None
    printed = said(agent, Verdict("deny", "why"), "permission", "PermissionRequest")
    assert printed == {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": "deny", "message": "why"}}}


BROKEN = [
    {},
    {"hook_event_name": "SessionStart"},
    {"hook_event_name": "pretooluse"},
    {"hook_event_name": ["PreToolUse"]},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "tool_name": ""},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "tool_name": None},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "tool_name": {"a": 1}},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "tool_input": ["ls"]},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "tool_input": "ls"},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "tool_input": '{"command": "ls", "command": "rm"}'},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "session_id": 7},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "session_id": ""},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "tool_use_id": ""},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "cwd": ""},
    {**_CLAUDE, "hook_event_name": "PreToolUse", "agent_id": 1},
]


@pytest.mark.parametrize("said", BROKEN, ids=str)
def test_what_is_not_whole_is_no_event_of_claude(said: dict) -> None:
    with pytest.raises(ValueError, match=r"."):
        dialect("claude").read(said)
    with pytest.raises(ValueError, match=r"."):
        dialect("codex").read(said)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    "said", [{}, {"hook_event_name": "SomethingNew"}, {"hook_event_name": PRE["gemini"][0]}, {"hook_event_name": "preToolUse"}], ids=str
)
def test_every_agent_refuses_what_it_does_not_know(agent: str, said: dict) -> None:
    with pytest.raises(ValueError, match=r"."):
        dialect(agent).read(said)


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("mcp__s__t", "s/t"),
        ("mcp__s__t__u", "mcp__s__t__u"),
        ("mcp__s___t", "mcp__s___t"),
        ("mcp__s__", "mcp__s__"),
        ("mcp____t", "mcp____t"),
        ("mcp__s__t/u", "mcp__s__t/u"),
        ("mcp__a_b__c_d", "a_b/c_d"),
        ("Bash", "Bash"),
    ],
)
def test_a_servers_tool_is_named_after_its_server_where_that_can_be_told(name: str, tool: str) -> None:
    assert server_tool(name) == tool


def test_gemini_cannot_take_an_argument_away() -> None:
    event = Event("pre", "BeforeTool", arguments={"a": 1, "b": 2})
    assert dialect("gemini").changes(event, {"a": 1, "b": 3})
    assert not dialect("gemini").changes(event, {"a": 1})


def test_the_second_event_of_a_call_fits_the_first() -> None:
    cursor = dialect("cursor")
    for first, second in [
        ({**_CURSOR, **_SHELL, "hook_event_name": "preToolUse"}, EVENTS[16][1]),
        ({**_CURSOR, "tool_name": "MCP:get", "tool_input": {"n": 1}, "tool_use_id": "t", "hook_event_name": "preToolUse"}, EVENTS[17][1]),
        (
            {**_CURSOR, "tool_name": "Read", "tool_input": {"file_path": "/work/a"}, "tool_use_id": "t", "hook_event_name": "preToolUse"},
            EVENTS[18][1],
        ),
        ({**_CURSOR, "tool_name": "Task", "tool_input": {"prompt": "look"}, "tool_use_id": "t1", "hook_event_name": "preToolUse"}, EVENTS[19][1]),
    ]:
        event = cursor.read(first)
        assert cursor.pair(event, event.arguments) == cursor.read(second).second


def test_a_block_always_has_words() -> None:
    assert Reply.blocked("").err.strip()
