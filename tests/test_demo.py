"""The demo, for real: every fact observed, one object as JSON, nothing left behind, and a check that fails when the gate lets things through."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate.demo import play as playing
from gate.demo import programs, task
from gate.demo.listener import Listener
from gate.demo.play import Play
from gate.demo.report import as_data, table
from gate.demo.run import run as play_demo
from gate.demo.scene import Scene
from tests.commands.kit import Ran, process, terminal

CHECKS = {
    "tunnel_connects_without_gate",
    "miner_burns_without_gate",
    "useful_work_passed",
    "tunnel_refused",
    "tunnel_never_reached_listener",
    "miner_refused",
    "miner_never_started",
    "refusals_carry_all_reasons",
    "folder_not_left",
    "rules_reloaded",
    "risky_calls_wait_for_a_yes",
    "a_no_is_a_no",
    "a_yes_runs_it_once",
    "swapped_argument_had_no_effect",
    "approval_for_another_call_caught",
    "approval_runs_its_call_once",
    "second_use_of_approval_caught",
    "sub_agent_can_do_less",
    "sub_agent_cannot_widen",
    "budget_ends_after_its_last_unit",
    "kill_switch_stops_the_next_call",
    "log_verified_offline",
    "every_call_has_an_outcome",
    "one_changed_byte_found",
    "no_connection_after_the_gate",
}


# ---- without a gate the commands work -----------------------------------------------------------------------------------------------------


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """The folder, the programs and the listener."""
    made = Scene(tmp_path)
    yield made
    made.close()


def test_ungated_the_tunnel_reaches_the_listener(scene: Scene) -> None:
    assert scene.listener.connections == 0
    assert scene.tunnel_works()
    assert scene.listener.connections == 1
    assert scene.listener.greetings[0].startswith(b"SSH-2.0")


def test_ungated_the_stand_in_reaches_it_too_where_there_is_no_ssh(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.demo.scene.shutil.which", lambda *_, **__: None)
    assert scene.tunnel_works()
    assert scene.tunnel.startswith("./ssh -fNR 2222:localhost:22 ")
    assert scene.listener.greetings == [b"SSH-2.0-stand-in\r\n"]


def test_ungated_the_miner_burns(scene: Scene) -> None:
    assert scene.mining_works() > programs.MINER_SECONDS / 4
    assert b"login" in scene.listener.greetings[0]
    assert not scene.mined


def test_the_listener_counts_every_connection() -> None:
    import socket

    listener = Listener()
    for number in range(3):
        socket.create_connection(("127.0.0.1", listener.port)).close()
        assert listener.heard(number + 1, 5.0)
    assert not listener.heard(4, 0.05)
    assert listener.connections == 3
    listener.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", listener.port))


# ---- the whole of it ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """`gate demo --json` in a process of its own, with a folder for temporary files that can be looked at."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "tmp").mkdir()
    result = process("demo", "--json", cwd=folder, TMPDIR=str(folder / "tmp"))
    assert [path.name for path in folder.iterdir()] == ["tmp"]
    assert list((folder / "tmp").iterdir()) == []
    return result


def test_every_check_holds(played: Ran) -> None:
    assert played.err == ""
    assert played.data["checks"] == dict.fromkeys(CHECKS, True)
    assert (played.code, played.data["ok"]) == (0, True)


def test_json_is_exactly_one_object_with_the_figures(played: Ran) -> None:
    data, end = json.JSONDecoder().raw_decode(played.out)
    assert played.out[end:] == "\n"
    assert set(data) == {"ok", "checks", "figures", "summary"}
    figures = data["figures"]
    assert figures["connections"] == figures["connections_without_gate"] == 2
    assert figures["calls"] > figures["refused"] > 10
    assert figures["records"] > figures["calls"]
    assert min(figures["decision_us"], figures["verify_ms"], figures["seconds"]) > 0
    assert all(row["holds"] for row in data["summary"])


def test_the_kept_folder_can_be_looked_at_and_its_log_verified(tmp_path: Path) -> None:
    shown = terminal("demo", "--keep", "kept", cwd=tmp_path)
    assert shown.code == 0
    assert "all 25 checks hold" in shown.out
    assert "\x1b[32m✓" in shown.out
    home = str(tmp_path / "kept" / "gate" / ".gate")
    assert process("verify", "--home", home, cwd=tmp_path).code == 0
    log = process("log", "--home", home, "--json", "--decision", "deny", cwd=tmp_path).lines
    assert any("no-tunnels" in " ".join(record["reasons"]) for record in log)
    again = process("demo", "--keep", "kept", cwd=tmp_path)
    assert (again.code, again.err.count("\n")) == (2, 1)


def test_plain_text_elsewhere(tmp_path: Path) -> None:
    result = process("demo", cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    assert "\x1b" not in result.out
    assert "What was tried" in result.out


# ---- it can fail ----------------------------------------------------------------------------------------------------------------------------


def test_a_gate_that_lets_everything_through_fails_the_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from gate.constraint import ANY

    anything: dict[str, object] = dict.fromkeys(("files.list", "files.read", "files.write", "shell.run"), ANY)
    real = Play.grant

    def grant(self: Play, **said: Any) -> Any:
        return real(self, **(said | {"tools": anything}))

    open_rules = '[[rule]]\nid = "all"\nallow = {{ tool = "*" }}\n# {verdict} {python}\n'
    monkeypatch.setattr(Play, "grant", grant)
    monkeypatch.setattr(playing, "RULES", open_rules)
    play = play_demo(str(tmp_path / "kept"), quiet=True)
    wrong = {name for name, holds in play.checks.items() if not holds}
    assert {"tunnel_refused", "tunnel_never_reached_listener", "miner_refused", "miner_never_started", "risky_calls_wait_for_a_yes"} <= wrong
    assert {"a_no_is_a_no", "no_connection_after_the_gate"} <= wrong
    assert as_data(play)["ok"] is False
    text = "\n".join(table(play))
    assert "not as it should be" in text
    assert "✗" in text
    assert "the listener got 0 connections" not in text


def test_a_demo_whose_checks_fail_exits_with_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Scene, "tunnel_works", lambda _: False)
    from tests.commands.kit import run

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = run("demo", "--json")
    assert (result.code, result.data["ok"], result.data["checks"]["tunnel_connects_without_gate"]) == (1, False, False)


def test_the_checks_of_a_row_decide_what_it_says(scene: Scene) -> None:
    play = Play(scene, quiet=True)
    play.check("good", holds=True)
    play.check("bad", holds=False)
    play.row("a", "did", "proof", "good")
    play.row("b", "did", "proof", "good", "bad")
    play.gate.close()
    assert [(row.did, row.holds) for row in play.rows] == [("did", True), ("not what it should", False)]
    assert "proof" not in play.rows[1].proof


def test_interrupted_it_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    shown = terminal("demo", cwd=tmp_path, until="The side effects", keys=b"\x03", TMPDIR=str(tmp_path / "tmp"))
    assert shown.code == 130
    assert "Traceback" not in shown.out
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_programs_do_what_they_say(scene: Scene) -> None:
    done = subprocess.run([sys.executable, "summarise.py", "data/visits.csv"], cwd=scene.folder, capture_output=True, text=True, check=True)
    assert done.stdout == f"visits: {programs.total()}\n"
    assert task.without_a_gate.__doc__
