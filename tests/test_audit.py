"""Verify: every way to change the log or the ledger is found, and a log that nobody changed is not accused."""

from __future__ import annotations

import doctest
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import gate.audit
from gate.audit import Problem, appearances, check_proof, growth, prove, verify
from gate.errors import ConfigError, TamperError, TokenError
from gate.log.merkle import Growing, leaf_hash, verify_consistency
from gate.log.note import NoteKey, read_checkpoint, signed_checkpoint, verifier_key
from gate.log.redact import Redactor
from gate.store import tree as tiles
from gate.tokens.jwk import SigningKey
from tests.ledgers import ALLOWED, KEY, ORIGIN, SIGNER, busy_log, call, calls, database, end, ledger, records, rows, run, spend

Attack = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that nobody touched."""
    folder = tmp_path_factory.mktemp("original")
    busy_log(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of it to attack."""
    shutil.copytree(original / "gate", tmp_path / "gate")
    return tmp_path


def attacked(folder: Path, attack: Attack, *, checkpoint: str = "", key: str = KEY) -> list[Problem]:
    """What verify says after the attack."""
    with database(folder) as db:
        db.execute("BEGIN")
        attack(db)
        db.execute("COMMIT")
    return verify(folder / "gate" / "gate.db", key, checkpoint=checkpoint).problems


def test_the_example_of_the_module() -> None:
    outcome = doctest.testmod(gate.audit)
    assert outcome.attempted
    assert not outcome.failed


def test_an_untouched_log_is_right(original: Path) -> None:
    report = verify(original / "gate" / "gate.db", KEY)
    assert report.ok
    assert report.problems == []
    assert report.records == len(records(original)) > 600
    assert report.checkpoints == 4
    assert report.unsigned == 0
    assert list(report.unsettled) == ["waiting"]


def test_verify_needs_the_public_key_alone(original: Path, tmp_path: Path) -> None:
    shutil.copy(original / "gate" / "gate.db", tmp_path / "copy.db")
    (tmp_path / "copy.db").chmod(0o400)
    assert verify(tmp_path / "copy.db", KEY).ok


# ---- an attacker who can write the files, without the key -------------------------------------------------------------------------------

EVIL = b'{"v":1,"type":"refusal","time":"2027-01-15T08:00:00.000000Z","gate":"example.com/agents","tool":"nothing"}'


def shift(db: sqlite3.Connection, at: int, by: int) -> None:
    """Moves every record from `at` on."""
    db.execute("UPDATE record SET seq = -seq - ? WHERE seq >= ?", (1 + by, at))
    db.execute("UPDATE record SET seq = -seq - 1 WHERE seq < 0")


def retiled(db: sqlite3.Connection) -> Growing:
    """Makes all tiles again from the records, as an attacker who knows the format would."""
    tree = Growing()
    db.execute("DELETE FROM tile")
    for (body,) in db.execute("SELECT body FROM record ORDER BY seq").fetchall():
        for tile in tree.append(leaf_hash(body)):
            db.execute("INSERT INTO tile VALUES (?, ?, ?)", tiles.row(tile))
    return tree


def edit(at: int) -> Attack:
    return lambda db: db.execute("UPDATE record SET body = ? WHERE seq = ?", (EVIL, at))


def delete(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM record WHERE seq = 100")
    shift(db, 101, -1)


def insert(db: sqlite3.Connection) -> None:
    shift(db, 100, 1)
    db.execute("INSERT INTO record VALUES (100, ?)", (EVIL,))


def reorder(db: sqlite3.Connection) -> None:
    first, second = [body for (body,) in db.execute("SELECT body FROM record WHERE seq IN (100, 101) ORDER BY seq")]
    db.execute("UPDATE record SET body = ? WHERE seq = 100", (second,))
    db.execute("UPDATE record SET body = ? WHERE seq = 101", (first,))


def one_bit(db: sqlite3.Connection) -> None:
    seq, body = db.execute("SELECT seq, body FROM record WHERE seq >= 300 AND instr(body, CAST('notes.md' AS BLOB)) LIMIT 1").fetchone()
    db.execute("UPDATE record SET body = ? WHERE seq = ?", (body.replace(b"notes.md", b"notes.mc"), seq))


def truncate(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM record WHERE seq >= 300")
    db.execute("DELETE FROM tile")
    retiled(db)


LOG_ATTACKS: dict[str, Attack] = {
    "edit the first": edit(0),
    "edit one": edit(100),
    "edit one in a later tile": edit(400),
    "edit one in the last, incomplete tile": lambda db: db.execute(
        "UPDATE record SET body = ? WHERE seq = (SELECT max(seq) - 20 FROM record)", (EVIL,)
    ),
    "change one letter": one_bit,
    "delete one and close the gap": delete,
    "delete one and leave the gap": lambda db: db.execute("DELETE FROM record WHERE seq = 100"),
    "insert one": insert,
    "swap two": reorder,
    "cut the end off": truncate,
    "append one": lambda db: db.execute("INSERT INTO record SELECT max(seq) + 1, 'x' FROM record".replace("'x'", "CAST('{}' AS BLOB)")),
    "edit one and make the tiles again": lambda db: (edit(100)(db), retiled(db)),
    "swap two and make the tiles again": lambda db: (reorder(db), retiled(db)),
    "remove a tile": lambda db: db.execute("DELETE FROM tile WHERE id = 0"),
    "change a tile": lambda db: db.execute("UPDATE tile SET hashes = zeroblob(8192) WHERE id = 1"),
    "change a checkpoint": lambda db: db.execute("UPDATE checkpoint SET note = replace(note, size, size + 1)"),
    "move a checkpoint": lambda db: db.execute("UPDATE checkpoint SET size = size + 1"),
    "a checkpoint that is none": lambda db: db.execute("UPDATE checkpoint SET note = 'nothing'"),
}


def test_a_record_in_another_encoding_is_no_record(folder: Path) -> None:
    """`json` guesses UTF-16 from the first bytes; another reader would see something else there, or nothing."""
    evil = json.dumps({"v": 1, "type": "question", "gate": ORIGIN}).encode("utf-16")
    problems = attacked(folder, lambda db: db.execute("INSERT INTO record SELECT max(seq) + 1, ? FROM record", (evil,)))
    assert any("is no record" in problem.text for problem in problems)


@pytest.mark.parametrize("name", LOG_ATTACKS)
def test_changes_of_the_log_are_found(folder: Path, name: str) -> None:
    assert attacked(folder, LOG_ATTACKS[name])


@pytest.mark.parametrize("from_size", [0, 300], ids=["all", "the later ones"])
def test_checkpoints_that_were_taken_out_are_missed(folder: Path, from_size: int) -> None:
    """The hole: without its checkpoints a log was "changed by nobody", whatever had been done to its records."""
    problems = attacked(folder, lambda db: db.execute("DELETE FROM checkpoint WHERE size >= ?", (from_size,)))
    assert [problem.text for problem in problems if "is missing: somebody took it out" in problem.text]


def test_the_record_that_was_edited_is_named(folder: Path) -> None:
    (number,) = rows(folder, "SELECT min(seq) FROM record WHERE seq >= 300 AND instr(body, CAST('notes.md' AS BLOB))")[0]
    problems = attacked(folder, one_bit)
    assert Problem(number, f"record {number} is not what was recorded") in problems


def test_a_cut_end_shows_against_a_checkpoint_that_is_still_there(folder: Path) -> None:
    assert any("the end was cut off" in problem.text for problem in attacked(folder, truncate))


def test_a_log_with_everything_wrong_is_reported_in_bounds(folder: Path) -> None:
    problems = attacked(folder, lambda db: db.execute("UPDATE record SET body = CAST('[]' AS BLOB)"))
    assert len(problems) <= gate.audit.MOST_PROBLEMS + 1


def loosened(table: str, sql: str) -> Attack:
    """The same table without its types, as an attacker who can write the file may make it, and a row that has others."""

    def attack(db: sqlite3.Connection) -> None:
        db.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")
        db.execute(f"DROP TABLE {table}")
        db.execute(f"ALTER TABLE loose RENAME TO {table}")
        db.execute(sql)

    return attack


UNREADABLE: dict[str, Attack] = {
    "a record nested too deep": lambda db: db.execute("UPDATE record SET body = ? WHERE seq = 300", (b"[" * 100_000,)),
    "the last record nested too deep": lambda db: db.execute("INSERT INTO record SELECT max(seq) + 1, ? FROM record", (b"[" * 100_000,)),
    "a record that is text": loosened("record", "UPDATE record SET body = 'x' WHERE seq = 300"),
    "a record that is nothing": loosened("record", "UPDATE record SET body = NULL WHERE seq = 300"),
    "tiles that are nothing": loosened("tile", "UPDATE tile SET hashes = NULL, root = NULL"),
    "a checkpoint that is nothing": loosened("checkpoint", "UPDATE checkpoint SET note = NULL"),
    "a checkpoint that is bytes": loosened("checkpoint", "UPDATE checkpoint SET note = x'00ff'"),
    "a checkpoint of a text of records": loosened("checkpoint", "UPDATE checkpoint SET size = 'x'"),
    "an open call that is no JSON": lambda db: db.execute("UPDATE open SET charges = '{'"),
    "an open call nested too deep": lambda db: db.execute("UPDATE open SET charges = ?", ("[" * 100_000,)),
    "a budget without a name": loosened("budget", "UPDATE budget SET key = NULL"),
    "bytes for the time until which burns are forgotten": lambda db: db.execute("UPDATE meta SET value = x'ff' WHERE name = 'pruned'"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_a_problem_and_no_crash(folder: Path, name: str) -> None:
    assert attacked(folder, UNREADABLE[name])


# ---- an attacker who edits the ledger ----------------------------------------------------------------------------------------------------

LEDGER_ATTACKS: dict[str, tuple[str, str]] = {
    "give budget back": ("UPDATE budget SET spent = spent - 1 WHERE key = 'cap/calls'", "the budget 'cap/calls' is"),
    "use budget up": ("UPDATE budget SET spent = spent + 1 WHERE key = 'cap/wall'", "the budget 'cap/wall' is"),
    "forget a budget": ("DELETE FROM budget WHERE key = 'cap/calls'", "the budget 'cap/calls' is in the log and missing"),
    "invent a budget": ("INSERT INTO budget VALUES ('other/calls', 3, 0, 9, 0)", "the budget 'other/calls' is 0 in the log and 3"),
    "lease what nobody holds": ("UPDATE budget SET leased = 5 WHERE key = 'cap/calls'", "processes hold 0"),
    "bring an approval back": ("DELETE FROM burned WHERE jti = 'approval-1'", "the used approval 'approval-1' is in the log and missing"),
    "let an approval expire": ("UPDATE burned SET expires = 1 WHERE jti = 'approval-1'", "the used approval 'approval-1'"),
    "burn what nobody used": ("INSERT INTO burned VALUES ('fresh', 4e9, 'x')", "the used approval 'fresh' is in the ledger and not in the log"),
    "take a stop back": ("DELETE FROM standing WHERE subject = 'agent'", "the stop of 'agent rogue' is in the log and missing"),
    "take a revocation back": ("DELETE FROM standing WHERE subject = 'capability'", "the stop of 'capability cap-9' is in the log"),
    "stop somebody": ("INSERT INTO standing VALUES ('agent', 'honest')", "the stop of 'agent honest' is in the ledger and not in the log"),
    "forget an open call": ("DELETE FROM open", "call 'waiting' has no outcome"),
    "invent an open call": ("INSERT INTO open VALUES ('ghost', '', '', '', '', 0, 0, '{}')", "the open call 'ghost'"),
    "make an open call cheaper": ("UPDATE open SET charges = '{}'", "other charges"),
    "forget all burns since no time at all": ("UPDATE meta SET value = 'nan' WHERE name = 'pruned'", "pruned"),
    "forget since when burns are forgotten": ("DELETE FROM meta WHERE name = 'pruned'", "pruned"),
    "forget all burns at once": ("UPDATE meta SET value = 4e9 WHERE name = 'pruned'", "pruned"),
}


@pytest.mark.parametrize("name", LEDGER_ATTACKS)
def test_changes_of_the_ledger_are_found(folder: Path, name: str) -> None:
    sql, told = LEDGER_ATTACKS[name]
    problems = attacked(folder, lambda db: db.execute(sql))
    assert any(told in problem.text for problem in problems), problems


def test_the_ledger_may_be_left_out(folder: Path) -> None:
    with database(folder) as db:
        db.execute("DELETE FROM burned")
    assert verify(folder / "gate" / "gate.db", KEY, ledger=False).ok


# ---- an attacker who stole the log's key ---------------------------------------------------------------------------------------------------


def resigned(db: sqlite3.Connection) -> None:
    """Makes tiles and checkpoints again: nothing in the file shows it."""
    tree = retiled(db)
    db.execute("DELETE FROM checkpoint")
    db.execute("INSERT INTO checkpoint VALUES (?, ?)", (tree.size, signed_checkpoint(SIGNER, tree.size, tree.root())))


def hide_the_stop(db: sqlite3.Connection) -> None:
    """Somebody was stopped; now nobody was."""
    db.execute("DELETE FROM standing WHERE subject = 'agent'")
    db.execute("UPDATE record SET body = ? WHERE instr(body, '\"type\":\"stop\"') AND instr(body, 'rogue')", (EVIL,))
    resigned(db)


def cut_and_resign(db: sqlite3.Connection) -> None:
    """The last two records, a close and an intent, never were."""
    db.execute("DELETE FROM record WHERE seq >= (SELECT max(seq) - 1 FROM record)")
    db.execute("DELETE FROM open")
    db.execute("UPDATE budget SET spent = spent - 1 WHERE key = 'cap/calls'")
    resigned(db)


@pytest.mark.parametrize("attack", [hide_the_stop, cut_and_resign])
def test_a_stolen_key_is_shown_by_a_checkpoint_kept_elsewhere(folder: Path, attack: Attack) -> None:
    kept = rows(folder, "SELECT note FROM checkpoint ORDER BY size DESC")[0][0]
    assert attacked(folder, attack) == []  # with the key everything can be made to fit
    assert verify(folder / "gate" / "gate.db", KEY, checkpoint=kept).problems


def test_a_checkpoint_kept_elsewhere_that_still_fits(original: Path) -> None:
    for (kept,) in rows(original, "SELECT note FROM checkpoint"):
        assert verify(original / "gate" / "gate.db", KEY, checkpoint=kept).ok


def test_another_key_does_not_verify(original: Path) -> None:
    other = verifier_key(ORIGIN, SigningKey(b"o" * 32).public.raw)
    assert not verify(original / "gate" / "gate.db", other).ok
    assert verify(original / "gate" / "gate.db", [other, KEY]).ok  # rotated: either may have signed


def test_what_cannot_be_verified(original: Path, tmp_path: Path) -> None:
    path = original / "gate" / "gate.db"
    with pytest.raises(TokenError, match="no verifier key"):
        verify(path, "nonsense")
    with pytest.raises(TokenError, match="no signed note"):
        verify(path, KEY, checkpoint="nonsense")
    with pytest.raises(ConfigError, match="there is no log"):
        verify(tmp_path / "none.db", KEY)
    (tmp_path / "text.db").write_text("a file of something else entirely, longer than the header of a database, which has a hundred bytes or so")
    with pytest.raises(ConfigError, match="cannot be read as a log"):
        verify(tmp_path / "text.db", KEY)


def test_a_file_damaged_in_the_middle_is_reported(folder: Path) -> None:
    path = folder / "gate" / "gate.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20_000] = bytes(20_000)
    path.write_bytes(data)
    assert not verify(path, KEY).ok


# ---- a log in use -------------------------------------------------------------------------------------------------------------------------


def test_verify_while_a_gate_writes(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as book:
        for number in range(50):
            run(book, calls(1000), durability="buffered" if number % 2 else "durable")
        book.spend(spend(book, "runs", calls(1000)))
        book.flush()
        report = verify(tmp_path / "gate" / "gate.db", KEY)
        assert report.ok, report.problems
        assert list(report.unsettled) == ["runs"]
        assert report.checkpoints or report.unsigned == report.records  # after a second the log is signed by itself
        book.settle(end(book, "runs"))


def test_many_records_in_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    with closing(ledger(tmp_path)) as book:
        for _ in range(4000):
            run(book, calls(100_000), durability="buffered")
    verify(tmp_path / "gate" / "gate.db", KEY)
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert verify(tmp_path / "gate" / "gate.db", KEY).records > 4000
        assert tracemalloc.get_traced_memory()[1] - before < 1_000_000
    finally:
        tracemalloc.stop()


# ---- proofs -----------------------------------------------------------------------------------------------------------------------------


def test_every_record_can_be_proved(original: Path) -> None:
    path = original / "gate" / "gate.db"
    bodies = [body for (body,) in rows(original, "SELECT body FROM record ORDER BY seq")]
    for number in (0, 1, 255, 256, 511, 512, len(bodies) - 1):
        proof = prove(path, number)
        assert proof.record == bodies[number]
        assert check_proof(proof.text, bodies[number], KEY).size == len(bodies)


def test_a_proof_is_a_tlog_proof(original: Path) -> None:
    head, _, note = prove(original / "gate" / "gate.db", 3).text.partition("\n\n")
    lines = head.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 3"]
    assert len(lines) == 2 + (len(records(original)) - 1).bit_length()
    assert read_checkpoint(note, KEY).origin == ORIGIN


def test_a_proof_shows_only_what_it_shows(original: Path) -> None:
    proof = prove(original / "gate" / "gate.db", 3)
    with pytest.raises(TamperError, match="does not show"):
        check_proof(proof.text, proof.record + b" ", KEY)
    with pytest.raises(TamperError, match="does not show"):
        check_proof(proof.text.replace("index 3", "index 4"), proof.record, KEY)
    with pytest.raises(TamperError, match="signature"):
        check_proof(proof.text, proof.record, verifier_key(ORIGIN, SigningKey(b"o" * 32).public.raw))
    other = NoteKey(ORIGIN, SigningKey(b"o" * 32))
    forged = proof.text.partition("\n\n")[0] + "\n\n" + signed_checkpoint(other, 9, bytes(32))
    with pytest.raises(TamperError, match="signature"):
        check_proof(forged, proof.record, KEY)
    extra = proof.text.replace("\nindex", "\nextra YQ==\nindex")
    assert check_proof(extra, proof.record, KEY)
    for text in ("", "c2sp.org/tlog-proof@v2\nindex 3\n\n", proof.text.replace("index 3", "index x"), proof.text.replace("index 3", "")):
        with pytest.raises((TokenError, TamperError)):
            check_proof(text, proof.record, KEY)


def test_what_cannot_be_proved(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as book:
        run(book)
        book.flush()
        with pytest.raises(ValueError, match="in no checkpoint yet"):
            prove(tmp_path / "gate" / "gate.db", 0)
        book.checkpoint()
        assert prove(tmp_path / "gate" / "gate.db", 0).number == 0
        for number in (-1, 99, 10**30):
            with pytest.raises(ValueError, match="no record"):
                prove(tmp_path / "gate" / "gate.db", number)


def test_growth_between_two_checkpoints(original: Path) -> None:
    heads = [read_checkpoint(note, KEY) for (note,) in rows(original, "SELECT note FROM checkpoint ORDER BY size")]
    for old, new in zip(heads, heads[1:], strict=False):
        proof = growth(original / "gate" / "gate.db", old.size, new.size)
        assert verify_consistency(old.size, new.size, old.root, new.root, proof)


# ---- looking a value up -----------------------------------------------------------------------------------------------------------------


def test_where_a_value_appears(tmp_path: Path) -> None:
    redactor = Redactor(b"k" * 32, {"save": ["path"]})
    with closing(ledger(tmp_path, redactor=redactor)) as book:
        for path, text in (("a.md", "secret"), ("b.md", "other"), ("secret", "a.md")):
            made = call("save", {"path": path, "text": text})
            book.spend(spend(book, what=made))
            book.settle(end(book, made.id))
    path = tmp_path / "gate" / "gate.db"
    intents = [number for number, record in enumerate(records(tmp_path)) if record["type"] == "intent"]
    assert list(appearances(path, redactor, "secret")) == [(intents[0], "text"), (intents[2], "path")]
    assert list(appearances(path, redactor, "a.md")) == [(intents[0], "path"), (intents[2], "text")]
    assert list(appearances(path, redactor, "absent")) == []
    assert list(appearances(path, Redactor(b"j" * 32), "secret")) == [(intents[2], "path")]
    assert "secret" not in json.dumps(records(tmp_path)[intents[0]])


def test_true_is_not_one(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as book:
        for value in (True, 1, 1.0, "1"):
            book.append(book.recorder.intent(call(arguments={"x": value}), ALLOWED)().replace(b'"intent"', b'"note"'))
    found = {value: len(list(appearances(tmp_path / "gate" / "gate.db", Redactor.off(), value))) for value in ("1",)}
    assert found == {"1": 1}
    assert len(list(appearances(tmp_path / "gate" / "gate.db", Redactor.off(), True))) == 1
