"""The adapter of the Claude Agent SDK: what its callbacks say without the SDK, and every scenario with the real Claude Code, where that is here."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gate import ANY, Gate
from gate.agents import claude as adapter
from gate.agents.claude import Claude
from gate.agents.conformance import SCENARIOS
from tests.hooks.kit import NAMESPACE, ROOT, after, before, binary, sdk


def say(gated: Claude, event: object) -> dict[str, Any]:
    """What the hook says."""
    return asyncio.run(gated.hook(event, None, None))


def word(said: dict[str, Any]) -> str:
    return said["hookSpecificOutput"]["permissionDecision"]


@pytest.fixture
def gated(gate: Gate, tmp_path: Path) -> Claude:
    capability = gate.grant("root", tools={"t/read": {"path": ANY}, "t/mail": {"to": ["bob"]}, "Bash": ANY})
    return Claude(gate, capability=capability, workspace=str(tmp_path), parts={"kid": {"tools": ["t/read"]}})


def test_a_call_is_authorized_and_settled(gate: Gate, gated: Claude, tmp_path: Path) -> None:
    call = ("mcp__t__read", {"path": "a"})
    assert word(say(gated, before(*call, cwd=str(tmp_path)))) == "allow"
    assert say(gated, after(*call, [{"type": "text", "text": "x"}], cwd=str(tmp_path))) == {}
    kinds = [json.loads(body)["type"] for body in gate.home.ledger.records()]
    assert kinds.count("outcome") == 1


@pytest.mark.parametrize(
    "event", [None, 7, [], {}, {"hook_event_name": "PreToolUse"}, {"hook_event_name": "Nothing"}, before("mcp__t__read", "x"), before("", {})]
)
def test_whatever_it_is_told_it_says_no_and_never_raises(gated: Claude, event: object) -> None:
    assert word(say(gated, event)) == "deny"


def test_a_gate_that_does_not_end_is_a_no_in_time(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gated = Claude(gate, capability=gate.grant("root", tools={"t/read": ANY}), seconds=0.2, workspace=str(tmp_path))
    monkeypatch.setattr(adapter.Claude, "answer", lambda *_: time.sleep(1))
    assert word(say(gated, before("mcp__t__read", {}, cwd=str(tmp_path)))) == "deny"


def test_a_sub_agent_has_its_part(gated: Claude, tmp_path: Path) -> None:
    kid = {"agent_id": "a1", "agent_type": "kid", "cwd": str(tmp_path)}
    assert word(say(gated, before("mcp__t__read", {"path": "a"}, **kid))) == "allow"
    assert word(say(gated, before("mcp__t__mail", {"to": "bob"}, call="t2", **kid))) == "deny"
    assert word(say(gated, before("mcp__t__mail", {"to": "bob"}, call="t3", cwd=str(tmp_path)))) == "allow"


def test_a_built_in_tool_is_judged_by_what_it_does(gated: Claude, tmp_path: Path) -> None:
    assert word(say(gated, before("Bash", {"command": "ls"}, cwd=str(tmp_path)))) == "allow"
    assert word(say(gated, before("Bash", {"command": "rm -rf ."}, call="t2", cwd=str(tmp_path)))) == "defer"
    assert gated.questions["t2"]["tool"] == "Bash"
    assert word(say(gated, before("Teleport", {}, call="t3", cwd=str(tmp_path)))) == "deny"


def test_where_nothing_pauses_a_question_is_a_refusal(gate: Gate, tmp_path: Path) -> None:
    gated = Claude(gate, capability=gate.grant("root", tools={"Bash": ANY}), workspace=str(tmp_path), pauses=False)
    said = say(gated, before("Bash", {"command": "rm -rf ."}, cwd=str(tmp_path)))
    assert word(said) == "deny" and "question" in said["hookSpecificOutput"]["permissionDecisionReason"]


def test_the_sdk_is_told_the_same_twice_and_no_to_what_no_hook_saw(gated: Claude, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {f"PermissionResult{kind}": lambda kind=kind, **said: (kind, said) for kind in ("Allow", "Deny")}
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", SimpleNamespace(**kinds))
    say(gated, before("mcp__t__read", {"path": "a"}, cwd=str(tmp_path)))
    say(gated, before("mcp__t__mail", {"to": "mallory"}, call="t2", cwd=str(tmp_path)))

    def can(tool: str, arguments: dict[str, object], call: str) -> str:
        return asyncio.run(gated.can_use_tool(tool, arguments, SimpleNamespace(tool_use_id=call, agent_id=None)))[0]

    assert can("mcp__t__read", {"path": "a"}, "t1") == "Allow"
    assert can("mcp__t__mail", {"to": "mallory"}, "t2") == "Deny"
    assert can("mcp__t__read", {"path": "a"}, "t3") == "Deny"
    assert can("mcp__t__read", {"path": "b"}, "t1") == can("Bash", {"path": "a"}, "t1") == "Deny"
    say(gated, event := before("mcp__t__read", {"path": 1}, call="t4", cwd=str(tmp_path)))
    event["tool_input"]["path"] = "changed after it was decided"
    assert can("mcp__t__read", event["tool_input"], "t4") == can("mcp__t__read", {"path": True}, "t4") == "Deny"
    assert can("mcp__t__read", {"path": 1}, "t4") == "Allow"


def test_what_the_user_said_is_about_the_call_that_was_shown(gate: Gate, tmp_path: Path) -> None:
    """A call comes again under its id, with other arguments: the model, or who resumes the session, says what the id stands for."""
    who = {"capability": gate.grant("root", tools={"t/mail": {"to": ANY}}), "tools": {"t/mail": {"effects": "egress", "risk": "medium"}}}
    (gate.home.path.parent / "gate.toml").touch(0o600)
    (gate.home.path.parent / "gate.toml").write_text('[[rule]]\nid = "mail"\nask = { tool = "t/mail" }\n')
    place = {"cwd": str(tmp_path)}
    first = Claude(gate, workspace=str(tmp_path), answers="owner", **who)
    assert word(say(first, before("mcp__t__mail", {"to": "bob"}, call="t1", **place))) == "defer"
    again = Claude(gate, workspace=str(tmp_path), answers="owner", said={"t1": True}, **who)
    assert word(say(again, before("mcp__t__mail", {"to": "carol"}, call="t1", **place))) == "deny"
    assert word(say(again, before("mcp__t__mail", {"to": "bob"}, call="t1", **place))) == "deny"  # the yes was used up by that
    assert word(say(first, before("mcp__t__mail", {"to": "bob"}, call="t1", **place))) == "defer"
    assert word(say(again, before("mcp__t__mail", {"to": "bob"}, call="t1", **place))) == "allow"


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_conformance(scenario: str) -> None:
    binary()  # skips where it cannot be run
    done = subprocess.run(
        [*NAMESPACE, str(sdk()), "-m", "gate.agents.conformance", "tests.agents.harness.claude:ClaudeSDK", scenario],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
