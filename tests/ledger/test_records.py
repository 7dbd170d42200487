"""What the ledger writes, and when."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gate.audit import verify
from gate.errors import Unavailable
from gate.ledger import Ledger
from gate.store import Charge
from tests.ledger.kit import kinds, right
from tests.ledgers import KEY, calls, end, records, rows, run, spend


def test_a_durable_intent_is_on_disk_when_spend_returns(book: Ledger, tmp_path: Path) -> None:
    book.spend(spend(book, "c-1", calls(5)))
    assert kinds(tmp_path) == ["open", "intent"]
    assert rows(tmp_path, "SELECT key, spent, leased FROM budget") == [("cap/calls", 1, 0)]
    assert book.settle(end(book, "c-1"))
    book.close()
    assert kinds(tmp_path) == ["open", "intent", "outcome", "close"]
    right(tmp_path)


def test_a_buffered_call_that_ended_is_one_record(book: Ledger, tmp_path: Path) -> None:
    book.flush()
    run(book, calls(50), durability="buffered")
    book.flush()
    assert kinds(tmp_path) == ["open", "call"]
    assert records(tmp_path)[1]["outcome"]["status"] == "ok"
    book.close()
    right(tmp_path)


def test_a_buffered_call_that_runs_on_is_two(book: Ledger, tmp_path: Path) -> None:
    made = spend(book, "slow", calls(50), durability="buffered")
    book.spend(made)
    book.flush()
    assert kinds(tmp_path) == ["open", "intent"]
    right(tmp_path)
    assert book.settle(end(book, "slow"))
    book.close()
    assert kinds(tmp_path) == ["open", "intent", "outcome", "close"] or kinds(tmp_path)[:3] == ["open", "intent", "outcome"]
    right(tmp_path)


def test_buffered_records_come_by_themselves(book: Ledger, tmp_path: Path) -> None:
    run(book, durability="buffered")
    for _ in range(500):
        if "call" in kinds(tmp_path):
            break
        time.sleep(0.01)
    assert "call" in kinds(tmp_path)
    book.close()


def test_a_call_off_the_record_is_told_as_a_sum(book: Ledger, tmp_path: Path) -> None:
    for _ in range(3):
        book.take((calls(50),))
    book.spend(spend(book, "off", calls(50), Charge("cap/wall", 60, 1000), durability="off"))
    assert book.settle(end(book, "off", {"cap/wall": 7}))
    book.close()
    usage = [record for record in records(tmp_path) if record["type"] == "usage"]
    assert [record["ledger"]["charges"] for record in usage] == [{"cap/calls": 4, "cap/wall": 7}]
    assert rows(tmp_path, "SELECT key, spent, leased FROM budget") == [("cap/calls", 4, 0), ("cap/wall", 7, 0)]
    right(tmp_path)


def test_other_records(book: Ledger, tmp_path: Path) -> None:
    book.append(book.recorder.event("question", call="c"))
    book.append(book.recorder.event("answer", call="c"), durable=True)
    assert kinds(tmp_path) == ["open", "question", "answer"]
    book.close()
    right(tmp_path)


def test_a_ledger_that_was_only_looked_at_writes_nothing(book: Ledger, tmp_path: Path) -> None:
    assert not book.standing().stopped_all
    assert book.find("s", "r", "d") is None
    book.close()
    assert kinds(tmp_path) == []
    assert os.listdir(tmp_path / "gate" / "run") == []


def test_closing_signs_and_gives_everything_back(book: Ledger, tmp_path: Path) -> None:
    run(book, calls(1000), durability="buffered")
    book.close()
    book.close()
    assert rows(tmp_path, "SELECT spent, leased FROM budget") == [(1, 0)]
    assert rows(tmp_path, "SELECT * FROM lease") == rows(tmp_path, "SELECT * FROM process") == []
    assert verify(tmp_path / "gate" / "gate.db", KEY).unsigned == 0
    assert os.listdir(tmp_path / "gate" / "run") == []
    for use in (lambda: run(book), lambda: run(book, durability="buffered"), lambda: book.append(b"{}"), lambda: book.revoke("x"), book.flush):
        with pytest.raises(Unavailable, match="closed"):
            use()
