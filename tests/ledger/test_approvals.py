"""Approvals are good once, also when they are forgotten and the clock is set back."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from gate.errors import AlreadyUsed, Denied, Exhausted
from gate.ledger import Ledger
from gate.store import Burn
from gate.testing import FakeClock
from tests.ledger.kit import LATER, burned, right
from tests.ledgers import calls, database, ledger, rows, run, spend


def test_an_approval_is_good_once(book: Ledger, tmp_path: Path) -> None:
    burned(book, "a-1")
    for _ in range(2):
        with pytest.raises(AlreadyUsed, match="'a-1' was used before"):
            burned(book, "a-1")
    burned(book, "a-2")
    book.close()
    with closing(ledger(tmp_path)) as later, pytest.raises(AlreadyUsed):
        burned(later, "a-1")
    right(tmp_path)


def test_one_approval_twice_in_one_call(book: Ledger) -> None:
    with pytest.raises(AlreadyUsed):
        book.spend(spend(book, burns=(Burn("a", LATER), Burn("a", LATER))))
    burned(book, "a")  # the refused call did not use it
    book.close()


def test_a_refused_call_uses_no_approval_and_no_budget(book: Ledger, tmp_path: Path) -> None:
    with pytest.raises(Exhausted):
        burned(book, "a", LATER, calls(0))
    burned(book, "a", LATER, calls(1))
    with pytest.raises(AlreadyUsed):
        burned(book, "a", LATER, calls(9, "other"))
    book.close()
    assert rows(tmp_path, "SELECT key, spent FROM budget") == [("cap/calls", 1)]


def test_an_expired_approval(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(ledger(tmp_path, clock=clock)) as book:
        burned(book, "in time", clock.now() + 10)
        for expires in (clock.now(), clock.now() - 1):
            with pytest.raises(Denied, match="has expired"):
                burned(book, "late", expires)


def test_setting_the_clock_back_brings_no_approval_back(tmp_path: Path) -> None:
    clock = FakeClock()
    expires = clock.now() + 300
    with closing(ledger(tmp_path, clock=clock)) as book:
        clock.advance(301)
        book.flush()
        clock.advance(-3000)
        with pytest.raises(Denied, match="has expired"):
            burned(book, "a", expires)
    back = FakeClock(clock.now())
    with closing(ledger(tmp_path, clock=back)) as book, pytest.raises(Denied, match="has expired"):
        burned(book, "a", expires)


def test_a_clock_that_was_set_back_starts_where_the_log_is(tmp_path: Path) -> None:
    ahead = FakeClock(time.time() + 10_000)
    with closing(ledger(tmp_path, clock=ahead)) as book:
        run(book)
    (tmp_path / "gate" / "shared").unlink()  # as after a restart of the host with another disk for it
    with closing(ledger(tmp_path)) as book:
        assert book.now() >= ahead.now()
        with pytest.raises(Denied, match="has expired"):
            burned(book, "a", ahead.now() - 1)


def test_a_used_approval_that_is_forgotten_stays_refused(tmp_path: Path) -> None:
    clock = FakeClock()
    expires = clock.now() + 300
    with closing(ledger(tmp_path, clock=clock)) as book:
        burned(book, "a", expires)
        clock.advance(3 * 86_400)
        book._prune()  # noqa: SLF001  # as its background thread does every ten minutes
        assert rows(tmp_path, "SELECT count(*) FROM burned") == [(0,)]
    right(tmp_path)
    clock.advance(-3 * 86_400)
    (tmp_path / "gate" / "shared").unlink()
    with database(tmp_path) as db:  # even if somebody cuts the records off that show the later time
        assert db.execute("SELECT value FROM meta WHERE name = 'pruned'").fetchone()[0] > expires
    with closing(ledger(tmp_path, clock=clock)) as book, pytest.raises(Denied):
        burned(book, "a", expires)
