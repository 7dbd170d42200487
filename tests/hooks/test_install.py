"""Installing hooks: absolute paths, settings that fail closed, others' entries kept, twice is once, and back again."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from gate.errors import ConfigError
from gate.hooks.install import CLIENT, FILES, entry, plan
from gate.hooks.registry import AGENTS
from tests.commands.kit import run
from tests.hooks.kit import before, records

OTHERS = {
    "claude": {"model": "x", "hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "mine.sh"}]}], "Stop": []}},
    "codex": {"hooks": {"PreToolUse": [{"hooks": [{"type": "command", "command": "mine.sh"}]}]}},
    "gemini": {"theme": "x", "hooks": {"BeforeTool": [{"matcher": "write_file", "hooks": [{"type": "command", "command": "mine.sh"}]}]}},
    "copilot": {"version": 1, "hooks": {"preToolUse": [{"type": "command", "bash": "mine.sh"}]}},
    "cursor": {"version": 1, "hooks": {"preToolUse": [{"command": "mine.sh"}], "stop": [{"command": "bye.sh"}]}},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, which is the current folder, and a gate elsewhere."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    (tmp_path / "person").mkdir()
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "authority" / ".gate"))
    assert run("init", str(tmp_path / "authority")).code == 0
    return folder


def commands(value: object) -> list[str]:
    """Every command line of ours in a configuration."""
    if isinstance(value, dict):
        return [one for item in value.values() for one in commands(item)]
    if isinstance(value, list):
        return [one for item in value for one in commands(item)]
    return [value] if isinstance(value, str) and str(CLIENT) in value else []


@pytest.mark.parametrize("agent", AGENTS)
def test_what_is_written_runs_and_names_everything_by_absolute_path(project: Path, agent: str) -> None:
    assert run("hook", "install", agent).code == 0
    path = project / FILES[agent].project
    for line in commands(json.loads(path.read_text())):
        words = shlex.split(line.split(" || ")[0])
        assert all(Path(word).is_absolute() for word in (words[0], words[3], words[5].partition("=")[2], words[6].partition("=")[2]))
        assert words[1:3] == ["-I", "-S"]
        done = subprocess.run(["/bin/sh", "-c", line], input=b"{", env={"PATH": "/nowhere"}, capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (2, b"") and done.stderr.endswith(b"\n")
        assert done.stderr.count(b"gate:") == 1 and b"gate init" not in done.stderr  # one reason, and nothing for a model to do
        gone = subprocess.run(["/bin/sh", "-c", line.replace(words[0], "/nowhere/python")], input=b"{}", capture_output=True, check=False, timeout=60)
        assert (gone.returncode, gone.stdout) == (2, b"") and b"could not run" in gone.stderr


def test_settings_that_fail_closed_are_set() -> None:
    made = entry("claude", {"home": "/h"}, 25)
    claude = json.loads(plan("claude", Path("/nowhere"), made).after or "")
    assert all(hook["onFailure"] == "block" and hook["timeout"] > 25 for group in claude["hooks"].values() for one in group for hook in one["hooks"])
    cursor = json.loads(plan("cursor", Path("/nowhere"), made).after or "")["hooks"]
    assert all(one["failClosed"] for name, group in cursor.items() for one in group if not name.startswith("post"))
    gemini = json.loads(plan("gemini", Path("/nowhere"), made).after or "")["hooks"]
    assert gemini["BeforeTool"][0]["hooks"][0]["timeout"] > 25_000
    copilot = json.loads(plan("copilot", Path("/nowhere"), made).after or "")["hooks"]
    assert copilot["preToolUse"][0]["timeoutSec"] > 25 and "--event=preToolUse" in copilot["preToolUse"][0]["bash"]
    codex = json.loads(plan("codex", Path("/nowhere"), made).after or "")["hooks"]
    assert set(codex) == {"PreToolUse", "PermissionRequest", "PostToolUse"}


def test_where_questions_are_answered_is_said(project: Path, tmp_path: Path) -> None:
    """In the project `gate ask` finds no gate, and says to make one there, where the agent would come to its keys."""
    home = tmp_path / "authority" / ".gate"
    assert f"questions are answered with: gate ask --home {home}" in run("hook", "install", "claude").out
    assert "gate ask" not in run("hook", "install", "claude", "--native-ask", "ask").out


@pytest.mark.parametrize(("agent", "word"), [("codex", "ask"), ("gemini", "ask"), ("cursor", "defer"), ("copilot", "defer")])
def test_an_agent_that_cannot_hand_a_question_over_is_not_told_to(project: Path, agent: str, word: str) -> None:
    ran = run("hook", "install", agent, "--native-ask", word)
    assert (ran.code, "cannot hand a question over" in ran.err) == (2, True)
    assert not (project / FILES[agent].project).exists()


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("user", [False, True])
def test_what_others_wrote_stays_and_twice_is_once(project: Path, agent: str, user: bool, tmp_path: Path) -> None:
    words = ["--user"] if user else []
    path = tmp_path / "person" / FILES[agent].user if user else project / FILES[agent].project
    path.parent.mkdir(parents=True)
    before_ = json.dumps(OTHERS[agent])
    path.write_text(before_)
    assert run("hook", "install", agent, *words).code == 0
    once = path.read_text()
    assert commands(json.loads(once)) and "mine.sh" in once
    assert path.with_name(f"{path.name}.before-gate").read_text() == before_
    assert "no hooks" not in run("hook", "install", agent, *words).out
    assert path.read_text() == once
    assert run("hook", "uninstall", agent, *words).code == 0
    left = json.loads(path.read_text())
    assert not commands(left) and left["hooks"] == {name: entries for name, entries in OTHERS[agent]["hooks"].items() if entries}
    assert {name: value for name, value in left.items() if name != "hooks"} == {
        name: value for name, value in OTHERS[agent].items() if name != "hooks"
    }
    assert "no hooks of gate were there" in run("hook", "uninstall", agent, *words).out


@pytest.mark.parametrize("agent", AGENTS)
def test_a_file_that_only_the_hook_needed_goes_with_it(project: Path, agent: str) -> None:
    run("hook", "install", agent)
    assert (project / FILES[agent].project).exists()
    run("hook", "uninstall", agent)
    assert not (project / FILES[agent].project).exists()


@pytest.mark.parametrize("agent", AGENTS)
def test_a_copy_of_what_was_there_never_has_the_gates_hooks(project: Path, agent: str) -> None:
    path = project / FILES[agent].project
    copy = path.with_name(f"{path.name}.before-gate")
    run("hook", "install", agent)
    ours = path.read_text()
    run("hook", "uninstall", agent)
    assert not path.exists() and not copy.exists()
    path.write_text(json.dumps(OTHERS[agent]))
    copy.write_text(ours)  # as an older version left it
    said = run("hook", "install", agent)
    assert copy.read_text() == json.dumps(OTHERS[agent]) and "before-gate" in said.out
    run("hook", "uninstall", agent)
    assert copy.read_text() == json.dumps(OTHERS[agent])  # a person's own, which is left


def test_a_dry_run_shows_and_changes_nothing(project: Path, tmp_path: Path) -> None:
    said = run("hook", "install", "claude", "--dry-run")
    assert said.code == 0 and "+" in said.out and "onFailure" in said.out
    assert not (project / ".claude").exists()
    assert not (tmp_path / "authority" / ".gate" / "hook").exists()
    assert run("hook", "install", "claude", "--dry-run", "--json").data["changed"] is True


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}', '{"a": 1, "a": 2}', "\xff"])
def test_a_file_that_is_not_understood_is_left_alone(project: Path, text: str) -> None:
    path = project / ".claude" / "settings.local.json"
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    said = run("hook", "install", "claude")
    assert said.code == 2 and str(path) in said.err
    assert path.read_bytes() == text.encode("latin-1")
    with pytest.raises(ConfigError):
        plan("claude", project, None)


def test_the_capability_is_made_once_and_is_good_for_the_agents_own_tools(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "authority" / ".gate"
    first = run("hook", "install", "claude").out
    assert "gate revoke" in first
    token = (home / "hook" / "claude.capability").read_text()
    assert "that is there" in run("hook", "install", "claude").out
    assert (home / "hook" / "claude.capability").read_text() == token
    assert (home / "hook" / "claude.capability").stat().st_mode & 0o077 == 0
    line = commands(json.loads((project / ".claude" / "settings.local.json").read_text()))[0]
    event = json.dumps(before("Bash", {"command": "ls"}, cwd=str(project))).encode()
    done = subprocess.run(["/bin/sh", "-c", line], input=event, capture_output=True, check=False, timeout=60)
    assert json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "allow"
    run("revoke", run("show", str(home / "hook" / "claude.capability"), "--json").data["jti"])
    again = json.dumps(before("Bash", {"command": "ls"}, call="t2", cwd=str(project))).encode()
    done = subprocess.run(["/bin/sh", "-c", line], input=again, capture_output=True, check=False, timeout=60)
    assert json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert len(records(home, "intent", "call")) == 1


def test_a_capability_of_ones_own_is_named_by_path(project: Path, tmp_path: Path) -> None:
    token = run("grant", "me", "--tool", "Bash command=*").out
    (tmp_path / "token").write_text(token)
    assert run("hook", "install", "claude", "--capability", str(tmp_path / "token")).code == 0
    assert f"--capability={tmp_path / 'token'}" in (project / ".claude" / "settings.local.json").read_text()
    (tmp_path / "token").write_text("x.y.z")
    assert run("hook", "install", "claude", "--capability", str(tmp_path / "token")).code != 0


def test_how_long_it_waits_is_less_than_how_long_the_agent_does(project: Path) -> None:
    assert run("hook", "install", "claude", "--waits", "50s").code == 0
    data = json.loads((project / ".claude" / "settings.local.json").read_text())
    hook = data["hooks"]["PreToolUse"][0]["hooks"][0]
    words = dict(word.split("=", 1) for word in shlex.split(hook["command"]) if word.startswith("--"))
    assert float(words["--waits"]) < float(words["--deadline"]) < hook["timeout"]


def test_without_a_gate_nothing_is_installed(project: Path, tmp_path: Path) -> None:
    said = run("hook", "install", "claude", "--home", str(tmp_path / "nowhere"))
    assert said.code == 2 and not (project / ".claude").exists()
    assert "gate init ~/.local/share/gate/project" in said.err and "--home ~/.local/share/gate/project/.gate" in said.err
    inner = run("hook", "install", "claude", "--home", str(tmp_path / "authority"))
    assert inner.code == 2 and f"--home {tmp_path / 'authority' / '.gate'}" in inner.err


def test_a_projects_hooks_are_not_in_the_file_that_teams_commit(project: Path) -> None:
    shared = project / ".claude" / "settings.json"
    run("hook", "install", "claude")
    assert not shared.exists()
    (project / ".claude" / "settings.local.json").rename(shared)  # as an earlier version wrote it
    run("hook", "install", "claude")
    assert not shared.exists() and commands(json.loads((project / ".claude" / "settings.local.json").read_text()))
    (project / ".claude" / "settings.local.json").rename(shared)
    assert run("hook", "uninstall", "claude").code == 0 and not shared.exists()
    assert "what the team commits" in run("hook", "install", "cursor").out


def test_an_uninstall_names_the_capability_that_stays_good(project: Path, tmp_path: Path) -> None:
    run("hook", "install", "claude")
    jti = run("show", str(tmp_path / "authority" / ".gate" / "hook" / "claude.capability"), "--json").data["jti"]
    assert f"gate revoke {jti} --home {tmp_path / 'authority' / '.gate'}" in run("hook", "uninstall", "claude").out
