"""Codex CLI: hooks.json, in the words of Claude Code with three differences that matter.

A plain allow is said by printing nothing, for `"allow"` without changed arguments is "unsupported" and the call would go on with a failed hook; so
is `"ask"`, which therefore is a deny here.  And a deny needs words.  `PermissionRequest` comes when Codex is about to ask its own person: the
gate says no, or nothing.  Shell tools come as `Bash` with `{"command": …}`, patches as `apply_patch`.  A crash, any exit code but 2 and a time-out
let the call run.  After openai/codex, codex-rs/hooks (events/pre_tool_use.rs, engine/output_parser.rs, schema/generated).
"""

from __future__ import annotations

from typing import Final

from gate.hooks.claude import Claude, permission
from gate.hooks.event import Event, Reply, Verdict, words


class Codex(Claude):
    """The dialect."""

    name = "codex"
    asks = frozenset[str]()
    dialogues = frozenset[str]()

    def reply(self, event: Event, verdict: Verdict) -> Reply:
        """What to print."""
        if event.phase == "permission":
            return permission(verdict)
        if event.phase == "pre":
            if verdict.word == "allow" and verdict.arguments is None:
                return Reply()
            if verdict.word == "allow":
                said = {"hookEventName": event.name, "permissionDecision": "allow", "updatedInput": dict(verdict.arguments or {})}
                return Reply.data(hookSpecificOutput=said)
            said = {"hookEventName": event.name, "permissionDecision": "deny", "permissionDecisionReason": words(verdict.reason)}
            return Reply.data(hookSpecificOutput=said)
        if verdict.word == "noted":
            return Reply.data(hookSpecificOutput={"hookEventName": event.name, "additionalContext": words(verdict.reason)})
        if verdict.word == "withheld":
            return Reply.data(decision="block", reason=words(verdict.reason))
        return Reply()


DIALECT: Final = Codex()
