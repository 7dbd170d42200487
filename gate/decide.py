"""Decide: may this call run? Pure: no I/O, no clock, no globals.

    capability, rules, standing, now → Allow | Deny | Ask

Deny when anything says no: no capability, stopped, revoked, not yet valid, expired, another agent's, no grant, an argument the grant does
not admit, a rule that denies.  Else ask when a rule asks.  Else allow when a rule allows.  Else what the rules file says by default for the
risk of the call.  The common allow takes the short way; everything else goes the long way, which collects every reason.

>>> from gate.call import NOBODY, Call
>>> from gate.effect import UNDECLARED
>>> from gate.rules import Rules
>>> denied = decide(Call("add", {}, frozenset(), NOBODY, UNDECLARED, "c1"), None, Rules.EMPTY, Standing(), 0.0)
>>> denied.reasons, denied.remedy
(('no capability was presented',), "Ask the owner for a capability that grants 'add'")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.policy import refusal
from gate.policy.decision import Allow, Ask, Decision, Deny, Durability, Standing, Verdict
from gate.policy.rule import EXPIRES
from gate.shown import limited

if TYPE_CHECKING:
    from gate.call import Call
    from gate.capability import Capability
    from gate.policy.ruling import Ruling
    from gate.rules import Rules

__all__ = ["Allow", "Ask", "Decision", "Deny", "Durability", "Standing", "Verdict", "decide"]


def decide(
    call: Call,
    capability: Capability | None,
    rules: Rules,
    standing: Standing,
    now: float,
    *,
    capability_required: bool = True,
) -> Decision:
    """The decision about one call at `now` (seconds since the epoch). Never raises.

    capability_required=False is for checking rules without a token: no capability is then no reason to deny, but what the file says
    nothing about is denied.
    """
    ruling = rules.match(call, now)
    if capability is not None and (allow := ruling.allow) is not None:
        tool, arguments, defaulted, acting, _, _, _ = call
        revoked, agents, sessions, everyone, _ = standing
        agent = acting.agent
        grant = capability.grants.get(tool)
        if (
            grant is not None
            and agent == capability.agent
            and now < capability.expires
            and (capability.not_before is None or capability.not_before <= now)
            and not everyone
            and not (agents and (agent in agents or not agents.isdisjoint(capability.agents)))
            and not (sessions and acting.session in sessions)
            and not (revoked and not revoked.isdisjoint(capability.ancestors))
            and grant.covers(arguments, defaulted)
        ):
            return allow
    return _at_length(call, capability, rules, ruling, standing, now, required=capability_required)


def _at_length(
    call: Call, capability: Capability | None, rules: Rules, ruling: Ruling, standing: Standing, now: float, *, required: bool
) -> Decision:
    """The same decision with every reason."""
    stopped = refusal.stopped(call, standing)
    unfit = refusal.unfit(call, capability, standing, now) if capability or required else []
    forbidden = refusal.forbidden(ruling, call, now) + refusal.conflict(ruling)
    if capability is None and not required and not ruling.stated:
        forbidden = ["no rule speaks about it, and without a capability nothing is allowed by default"]
    refused = refusal.refused(call, capability)
    grants = (call.tool,) if capability and call.tool in capability.grants else ()
    if not (stopped or unfit or forbidden or refused):
        return ruling.allow._replace(grants=grants) if ruling.allow else _ask(call, ruling, grants, now)
    return Deny(
        limited(stopped + unfit, forbidden, refused),
        tuple([rule.id for rule in ruling.rules]) if forbidden else (),
        grants if refused else (),
        call.assessment.risk,
        refusal.remedy(call, capability, rules.file, ruling, stopped=bool(stopped), unfit=bool(unfit or refused)),
    )


def _ask(call: Call, ruling: Ruling, grants: tuple[str, ...], now: float) -> Ask:
    """The strictest of all rules that ask: the largest quorum, the shortest time, only people whom each of them names."""
    return Ask(
        limited(refusal.asked(ruling, call, now)),
        tuple([rule.id for rule in ruling.rules]),
        grants,
        call.assessment.risk,
        "durable",
        ruling.approvers or (),
        ruling.quorum,
        min([rule.expires for rule in ruling.rules], default=EXPIRES),
    )
