"""Calls, capabilities and rules files to decide about: made by hand, or at random from a domain so small that they meet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from gate.call import Acting, Call
from gate.capability import NO_LIMITS, Capability, Grant
from gate.decide import Standing
from gate.effect import Assessment, Risk
from gate.errors import BadCall
from gate.frozen import freeze
from tests.strategies import CONSTRAINTS, NAMES, VALUES, maps

NOW = 1_800_000_000.0
EFFECTS = ["reads", "writes", "egress", "executes"]
TECHNIQUES = ["T1572", "T1059", "T1059.004"]
RISKS = ["low", "medium", "high", "critical"]
TOOLS = ["pay", "pay.out", "files.read", "shell.run"]
AGENTS = ["ann", "bob"]


def call(
    tool: str = "pay",
    arguments: Mapping[str, object] | None = None,
    *,
    effects: str = "writes",
    risk: str = "low",
    techniques: tuple[str, ...] = (),
    agent: str = "ann",
    session: str = "s1",
    defaulted: frozenset[str] = frozenset(),
    reasons: tuple[str, ...] = (),
) -> Call:
    """A call; `effects` are words with spaces between."""
    frozen = freeze(arguments or {})
    assessment = Assessment(frozenset(effects.split()), Risk[risk.upper()], reasons, frozenset(techniques))
    return Call(tool, frozen, defaulted, Acting(agent, session), assessment, 1)  # type: ignore[arg-type]  # an object freezes to a mapping


def capability(grants: Mapping[str, Any] | None = None, **changed: Any) -> Capability:
    """A capability of ann's, valid around NOW, for these tools as people write grants (any arguments of `pay` by default)."""
    made = {tool: Grant.from_json(tool, entries) for tool, entries in (grants if grants is not None else {"pay": {}}).items()}
    fields: dict[str, Any] = {
        "jti": "leaf", "issuer": "gate", "agent": "ann", "principal": "owner", "grants": made, "limits": NO_LIMITS, "not_before": None,
        "expires": NOW + 60, "issued": NOW - 60, "depth": 1, "max_depth": 3, "labels": frozenset(), "ancestors": ("root", "leaf"), "token": "",
        "chain": (), "kid": "", "budgets": (), "holder": MappingProxyType({}),
    }  # fmt: skip
    return Capability(**(fields | changed))


class FakeCatalogue:
    """Tools without kinds: `pay` takes eur and to, and is risky from 1,000; `shell.run` takes command, and ssh -R is a tunnel."""

    def describe(self, tool: str, arguments: Mapping[str, object], acting: Acting) -> Call:
        """The call; BadCall for another tool or argument."""
        known = {"pay": {"eur", "to"}, "shell.run": {"command"}}.get(tool)
        if known is None:
            raise BadCall(f"there is no tool '{tool}'")
        if unknown := sorted(arguments.keys() - known):
            raise BadCall(f"unknown argument '{unknown[0]}'")
        words = str(arguments.get("command", "")).split()
        tunnel = words[:1] == ["ssh"] and any("R" in word for word in words[1:] if word.startswith("-"))
        eur = arguments.get("eur", 0)
        risk = "critical" if tunnel else "high" if isinstance(eur, int) and eur >= 1000 else "low"
        made = call(tool, arguments, effects="egress executes" if tunnel else "writes", risk=risk, techniques=("T1572",) if tunnel else ())
        return made._replace(acting=acting)


def toml(value: Any) -> str:
    """Plain data as a TOML value."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def document(file: Mapping[str, Any]) -> str:
    """A rules file of its data."""
    lines = ["[default]", *[f"{key} = {toml(item)}" for key, item in file.get("default", {}).items()]]
    for rule in file.get("rule", []):
        lines += ["", "[[rule]]", *[f"{key} = {toml(item)}" for key, item in rule.items()]]
    return "\n".join(lines)


def _no_null(data: Any) -> bool:
    return "null" not in json.dumps(data) or '"null' in json.dumps(data)


def one_or_more(words: list[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from(words) | st.lists(st.sampled_from(words), min_size=1, max_size=2)


def entries() -> st.SearchStrategy[dict[str, Any]]:
    constraint = CONSTRAINTS.filter(_no_null)
    optional = st.builds(lambda made, flag: made | flag, constraint, st.sampled_from([{}, {"optional": True}]))
    plain = VALUES.filter(lambda value: _no_null(value) and not isinstance(value, dict) and value != [])
    return st.dictionaries(NAMES, optional | plain, min_size=1, max_size=2)


@st.composite
def selectors(draw: st.DrawFn, *, unless: bool) -> dict[str, Any]:
    """Conditions, at least one."""
    said = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "tool": one_or_more([*TOOLS, "*", "pay*", "*.r*", "sh*ll.run"]),
                "agent": one_or_more([*AGENTS, "*", "a*"]),
                "effect": one_or_more([*EFFECTS, "undeclared"]),
                "risk": st.sampled_from(RISKS),
                "technique": one_or_more(TECHNIQUES),
                "arguments": entries(),
            },
        )
    )
    if draw(st.integers(0, 4)) == 0:
        said["hours"] = draw(st.sampled_from(["22:00-06:00", "08:00-17:30", "00:00-00:01", "12:00-24:00"]))
        said |= draw(st.sampled_from([{}, {"tz": "UTC"}, {"tz": "+05:30"}, {"tz": "-11:00"}]))
    said = said or {"tool": "*"}
    return said | ({"unless": draw(entries())} if unless and draw(st.integers(0, 3)) == 0 else {})


@st.composite
def rules(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """One rule."""
    verdict = draw(st.sampled_from(["allow", "ask", "deny"]))
    said = draw(selectors(unless=verdict != "allow"))
    made: dict[str, Any] = {"id": f"r{number}", verdict: said}
    if verdict == "ask":
        approvers = draw(st.lists(st.sampled_from(["eve", "fay", "gus"]), unique=True, max_size=3))
        said |= {"approvers": approvers, "quorum": draw(st.integers(1, len(approvers)))} if approvers else {}
        said |= draw(st.sampled_from([{}, {"expires": "90s"}, {"expires": "2h"}]))
    if verdict == "allow":
        made |= draw(st.sampled_from([{}, {"audit": "durable"}, {"audit": "buffered"}, {"audit": "off"}]))
    return made


@st.composite
def files(draw: st.DrawFn, most: int = 6) -> dict[str, Any]:
    """The data of a rules file."""
    default = draw(st.dictionaries(st.sampled_from(RISKS), st.sampled_from(["allow", "ask", "deny"]), max_size=2))
    made = [draw(rules(number)) for number in range(draw(st.integers(0, most)))]
    asking = [rule["id"] for rule in made if "ask" in rule]
    for rule in made:
        if "allow" in rule and asking and draw(st.booleans()):
            rule["spares"] = draw(st.lists(st.sampled_from(asking), min_size=1, max_size=2))
    return {"default": default, "rule": made}


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call."""
    return call(
        draw(st.sampled_from(TOOLS)),
        draw(st.dictionaries(NAMES, VALUES, max_size=3)),
        effects=" ".join(draw(st.lists(st.sampled_from(EFFECTS), unique=True, max_size=2))),
        risk=draw(st.sampled_from(RISKS)),
        techniques=tuple(draw(st.lists(st.sampled_from(TECHNIQUES), unique=True, max_size=2))),
        agent=draw(st.sampled_from(AGENTS)),
        session=draw(st.sampled_from(["s1", "s2"])),
        defaulted=frozenset(draw(st.lists(NAMES, max_size=1))),
    )


TIMES = st.sampled_from([NOW, NOW + 3600 * 5, NOW - 61.5]) | st.integers(0, 86_399).map(lambda second: NOW - NOW % 86_400 + second)


@st.composite
def capabilities(draw: st.DrawFn) -> Capability | None:
    """A capability, mostly a good one."""
    if draw(st.integers(0, 7)) == 0:
        return None
    grants = {tool: draw(st.just({}) | maps()) for tool in draw(st.lists(st.sampled_from(TOOLS), unique=True, min_size=1))}
    always: dict[str, Any] = {"expires": NOW + 86400.0, "not_before": NOW - 86400.0}
    changed = draw(st.just(always) | st.sampled_from([{}, {"expires": NOW}, {"not_before": NOW + 5}, always | {"agent": "bob"}]))
    return capability(grants, **changed)


STANDINGS = st.just(Standing()) | st.sampled_from(
    [
        Standing(frozenset({"root"})),
        Standing(frozenset({"leaf", "x"})),
        Standing(frozenset({"x"}), frozenset({"eve"}), frozenset({"s3"})),
        Standing(stopped_agents=frozenset({"ann"})),
        Standing(stopped_agents=frozenset({"bob"})),
        Standing(stopped_sessions=frozenset({"s2"})),
        Standing(stopped_all=True),
    ]
)
