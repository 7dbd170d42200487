"""Refusal: why a call may not run, and what a person can do about it. Every reason names what was compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gate.constraint import Entry, show_some
from gate.shown import plain, shown

if TYPE_CHECKING:
    from gate.call import Call
    from gate.capability import Capability
    from gate.frozen import Frozen
    from gate.policy.decision import Standing
    from gate.policy.ruling import Ruling

_FEW: Final = 5


def stopped(call: Call, standing: Standing) -> list[str]:
    """Who is stopped."""
    acting, found = call.acting, list[str]()
    if standing.stopped_all:
        found.append("all agents are stopped")
    if acting.agent in standing.stopped_agents:
        found.append(f"agent {shown(acting.agent)} is stopped")
    others = acting.capability.agents - {acting.agent} if acting.capability else frozenset[str]()
    found += [f"agent {shown(agent)}, from whom the capability comes, is stopped" for agent in sorted(others & standing.stopped_agents)]
    if acting.session in standing.stopped_sessions:
        found.append(f"session {shown(acting.session)} is stopped")
    return found


def unfit(call: Call, capability: Capability | None, standing: Standing, now: float) -> list[str]:
    """Why the capability is not one for this call, whatever the arguments."""
    return list(_unfit(call, capability, standing, now)) if capability else ["no capability was presented"]


def _unfit(call: Call, capability: Capability, standing: Standing, now: float) -> Iterator[str]:
    for jti in capability.ancestors:
        if jti in standing.revoked:
            origin = "" if jti == capability.jti else f" {shown(jti)}, from which this one was delegated,"
            yield f"the capability{origin} is revoked"
    if not now < capability.expires:  # this way round, so that a time that is no number is no valid time
        yield f"the capability expired at {_time(capability.expires)}; it is {_time(now)}"
    if capability.not_before is not None and not capability.not_before <= now:
        yield f"the capability is not valid before {_time(capability.not_before)}; it is {_time(now)}"
    if call.acting.agent != capability.agent:
        yield f"the capability is for agent {shown(capability.agent)}, and {shown(call.acting.agent)} is acting"
    if call.tool not in capability.grants:
        granted = show_some(sorted(capability.grants), " and ") or "no tools"
        yield f"the capability does not grant the tool {shown(call.tool)}; it grants {granted}"


def refused(call: Call, capability: Capability | None) -> list[str]:
    """Why the grant does not admit the arguments."""
    grant = capability.grants.get(call.tool) if capability else None
    if grant is None or grant.covers(call.arguments, call.defaulted):
        return []
    return list(grant.refusals(call.arguments, call.defaulted)) or ["the grant does not admit these arguments"]


def forbidden(ruling: Ruling, call: Call, now: float) -> list[str]:
    """The rules that deny, or the default that does."""
    if ruling.verdict != "deny":
        return []
    said = [f"rule '{rule.id}' denies it: {_because(rule.reason, rule.why(call, now))}" for rule in ruling.rules]
    return said or [f"{call.assessment.risk.word} risk is denied by default{_assessed(call)}"]


def asked(ruling: Ruling, call: Call, now: float) -> list[str]:
    """The rules that ask, or the default that does."""
    said = [f"rule '{rule.id}' asks: {_because(rule.reason, rule.why(call, now))}" for rule in ruling.rules]
    return said or [f"{call.assessment.risk.word} risk asks by default{_assessed(call)}"]


def conflict(ruling: Ruling) -> list[str]:
    """Rules that ask people of whom too few may answer all of them: nobody could say yes, so it is no."""
    if ruling.verdict != "ask" or ruling.approvers is None or len(ruling.approvers) >= ruling.quorum:
        return []
    if any(name.startswith("@") for name in ruling.approvers):  # how many they are, the file of approvers says
        return []
    said = [f"rule '{rule.id}' asks {rule.quorum} of {', '.join(rule.approvers) or 'anyone'}" for rule in ruling.rules[:_FEW]]
    return [f"too few people may approve it for all rules that ask: {'; '.join(said)}"]


def remedy(call: Call, capability: Capability | None, file: str, ruling: Ruling, *, stopped: bool, unfit: bool) -> str:
    """A line a person can act on; what no capability can change comes first."""
    steps = list[str]()
    if ruling.verdict == "deny":
        steps += [rule.remedy or _forbids(rule.selector.agents, f"rule '{rule.id}' in {file}") for rule in ruling.rules[:1]]
        steps += [] if ruling.rules else [_forbids((), f"the default for {call.assessment.risk.word} risk in {file}")]
    if conflict(ruling):
        steps.append(f"change the approvers in {file} so that somebody may answer every rule that asks")
    if stopped:
        steps.append("ask the owner whether the stop can be lifted")
    if unfit:
        steps.append(_needed(call, capability))
    text = "; ".join(steps)
    return text[:1].upper() + text[1:]


def _forbids(agents: tuple[str, ...], who: str) -> str:
    return f"{who} forbids this for {f'agent {show_some(agents)}' if agents else 'everyone'}"


def _needed(call: Call, capability: Capability | None) -> str:
    whom = f" for agent {shown(call.acting.agent)}" if call.acting.agent else ""
    grant = capability.grants.get(call.tool) if capability else None
    at_fault = list(_at_fault(grant.arguments, call)) if grant else []
    more = " and more" if len(at_fault) > _FEW else ""
    values = f" with {', '.join(at_fault[:_FEW])}{more}" if at_fault else ""
    return f"ask the owner for a capability{whom} that grants {shown(call.tool)}{values}"


def _at_fault(entries: Mapping[str, Entry], call: Call) -> Iterator[str]:
    """The arguments that a grant does not admit, with their values."""
    for name, value in call.arguments.items():
        entry = entries.get(name)
        admitted = _admits(entry, value) if entry else "*" in entries or name in call.defaulted
        if not admitted:
            yield f"{name}={shown(value)}"


def _admits(entry: Entry, value: Frozen) -> bool:
    try:
        return entry.constraint.check(value)
    except Exception:  # a constraint that breaks its promise not to raise admits nothing
        return False


def _assessed(call: Call) -> str:
    """Why the call has its risk, as its kind says."""
    reasons = call.assessment.reasons
    return f": {'; '.join([plain(reason) for reason in reasons[:_FEW]])}" if reasons else ""


def _because(reason: str, why: tuple[str, ...]) -> str:
    compared = "; ".join(why)
    return f"{reason} ({compared})" if reason else compared


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ArithmeticError, ValueError, OSError):
        return f"{seconds!r} s"
