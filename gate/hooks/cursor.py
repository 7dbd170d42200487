"""Cursor: `preToolUse` and its companions of hooks.json.

    → {"hook_event_name": "preToolUse", "conversation_id": …, "workspace_roots": […], "tool_name": "Shell", "tool_input": {…}, "tool_use_id": …}
    ← {"permission": "deny", "user_message": "…", "agent_message": "…"}

One call fires twice: `preToolUse`, then `beforeShellExecution`, `beforeMCPExecution`, `beforeReadFile` or `subagentStart`, which older versions have
alone.  The second takes up the authorization of the first, once (`pair`), and is authorized by itself where there was none.  `ask` is accepted and
not enforced, so it is a deny.  An empty reply is a failed hook; with `failClosed` that blocks, so something is always printed; without it, crash and
time-out let the call run.  After cursor.com/docs/reference/hooks and others' runs of 3.9.16; not run here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from gate.constraints.value import is_array
from gate.hooks.event import Event, Phase, Reply, Verdict, arguments, phase_of, server_tool, text, words

_GENERIC: Final[Mapping[str, Phase]] = {"preToolUse": "pre", "postToolUse": "post", "postToolUseFailure": "failed"}


class Cursor:
    """The dialect."""

    name = "cursor"
    asks = frozenset[str]()
    dialogues = frozenset[str]()

    def read(self, data: Mapping[str, object]) -> Event:
        """What was said; ValueError when it cannot be understood."""
        name = text(data, "hook_event_name", needed=True)
        event = _SECOND[name](data) if name in _SECOND else _generic(name, data)
        return event._replace(name=name, session=text(data, "conversation_id", "session_id", needed=True), cwd=_folder(data))

    def pair(self, event: Event, arguments: Mapping[str, object]) -> str:
        """The command, the path, the server's tool with its arguments, or the id of the call."""
        return _pair(event.tool, arguments, event.id)

    def changes(self, event: Event, arguments: Mapping[str, object]) -> bool:  # noqa: ARG002  # the protocol's
        """In the first event of a call only."""
        return event.name == "preToolUse"

    def reply(self, event: Event, verdict: Verdict) -> Reply:
        """What to print."""
        if event.phase != "pre":
            return Reply.data(additional_context=words(verdict.reason)) if verdict.word in ("withheld", "noted") else Reply.data()
        if verdict.word != "allow":
            return Reply.data(permission="deny", user_message=words(verdict.reason), agent_message=words(verdict.reason))
        return Reply.data(permission="allow", **({} if verdict.arguments is None else {"updated_input": dict(verdict.arguments)}))


def _generic(name: str, data: Mapping[str, object]) -> Event:
    tool, sent = text(data, "tool_name", needed=True), arguments(data, "tool_input")
    call = text(data, "tool_use_id", needed=True)
    return Event(
        phase_of(name, _GENERIC),
        name,
        "",
        server_tool(tool),
        sent,
        call,
        sub=text(data, "agent_id", "subagent_id"),
        sort=text(data, "agent_type", "subagent_type"),
        result=data.get("tool_output"),
        error=text(data, "error_message"),
    )


def _pair(tool: str, sent: Mapping[str, object], call: str) -> str:
    if tool == "Shell":
        return _key("Shell", sent.get("command"))
    if tool in ("Read", "TabRead"):
        return _key("Read", sent.get("file_path", sent.get("path")))
    if tool == "Task":
        return _key("Task", call)
    return _key(tool, dict(sent)) if tool.startswith("MCP:") else ""


def _key(*parts: object) -> str:
    return json.dumps(parts, sort_keys=True)


def _shell(data: Mapping[str, object]) -> Event:
    command = text(data, "command", needed=True)
    return Event("pre", "", "", "Shell", {"command": command}, second=_key("Shell", command))


def _server(data: Mapping[str, object]) -> Event:
    tool, sent = f"MCP:{text(data, 'tool_name', needed=True).removeprefix('MCP:')}", arguments(data, "tool_input")
    return Event("pre", "", "", tool, sent, second=_key(tool, dict(sent)))


def _read(data: Mapping[str, object]) -> Event:
    path = text(data, "file_path", needed=True)
    return Event("pre", "", "", "Read", {"file_path": path}, second=_key("Read", path))


def _starts(data: Mapping[str, object]) -> Event:
    sent = {"task": text(data, "task"), "subagent_type": text(data, "subagent_type")}
    return Event("pre", "", "", "Task", sent, second=_key("Task", text(data, "tool_call_id")))


_SECOND: Final[Mapping[str, Callable[[Mapping[str, object]], Event]]] = {
    "beforeShellExecution": _shell,
    "beforeMCPExecution": _server,
    "beforeReadFile": _read,
    "beforeTabFileRead": _read,
    "subagentStart": _starts,
}


def _folder(data: Mapping[str, object]) -> str:
    """Where the agent is: it often leaves that empty, and then it is the first folder of the workspace."""
    roots = data.get("workspace_roots", [])
    if not is_array(roots) or not all(isinstance(root, str) for root in roots):
        raise ValueError("'workspace_roots' is no list of folders")
    return text(data, "cwd") or next((root for root in roots if isinstance(root, str)), "")


DIALECT: Final = Cursor()
