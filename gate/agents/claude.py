"""Claude: the adapter of the Claude Agent SDK. Hooks that ask before every tool, of every sub-agent, and settle afterwards.

    gated = Claude(gate, capability=cap, parts={"Explore": {"tools": ["Read", "Grep"]}})
    ClaudeSDKClient(ClaudeAgentOptions(hooks=gated.hooks, can_use_tool=gated.can_use_tool))

The SDK lets a call run whose hook raised, timed out or said something unknown.  So a callback here never raises, ends before the SDK gives up, and
always says allow, deny or defer.  A call that needs a person is deferred: the run stops, `ResultMessage.deferred_tool_use` names the call, and who
resumes the session with the same hooks makes it again and finds the answer.  What the SDK's own user said meanwhile is `said={call id: …}`, as
`Around.answered` takes it.

Built-in tools are what `capabilities.coding` knows of them; others are named `server/tool`, or as `names` says.  Run with claude-agent-sdk 0.2.187.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from gate.agents._claude import Who
from gate.agents.around import MOST, Sent, asked, told
from gate.agents.shown import answered, show
from gate.constraints.value import is_object
from gate.errors import GateError, NeedsApproval
from gate.hooks.claude import DIALECT
from gate.hooks.event import Event, Verdict
from gate.hooks.path import Hook
from gate.hooks.who import Settings

if TYPE_CHECKING:
    from gate.gate import Gate, Scope
    from gate.tool import Options

_log: Final = logging.getLogger("gate")
_SPARE: Final = 5.0


class Claude(Hook):
    """The hooks of one client behind a gate.

    capability, session, tools, answers: as `Around`.  parts: sub-agent type → what of the capability it has, as `gate.attenuate` takes it; one
    that is not named has all of it, under its own name.  names: what tools are called at this gate, where not as the agent calls them.
    workspace: the folder that counts as inside; where the session begins without one.  pauses: whether calls that need a person are deferred, or
    refused.  said: call id → what the SDK's user answered.  seconds: how long a decision may take.
    """

    def __init__(
        self,
        gate: Gate,
        *,
        parts: Mapping[str, Mapping[str, Any]] | None = None,
        names: Mapping[str, str] | None = None,
        tools: Mapping[str, Options] | None = None,
        workspace: str = "",
        pauses: bool = True,
        said: Mapping[str, object] | None = None,
        seconds: float = 60.0,
        **around: Any,
    ) -> None:
        super().__init__(gate, DIALECT, Settings("claude", "", workspace=workspace))
        self.gate = gate  # the program's own tools are there
        self._who = Who(gate, parts or {}, around)
        self.questions: dict[str, dict[str, object]] = {}  # what people are asked, by call id
        self._names, self._options = names or {}, tools or {}
        self._pauses, self._said, self._seconds = pauses, said or {}, seconds
        self._decided: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()
        self._within = gate.scope()

    @property
    def hooks(self) -> dict[Any, list[Any]]:
        """For `ClaudeAgentOptions(hooks=…)`."""
        kind: Any = import_module("claude_agent_sdk").HookMatcher
        blocks = {"on_failure": "block"} if "on_failure" in kind.__dataclass_fields__ else {}
        matcher = kind(hooks=[self.hook], timeout=self._seconds + _SPARE, **blocks)
        return {event: [matcher] for event in ("PreToolUse", "PostToolUse", "PostToolUseFailure")}

    async def hook(self, data: Any, tool_use_id: str | None, context: Any) -> dict[str, Any]:
        """One event, and what to do. Never raises, except when the program ends."""
        del tool_use_id, context
        try:
            said = await asyncio.wait_for(asyncio.to_thread(self._reply, data), self._seconds)
        except Exception as error:
            _log.exception("a hook failed, so the call does not run")
            said = _failed(data, error)
        if is_object(data) and data.get("hook_event_name") == "PreToolUse":
            self._decided[str(data.get("tool_use_id"))] = _written(data.get("tool_name"), data.get("tool_input")), said
            if len(self._decided) > MOST:
                self._decided.popitem(last=False)
        return said

    async def can_use_tool(self, tool: str, arguments: dict[str, Any], context: Any) -> Any:
        """For `ClaudeAgentOptions(can_use_tool=…)`, should the SDK ask although the hook has decided: the same again, and no to any other call."""
        sdk: Any = import_module("claude_agent_sdk")
        call, said = self._decided.get(context.tool_use_id, ("", {}))
        decided = said.get("hookSpecificOutput", {})
        if decided.get("permissionDecision") == "allow" and call == _written(tool, arguments):
            return sdk.PermissionResultAllow(updated_input=decided.get("updatedInput", arguments))
        return sdk.PermissionResultDeny(message=str(decided.get("permissionDecisionReason", "Refused by Gate: no hook has seen this call")))

    def _reply(self, data: Mapping[str, object]) -> dict[str, Any]:
        event = DIALECT.read(data)
        named = event._replace(tool=self._names.get(event.tool, event.tool))
        ambient = self.gate.scope()
        with self.gate.within(ambient if ambient[0].capability else self._within):
            return _said(event, self.answer(named))

    def scope(self, event: Event) -> Scope:
        """Who acts: the agent, or a sub-agent under its part."""
        return self._who.scope(event)

    def declare(self, event: Event) -> None:
        """A built-in tool as its kind describes it, others as the program says."""
        if options := self._options.get(event.tool):
            self.gate.declare(event.tool, None, **options)
        else:
            super().declare(event)

    def asked(self, event: Event, waits: NeedsApproval) -> Verdict:
        """The call is made again with what the SDK's user said; without that, the run stops for it."""
        self.questions[event.id] = asked(waits.question)
        try:
            around, sent = self._who.around(event), Sent(event.tool, {}, event.id, session=self._who.session(event))
            if event.id in self._said:
                with around.answered(answered(around, sent, waits.question), self._said[event.id]):
                    return self.before(event)
            if waits.question is not None:
                show(around, sent, waits.question)
        except GateError as error:
            return Verdict("deny", told(error))
        return Verdict("defer" if self._pauses else "deny", told(waits))


def _written(tool: object, arguments: object) -> str:
    """One call as text: later changes of the SDK's objects are none of it, and 1 is neither true nor 1.0."""
    return json.dumps([tool, arguments], sort_keys=True, default=repr)


def _failed(data: object, error: Exception) -> dict[str, Any]:
    """What to say when nothing was decided: no to a call, nothing about an outcome."""
    name = str(data.get("hook_event_name")) if is_object(data) else "PreToolUse"
    refusal = Verdict("deny", f"Refused by Gate, it did not run: the gate failed: {error}")
    return _said(Event("post" if name.startswith("Post") else "pre", name), refusal)


def _said(event: Event, verdict: Verdict) -> dict[str, Any]:
    return dict(json.loads(DIALECT.reply(event, verdict).out or "{}"))
