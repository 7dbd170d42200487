"""What adapters keep between calls is used for somebody, or something, else."""

from __future__ import annotations

import json

from gate import ANY, Gate
from gate.agents.around import Around, Sent
from gate.agents.claude import Claude
from tests.hooks.kit import before
from tests.kit import intents, write_rules

ALLOW = '[[rule]]\nid = "all"\nallow = { tool = "*" }\n'
READS = {"say": {"effects": "reads"}}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def who(record: dict) -> tuple[object, ...]:
    return tuple(record.get(name) for name in ("principal", "agent", "task", "session"))


def test_a_call_is_recorded_under_the_task_it_was_made_for(gate: Gate) -> None:
    """An adapter with a capability of its own, used for two tasks one after the other."""
    made = Around(gate, capability=gate.grant("root", tools={"say": ANY}), session="s", tools=READS)
    made.declare("say", TEXT)
    for task in ("summarise the notes", "pay the invoice"):
        with gate.acting(gate.grant("root", tools={"say": ANY}), task=task):
            made.run(Sent("say", {"text": task}), lambda arguments: "said")
    found = [record.get("task") for record in intents(gate)]
    assert found == ["summarise the notes", "pay the invoice"], json.dumps(intents(gate))[:1500]


def test_a_subagent_is_named_after_the_agent_that_started_it(gate: Gate, tmp_path) -> None:
    """One set of hooks serves two people, each by `gate.acting`; the second one's sub-agent acts under the first one's name."""
    write_rules(gate, ALLOW)
    hooks = Claude(gate, tools={"say": {"effects": "reads"}})
    for name in ("alice", "bob"):
        with gate.acting(gate.grant(f"{name}-agent", tools={"say": ANY}, principal=name)):
            event = before("say", {"text": name}, call=f"t-{name}", session=name, cwd=str(tmp_path), agent_type="Explore")
            assert hooks._reply(event)["hookSpecificOutput"]["permissionDecision"] == "allow"
    found = [(one["principal"], one["agent"]) for one in intents(gate)]
    assert found == [("alice", "alice-agent/Explore"), ("bob", "bob-agent/Explore")]


def test_a_call_id_of_one_session_is_not_that_of_another(gate: Gate, tmp_path) -> None:
    """Two sessions of one set of hooks have a session each at the gate: an open call of one is not found from the other."""
    write_rules(gate, ALLOW)
    hooks = Claude(gate, capability=gate.grant("root", tools={"say": ANY}, calls=1), tools={"say": {"effects": "reads"}})
    said = [
        hooks._reply(before("say", {"text": "x"}, call="t1", session=session, cwd=str(tmp_path)))["hookSpecificOutput"]["permissionDecision"]
        for session in ("s1", "s2", "s3")
    ]
    assert said.count("allow") == 1, said
