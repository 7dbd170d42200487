"""Claude Code: hooks `PreToolUse`, `PostToolUse`, `PostToolUseFailure` of settings.json, and those of the Claude Agent SDK.

    → {"hook_event_name": "PreToolUse", "session_id": …, "cwd": …, "tool_name": "Bash", "tool_input": {…}, "tool_use_id": "toolu_…"}
    ← {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": "…"}}

In a sub-agent there are `agent_id` and `agent_type`, too.  A crash, another exit code than 2 and a time-out let the call run, unless the entry says
`"onFailure": "block"`.  Documented at code.claude.com/docs/en/hooks; run against version 2.1.330.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gate.constraints.value import is_array, is_object
from gate.hooks.event import Event, Phase, Reply, Single, Verdict, arguments, phase_of, server_tool, text, words

_PHASES: Final[Mapping[str, Phase]] = {"PreToolUse": "pre", "PostToolUse": "post", "PostToolUseFailure": "failed", "PermissionRequest": "permission"}

_ALONE: Final = frozenset({"bypassPermissions", "dontAsk", "auto"})
"""Modes in which the agent decides by itself what it would ask its person about; a sub-agent may be started in one."""


class Claude(Single):
    """The dialect, which Codex has in part, too."""

    name = "claude"
    asks = frozenset({"ask", "defer"})
    dialogues = frozenset({"AskUserQuestion", "ExitPlanMode"})

    def read(self, data: Mapping[str, object]) -> Event:
        """What was said; ValueError when it cannot be understood."""
        name = text(data, "hook_event_name", needed=True)
        phase = phase_of(name, _PHASES)
        return Event(
            phase,
            name,
            text(data, "session_id", needed=True),
            server_tool(text(data, "tool_name", needed=True), _server(data)),
            arguments(data, "tool_input"),
            text(data, "tool_use_id", needed=phase != "permission"),
            text(data, "cwd", needed=True),
            text(data, "agent_id"),
            text(data, "agent_type"),
            data.get("tool_response"),
            text(data, "error"),
            alone=text(data, "permission_mode") in _ALONE,
        )

    def changes(self, event: Event, arguments: Mapping[str, object]) -> bool:  # noqa: ARG002  # the protocol's
        """Before a call, yes."""
        return event.phase == "pre"

    def reply(self, event: Event, verdict: Verdict) -> Reply:
        """What to print."""
        if event.phase == "pre" and verdict.word == "nothing" and event.tool in self.dialogues:
            return Reply()
        if event.phase == "pre":
            return self._before(event, verdict)
        if verdict.word == "withheld":
            return self._withheld(event, words(verdict.reason))
        if event.phase == "permission":
            return permission(verdict)
        if verdict.word == "noted":
            return self._noted(event, words(verdict.reason))
        return Reply.data()

    def _noted(self, event: Event, note: str) -> Reply:
        """With the result: before it where its form is known, else beside it."""
        shown: dict[str, object] = {"hookEventName": event.name, "additionalContext": note}
        if is_array(event.result) and all(is_object(block) and "type" in block for block in event.result):
            shown["updatedToolOutput"] = [{"type": "text", "text": f"Note: {note}."}, *event.result]
        return Reply.data(hookSpecificOutput=shown)

    def _withheld(self, event: Event, reason: str) -> Reply:
        """Other words in place of the result, where its form is known; of other built-in tools the model sees the result and the words."""
        shown: object = None
        if "/" in event.tool or event.tool.startswith("mcp__"):
            shown = [{"type": "text", "text": reason}]
        elif event.tool == "Bash":
            shown = {"stdout": reason, "stderr": "", "interrupted": False}
        if shown is None:
            return Reply.data(decision="block", reason=reason)
        return Reply.data(decision="block", reason=reason, hookSpecificOutput={"hookEventName": event.name, "updatedToolOutput": shown})

    def _before(self, event: Event, verdict: Verdict) -> Reply:
        word = verdict.word if verdict.word in ("allow", "ask", "defer") else "deny"
        said: dict[str, object] = {"hookEventName": event.name, "permissionDecision": word, "permissionDecisionReason": words(verdict.reason)}
        if word == "allow" and verdict.arguments is not None:
            said["updatedInput"] = dict(verdict.arguments)
            said["additionalContext"] = words(verdict.reason)
        return Reply.data(hookSpecificOutput=said)


def _server(data: Mapping[str, object]) -> object:
    """The name of the MCP server whose tool it is, where that is said."""
    said = data.get("mcp_server")
    return said.get("name") if is_object(said) else None


def permission(verdict: Verdict) -> Reply:
    """To a question that the agent is about to ask its own person: a no, or nothing, so that it asks."""
    if verdict.word in ("deny", "withheld"):
        decision = {"behavior": "deny", "message": words(verdict.reason)}
        return Reply.data(hookSpecificOutput={"hookEventName": "PermissionRequest", "decision": decision})
    return Reply()


DIALECT: Final = Claude()
