"""`gate log`: finds what it is asked for, hides nothing and shows nothing that steers a terminal; also while a gate is running."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gate import ANY, Denied, Gate
from tests.commands.kit import environment, process, run, terminal


def use(gate: Gate, token: str, text: str, *, session: str = "s1", path: str = "a") -> None:
    """One call, refused or not."""
    with gate.acting(token, session=session):
        try:
            gate.call("save", {"path": path, "text": text})
        except (Denied, OSError):
            return


def save(path: str, text: str) -> str:
    """A tool that may fail."""
    if text == "fail":
        raise OSError("disk \x1b[2J gone")
    return path


@pytest.fixture
def gate(made: Path) -> Gate:
    """A gate whose log shows paths and hides texts."""
    gate = Gate(clear={"save": ["path"]})
    gate.wrap(save)
    return gate


@pytest.fixture
def told(gate: Gate) -> Gate:
    """A log with two agents, a refusal and a failing tool."""
    one = gate.grant("one", tools={"save": {"path": "a", "text": ANY}}).presentation
    two = gate.grant("two", tools={"save": ANY}).presentation
    use(gate, one, "hello")
    use(gate, one, "hello", path="b\x1b]0;x\x07")
    use(gate, two, "fail", session="s2")
    gate.stop(agent="two", by="me", reason="enough")
    use(gate, two, "late", session="s2")
    gate.close()
    return gate


def found(*options: str) -> list[tuple[str, str]]:
    """Type and agent of the records found."""
    return [(record["type"], record.get("agent", "")) for record in run("log", "--json", *options).lines]


def test_everything_in_order_with_its_number(told: Gate) -> None:
    records = run("log", "--json").lines
    assert [record["index"] for record in records] == list(range(len(records)))
    assert [record["type"] for record in records if record["type"] in ("grant", "refusal", "stop")] == [
        "grant",
        "grant",
        "refusal",
        "stop",
        "refusal",
    ]


def test_filters(told: Gate) -> None:
    assert {agent for _, agent in found("--agent", "one")} == {"one"}
    assert found("--type", "stop") == [("stop", "")]
    assert found("--type", "stop", "--type", "grant") == [("grant", "one"), ("grant", "two"), ("stop", "")]
    assert found("--decision", "deny") == [("refusal", "one"), ("refusal", "two")]
    assert {kind for kind, _ in found("--decision", "allow")} <= {"intent", "call"}
    assert {agent for _, agent in found("--session", "s2", "--tool", "save")} == {"two"}
    assert found("--agent", "nobody") == []
    call = next(record["call"] for record in run("log", "--json", "--decision", "allow").lines)
    assert {record["call"] for record in run("log", "--json", "--call", call).lines} == {call}
    assert found("--decision", "deny", "--agent", "two", "--limit", "1") == [("refusal", "two")]


def test_the_last_ones_in_order(told: Gate) -> None:
    records = run("log", "--json").lines
    assert run("log", "--json", "--limit", "3").lines == records[-3:]
    assert run("log", "--json", "--limit", "0").lines == records
    assert run("log", "--json", "--limit", "3", "--type", "grant").lines == [record for record in records if record["type"] == "grant"]


def test_since(told: Gate) -> None:
    records = run("log", "--json").lines
    assert run("log", "--json", "--since", "1h").lines == records
    assert run("log", "--json", "--since", "2999-01-01T00:00:00Z").lines == []
    middle = records[len(records) // 2]["time"]
    assert run("log", "--json", "--since", middle).lines == [record for record in records if record["time"] >= middle]
    assert run("log", "--since", "yesterday").code == 2


def test_a_value_is_found_also_where_the_log_hides_it(told: Gate) -> None:
    whole = run("log", "--json").out
    assert "hello" not in whole
    assert {(record["type"], record["agent"]) for record in run("log", "--json", "--appears", "hello").lines} >= {("refusal", "one")}
    assert len(run("log", "--json", "--appears", "hello", "--type", "refusal").lines) == 1
    assert run("log", "--json", "--appears", "a", "--type", "refusal").lines[0]["agent"] == "two"
    assert run("log", "--json", "--appears", "goodbye").lines == []


def test_numbers_are_looked_up_as_numbers_and_as_text(made: Path) -> None:
    with Gate() as gate:
        gate.wrap(lambda n: n, name="take")
        with gate.acting(gate.grant("x", tools={"take": ANY})):
            for value in (7, "7", True, 7.5):
                gate.call("take", {"n": value})
    calls = run("log", "--json", "--appears", "7").lines
    assert len({record["call"] for record in calls}) == 2
    assert len({record["call"] for record in run("log", "--json", "--appears", "true").lines}) == 1


def test_attack_what_agents_and_tools_wrote_cannot_steer_the_terminal(told: Gate, made: Path) -> None:
    shown = terminal("log", cwd=made, NO_COLOR="1")
    assert shown.code == 0
    assert not any(c in shown.out for c in "\x1b\x07")
    assert r"disk \x1b[2J gone" in shown.out
    assert "agent 'two' is stopped" in shown.out
    assert "<hidden " in shown.out


def test_a_terminal_gets_the_last_hundred(made: Path) -> None:
    with Gate() as gate:
        for number in range(130):
            gate.home.records.event("note", number=number)
    assert len(terminal("log", cwd=made).out.splitlines()) == 100
    assert len(run("log").out.splitlines()) >= 130


def test_reading_while_a_gate_is_running_and_nothing_is_written(gate: Gate, made: Path) -> None:
    token = gate.grant("one", tools={"save": ANY}).presentation
    use(gate, token, "hello")
    gate.home.ledger.flush()
    before = len(run("log", "--json").lines)
    assert process("log", "--json", cwd=made).lines == run("log", "--json").lines
    assert len(run("log", "--json").lines) == before
    gate.close()


def test_follow_shows_what_is_written_afterwards(gate: Gate, made: Path) -> None:
    def refused(times: int) -> None:
        with gate.acting(token):
            for _ in range(times):
                with pytest.raises(Denied):
                    gate.call("nosuch", {})
        gate.home.ledger.flush()

    token = gate.grant("one", tools={"save": ANY}).presentation
    refused(1)
    arguments = [sys.executable, "-m", "gate", "log", "--follow", "--json", "--type", "refusal", "--limit", "1"]
    with subprocess.Popen(arguments, cwd=made, env=environment(), stdout=subprocess.PIPE, text=True) as following:
        killer = threading.Timer(30, following.kill)
        killer.start()
        assert following.stdout is not None
        seen = [json.loads(following.stdout.readline())["type"]]  # now it follows
        refused(3)
        seen += [json.loads(following.stdout.readline())["type"] for _ in range(3)]
        killer.cancel()
        following.terminate()
    assert seen == ["refusal"] * 4
    gate.close()


def test_following_does_not_keep_the_writers_journal_growing(gate: Gate, made: Path) -> None:
    token = gate.grant("one", tools={"save": ANY}).presentation
    gate.home.ledger.flush()
    with subprocess.Popen(
        [sys.executable, "-m", "gate", "log", "--follow", "--json"], cwd=made, env=environment(), stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        following.stdout.readline()
        time.sleep(0.5)
        use(gate, token, "hello")
        gate.home.ledger.flush()
        time.sleep(0.5)
        db = sqlite3.connect(made / ".gate" / "gate.db")
        busy, pages, done = db.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        db.close()
        following.terminate()
    assert (busy, pages) == (0, done)
    gate.close()


def test_interrupting_follow_is_quiet(told: Gate, made: Path) -> None:
    shown = terminal("log", "--follow", cwd=made, until="close", keys=b"\x03")
    assert shown.code == 130
    assert "Traceback" not in shown.out


def test_a_reader_that_goes_away_is_no_error(told: Gate, made: Path) -> None:
    command = f"{sys.executable} -m gate log --json | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=made, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


def test_no_log_yet_and_no_gate(folder: Path) -> None:
    assert run("log").code == 2
    run("init")
    (folder / ".gate" / "gate.db").unlink(missing_ok=True)
    result = run("log")
    assert (result.code, "recorded nothing yet" in result.err) == (2, True)


def test_a_record_that_is_none_is_shown_as_that(told: Gate, made: Path) -> None:
    db = sqlite3.connect(made / ".gate" / "gate.db")
    db.execute("UPDATE record SET body = ? WHERE seq = 1", (b"\xff\x1b[2J",))
    db.commit()
    db.close()
    assert run("log", "--json").lines[1]["type"] == "unreadable"
    assert "\x1b" not in run("log").out
