"""What the tests of asking less share: calls, questions and cases as a real gate makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gate.answer import Answer, Case, State
from gate.ask import Question, question
from gate.call import Acting, Call
from gate.capability import NO_LIMITS, Capability, Grant
from gate.constraint import parse_entry
from gate.decide import Ask
from gate.effect import Assessment, Risk
from gate.frozen import freeze

NOW = 1_700_000_000.0
VERSION = "sha256:0"


def capability(grant: Grant, **changes: Any) -> Capability:
    """A capability with one grant, as verification would give it."""
    said: dict[str, Any] = {
        "jti": "cap-1",
        "issuer": "issuer",
        "agent": "agent-7",
        "principal": "ann",
        "grants": {grant.tool: grant},
        "limits": NO_LIMITS,
        "not_before": None,
        "expires": NOW + 3600,
        "issued": NOW,
        "depth": 0,
        "max_depth": 0,
        "labels": frozenset[str](),
        "ancestors": ("cap-1",),
        "token": "t",
        "chain": ("t",),
        "kid": "k",
        "budgets": (),
        "holder": {},
        "agents": frozenset(["agent-7"]),
    }
    return Capability(**(said | changes))


def granted(tool: str, entries: Mapping[str, Any]) -> Grant:
    """A grant of constraints on the wire."""
    return Grant(tool, {name: parse_entry(entry) for name, entry in entries.items()})


def called(
    arguments: Mapping[str, Any],
    *,
    tool: str = "pay",
    grant: Grant | None = None,
    risk: Risk = Risk.MEDIUM,
    effects: tuple[str, ...] = (),
    techniques: tuple[str, ...] = (),
    defaulted: tuple[str, ...] = (),
    **who: Any,
) -> Call:
    """A call as the gate describes it."""
    given = MappingProxyType({name: freeze(value) for name, value in arguments.items()})
    held = capability(grant) if grant else None
    acting = Acting(**({"agent": "agent-7", "session": "s1", "task": "settle the bills", "principal": "ann", "capability": held} | who))
    return Call(tool, given, frozenset(defaulted), acting, Assessment(frozenset(effects), risk, (), frozenset(techniques)), "c1")


def asking(call: Call, **changes: Any) -> Ask:
    """A decision that says ask."""
    said: dict[str, Any] = {
        "reasons": ("rule 'r' asks",),
        "rules": ("r",),
        "grants": (call.tool,),
        "risk": call.assessment.risk,
        "durability": "durable",
        "approvers": (),
        "quorum": 1,
        "expires": 600.0,
    }
    return Ask(**(said | changes))


def questioned(call: Call, *, now: float = NOW, **changes: Any) -> Question:
    """The question about a call."""
    ask = {name: changes.pop(name) for name in tuple(changes) if name in Ask._fields}
    return replace(question(call, asking(call, **ask), rules_version=VERSION, now=now), **changes)


_numbers = iter(range(10**9))


def case(call: Call, state: State = "open", *answers: Answer, now: float = NOW, **changes: Any) -> Case:
    """A question with what was said about it."""
    asked = questioned(call._replace(serial=f"q{next(_numbers)}"), now=now, **changes)
    return Case(asked, state, answers, len(answers))


def yes(by: str = "ann", at: float = NOW + 20, **more: Any) -> Answer:
    """An approval."""
    return Answer("approve", by, at=at, **{"method": "page", "shown_at": NOW, **more})


def no(by: str = "ann", at: float = NOW + 20, **more: Any) -> Answer:
    """A refusal."""
    return Answer("deny", by, at=at, **{"method": "page", "shown_at": NOW, **more})
