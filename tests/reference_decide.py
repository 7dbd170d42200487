"""What rules and decisions mean, slowly and obviously: on the plain data of a rules file, every rule looked at for every call.

It shares no code with gate.policy.rule, gate.policy.ruling, gate.policy.judge and gate.decide; only constraints are answered by `tests.reference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

from gate.call import Call
from gate.capability import Capability
from gate.decide import Standing
from gate.frozen import thaw
from tests import reference

TIERS = ["low", "medium", "high", "critical"]
BUILT_IN = {"low": "allow", "medium": "allow", "high": "ask", "critical": "ask"}


class Outcome(NamedTuple):
    """The part of a decision that the reference speaks about."""

    verdict: str
    rules: list[str]
    durability: str = ""
    approvers: tuple[str, ...] = ()
    quorum: int = 0
    expires: float = 0.0


def decide(call: Call, capability: Capability | None, file: Mapping[str, Any], standing: Standing, now: float) -> Outcome:
    """The decision about a call."""
    matched = [rule for rule in file.get("rule", []) if matches(rule, call, now)]
    denying = [rule for rule in matched if "deny" in rule]
    allowing = [rule for rule in matched if "allow" in rule]
    spared = [other for rule in allowing for other in rule.get("spares", [])]
    asking = [rule for rule in matched if "ask" in rule and rule["id"] not in spared]
    risk = call.assessment.risk.word
    default = file.get("default", {}).get(risk, BUILT_IN[risk])
    if denying:
        return Outcome("deny", ids(denying))
    if not fit(call, capability, standing, now):
        return Outcome("deny", ids(asking) if asking and unanswerable(asking) else [])
    if asking:
        return Outcome("deny", ids(asking)) if unanswerable(asking) else ask(asking)
    if allowing:
        return Outcome("allow", ids(allowing), durability(call, allowing))
    if default == "ask":
        return ask([])
    return Outcome(default, [], durability(call, []) if default == "allow" else "")


def fit(call: Call, capability: Capability | None, standing: Standing, now: float) -> bool:
    """Whether the capability is good for the call, and nobody is stopped."""
    if capability is None or standing.stopped_all:
        return False
    if call.acting.agent in standing.stopped_agents or call.acting.session in standing.stopped_sessions:
        return False
    if any(jti in standing.revoked for jti in capability.ancestors) or call.acting.agent != capability.agent:
        return False
    if not (now < capability.expires and (capability.not_before is None or now >= capability.not_before)):
        return False
    grant = capability.grants.get(call.tool)
    return grant is not None and reference.covers(grant.to_json(), thaw(call.arguments), call.defaulted)  # type: ignore[arg-type]  # an object


def ids(rules: list[dict[str, Any]]) -> list[str]:
    return [rule["id"] for rule in rules]


def named(rule: dict[str, Any]) -> list[str]:
    return several(rule["ask"].get("approvers", []))


def everyone_who_may(rules: list[dict[str, Any]]) -> list[str]:
    """Who is named by every rule that names anybody."""
    lists = [named(rule) for rule in rules if named(rule)]
    return [one for one in lists[0] if all(one in others for others in lists)] if lists else []


def unanswerable(rules: list[dict[str, Any]]) -> bool:
    return any(named(rule) for rule in rules) and len(everyone_who_may(rules)) < max(rule["ask"].get("quorum", 1) for rule in rules)


def ask(rules: list[dict[str, Any]]) -> Outcome:
    quorum = max([rule["ask"].get("quorum", 1) for rule in rules], default=1)
    expires = min([seconds(rule["ask"].get("expires", "10m")) for rule in rules], default=600.0)
    return Outcome("ask", ids(rules), "durable", tuple(everyone_who_may(rules)), quorum, expires)


def seconds(text: str) -> float:
    return float(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


def durability(call: Call, rules: list[dict[str, Any]]) -> str:
    for one in ("durable", "buffered", "off"):
        if any(rule.get("audit") == one for rule in rules):
            return one
    return "buffered" if set(call.assessment.effects) == {"reads"} else "durable"


# ---- does a rule speak about a call? -----------------------------------------------------------------------------------------------------


def matches(rule: Mapping[str, Any], call: Call, now: float) -> bool:
    """Whether all conditions hold; what cannot be told holds for a rule that denies or asks."""
    verdict = next(word for word in ("allow", "ask", "deny") if word in rule)
    strict = verdict != "allow"
    answers = conditions(rule[verdict], call, now, strict=strict)
    return all(strict if answer is None else answer for answer in answers)


def conditions(said: Mapping[str, Any], call: Call, now: float, *, strict: bool) -> list[bool | None]:
    assessment = call.assessment
    answers: list[bool | None] = []
    if "tool" in said:
        answers.append(any(glob(pattern, call.tool) for pattern in several(said["tool"])))
    if "agent" in said:
        answers.append(any(glob(pattern, call.acting.agent) for pattern in several(said["agent"])))
    if "effect" in said:
        present = set(assessment.effects) or {"undeclared"}
        answers.append(any(effect in present for effect in several(said["effect"])))
    if "risk" in said:
        tier, bound = TIERS.index(assessment.risk.word), TIERS.index(said["risk"])
        answers.append(tier >= bound if strict else tier <= bound)
    if "technique" in said:
        answers.append(any(have == want or have[:6] == f"{want}." for want in several(said["technique"]) for have in assessment.techniques))
    for name, entry in said.get("arguments", {}).items():
        answers.append(argument(entry, thaw(call.arguments), name, left_out=not strict))  # type: ignore[arg-type]  # an object
    if "unless" in said:
        excepted = [argument(entry, thaw(call.arguments), name, left_out=True) for name, entry in said["unless"].items()]  # type: ignore[arg-type]
        answers.append(not all(one is True for one in excepted))
    if "hours" in said:
        answers.append(within(said["hours"], said.get("tz", "UTC"), now))
    return answers


def argument(entry: Any, arguments: Mapping[str, Any], name: str, *, left_out: bool) -> bool | None:
    constraint, optional = constraint_of(entry)
    if name not in arguments or (optional and arguments[name] is None):
        return optional and left_out
    return answer(constraint, arguments[name])


def constraint_of(entry: Any) -> tuple[dict[str, Any], bool]:
    if isinstance(entry, dict):
        return {key: value for key, value in entry.items() if key != "optional"}, entry.get("optional", False)
    if isinstance(entry, list):
        return {"constraint_type": "one_of", "values": entry}, False
    return {"constraint_type": "exact", "value": entry}, False


def answer(constraint: Mapping[str, Any], value: Any) -> bool | None:
    """Yes, no, or can't tell."""
    kind = constraint["constraint_type"]
    if kind in ("all", "any"):
        answers = [answer(part, value) for part in constraint["constraints"]]
        decisive = kind == "any"
        return decisive if decisive in answers else None if None in answers else not decisive
    admitted = reference.admits(constraint, value)
    if kind == "not_one_of":
        return admitted if comparable(constraint, value) else None
    return True if admitted else False if comparable(constraint, value) else None


def comparable(constraint: Mapping[str, Any], value: Any) -> bool:
    kind = constraint["constraint_type"]
    if kind == "range":
        return sort(value) == "number"
    if kind in ("contains", "subset"):
        known = {sort(one) for one in constraint.get("required", constraint.get("allowed"))}
        return isinstance(value, list) and all(sort(one) in known for one in value)
    literals = [constraint["value"]] if kind == "exact" else constraint.get("values", constraint.get("excluded", []))
    return kind == "wildcard" or sort(value) in {sort(one) for one in literals}


def sort(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return type(value).__name__
    for kinds, name in (((int, float), "number"), (str, "text"), (list, "list")):
        if isinstance(value, kinds):
            return name
    return "object"


def several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return text[:1] == pattern[0] and glob(pattern[1:], text[1:])


def within(hours: str, tz: str, now: float) -> bool:
    """Whether the wall clock at `now` shows one of the minutes of the window, which are listed one by one."""
    offset = timedelta() if tz == "UTC" else timedelta(hours=int(tz[1:3]), minutes=int(tz[4:6])) * (-1 if tz[0] == "-" else 1)
    local = datetime.fromtimestamp(now, UTC).astimezone(timezone(offset))
    start, _, end = hours.partition("-")
    minute, minutes = start, list[str]()
    while minute != end and not (end == "24:00" and minute == "00:00" and minutes):
        minutes.append(minute)
        at = int(minute[:2]) * 60 + int(minute[3:]) + 1
        minute = f"{at // 60 % 24:02}:{at % 60:02}"
    return f"{local:%H:%M}" in minutes
