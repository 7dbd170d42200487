"""Path: what an agent's hook says becomes a call like any other, and the decision becomes a verdict.

    before: authorize under the agent's id of the call      after: find that ticket, in whatever process, and settle it

Where an agent gives a call no id, the event gets one of its own and is queued under what the call is (session, tool, arguments); the event
after the call takes the oldest of the queue.  Two identical calls are two calls, and it does not matter which outcome is whose.

A refusal is a verdict.  Anything else that goes wrong is an exception, and whoever calls `answer` makes a block of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gate as engine
from gate.agents.around import told
from gate.call import Acting
from gate.decide import Deny
from gate.errors import Denied, GateError, NeedsApproval, OutputLimit
from gate.hooks import who
from gate.hooks.event import NOTHING, Event, Verdict
from gate.hooks.kept import Kept, Opened

if TYPE_CHECKING:
    from gate.gate import Gate
    from gate.hooks.event import Dialect
    from gate.hooks.who import Settings
    from gate.ticket import Ticket

_KINDS: Final = "capabilities.coding"  # by name: the engine never imports kinds, and the command line finds them as any program may
_MOST_TOOLS: Final = 4096


class ToolFailed(Exception):
    """What an agent says about a tool that failed."""


def answer(gate: Gate, event: Event, dialect: Dialect, settings: Settings) -> Verdict:
    """What to say to one event."""
    kept = Kept(gate.home.path)
    try:
        acting = who.scope(gate, event, settings)
    except GateError as error:
        return _no(_recorded(gate, event, settings, error))
    try:
        with gate.within(acting), _scene(gate, event, settings), gate.saying(_words(event)):
            _declare(gate, event, settings.agent)
            if event.phase == "pre":
                return _before(gate, event, dialect, settings, kept)
            if event.phase == "permission":
                return _permission(gate, event)
            return _after(gate, event, settings, kept)
    except NeedsApproval as asked:
        return Verdict("ask" if not settings.native else _native(settings.native), told(asked)) if settings.native in dialect.asks else _no(asked)
    except GateError as error:
        return _no(error)


def _recorded(gate: Gate, event: Event, settings: Settings, error: GateError) -> Denied:
    """The refusal of a call of which it is not known who makes it."""
    denial = error if isinstance(error, Denied) else Denied(str(error))
    denial.tool = event.tool[:128]
    if event.phase == "pre":
        gate.home.records.refusal(denial, Acting("", f"{settings.agent}:{event.session}"[:200]), None)
    return denial


def _no(error: GateError) -> Verdict:
    return Verdict("deny", told(error))


def _native(said: str) -> Any:
    return "defer" if said == "defer" else "ask"


def _before(gate: Gate, event: Event, dialect: Dialect, settings: Settings, kept: Kept) -> Verdict:
    if event.second and kept.take(_pair(event, settings, event.second)):
        return Verdict("allow", "authorized with the first event of this call")
    ref = event.id or f"hook:{settings.nonce}"
    with gate.noticing() as notices:
        ticket = gate.authorize(event.tool, event.arguments, ref=ref)
    try:
        changed = None if same(ticket.arguments, event.arguments) else ticket.arguments
        if changed is not None and not dialect.changes(event, changed):
            raise Denied(
                "it may run only in the form in which it was checked, and this agent cannot be told so",
                tool=event.tool,
                remedy=f"Make the call again with exactly these arguments: {json.dumps(changed, ensure_ascii=False)[:2000]}",
            )
        _keep(event, dialect, settings, kept, ticket, ref)
    except BaseException as error:  # it does not run, and so it did not succeed
        gate.settle(ticket, error=error)
        raise
    return Verdict("allow", "; ".join(["allowed by Gate", *notices]), changed)


def _keep(event: Event, dialect: Dialect, settings: Settings, kept: Kept, ticket: Ticket, ref: str) -> None:
    """For the events that come later and have no other way to find the ticket."""
    edited = dict(ticket.arguments) if ticket.edits else None
    if not event.id or edited is not None:
        kept.put(_like(event, settings), Opened(ref, edited))
    if not event.second and (pair := dialect.pair(event, ticket.arguments)):
        kept.put(_pair(event, settings, pair), Opened(ref))


def _permission(gate: Gate, event: Event) -> Verdict:
    """The agent is about to ask its own person: no where the gate says no, nothing otherwise. The gate's own question was asked before."""
    decision = gate.check(event.tool, event.arguments)
    if isinstance(decision, Deny):
        return Verdict("deny", told(Denied(*decision.reasons, tool=event.tool, decision=decision, remedy=decision.remedy)))
    return NOTHING


def _after(gate: Gate, event: Event, settings: Settings, kept: Kept) -> Verdict:
    ticket = gate.ticket(event.tool, event.arguments, ref=event.id) if event.id else None
    if ticket is None and (opened := kept.take(_like(event, settings))):
        ticket = gate.ticket(event.tool, opened.arguments or event.arguments, ref=opened.ref)
    if ticket is None:  # refused, or settled before
        return NOTHING
    try:
        if event.phase == "failed":
            gate.settle(ticket, error=ToolFailed(event.error or "it failed"))
        else:
            gate.settle(ticket, value=event.result)
    except OutputLimit as limit:
        return Verdict("withheld", told(limit))
    return NOTHING


def _declare(gate: Gate, event: Event, agent: str) -> None:
    """The tool, as its kind describes it; of one that is not known, nothing is declared. An argument that the kind does not know needs a grant."""
    if event.tool not in gate.tools and len(gate.tools) >= _MOST_TOOLS:
        raise Denied("too many different tools", tool=event.tool)
    found = import_module(_KINDS).tool(agent, event.tool)
    if found is None:
        gate.declare(event.tool)
        return
    needed = [name for name in found.arguments if name not in found.optional]
    gate.declare(event.tool, {"required": needed, "properties": dict.fromkeys(found.arguments), "additionalProperties": True}, like=found)


def _scene(gate: Gate, event: Event, settings: Settings) -> AbstractContextManager[object]:
    """Where the call acts, and what of it is the gate's."""
    home, program = gate.home.path, Path(engine.__file__).parent
    own = [home.parent / "gate.toml", home.parent / "approvers.toml", program, program.parent / "capabilities"]
    made: AbstractContextManager[object] = import_module(_KINDS).at(
        settings.agent,
        event.tool,
        event.arguments,
        base=event.cwd or "/",
        workspace=who.workspace(gate, event, settings),
        closed=[str(home)],
        own=list(map(str, own)),
    )
    return made


def _like(event: Event, settings: Settings) -> list[object]:
    return ["call", settings.agent, event.session, event.id, event.tool, "" if event.id else json.dumps(event.arguments, sort_keys=True)]


def _pair(event: Event, settings: Settings, pair: str) -> list[object]:
    return ["pair", settings.agent, event.session, event.tool, pair]


def same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two sets of arguments are the same JSON: 1 is neither true nor 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(dict(other), sort_keys=True)


def _words(event: Event) -> str:
    """What the agent says about its call, for whoever is asked."""
    said = event.arguments.get("description")
    return said[:1000] if isinstance(said, str) else ""
