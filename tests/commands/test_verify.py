"""`gate verify` and `gate prove`: with the public key alone; whatever is changed is found."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gate import ANY, Gate
from tests.commands.kit import process, run


@pytest.fixture
def log(made: Path) -> Path:
    """A log with some calls, in a copy that is all an auditor has."""
    with Gate() as gate:
        gate.wrap(lambda n: n, name="take")
        with gate.acting(gate.grant("x", tools={"take": ANY})):
            for number in range(5):
                gate.call("take", {"n": number})
    (made / "key").write_text(run("keys", "export", "log").out)
    (made / "auditor").mkdir()
    shutil.copy(made / ".gate" / "gate.db", made / "auditor" / "log.db")
    return made / "auditor" / "log.db"


def sql(database: Path, *statements: str) -> None:
    """Somebody edits the log."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def test_an_untouched_log(log: Path, made: Path) -> None:
    result = run("verify", "--json")
    assert (result.code, result.data["ok"], result.data["problems"]) == (0, True, [])
    assert result.data["checkpoints"] >= 1
    elsewhere = process("verify", str(log), "--key", str(made / "key"), cwd=log.parent)
    assert (elsewhere.code, "nobody changed it" in elsewhere.out) == (0, True)


CHANGES = {
    "one byte": ["UPDATE record SET body = CAST(replace(CAST(body AS TEXT), '\"take\"', '\"tame\"') AS BLOB) WHERE seq = 4"],
    "one record gone": ["DELETE FROM record WHERE seq = 3"],
    "the end cut off": ["DELETE FROM record WHERE seq > 5"],
    "two records swapped": [
        "UPDATE record SET seq = -1 WHERE seq = 3",
        "UPDATE record SET seq = 3 WHERE seq = 4",
        "UPDATE record SET seq = 4 WHERE seq = -1",
    ],
    "a record added inside": ["UPDATE record SET seq = seq + 1000 WHERE seq > 3", "INSERT INTO record VALUES (4, '{}')"],
    "the checkpoint edited": ["UPDATE checkpoint SET note = replace(note, 'capgate', 'capgat3')"],
    "a record emptied": ["UPDATE record SET body = x'' WHERE seq = 2"],
}


@pytest.mark.parametrize("change", CHANGES)
def test_attack_every_change_is_found(log: Path, made: Path, change: str) -> None:
    try:
        sql(log, *CHANGES[change])
    except sqlite3.IntegrityError:
        sql(log, *[statement.replace("'{}'", "CAST('{}' AS BLOB)") for statement in CHANGES[change]])
    result = run("verify", str(log), "--key", "key", "--json")
    assert (result.code, result.data["ok"]) == (1, False)
    assert result.data["problems"]
    text = run("verify", str(log), "--key", "key")
    assert (text.code, "somebody changed it" in text.out) == (1, True)


def test_attack_a_log_cut_back_to_an_older_checkpoint_is_found_with_one_kept_elsewhere(log: Path, made: Path) -> None:
    assert run("verify", "--keep", "kept").code == 0
    shutil.copy(log, made / "older.db")
    with Gate() as gate:
        gate.home.records.event("note", text="more")
    assert run("verify", "--keep", "newer").code == 0
    assert run("verify", "--checkpoint", "kept").code == 0
    assert run("verify", "older.db", "--key", "key", "--checkpoint", "kept").code == 0
    assert run("verify", "older.db", "--key", "key", "--checkpoint", "newer").code == 1


def test_a_proof_that_others_can_check(log: Path, made: Path) -> None:
    result = run("prove", "4", "--record", "record")
    assert result.code == 0
    (made / "proof").write_text(result.out)
    checked = run("verify", "--proof", "proof", "--record", "record", "--key", "key", "--home", "nowhere")
    assert (checked.code, "the record is in the log" in checked.out) == (0, True), checked
    (made / "record").write_bytes((made / "record").read_bytes().replace(b"take", b"tame"))
    changed = run("verify", "--proof", "proof", "--record", "record", "--key", "key")
    assert (changed.code, changed.out) == (1, "")
    data = run("prove", "4", "--json").data
    assert (data["index"], data["proof"].startswith("c2sp.org/tlog-proof@v1")) == (4, True)


def test_a_proof_made_for_another_log_shows_nothing(log: Path, made: Path) -> None:
    run("init", "other")
    other = run("keys", "export", "log", "--home", "other/.gate").out.strip()
    (made / "proof").write_text(run("prove", "4", "--record", "record").out)
    assert run("verify", "--proof", "proof", "--record", "record", "--key", other).code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "missing.db"],
        ["verify", "--key", "nonsense"],
        ["verify", "--checkpoint", "missing"],
        ["verify", "--proof", "key"],
        ["verify", "key"],
        ["prove", "9999"],
        ["prove", "-1"],
        ["prove", "x"],
        ["prove", "1", "--home", "nowhere"],
    ],
)
def test_what_cannot_be_done_is_one_line(log: Path, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1), result


def test_a_checkpoint_that_is_none(log: Path, made: Path) -> None:
    result = run("verify", "--checkpoint", "key")
    assert (result.code, result.out) == (1, "")


@pytest.mark.parametrize("command", [["verify"], ["log"], ["prove", "0"], ["stop", "--all"], ["grant", "a", "--tool", "x *"], ["revoke", "some-id"]])
def test_a_file_too_damaged_to_open_says_what_to_do(made: Path, command: list[str]) -> None:
    run("grant", "a", "--tool", "x *")
    (made / ".gate" / "gate.db").write_bytes(b"damaged " * 1000)
    for extra in ("gate.db-wal", "gate.db-shm"):
        (made / ".gate" / extra).unlink(missing_ok=True)
    result = run(*command)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "keep it as evidence" in result.err and "gate init" in result.err
    assert "call refused" not in result.err
