"""Decision: what was decided about a call, and why. Import these words from `gate.decide`.

A decision carries every reason, not only the first, and the ids of the rules and grants that decided.  A grant's id is its tool's name,
because a capability has one grant per tool and the call names the capability.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from gate.effect import Risk

Durability: TypeAlias = Literal["durable", "buffered", "off"]
"""When the record of a call must be on disk: before its effect, soon, or never."""

Verdict: TypeAlias = Literal["allow", "ask", "deny"]


class Allow(NamedTuple):
    """The call may run."""

    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    grants: tuple[str, ...]
    risk: Risk
    durability: Durability


class Deny(NamedTuple):
    """The call must not run. `remedy` is a line a person can act on."""

    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    grants: tuple[str, ...]
    risk: Risk
    remedy: str


class Ask(NamedTuple):
    """The call may run once `quorum` distinct people of `approvers` (anyone who may approve, if empty) say yes within `expires` seconds."""

    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    grants: tuple[str, ...]
    risk: Risk
    durability: Durability
    approvers: tuple[str, ...]
    quorum: int
    expires: float


Decision: TypeAlias = Allow | Deny | Ask


class Standing(NamedTuple):
    """What the ledger says right now: revoked token ids, who is stopped, and the epoch that changes with any of it."""

    revoked: frozenset[str] = frozenset()
    stopped_agents: frozenset[str] = frozenset()
    stopped_sessions: frozenset[str] = frozenset()
    stopped_all: bool = False
    epoch: int = 0


GOOD: Standing = Standing()
