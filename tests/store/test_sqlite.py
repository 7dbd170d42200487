"""The embedded store: what a file must be, what a transaction is, and what failing leaves behind."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import ConfigError, TamperError, Unavailable
from gate.log.merkle import Growing, leaf_hash
from gate.store import Append, Barrier, Burn, Burned, Change, Charge, Late, Open, Refill, Return, Settlement, Short, Sign, Spend, Work
from gate.store import tree as tiles
from gate.store.schema import APPLICATION_ID, connect
from gate.store.sqlite import SqliteStore
from gate.testing import FakeClock

CLOCK = FakeClock()


def event(kind: str, **fields: object) -> bytes:
    """A record of the ledger's own."""
    return f'{{"type":"{kind}","fields":"{len(fields)}"}}'.encode()


def store(folder: Path, process: str = "p") -> SqliteStore:
    """A store."""
    return SqliteStore(folder, origin="example", process=process, now=CLOCK.now, event=event)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store, closed afterwards."""
    with closing(store(tmp_path / "s")) as made:
        yield made


def spend(call_id: str, *charges: Charge, **more: object) -> Spend:
    """A call."""
    return Spend(call_id, charges, record=f'{{"type":"intent","call":"{call_id}"}}'.encode(), **more)  # type: ignore[arg-type]  # as Spend has them


def bodies(book: SqliteStore) -> list[bytes]:
    """The log."""
    return list(book.records())


# ---- the file ----------------------------------------------------------------------------------------------------------------------------


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    store(tmp_path / "s").close()
    with closing(sqlite3.connect(tmp_path / "s" / "gate.db")) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        strict = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND strict = 0"
        assert db.execute(strict).fetchall() == []


def test_commits_wait_for_the_disk(book: SqliteStore) -> None:
    assert book._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_something_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    with closing(sqlite3.connect(folder / "gate.db")) as db:
        db.execute("CREATE TABLE mine (x)")
    (folder / "gate.db").chmod(0o600)
    with pytest.raises(ConfigError, match="is not a ledger"):
        store(folder)


@pytest.mark.parametrize(
    ("content", "why"), [(b"not a database at all, but long enough to look at" * 9, "not a database"), (bytes(5000), "not a database")]
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    (folder / "gate.db").write_bytes(content)
    (folder / "gate.db").chmod(0o600)
    with pytest.raises((Unavailable, ConfigError)) as refused:
        store(folder)
    assert why in str(refused.value) or "is not a ledger" in str(refused.value)


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    store(tmp_path / "s").close()
    with closing(sqlite3.connect(tmp_path / "s" / "gate.db")) as db:
        db.execute("PRAGMA user_version = 3")
    with pytest.raises(ConfigError, match="another version"):
        store(tmp_path / "s")


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(ConfigError, match="too old"):
        connect(tmp_path / "gate.db", "example")


def test_many_make_it_at_the_same_moment(tmp_path: Path) -> None:
    made: list[SqliteStore] = []
    barrier = threading.Barrier(6)

    def work(number: int) -> None:
        barrier.wait()
        made.append(store(tmp_path / "s", f"p{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    for number, each in enumerate(made):
        each.commit([Append(b'{"n":%d}' % number)])
    assert len(bodies(made[0])) == 6
    for each in made:
        each.close()


# ---- transactions ----------------------------------------------------------------------------------------------------------------------------


def test_each_work_succeeds_or_is_refused_by_itself(book: SqliteStore) -> None:
    later = CLOCK.now() + 60
    results = book.commit(
        [
            spend("a", Charge("k", 2, 3)),
            spend("b", Charge("k", 2, 3)),
            spend("c", Charge("k", 1, 3), burns=(Burn("j", later),)),
            spend("d", burns=(Burn("j", later),)),
            spend("e", burns=(Burn("old", CLOCK.now() - 1),)),
            spend("a"),
            Settlement("a", {"k": 1}, b'{"type":"outcome","call":"a"}'),
            spend("f", Charge("k", 1, 3)),
            Barrier(),
        ]
    )
    kinds = [type(result) for result in results]
    assert kinds == [type(None), Short, type(None), Burned, Late, Burned, bool, Short, type(None)]
    # call a is this store's own, but only the ledger may say so; a settlement from elsewhere finds no call that waits for it
    assert results[6] is False
    assert len(bodies(book)) == 2


def test_a_refused_work_changes_nothing(book: SqliteStore) -> None:
    book.commit([spend("a", Charge("k", 1, 2))])
    before = bodies(book)
    rows = book._db.execute("SELECT * FROM budget").fetchall()
    book.commit([spend("b", Charge("k", 1, 2), Charge("m", 1, 0)), spend("c", Charge("n", 1, 9), burns=(Burn("old", 1.0),))])
    assert bodies(book) == before
    assert book._db.execute("SELECT * FROM budget").fetchall() == rows


def test_one_statement_or_many_write_the_same(tmp_path: Path) -> None:
    """The short way of a lone call must leave what the long way leaves."""
    with closing(store(tmp_path / "one")) as one, closing(store(tmp_path / "many")) as many:
        for number in range(600):
            work = spend(f"c{number}", Charge("k", 2, 10_000), Charge("m", 1, 900))
            assert one.commit([work]) == [None]
            assert many.commit([Barrier(), work]) == [None, None]
        for sql in ("SELECT * FROM budget", "SELECT * FROM record", "SELECT * FROM tile"):
            assert one._db.execute(sql).fetchall() == many._db.execute(sql).fetchall()
        assert one._memory.running.keys() == many._memory.running.keys()
        assert one._tree is not None
        assert many._tree is not None
        assert one._tree.root() == many._tree.root()


def test_a_lone_call_is_refused_like_any_other(book: SqliteStore) -> None:
    assert book.commit([spend("a", Charge("k", 1, 1))]) == [None]
    for work in (spend("b", Charge("k", 1, 1)), spend("b", Charge("k", 0, 1), Charge("k", 1, 1)), spend("b", Charge("k", -1, 1))):
        (result,) = book.commit([work])
        assert isinstance(result, Short)
    (again,) = book.commit([spend("a")])
    assert isinstance(again, Burned)
    (broken,) = book.commit([Spend("z", record=b"nothing")])
    assert isinstance(broken, Unavailable)
    assert book.commit([spend("b", Charge("k", 0, 1))]) == [None]
    assert len(bodies(book)) == 2


def test_two_stores_take_turns(tmp_path: Path) -> None:
    with closing(store(tmp_path / "s", "p")) as one, closing(store(tmp_path / "s", "q")) as other:
        for number in range(300):
            each = (one, other)[number % 2]
            (result,) = each.commit([spend(f"c{number}", Charge("k", 1, 250))])
            assert (result is None) == (number < 250)
        assert one._db.execute("SELECT spent FROM budget").fetchone() == (250,)
        roots = []
        for each in (one, other):
            each.commit([Sign(lambda size, root: roots.append((size, root)) or "note")])  # type: ignore[func-returns-value]  # it notes
        assert roots[0] == roots[1]
        assert roots[0][0] == 250


def test_slices(book: SqliteStore) -> None:
    charge = Charge("k", 1, 100)
    (units,) = book.commit([Refill(charge, 0)])
    assert units == 50  # half, when nobody else is there
    (more,) = book.commit([Refill(charge, 0)])
    assert more == 25
    (other,) = book.commit([Refill(charge, 1)])
    assert isinstance(other, Short)  # its slice is counted in slot 0
    assert isinstance(book.commit([Refill(charge._replace(amount=26), 0)])[0], Short)
    assert book.commit([Refill(charge._replace(amount=25), 0)]) == [25]
    assert book.commit([spend("a", charge)])[0].__class__ is Short
    book.commit([Return("k", 40)])
    assert book._db.execute("SELECT spent, leased FROM budget").fetchone() == (40, 0)
    assert b'"charges":{"k":40}' in bodies(book)[-1]
    assert book.commit([spend("a", charge._replace(amount=60))]) == [None]


def test_a_call_that_waits_for_a_hook(book: SqliteStore) -> None:
    book.commit([spend("a", Charge("k", 5, 9), open=Open("s", "r", "d"))])
    found = book.find("s", "r", "d")
    assert found is not None
    assert found.reserved == {"k": 5}
    settled = b'{"type":"outcome","call":"a"}'
    assert book.commit([Settlement("a", {"k": 1}, settled), Settlement("a", {"k": 9}, settled)]) == [True, False]
    assert book.find("s", "r", "d") is None
    assert book._db.execute("SELECT spent FROM budget").fetchone() == (1,)


def test_stops(book: SqliteStore) -> None:
    book.commit([Change("agent", "a", on=True, record=b"{}"), Change("all", "*", on=True, record=b"{}"), Change("all", "*", on=False, record=b"{}")])
    assert book.standing() == {("agent", "a")}
    assert not book.shared.words[0] & 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_the_tree_is_the_tree_of_the_records(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    """However the records were batched, and by whichever process, tiles and root are those of the records."""
    folder, number = tmp_path_factory.mktemp("tree"), 0
    with closing(store(folder / "s", "p")) as one, closing(store(folder / "s", "q")) as other:
        for turn, size in enumerate(sizes):
            works: list[Work] = [Append(b'{"n":%d}' % each) for each in range(number, number + size)]
            (one, other)[turn % 2].commit(works)
            number += size
        expected, complete = Growing(), []
        for body in bodies(one):
            complete += [tiles.row(tile) for tile in expected.append(leaf_hash(body))]
        assert expected.size == number
        assert sorted(complete) == one._db.execute("SELECT id, root, hashes FROM tile ORDER BY id").fetchall()
        assert tiles.load(one._db).root() == expected.root()


# ---- failing ---------------------------------------------------------------------------------------------------------------------------------


def test_after_a_failed_transaction_nothing_of_it_is_there(tmp_path: Path) -> None:
    broken: list[str] = []

    def pause(step: str) -> None:
        if broken and broken[0] == step:
            raise OSError(5, "Input/output error")

    made = SqliteStore(tmp_path / "s", origin="example", process="p", now=CLOCK.now, event=event, pause=pause)
    with closing(made) as book:
        book.commit([spend("a", Charge("k", 1, 9))])
        for step in ("begin", "applied", "written"):
            for works in (
                [spend("lone", Charge("k", 1, 9))],
                [Barrier(), spend("many", Charge("k", 1, 9)), Change("all", "*", on=True, record=b"{}")],
            ):
                broken.append(step)
                with pytest.raises(Unavailable, match="Input/output error"):
                    book.commit(works)
                broken.clear()
                assert len(bodies(book)) == 1
                assert book.standing() == frozenset()
                assert not book.shared.words[0] & 1
        book.commit([spend("b", Charge("k", 8, 9))])
        assert book._db.execute("SELECT spent FROM budget").fetchone() == (9,)


def test_a_log_that_got_shorter_is_not_added_to(tmp_path: Path) -> None:
    with closing(store(tmp_path / "s", "p")) as book, closing(store(tmp_path / "s", "q")) as other:
        book.commit([Append(b'{"n":%d}' % number) for number in range(10)])
        with closing(sqlite3.connect(tmp_path / "s" / "gate.db", isolation_level=None)) as db:
            db.execute("DELETE FROM record WHERE seq > 5")
        other.commit([Barrier()])
        with pytest.raises(TamperError, match="had 10 records and now has 6"):
            book.commit([Append(b"{}")])


def test_a_log_without_its_tiles_is_not_added_to(tmp_path: Path) -> None:
    with closing(store(tmp_path / "s")) as book:
        book.commit([Append(b'{"n":%d}' % number) for number in range(300)])
        book._db.execute("DELETE FROM tile")
    with closing(store(tmp_path / "s")) as book, pytest.raises(TamperError, match="lost records or tiles"):
        book.commit([Append(b"{}")])


def test_a_foreign_lock_means_unavailable(tmp_path: Path) -> None:
    with closing(store(tmp_path / "s")) as book, closing(sqlite3.connect(tmp_path / "s" / "gate.db", isolation_level=None)) as db:
        book._db.execute("PRAGMA busy_timeout = 50")
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked") as refused:
            book.commit([Append(b"{}")])
        assert "close it" in refused.value.remedy
        db.execute("ROLLBACK")
        assert book.commit([Append(b"{}")]) == [None]
