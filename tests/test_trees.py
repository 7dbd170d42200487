"""Verify names the record that was changed, also in a long log, and tells it from a tile that was."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gate.audit import Problem, verify
from gate.log.merkle import Growing, leaf_hash
from gate.store import tree as tiles
from tests.ledgers import KEY, ledger, rows
from tests.test_audit import Attack, attacked


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tiles and a part of a fourth, with a checkpoint every 50 records."""
    folder = tmp_path_factory.mktemp("long")
    with closing(ledger(folder)) as book:
        for number in range(900):
            book.append(book.recorder.event("note", number=number, text="as it was"))
            if number % 50 == 49:
                book.checkpoint()
    return folder


def changed(folder: Path, *numbers: int) -> Attack:
    """One byte of each of these records."""
    return lambda db: db.executemany(
        "UPDATE record SET body = CAST(replace(body, 'as it was', 'as it is!') AS BLOB) WHERE seq = ?", [(n,) for n in numbers]
    )


@pytest.fixture
def copy(long: Path, tmp_path: Path) -> Path:
    shutil.copytree(long / "gate", tmp_path / "gate")
    return tmp_path


def test_nobody_is_accused(long: Path) -> None:
    report = verify(long / "gate" / "gate.db", KEY)
    assert report.ok and report.checkpoints >= 18


@pytest.mark.parametrize("number", [1, 49, 50, 51, 120, 254, 255, 256, 257, 300, 511, 512, 600, 767])
def test_the_one_record_is_named_and_nothing_else(copy: Path, number: int) -> None:
    assert attacked(copy, changed(copy, number)) == [Problem(number, f"record {number} is not what was recorded")]


def test_several_are_named_where_they_are(copy: Path) -> None:
    found = attacked(copy, changed(copy, 10, 11, 300, 700))
    assert [problem.record for problem in found] == [10, 300, 700]
    assert found[0].text == "record 10 is not what was recorded, nor are 1 after it"


@pytest.mark.parametrize("number", [768, 800, 850, 899])
def test_behind_the_last_tile_the_checkpoints_say_between_which(copy: Path, number: int) -> None:
    sizes = [size for (size,) in rows(copy, "SELECT size FROM checkpoint ORDER BY size")]
    before, after = max(size for size in sizes if size <= number), min(size for size in sizes if size > number)
    first, *later = attacked(copy, changed(copy, number))
    assert f"of the records {before} to {after - 1} some are not what was recorded" in first.text
    assert len(later) == (after != sizes[-1])


def test_a_checkpoint_after_every_record_names_it(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as book:
        for _ in range(10):
            book.append(book.recorder.event("note", text="as it was"))
            book.checkpoint()
    first, *_ = attacked(tmp_path, changed(tmp_path, 5))
    assert (first.record, first.text) == (5, "record 5 is not what was recorded: the stored checkpoint of 6 records is of others")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_tile_that_was_changed_is_told_from_a_record_that_was(copy: Path, number: int) -> None:
    found = attacked(copy, lambda db: flip(db, number))
    assert found == [Problem(None, f"the tile of level 0 from record {256 * number} on was changed")]


def flip(db: sqlite3.Connection, number: int) -> None:
    """One bit of a hash in the middle of a tile."""
    ((hashes,),) = db.execute("SELECT hashes FROM tile WHERE id = ?", (number,)).fetchall()
    db.execute("UPDATE tile SET hashes = ? WHERE id = ?", (hashes[:1000] + bytes([hashes[1000] ^ 1]) + hashes[1001:], number))


def test_a_record_changed_with_its_tile_shows_against_every_checkpoint(copy: Path) -> None:
    """Whoever makes the tiles anew, but has no key."""

    def attack(db: sqlite3.Connection) -> None:
        changed(copy, 300)(db)
        tree = Growing()
        filled = [tile for (body,) in db.execute("SELECT body FROM record ORDER BY seq") for tile in tree.append(leaf_hash(body))]
        db.execute("DELETE FROM tile")
        db.executemany("INSERT INTO tile VALUES (?, ?, ?)", [tiles.row(tile) for tile in filled])

    first, *later = attacked(copy, attack)
    assert "some are not what was recorded" in first.text and "300" in first.text or first.text.startswith("of the records")
    assert len(later) == 1 and "checkpoints after it are of other records, too" in later[0].text


def test_a_checkpoint_kept_elsewhere_is_always_told(copy: Path) -> None:
    kept = rows(copy, "SELECT note FROM checkpoint ORDER BY size DESC")[0][0]
    assert any("given checkpoint" in problem.text for problem in attacked(copy, changed(copy, 850), checkpoint=kept))
    shutil.rmtree(copy / "gate")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_changed_is_found(copy: Path, seed: int) -> None:
    chance = random.Random(seed)

    def attack(db: sqlite3.Connection) -> None:
        for _ in range(chance.randint(1, 4)):
            how = chance.randrange(3)
            if how == 0:
                changed(copy, chance.randrange(1, 899))(db)
            elif how == 1:
                flip(db, chance.randrange(3))
            else:
                db.execute("UPDATE tile SET root = zeroblob(32) WHERE id = ?", (chance.randrange(3),))

    assert attacked(copy, attack)
