"""Gemini CLI: hooks `BeforeTool` and `AfterTool` of settings.json.

    → {"hook_event_name": "BeforeTool", "session_id": …, "cwd": …, "tool_name": "run_shell_command", "tool_input": {…}, "mcp_context": {…}}
    ← {"decision": "deny", "reason": "…"}

There is no id of a call.  `hookSpecificOutput.tool_input` is laid over the arguments that were sent, so an argument cannot be taken away.  There
is no way to ask.  Any exit code but 0 and 2, and a time-out, let the call run with a warning.  After
google-gemini/gemini-cli, docs/hooks/reference.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gate.constraints.value import is_object
from gate.hooks.event import Event, Phase, Reply, Single, Verdict, arguments, phase_of, server_tool, text, words

_PHASES: Final[Mapping[str, Phase]] = {"BeforeTool": "pre", "AfterTool": "post"}


class Gemini(Single):
    """The dialect."""

    name = "gemini"
    asks = frozenset[str]()

    def read(self, data: Mapping[str, object]) -> Event:
        """What was said; ValueError when it cannot be understood."""
        name = text(data, "hook_event_name", needed=True)
        phase = phase_of(name, _PHASES)
        response = data.get("tool_response")
        error = response.get("error") if is_object(response) else None
        return Event(
            "failed" if error else phase,
            name,
            text(data, "session_id", needed=True),
            _tool(text(data, "tool_name", needed=True), data.get("mcp_context")),
            arguments(data, "tool_input"),
            cwd=text(data, "cwd", needed=True),
            result=response,
            error=str(error) if error else "",
        )

    def changes(self, event: Event, arguments: Mapping[str, object]) -> bool:
        """Before a call, unless an argument would have to be taken away."""
        return event.phase == "pre" and event.arguments.keys() <= arguments.keys()

    def reply(self, event: Event, verdict: Verdict) -> Reply:
        """What to print."""
        if event.phase != "pre":
            if verdict.word == "noted":
                return Reply.data(hookSpecificOutput={"hookEventName": event.name, "additionalContext": words(verdict.reason)})
            return Reply.data(decision="deny", reason=words(verdict.reason)) if verdict.word == "withheld" else Reply.data()
        if verdict.word != "allow":
            return Reply.data(decision="deny", reason=words(verdict.reason))
        if verdict.arguments is not None:
            return Reply.data(decision="allow", hookSpecificOutput={"hookEventName": event.name, "tool_input": dict(verdict.arguments)})
        return Reply.data(decision="allow")


def _tool(name: str, context: object) -> str:
    """A tool of an MCP server is named after its server, whatever else it calls itself; one whose server is not said keeps its name."""
    if context is None:
        return server_tool(name)
    if not is_object(context):
        raise ValueError("'mcp_context' is no object")
    server, tool = context.get("server_name"), context.get("tool_name", name)
    if not isinstance(server, str) or not isinstance(tool, str) or not server or "/" in server:
        raise ValueError("'mcp_context' does not say which server it is")
    return f"{server}/{tool}"


DIALECT: Final = Gemini()
