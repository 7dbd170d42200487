"""From an event to a decision and back to the outcome: each event opens the gate anew, as a process of its own does."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Gate
from gate.approvers.callback import Callback
from gate.hooks.event import Reply
from gate.hooks.worker import run
from tests.hooks.kit import RULES, after, before, make_gate, records

_NONCES = itertools.count()


def tell(home: Path, event: object, agent: str = "claude", *words: str, nonce: str = "") -> Reply:
    """One event; the reply."""
    return run(json.dumps(event).encode(), [agent, f"--home={home}", *words], nonce or f"n{next(_NONCES)}")


def decision(reply: Reply) -> tuple[str, str]:
    """The word and the reason of a reply to Claude Code."""
    assert (reply.code, reply.err) == (0, ""), reply
    said = json.loads(reply.out)["hookSpecificOutput"]
    return said["permissionDecision"], said["permissionDecisionReason"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_gate(tmp_path / "authority")


@pytest.fixture
def work(tmp_path: Path) -> str:
    folder = tmp_path / "work"
    folder.mkdir()
    return str(folder)


def log(home: Path, *kinds: str) -> list[dict[str, Any]]:
    with Gate(home) as gate:
        found = [json.loads(body) for body in gate.home.ledger.records()]
    return [record for record in found if not kinds or record["type"] in kinds]


def test_a_call_is_authorized_by_one_and_settled_by_another(home: Path, work: str) -> None:
    assert decision(tell(home, before("Bash", {"command": "ls"}, cwd=work)))[0] == "allow"
    assert tell(home, after("Bash", {"command": "ls"}, {"stdout": "x"}, cwd=work)) == Reply("{}")
    made, ended = log(home, "intent", "call", "outcome")
    assert (made["ref"], made["session"], made["agent"]) == ("t1", "claude:s1", "claude-agent")
    assert (ended["call"], ended["outcome"]["status"]) == (made["call"], "ok")


def test_the_time_between_the_two_is_the_calls(home: Path, work: str) -> None:
    """Nothing of it was charged, so a limit of tool time limited nothing behind a hook."""
    tell(home, before("Bash", {"command": "ls"}, cwd=work))
    time.sleep(0.3)
    tell(home, after("Bash", {"command": "ls"}, {"stdout": "x"}, cwd=work))
    assert log(home, "outcome")[0]["outcome"]["duration_us"] >= 300_000


def test_what_failed_is_recorded_as_that(home: Path, work: str) -> None:
    tell(home, before("Bash", {"command": "ls"}, cwd=work))
    tell(home, {**before("Bash", {"command": "ls"}, cwd=work), "hook_event_name": "PostToolUseFailure", "error": "exit 2"})
    assert log(home, "outcome")[0]["outcome"]["status"] == "error"


def test_the_same_event_twice_is_one_call_and_the_first_outcome_stands(home: Path, work: str) -> None:
    for _ in range(2):
        assert decision(tell(home, before("Bash", {"command": "ls"}, cwd=work)))[0] == "allow"
    tell(home, after("Bash", {"command": "ls"}, cwd=work))
    tell(home, {**before("Bash", {"command": "ls"}, cwd=work), "hook_event_name": "PostToolUseFailure", "error": "exit 2"})
    assert len(log(home, "intent", "call")) == 1
    assert [one["outcome"]["status"] for one in log(home, "outcome")] == ["ok"]


def test_an_id_that_comes_with_another_call_is_another_call(home: Path, work: str) -> None:
    tell(home, before("Bash", {"command": "ls"}, cwd=work))
    assert "Refused by Gate" in decision(tell(home, before("Bash", {"command": "rm -rf ."}, cwd=work)))[1]
    tell(home, after("Bash", {"command": "rm -rf ."}, cwd=work))
    assert log(home, "outcome") == []


def test_an_outcome_without_a_call_changes_nothing(home: Path, work: str) -> None:
    assert tell(home, after("Bash", {"command": "ls"}, cwd=work)) == Reply("{}")
    assert log(home, "intent", "call", "outcome") == []


def gemini(name: str, arguments: object, cwd: str, **more: object) -> dict[str, object]:
    base = {"session_id": "s1", "transcript_path": "/x", "cwd": cwd, "timestamp": "2026-11-26T00:00:00Z"}
    return {**base, "hook_event_name": name, "tool_name": "run_shell_command", "tool_input": arguments, **more}


def test_two_identical_calls_without_ids_are_two_calls(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", "gemini", calls=2)
    call = {"command": "ls"}
    for _ in range(2):
        assert json.loads(tell(home, gemini("BeforeTool", call, work), "gemini").out) == {"decision": "allow"}
    refused = json.loads(tell(home, gemini("BeforeTool", call, work), "gemini").out)
    assert refused["decision"] == "deny" and "nothing is left" in refused["reason"]
    for _ in range(3):
        assert json.loads(tell(home, gemini("AfterTool", call, work, tool_response={"llmContent": "x"}), "gemini").out) == {}
    made, ended = log(home, "intent", "call"), log(home, "outcome")
    assert len({one["call"] for one in made}) == 2
    assert {one["call"] for one in made} == {one["call"] for one in ended} and len(ended) == 2
    assert not list((home / "hook" / "open").iterdir())


def test_the_same_event_under_the_same_nonce_is_one_call(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", "gemini", calls=1)
    for _ in range(2):  # a daemon died after it had authorized the call, and the client did it again
        assert json.loads(tell(home, gemini("BeforeTool", {"command": "ls"}, work), "gemini", nonce="same").out) == {"decision": "allow"}
    assert len(log(home, "intent", "call")) == 1


def cursor(name: str, cwd: str, **more: object) -> dict[str, object]:
    return {"conversation_id": "s1", "generation_id": "g", "workspace_roots": [cwd], "cwd": "", "hook_event_name": name, **more}


def test_the_second_event_of_a_call_takes_up_the_first_once(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", "cursor", calls=2)
    first = cursor("preToolUse", work, tool_name="Shell", tool_input={"command": "ls", "cwd": "", "timeout": 1}, tool_use_id="t1")
    second = cursor("beforeShellExecution", work, command="ls", sandbox=False)
    for event in (first, second):
        assert json.loads(tell(home, event, "cursor").out) == {"permission": "allow"}
    assert len(log(home, "intent", "call")) == 1
    assert json.loads(tell(home, second, "cursor").out) == {"permission": "allow"}  # a call by itself, and charged
    assert len(log(home, "intent", "call")) == 2
    assert json.loads(tell(home, second, "cursor").out)["permission"] == "deny"


def test_a_second_event_after_a_stop_or_much_later_takes_up_nothing(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", "cursor")
    first = cursor("preToolUse", work, tool_name="Shell", tool_input={"command": "ls"}, tool_use_id="t1")
    second = cursor("beforeShellExecution", work, command="ls")
    tell(home, first, "cursor")
    with Gate(home) as gate:
        gate.stop(everything=True)
    assert json.loads(tell(home, second, "cursor").out)["permission"] == "deny"
    with Gate(home) as gate:
        gate.resume(everything=True)
    tell(home, {**first, "tool_use_id": "t2"}, "cursor")
    kept = next((home / "hook" / "open").iterdir())
    kept.write_text(kept.read_text().replace('"1', '"0'))  # as if it were long ago
    assert json.loads(tell(home, second, "cursor").out) == {"permission": "allow"}
    assert len(log(home, "intent", "call")) == 3  # authorized by itself


def test_a_second_event_does_not_take_up_another_call(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", "cursor")
    first = cursor("preToolUse", work, tool_name="Shell", tool_input={"command": "ls"}, tool_use_id="t1")
    tell(home, first, "cursor")
    assert json.loads(tell(home, cursor("beforeShellExecution", work, command="rm -rf ."), "cursor").out)["permission"] == "deny"
    assert (
        json.loads(tell(home, {**cursor("beforeShellExecution", work, command="ls"), "conversation_id": "s2"}, "cursor").out)["permission"] == "allow"
    )
    assert len(log(home, "intent", "call")) == 2


# ---- who acts, and where ----------------------------------------------------------------------------------------------------------------------


def test_nobody_acts_without_a_capability(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority")
    (home / "hook" / "claude.capability").unlink()
    word, reason = decision(tell(home, before("Bash", {"command": "ls"}, cwd=work)))
    assert word == "deny" and "no capability" in reason and "gate hook install" in reason
    assert "no capability" in log(home, "refusal")[0]["reasons"][0]


def test_a_capability_of_another_gate_is_none(tmp_path: Path, home: Path, work: str) -> None:
    other = make_gate(tmp_path / "other")
    token = (other / "hook" / "claude.capability").read_text()
    reply = run(json.dumps(before("Bash", {"command": "ls"}, cwd=work)).encode(), ["claude", f"--home={home}", f"--capability={token}"], "n")
    assert decision(reply)[0] == "deny"


def test_the_environment_does_not_replace_what_was_installed(tmp_path: Path, home: Path, work: str) -> None:
    with Gate(home) as gate:
        narrow = gate.grant("x", tools={"Read": ANY}).presentation
        wide = (home / "hook" / "claude.capability").read_text()
        (home / "hook" / "claude.capability").write_text(narrow)
    event = json.dumps(before("Bash", {"command": "ls"}, cwd=work)).encode()
    assert decision(run(event, ["claude", f"--home={home}"], "n", environment=wide))[0] == "deny"
    (home / "hook" / "claude.capability").unlink()
    assert decision(run(event, ["claude", f"--home={home}"], "n", environment=wide))[0] == "allow"


def test_a_sub_agent_acts_under_its_part_with_budgets_of_its_own(home: Path, work: str) -> None:
    (home / "hook.toml").write_text('[claude.agents.Explore]\ntools = ["Bash"]\ncalls = 2\n')
    kid = {"agent_id": "a1", "agent_type": "Explore"}
    said = [decision(tell(home, before("Bash", {"command": "ls"}, call=f"t{n}", cwd=work, **kid))) for n in range(3)]
    assert [word for word, _ in said] == ["allow", "allow", "deny"]
    assert "Read" in decision(tell(home, before("Read", {"file_path": f"{work}/a"}, call="t9", cwd=work, **kid)))[1]
    assert decision(tell(home, before("Read", {"file_path": f"{work}/a"}, call="t10", cwd=work)))[0] == "allow"
    assert {one["agent"] for one in log(home, "intent", "call")} == {"claude-agent/Explore", "claude-agent"}
    other = {"agent_id": "a2", "agent_type": "Explore"}
    assert decision(tell(home, before("Bash", {"command": "ls"}, call="t11", cwd=work, **other)))[0] == "allow"


def test_what_cannot_be_passed_on_is_refused_to_sub_agents(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", delegations=0)
    assert decision(tell(home, before("Bash", {"command": "ls"}, cwd=work)))[0] == "allow"
    word, _ = decision(tell(home, before("Bash", {"command": "ls"}, call="t2", cwd=work, agent_id="a1", agent_type="x")))
    assert word == "deny"


@pytest.mark.parametrize(
    "text", ["[claude]\nagent = 1", "[claude.agents.x]\ntool = ['Bash']", "[claude.agents.x]\ntools = 'Bash'", "no toml", "claude = 1"]
)
def test_a_table_that_is_not_understood_narrows_nobody_and_lets_nobody_through(home: Path, work: str, text: str) -> None:
    (home / "hook.toml").write_text(text)
    assert decision(tell(home, before("Bash", {"command": "ls"}, cwd=work, agent_id="a", agent_type="x")))[0] == "deny"


def test_the_workspace_is_where_the_session_began(home: Path, work: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    assert decision(tell(home, before("Write", {"file_path": f"{work}/a", "content": "x"}, cwd=work)))[0] == "allow"
    moved = before("Write", {"file_path": f"{outside}/a", "content": "x"}, call="t2", cwd=str(outside))  # the agent said: cd ../outside
    word, reason = decision(tell(home, moved))
    assert word == "deny" and "outside the workspace" in reason
    relative = before("Bash", {"command": "rm a"}, call="t3", cwd=str(outside))
    tell(home, relative)
    assert any(f"removes '{outside}"[:60] in reason for one in log(home, "question") for reason in one["reasons"])


@pytest.mark.parametrize("cwd", ["", "work", None])
def test_without_a_folder_nothing_is_decided(home: Path, cwd: object) -> None:
    assert tell(home, {**before("Bash", {"command": "ls"}), "cwd": cwd}).code == 2


# ---- what is granted ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["Teleport", "github/get_issue", "mcp__github__get_issue", "bash", "BASH", "Ваsh", "Bash ", "Bash\u200b", "x" * 200])
def test_a_tool_that_nobody_granted_is_refused(home: Path, work: str, tool: str) -> None:
    assert decision(tell(home, before(tool, {"command": "ls"}, cwd=work)))[0] == "deny"


def test_an_argument_that_nobody_granted_is_refused(home: Path, work: str) -> None:
    assert "argument" in decision(tell(home, before("Bash", {"command": "ls", "as_root": True}, cwd=work)))[1]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("Bash", {"command": 7}),
        ("Bash", {"command": "ls\0"}),
        ("Bash", {}),
        ("Bash", {"command": ["ls"]}),
        ("Bash", {"command": "ls", "dangerouslyDisableSandbox": True}),
        ("Read", {"file_path": "../x"}),
        ("Read", {"file_path": "/root/.ssh/id_rsa"}),
        ("Write", {"file_path": "/etc/cron.d/x", "content": ""}),
        ("Edit", {"file_path": "~/.bashrc", "old_string": "", "new_string": "x"}),
        ("WebFetch", {"url": "http://169.254.169.254/", "prompt": "x"}),
        ("WebFetch", {"url": "file:///etc/passwd", "prompt": "x"}),
        ("Grep", {"pattern": "x", "path": "/"}),
        ("Glob", {"pattern": "/root/.ssh/*"}),
    ],
)
def test_what_is_dangerous_or_no_call_does_not_simply_run(home: Path, work: str, tool: str, arguments: dict) -> None:
    assert decision(tell(home, before(tool, arguments, cwd=work)))[0] == "deny"


def test_a_tool_of_a_server_runs_when_it_is_granted(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", tools={"github/get_issue": {"number": ANY}})
    assert decision(tell(home, before("mcp__github__get_issue", {"number": 1}, cwd=work)))[0] == "allow"
    assert decision(tell(home, before("mcp__github__get_issue", {"number": 1, "x": 1}, call="t2", cwd=work)))[0] == "deny"
    assert decision(tell(home, before("mcp__git__hub__get_issue", {"number": 1}, call="t3", cwd=work)))[0] == "deny"


def test_what_is_checked_is_what_runs(home: Path, work: str) -> None:
    said = json.loads(tell(home, before("Read", {"file_path": "a//./b"}, cwd=work)).out)["hookSpecificOutput"]
    assert (said["permissionDecision"], said["updatedInput"]) == ("allow", {"file_path": f"{work}/a/b"})
    tell(home, after("Read", {"file_path": f"{work}/a/b"}, cwd=work))
    assert len(log(home, "outcome")) == 1


def test_an_agent_that_cannot_be_told_otherwise_is_refused(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", "cursor")
    said = json.loads(tell(home, cursor("beforeReadFile", work, file_path="a//b", content=""), "cursor").out)
    assert said["permission"] == "deny" and f"{work}/a/b" in said["user_message"]
    assert [one["outcome"]["status"] for one in log(home, "outcome")] == ["error"]


@pytest.mark.parametrize(
    "name", ["home", "gate.toml", "approvers.toml", ".claude/settings.json", ".claude/settings.local.json", ".mcp.json", "program", "link"]
)
def test_the_agent_changes_neither_the_gate_nor_its_hooks(home: Path, work: str, name: str) -> None:
    link = Path(work) / "innocent"
    link.symlink_to(home / "keys")
    places = {"home": home / "keys" / "x", "program": Path(run.__code__.co_filename), "link": link / "x"}
    path = places.get(name) or (home.parent / name if name.endswith("toml") else Path(work) / name)
    for tool, rest in (("Write", {"content": ""}), ("Edit", {"old_string": "a", "new_string": "b"})):
        word, reason = decision(tell(home, before(tool, {"file_path": str(path), **rest}, call=tool, cwd=work)))
        assert word == "deny" and "gate" in reason
        upper = str(path).replace(path.name, path.name.upper())
        assert decision(tell(home, before(tool, {"file_path": upper, **rest}, call=f"{tool}2", cwd=work)))[0] == "deny" or name in ("home", "link")
    command = decision(tell(home, before("Bash", {"command": f"echo x > {path}"}, call="sh", cwd=work)))
    assert command[0] == "deny"


def test_rules_hold_for_hooks(home: Path, work: str) -> None:
    (home.parent / "gate.toml").write_text(RULES)
    word, reason = decision(tell(home, before("Bash", {"command": "rm a"}, cwd=work)))
    assert word == "deny" and "nothing is removed here" in reason


# ---- asking --------------------------------------------------------------------------------------------------------------------------------------


def answer(home: Path, yes: bool | str) -> None:
    with Gate(home) as gate:
        case = gate.home.desk.cases("open")[0]
        said = Callback(gate, lambda _: yes, name="owner").ask(case.question)
        assert said is not None
        gate.home.desk.answer(case.question.id, said)


def test_a_question_is_answered_elsewhere_and_the_next_try_runs_once(home: Path, work: str) -> None:
    remove = {"command": "rm a", "description": "it is old"}
    word, reason = decision(tell(home, before("Bash", remove, cwd=work)))
    assert word == "deny" and "question" in reason and "same call again" in reason
    answer(home, yes=True)
    assert decision(tell(home, before("Bash", remove, call="t2", cwd=work)))[0] == "allow"
    assert decision(tell(home, before("Bash", remove, call="t2", cwd=work)))[0] == "allow"  # the same call
    assert decision(tell(home, before("Bash", remove, call="t3", cwd=work)))[0] == "deny"  # another
    assert len(log(home, "intent", "call")) == 1


def test_a_no_reaches_the_model(home: Path, work: str) -> None:
    tell(home, before("Bash", {"command": "rm a"}, cwd=work))
    answer(home, "not today")
    assert "not today" in decision(tell(home, before("Bash", {"command": "rm a"}, call="t2", cwd=work)))[1]


def test_what_a_person_changed_is_what_runs(home: Path, work: str) -> None:
    tell(home, before("Bash", {"command": "rm a"}, cwd=work))
    with Gate(home) as gate:
        case = gate.home.desk.cases("open")[0]
        gate.home.desk.edit(case.question.id, by="owner", arguments={"command": "ls a"}, method="test")
    said = json.loads(tell(home, before("Bash", {"command": "rm a"}, call="t2", cwd=work)).out)["hookSpecificOutput"]
    assert (said["permissionDecision"], said["updatedInput"]) == ("allow", {"command": "ls a"})
    assert "changed" in said["additionalContext"]
    tell(home, after("Bash", {"command": "rm a"}, call="t2", cwd=work))
    assert [one["outcome"]["status"] for one in log(home, "outcome")] == ["ok"]


@pytest.mark.parametrize(("agent", "word"), [("claude", "ask"), ("codex", "deny")])
def test_the_agents_own_person_is_asked_only_where_that_was_chosen(tmp_path: Path, work: str, agent: str, word: str) -> None:
    home = make_gate(tmp_path / "authority", agent)
    event = before("Bash", {"command": "rm a"}, cwd=work)
    assert decision(tell(home, event, agent))[0] == "deny"
    said, why = decision(tell(home, event, agent, "--native-ask=ask"))
    assert said == word
    assert ("Make the same call again" in why) == (word == "deny"), "that is for the model, and a person reads the other"
    assert "rm removes" in why
    assert log(home, "intent", "call") == []


def test_a_refusal_is_none_that_the_agents_own_person_may_lift(home: Path, work: str) -> None:
    assert decision(tell(home, before("Teleport", {}, cwd=work), "claude", "--native-ask=ask"))[0] == "deny"


def test_before_codex_asks_its_person_the_gate_says_no_or_nothing(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", "codex")
    event = {**before("Bash", {"command": "rm a"}, cwd=work), "hook_event_name": "PermissionRequest"}
    assert tell(home, event, "codex") == Reply()
    said = json.loads(tell(home, {**event, "tool_name": "Teleport"}, "codex").out)["hookSpecificOutput"]
    assert said["decision"]["behavior"] == "deny"


def test_a_result_over_its_limit_is_withheld(tmp_path: Path, work: str) -> None:
    home = make_gate(tmp_path / "authority", "gemini")
    tell(home, gemini("BeforeTool", {"command": "ls"}, work), "gemini")
    big = json.dumps(gemini("AfterTool", {"command": "ls"}, work, tool_response="x" * (17 * 1024 * 1024))).encode()
    said = json.loads(run(big, ["gemini", f"--home={home}"], "n").out)
    assert said["decision"] == "deny" and "Gate" in said["reason"]


# ---- settings that are none ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nobody"],
        ["claude", "--frob=1"],
        ["claude", "--home"],
        ["claude", "x"],
        ["claude", "--native-ask=yes"],
        ["claude", "--waits=long"],
        ["claude", "--home=a", "--home=b"],
        ["claude", "--home=/nowhere"],
    ],
)
def test_settings_that_are_none_block(words: list[str], work: str) -> None:
    reply = run(json.dumps(before("Bash", {"command": "ls"}, cwd=work)).encode(), words, "n")
    assert reply.code == 2 and reply.err.startswith("gate: ") and not reply.out


@pytest.mark.parametrize("long", ["session_id", "agent_id", "agent_type", "tool_use_id"])
def test_names_are_short_and_printable(home: Path, work: str, long: str) -> None:
    assert tell(home, {**before("Bash", {"command": "ls"}, cwd=work), long: "x" * 201}).code == 2
    assert tell(home, {**before("Bash", {"command": "ls"}, cwd=work), long: "a\nb"}).code == 2


def test_the_files_that_are_kept_are_the_owners_alone(home: Path, work: str) -> None:
    tell(home, before("Bash", {"command": "ls"}, cwd=work, agent_id="a", agent_type="x"))
    kept = [path for path in (home / "hook").rglob("*") if path.is_file()]
    assert {path.parent.name for path in kept} == {"hook", "place", "part"}
    assert all(not path.stat().st_mode & 0o077 for path in kept)
    place = next((home / "hook" / "place").iterdir())
    place.chmod(0o666)
    assert tell(home, before("Bash", {"command": "ls"}, call="t2", cwd=work)).code == 2
    os.unlink(place)
    place.symlink_to("/etc/hostname")
    assert tell(home, before("Bash", {"command": "ls"}, call="t3", cwd=work)).code == 2


def test_the_log_of_all_that_holds(home: Path, work: str) -> None:
    tell(home, before("Bash", {"command": "ls"}, cwd=work))
    assert [one["type"] for one in records(home, "intent", "call")]
