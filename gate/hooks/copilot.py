"""GitHub Copilot CLI and cloud agent: hooks `preToolUse`, `postToolUse`, `postToolUseFailure` of `.github/hooks/*.json` and `~/.copilot/hooks`.

    → {"sessionId": …, "timestamp": …, "cwd": …, "toolName": "bash", "toolArgs": {…}}
    ← {"permissionDecision": "deny", "permissionDecisionReason": "…"}

The same events are called `PreToolUse` … with the fields of Claude Code where they are configured under these names.  The payload of the first form
does not name its event, so the entry that is installed says it (`--event=preToolUse`).  There is no id of a call.  `ask` is a deny
in the cloud, where nobody is there to answer.  A crash of the hook denies; a time-out lets the call run.  After github/docs,
content/copilot/reference/hooks-reference.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gate.hooks.event import Event, Phase, Reply, Single, Verdict, arguments, phase_of, server_tool, text, words

_PHASES: Final[Mapping[str, Phase]] = {
    "preToolUse": "pre",
    "postToolUse": "post",
    "postToolUseFailure": "failed",
}


class Copilot(Single):
    """The dialect."""

    name = "copilot"
    asks = frozenset({"ask"})

    def read(self, data: Mapping[str, object]) -> Event:
        """What was said; ValueError when it cannot be understood."""
        name = text(data, "hook_event_name", needed=True)
        phase = phase_of(name[:1].lower() + name[1:], _PHASES)
        return Event(
            phase,
            name,
            text(data, "sessionId", "session_id", needed=True),
            server_tool(text(data, "toolName", "tool_name", needed=True)),
            arguments(data, "toolArgs", "tool_input"),
            cwd=text(data, "cwd", needed=True),
            result=data.get("toolResult", data.get("tool_result")),
            error=text(data, "error"),
        )

    def changes(self, event: Event, arguments: Mapping[str, object]) -> bool:  # noqa: ARG002  # the protocol's
        """Before a call, yes."""
        return event.phase == "pre"

    def reply(self, event: Event, verdict: Verdict) -> Reply:
        """What to print."""
        if event.phase != "pre":
            if verdict.word == "withheld" and event.phase == "post":
                return Reply.data(modifiedResult={"resultType": "success", "textResultForLlm": words(verdict.reason)})
            return Reply.data(additionalContext=words(verdict.reason)) if verdict.word == "noted" else Reply.data()
        if verdict.word == "allow":
            return Reply.data(permissionDecision="allow", **({} if verdict.arguments is None else {"modifiedArgs": dict(verdict.arguments)}))
        return Reply.data(permissionDecision="ask" if verdict.word == "ask" else "deny", permissionDecisionReason=words(verdict.reason))


DIALECT: Final = Copilot()
