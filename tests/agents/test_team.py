"""Who acts where agents work through others: never more than the caller, whatever the tree looks like."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import ANY, Denied, Gate
from gate.agents.around import Around, Sent
from gate.agents.team import Team
from gate.errors import ConfigError
from tests.kit import log, refusals

TOOLS = ("read", "send", "pass_on")


def team(gate: Gate, parts, **told) -> Team:
    around = Around(gate, session="s", **told)
    for name in TOOLS:
        around.declare(name, None)
    return Team(around, parts)


@pytest.fixture
def capability(gate: Gate):
    return gate.grant("root", tools=dict.fromkeys(TOOLS, ANY), principal="alice", delegations=8)


def test_an_agent_has_its_part_and_the_record_names_it(gate: Gate, capability) -> None:
    ours = team(gate, {"child": {"tools": ["read"]}})
    ours.knows("root")
    ours.knows("child", above="root")
    assert ours.run("child", Sent("read", {}, "1", capability), lambda _: "ran") == "ran"
    with pytest.raises(Denied):
        ours.run("child", Sent("send", {}, "2", capability), lambda _: "ran")
    assert [record["agent"] for record in log(gate, "call", "intent")] == ["child"]


def test_who_is_called_inside_acts_for_the_caller_though_a_capability_is_at_hand(gate: Gate, capability) -> None:
    ours = team(gate, {"child": {"tools": ["read", "pass_on"]}})
    sends: list[str] = []

    async def grandchild(_) -> str:
        with pytest.raises(Denied):
            await ours.arun("grandchild", Sent("send", {}, "3", capability), record)
        return await ours.arun("grandchild", Sent("read", {}, "4", capability), record)

    async def record(_) -> str:
        sends.append("ran")
        return "ran"

    async def child(_) -> str:
        return await ours.arun("child", Sent("pass_on", {}, "2", capability), grandchild)

    assert asyncio.run(ours.arun("root", Sent("pass_on", {}, "1", capability), child)) == "ran"
    assert sends == ["ran"] and not ours.inside


@settings(max_examples=20, deadline=None)
@given(chain=st.lists(st.sets(st.sampled_from(TOOLS)), min_size=1, max_size=4), tool=st.sampled_from(TOOLS))
def test_nobody_below_has_what_somebody_above_has_not(tmp_path_factory: pytest.TempPathFactory, chain, tool: str) -> None:
    with Gate(tmp_path_factory.mktemp("team") / ".gate") as gate:
        capability = gate.grant("root", tools=dict.fromkeys(TOOLS, ANY), principal="alice", delegations=8)
        parts = {f"a{at}": {"tools": sorted(has)} for at, has in enumerate(chain)}
        ours = team(gate, parts)
        for at in range(len(chain)):
            ours.knows(f"a{at}", above=f"a{at - 1}" if at else "")
        try:
            ran = ours.run(f"a{len(chain) - 1}", Sent(tool, {}, "1", capability), lambda _: "ran") == "ran"
        except Denied:
            ran = False
        assert ran <= all(tool in has for has in chain)


def test_a_part_that_would_be_wider_is_refused_and_recorded(gate: Gate, capability) -> None:
    ours = team(gate, {"child": {"tools": ["everything"]}})
    with pytest.raises(Denied, match="cannot have its part"):
        ours.run("child", Sent("read", {}, "1", capability), lambda _: "ran")
    assert any("cannot have its part" in one for one in refusals(gate))


def test_nobody_acts_for_a_team_without_a_capability(gate: Gate) -> None:
    with pytest.raises(Denied, match="no capability"):
        team(gate, {"child": {"tools": ["read"]}}).run("child", Sent("read", {}, "1"), lambda _: "ran")


def test_the_capability_of_whoever_acts_is_narrowed_in_its_session(gate: Gate, capability) -> None:
    ours = team(gate, {"child": {"tools": ["read"]}})
    with gate.acting(capability, session="outer"):
        ours.run("child", Sent("read", {}, "1", session="inner"), lambda _: "ran")
    record = log(gate, "call", "intent")[0]
    assert (record["agent"], record["session"]) == ("child", "outer")


def test_two_agents_of_one_name_are_refused(gate: Gate) -> None:
    ours = team(gate, {})
    ours.knows("child", above="root")
    ours.knows("child", above="root")
    with pytest.raises(ConfigError, match="two agents are called 'child'"):
        ours.knows("child", above="other")
