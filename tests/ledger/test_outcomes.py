"""The first outcome stands, also from another process."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from gate.errors import AlreadyUsed
from gate.ledger import Ledger
from gate.store import Charge, Open
from gate.testing import FakeClock
from tests.ledger.kit import kinds, right
from tests.ledgers import calls, end, ledger, records, rows, spend


@pytest.mark.parametrize("durability", ["durable", "buffered"])
@pytest.mark.parametrize("flushed", [True, False])
def test_the_first_outcome_stands(book: Ledger, tmp_path: Path, durability: str, flushed: bool) -> None:  # noqa: FBT001  # a parameter of the test
    made = spend(book, "c", durability=durability)  # type: ignore[arg-type]  # one of the words
    book.spend(made)
    assert book.settle(end(book, "c", status="error"))
    if flushed:
        book.flush()
    assert not book.settle(end(book, "c"))
    assert not book.settle(end(book, "c", durable=True))
    assert not book.settle(end(book, "never spent"))
    book.close()
    assert [record["outcome"]["status"] for record in records(tmp_path) if "outcome" in record] == ["error"]
    right(tmp_path)


def test_a_durable_outcome_is_on_disk(book: Ledger, tmp_path: Path) -> None:
    for durability in ("durable", "buffered"):
        book.spend(spend(book, durability, durability=durability))  # type: ignore[arg-type]  # one of the words
        assert book.settle(end(book, durability, durable=True))
        assert any(record["call"] == durability and "outcome" in record for record in records(tmp_path) if "call" in record)
    book.close()


def test_a_call_spent_twice_is_refused(book: Ledger, tmp_path: Path) -> None:
    for durability in ("durable", "buffered"):
        book.spend(spend(book, durability, durability=durability))  # type: ignore[arg-type]  # one of the words
        for again in ("durable", "buffered"):
            with pytest.raises(AlreadyUsed, match="was spent before"):
                book.spend(spend(book, durability, durability=again))  # type: ignore[arg-type]  # one of the words
    book.spend(spend(book, "waiting", waiting=Open("s", "r", "d")))
    with pytest.raises(AlreadyUsed, match="was authorized before and is not settled yet"):
        book.spend(spend(book, "another", waiting=Open("s", "r", "d")))
    with pytest.raises(AlreadyUsed, match="was spent before"):
        book.spend(spend(book, "waiting", waiting=Open("s", "r-2", "d")))
    book.close()
    assert sum(kind == "intent" for kind in kinds(tmp_path)) == 3


def test_an_after_hook_in_another_process_finds_and_settles(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as before:
        before.spend(spend(before, "c-1", Charge("cap/wall", 60, 100), waiting=Open("s", "ref-1", "d")))
        before.spend(spend(before, "c-2", waiting=Open("s", "ref-2", "d")))
    with closing(ledger(tmp_path)) as after:
        assert after.recover() == []
        found = after.find("s", "ref-1", "d")
        assert found is not None
        assert (found.call_id, found.reserved) == ("c-1", {"cap/wall": 60})
        assert (after.find("s", "ref-2", "d") or found).call_id == "c-2"
        assert (after.find("s", "", "d") or found).call_id == "c-1"
        assert after.find("s", "ref-3", "d") is after.find("t", "ref-1", "d") is after.find("s", "ref-1", "e") is None
        with closing(ledger(tmp_path)) as other:
            assert [after.settle(end(after, "c-1", {"cap/wall": 3})), other.settle(end(other, "c-1", {"cap/wall": 50}))] == [True, False]
        assert after.find("s", "ref-1", "d") is None
    assert rows(tmp_path, "SELECT spent FROM budget") == [(3,)]
    right(tmp_path)


def test_a_call_nobody_settles_becomes_unknown(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(ledger(tmp_path, clock=clock)) as book:
        book.spend(spend(book, "lost", calls(5), waiting=Open("s", "r", "d", clock.now() + 60)))
        book.spend(spend(book, "day", waiting=Open("s", "r2", "d")))
        assert book.recover() == []
        clock.advance(61)
        assert [(found.kind, found.subject) for found in book.recover()] == [("unknown-outcome", "lost")]
        assert book.recover() == []
        assert not book.settle(end(book, "lost"))
        clock.advance(86_400)
        assert [found.subject for found in book.recover()] == ["day"]
    right(tmp_path)
    assert rows(tmp_path, "SELECT spent FROM budget") == [(1,)]  # it may have happened, so it stays charged
