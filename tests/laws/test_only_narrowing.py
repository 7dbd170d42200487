"""Only narrowing: whoever passes a capability on passes on a part of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Denied, Exhausted, Gate, Range, TokenError
from tests.kit import denied, intents, short
from tests.laws.kit import tool_of


class TestOnlyNarrowing:
    """A delegated capability is a subset, and spends from everything above it."""

    def test_a_sub_agent_may_do_less(self, gate: Gate, ran: list[Any]) -> None:
        gated, other = tool_of(gate, ran), tool_of(gate, ran, name="other")
        parent = gate.grant("lead", tools={"t": {"value": Range(max=100)}, "other": ANY})
        child = gate.attenuate(parent, "sub", tools={"t": {"value": Range(max=10)}})
        with gate.acting(child):
            gated(10)
            denied(lambda: gated(11), "maximum 10")
            denied(lambda: other(1))
        with gate.acting(parent):
            gated(100)
        assert ran == [10, 100]
        assert intents(gate)[0]["capability"] == [parent.jti, child.jti]

    @pytest.mark.parametrize(
        "wider",
        [
            {"tools": {"t": {"value": Range(max=101)}}},
            {"tools": {"t": ANY}},
            {"tools": {"new": ANY}},
            {"tools": ["new"]},
            {"minutes": 16},
            {"calls": 11},
            {"cost": {"usd": 6}},
            {"wall": 61},
            {"rate": (11, 60)},
            {"labels": ["b", "a"]},
            {"delegations": 3},
        ],
        ids=str,
    )
    def test_never_more(self, gate: Gate, wider: dict[str, Any]) -> None:
        limits: dict[str, Any] = {"calls": 10, "cost": {"usd": 5}, "wall": 60, "rate": (10, 60), "labels": ["a"], "delegations": 3}
        parent = gate.grant("lead", minutes=15, tools={"t": {"value": Range(max=100)}}, **limits)
        with pytest.raises(TokenError):
            gate.attenuate(parent, "sub", **wider)
        assert gate.attenuate(parent, "sub").limits.calls == 10

    def test_children_spend_their_parents_budget(self, gate: Gate, ran: list[Any]) -> None:
        """Two with sixty calls each never make more than their parent's hundred."""
        gated = tool_of(gate, ran)
        parent = gate.grant("lead", tools={"t": ANY}, calls=5)
        children = [gate.attenuate(parent, "sub", calls=3) for _ in range(3)]
        for child in children:
            with gate.acting(child):
                for _ in range(4):
                    try:
                        gated(1)
                    except Exhausted as denial:
                        ran.append(denial.keys[0])
        assert ran.count(1) == 5
        assert ran[:4] == [1, 1, 1, f"{children[0].budgets[-1].account}/calls"]
        assert f"{parent.jti}/calls" in ran
        with gate.acting(parent):
            short(lambda: gated(1), f"{parent.jti}/calls")

    def test_what_is_made_in_memory_is_worth_nothing(self, gate: Gate, ran: list[Any]) -> None:
        """A capability is what its signature says, whatever the object at hand claims."""
        gated = tool_of(gate, ran)
        cap = gate.grant("agent-7", tools={"t": {"value": 1}}, calls=1)
        other = gate.grant("agent-7", tools={"other": ANY})
        for forged in (replace(cap, expires=cap.expires + 1e6, budgets=()), replace(other, grants=cap.grants), replace(cap, agent="root")):
            with gate.acting(forged) as acting:
                assert acting.capability in (cap, other)
        with gate.acting(replace(other, grants=cap.grants)):
            denied(lambda: gated(1))
        assert ran == []

    def test_only_its_own_agent_may_use_it(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        cap = gate.grant("agent-7", tools={"t": ANY})
        with gate.acting(cap, agent="agent-8"):
            denied(lambda: gated(1), "agent-8")
        assert ran == []


def test_a_rule_about_an_agent_is_about_whom_it_passes_its_capability_to(tmp_path: Path) -> None:
    """The hole: `deny = {agent = "bot"}` was left behind by attenuating to another name."""
    (tmp_path / "gate.toml").write_text(
        '[[rule]]\nid = "not-bot"\ndeny = { agent = "bot", tool = "pay" }\n[[rule]]\nid = "trusted"\nallow = { agent = "clerk", tool = "wire" }\n'
    )
    with Gate(tmp_path / ".gate", rules=tmp_path / "gate.toml") as gate:
        ran: list[str] = []
        pay, wire = gate.wrap(lambda: ran.append("pay"), name="pay"), gate.wrap(lambda: ran.append("wire"), name="wire", risk="high")
        bot = gate.grant("bot", tools={"pay": ANY, "wire": ANY})
        for name in ("tob", "clerk"):
            with gate.acting(gate.attenuate(bot, name)):
                with pytest.raises(Denied, match="not-bot"):
                    pay()
                with pytest.raises(Denied):  # a name that an allow rule names is not enough: everyone it came through must be named
                    wire()
        with gate.acting(gate.grant("clerk", tools={"pay": ANY, "wire": ANY})):
            pay()
            wire()
        assert ran == ["pay", "wire"]
