"""Path: what an agent's hook says becomes a call like any other, and the decision becomes a verdict.

    before: authorize under the agent's id of the call      after: find that ticket, in whatever process, and settle it

Where an agent gives a call no id, the event gets one of its own and is queued under what the call is (session, tool, arguments); the event
after the call takes the oldest of the queue.  Two identical calls are two calls, and it does not matter which outcome is whose.

A refusal is a verdict.  Anything else that goes wrong is an exception, and whoever calls `Hook.answer` makes a block of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import gate as engine
from gate.agents.around import told
from gate.call import Acting
from gate.constraints.value import is_array, is_object
from gate.decide import Deny
from gate.errors import Denied, GateError, NeedsApproval, OutputLimit
from gate.hooks import unasked, who
from gate.hooks.event import NOTHING, Event, Verdict
from gate.hooks.kept import Kept, Opened

if TYPE_CHECKING:
    from gate.gate import Gate, Scope
    from gate.hooks.event import Dialect
    from gate.hooks.who import Settings
    from gate.ticket import Ticket

_KINDS: Final = "capabilities.coding"  # by name: the engine never imports kinds, and the command line finds them as any program may
_TOGETHER: Final = 120
"""Seconds within which the second event of a call comes after the first."""
_BESIDE: Final = ("gate.toml", "approvers.toml", "gate.lock")
"""Files beside the gate's folder that say what it allows."""
_PROGRAM: Final = Path(engine.__file__).parent


class ToolFailed(Exception):
    """What an agent says about a tool that failed."""


class Hook:
    """The path of one agent's events at one gate. An adapter in the agent's own process says otherwise who acts and how a question is asked."""

    def __init__(self, gate: Gate, dialect: Dialect, settings: Settings) -> None:
        self.gate, self.dialect, self.settings = gate.beside(settings.agent), dialect, settings
        self._kept = Kept(gate.home.path)

    def answer(self, event: Event) -> Verdict:
        """What to say to one event."""
        try:
            acting = self.scope(event)
        except GateError as error:
            return _no(self._recorded(event, error))
        try:
            with self.gate.within(acting), self._scene(event), self.gate.saying(_words(event)):
                self.declare(event)
                if event.phase == "pre":
                    with self.gate.within(self._about(acting, event)):
                        return self._asking(event)
                return self._permission(event) if event.phase == "permission" else self._after(event)
        except GateError as error:
            return _no(error)

    # ---- what an adapter may say otherwise -------------------------------------------------------------------------------------------------

    def scope(self, event: Event) -> Scope:
        """Who acts. GateError when nobody does."""
        return who.scope(self.gate, event, self.settings)

    def declare(self, event: Event) -> None:
        """The tool, as its kind describes it. An argument that the kind does not know needs a grant by name.

        Another tool is there only for who has a grant of it: a name that nobody granted could be one that looks like a tool's.
        """
        gate, capability = self.gate, self.gate.current().capability
        found = import_module(_KINDS).tool(self.settings.agent, event.tool)
        if found is None and capability and event.tool in capability.grants:
            gate.declare(event.tool)
        if found is None:
            return
        needed = [name for name in found.arguments if name not in found.optional]
        gate.declare(event.tool, {"required": needed, "properties": dict.fromkeys(found.arguments), "additionalProperties": True}, like=found)

    def asked(self, event: Event, waits: NeedsApproval) -> Verdict:
        """A person must answer first."""
        word = self.settings.native
        if word not in self.dialect.asks or (word == "ask" and event.alone):
            return _no(waits)
        if word == "ask":
            self._kept.put(self._handed(event), Opened(event.id or f"hook:{self.settings.nonce}"))
        return Verdict("ask", _to_person(waits)) if word == "ask" else Verdict("defer", told(waits))

    # ---- before ----------------------------------------------------------------------------------------------------------------------------

    def _asking(self, event: Event) -> Verdict:
        try:
            return self.before(event)
        except NeedsApproval as asked:
            return self.asked(event, asked)

    def before(self, event: Event) -> Verdict:
        """The call, authorized. Denied, and NeedsApproval, when it is not."""
        if event.second and self._begun(event):
            return Verdict("allow", "authorized with the first event of this call")
        ref, dialogue = event.id or f"hook:{self.settings.nonce}", event.tool in self.dialect.dialogues
        with self.gate.noticing() as notices:
            ticket = self.gate.authorize(event.tool, event.arguments, ref=ref)
        try:
            self._still(event, ticket)
            changed = None if same(ticket.arguments, event.arguments) else ticket.arguments
            if changed is not None and (dialogue or not self.dialect.changes(event, changed)):
                raise Denied(
                    "it may run only in the form in which it was checked, and this agent cannot be told so",
                    tool=event.tool,
                    remedy=f"Make the call again with exactly these arguments: {json.dumps(changed, ensure_ascii=False)[:2000]}",
                )
            self._keep(event, ticket, ref, "; ".join(notices))
        except BaseException as error:  # it does not run, and so it did not succeed
            self.gate.settle(ticket, error=error)
            raise
        return NOTHING if dialogue else Verdict("allow", "; ".join(["allowed by Gate", *notices]), changed)

    def _about(self, acting: Scope, event: Event) -> Scope:
        """Who acts, at the files that the call runs as they are: a yes is bound to it, so it is none for what they say later."""
        files: str = import_module(_KINDS).rests(self.settings.agent, event.tool, event.arguments)
        return (acting[0]._replace(task=f"run {files}"), acting[1]) if files else acting

    def _still(self, event: Event, ticket: Ticket) -> None:
        """Denied when these files are not as they were when this call was asked about, or let run the first time."""
        said = self.gate.current().task
        files: str = import_module(_KINDS).rests(self.settings.agent, event.tool, ticket.arguments, anew=True)
        now = f"run {files}" if files else ""
        about = ["runs", self.settings.agent, event.session, event.id, event.tool]
        if now != said or (now and event.id and self._kept.once("runs", about, lambda: now) != now):
            raise Denied(
                "a file that it runs is not as it was when this was asked",
                tool=event.tool,
                remedy="Make the same call again; it is asked about as the files are now",
            )

    def _keep(self, event: Event, ticket: Ticket, ref: str, note: str) -> None:
        """For the events that come later and have no other way to find the ticket."""
        edited = dict(ticket.arguments) if ticket.edits else None
        if not event.id or edited is not None:
            self._kept.put(self._like(event), Opened(ref, edited, note))
        if not event.second and (pair := self.dialect.pair(event, ticket.arguments)):
            self._kept.put(self._pair(event, pair), Opened(ref, None, str(int(self.gate.home.now()))))

    def _begun(self, event: Event) -> bool:
        """Whether the first event of this call was allowed just now, and nobody has stopped the agent since. Good for one."""
        about = self._pair(event, event.second)
        while opened := self._kept.take(about):
            if self.gate.home.now() - int(opened.note) < _TOGETHER:
                return not isinstance(self.gate.check(event.tool, event.arguments), Deny)
        return False

    def _permission(self, event: Event) -> Verdict:
        """The agent is about to ask its own person: no where the gate says no, nothing otherwise. The gate's own question was asked before."""
        decision = self.gate.check(event.tool, event.arguments)
        if isinstance(decision, Deny):
            return _no(Denied(*decision.reasons, tool=event.tool, decision=decision, remedy=decision.remedy))
        return NOTHING

    # ---- after -----------------------------------------------------------------------------------------------------------------------------

    def _after(self, event: Event) -> Verdict:
        gate, ticket = self.gate, None
        opened = self._kept.take(self._like(event)) or Opened(event.id)
        if opened.ref and event.tool in gate.tools:
            ticket = gate.ticket(event.tool, opened.arguments or event.arguments, ref=opened.ref)
        if ticket is None:
            ticket = unasked.handed(gate, event, self.settings.agent) if self._kept.take(self._handed(event)) else None
        if ticket is None:
            return unasked.found(gate, event)
        try:
            if event.phase == "failed":
                gate.settle(ticket, error=ToolFailed(event.error or "it failed"))
            else:
                gate.settle(ticket, value=_value(event.result))
        except OutputLimit as limit:
            return Verdict("withheld", told(limit))
        return Verdict("noted", opened.note) if opened.note else NOTHING

    # ---- what it takes -----------------------------------------------------------------------------------------------------------------------

    def _scene(self, event: Event) -> AbstractContextManager[object]:
        """Where the call acts, and what of it is the gate's. Denied for a call that names two folders."""
        home, program = self.gate.home.path, _PROGRAM
        own = [*(home.parent / name for name in _BESIDE), program, program.parent / "capabilities"]
        workspace = who.workspace(self.gate, event, self.settings)
        closed = [str(home), *who.files(self.settings)]
        place = {"base": event.cwd or "/", "workspace": workspace, "closed": closed, "own": list(map(str, own))}
        try:
            made: AbstractContextManager[object] = import_module(_KINDS).at(self.settings.agent, event.tool, event.arguments, **place)
        except ValueError as error:
            raise Denied(str(error), tool=event.tool[:128]) from error
        return made

    def _recorded(self, event: Event, error: GateError) -> Denied:
        """The refusal of a call of which it is not known who makes it."""
        denial = error if isinstance(error, Denied) else Denied(str(error))
        denial.tool = event.tool[:128]
        if event.phase == "pre":
            self.gate.home.records.refusal(denial, Acting("", f"{self.settings.agent}:{event.session}"[:200]), None)
        return denial

    def _like(self, event: Event) -> list[object]:
        arguments = "" if event.id else json.dumps(event.arguments, sort_keys=True)
        return ["call", self.settings.agent, event.session, event.id, event.tool, arguments]

    def _handed(self, event: Event) -> list[object]:
        return ["handed", *self._like(event)[1:]]

    def _pair(self, event: Event, pair: str) -> list[object]:
        return ["pair", self.settings.agent, event.session, event.tool, pair, self.gate.current().task]


def _no(error: GateError) -> Verdict:
    return Verdict("deny", told(error))


def _to_person(waits: NeedsApproval) -> str:
    """What the agent's own person is shown, who decides now; what `told` says is for the model."""
    reasons = waits.question.reasons if waits.question else waits.reasons
    return f"Gate leaves this to you: {'; '.join(reasons)}"


def _value(result: object) -> object:
    """What a tool gave, without the wrapping of a single text."""
    if is_array(result) and len(result) == 1 and is_object(block := result[0]) and block.get("type") == "text":
        return block.get("text")
    return result


def same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two sets of arguments are the same JSON: 1 is neither true nor 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(dict(other), sort_keys=True)


def _words(event: Event) -> str:
    """What the agent says about its call, for whoever is asked."""
    said = event.arguments.get("description")
    return said[:1000] if isinstance(said, str) else ""
