"""What cannot be written, and files that are not ours: refused."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from gate.errors import ConfigError, Unavailable
from gate.ledger import Ledger
from gate.store import Burn, Settlement, Spend
from tests.ledger.kit import LATER, kinds, right
from tests.ledgers import calls, end, ledger, records, rows, run, spend


class Broken:
    """A pause that makes commits fail while `on`."""

    def __init__(self) -> None:
        self.on = False

    def __call__(self, step: str) -> None:
        if self.on and step == "begin":
            raise OSError(28, "No space left on device")


def test_nothing_is_let_through_while_the_log_cannot_be_written(tmp_path: Path) -> None:
    broken = Broken()
    book = ledger(tmp_path, pause=broken)
    run(book, calls(1000), durability="buffered")
    running = spend(book, "running", calls(1000), durability="buffered")
    book.spend(running)
    broken.on = True
    with pytest.raises(Unavailable, match="No space left"):
        book.flush()
    for durability in ("durable", "buffered"):
        with pytest.raises(Unavailable, match="free some space"):
            book.spend(spend(book, "", calls(1000), durability=durability))  # type: ignore[arg-type]  # one of the words
    with pytest.raises(Unavailable):
        book.take((calls(1000),))
    with pytest.raises(Unavailable):
        book.append(book.recorder.event("refusal"))
    with pytest.raises(Unavailable):
        book.settle(end(book, "running"))  # it has run: the outcome is kept
    with pytest.raises(Unavailable):
        book.stop(all=True)
    broken.on = False
    run(book, calls(1000), durability="buffered")
    book.close()
    right(tmp_path)
    told = [(record["type"], record.get("outcome", {}).get("status")) for record in records(tmp_path)]
    assert told == [("open", None), ("call", "ok"), *[("intent", None), ("outcome", "ok")] * 2, ("close", None)]
    assert rows(tmp_path, "SELECT leased FROM budget") == [(0,)]
    assert not rows(tmp_path, "SELECT * FROM standing")


def test_it_works_again_by_itself(tmp_path: Path) -> None:
    broken = Broken()
    book = ledger(tmp_path, pause=broken)
    broken.on = True
    run(book, durability="buffered")
    for _ in range(500):
        if book._group.failing:  # noqa: SLF001  # what is tested
            break
        time.sleep(0.01)
    broken.on = False
    for _ in range(500):
        if not book._group.failing:  # noqa: SLF001  # as above
            break
        time.sleep(0.01)
    assert "call" in kinds(tmp_path)
    book.close()


def test_closing_says_what_could_not_be_written(tmp_path: Path) -> None:
    broken = Broken()
    book = ledger(tmp_path, pause=broken)
    run(book, durability="buffered")
    broken.on = True
    with pytest.raises(Unavailable):
        book.close()
    book.close()


def test_an_interrupted_commit_loses_nothing(tmp_path: Path) -> None:
    hit: list[str] = []

    def pause(step: str) -> None:
        if hit and hit[0] == step:
            hit.pop()
            raise KeyboardInterrupt

    with closing(ledger(tmp_path, pause=pause)) as book:
        run(book, calls(9))
        for step in ("begin", "applied", "written", "committed"):
            hit.append(step)
            with pytest.raises(KeyboardInterrupt):
                book.spend(spend(book, step, calls(9)))
            run(book, calls(9))
    right(tmp_path)
    intents = [record["call"] for record in records(tmp_path) if record["type"] == "intent"]
    assert "begin" not in intents
    assert "written" not in intents
    cancelled = [record["call"] for record in records(tmp_path) if record.get("outcome", {}).get("status") == "cancelled"]
    assert set(cancelled) == {"committed"} & set(intents)
    assert rows(tmp_path, "SELECT spent FROM budget") == [(5,)]


def test_a_record_that_cannot_be_written_refuses_the_call(book: Ledger, tmp_path: Path) -> None:
    def broken() -> bytes:
        raise ValueError("no")

    for record in (broken, b"", b"[]", b"nothing"):
        with pytest.raises(Unavailable, match="record of the call cannot be written"):
            book.spend(Spend("c", (calls(5),), (Burn("a", LATER),), record))
    book.spend(spend(book, "c", calls(5), burns=(Burn("a", LATER),)))
    assert book.settle(Settlement("c", record=broken))  # it has run: something must be written
    book.close()
    faults = [record for record in records(tmp_path) if "fault" in record]
    assert [(record["type"], record["call"]) for record in faults] == [("outcome", "c")]
    assert rows(tmp_path, "SELECT spent FROM budget") == [(1,)]


def test_a_queue_that_grows_too_long_makes_its_fillers_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.store.group.MOST_QUEUED", 10)
    monkeypatch.setattr("gate.store.group.GATHER", 0.5)
    longest = 0
    with closing(ledger(tmp_path)) as book:
        for _ in range(200):
            run(book, durability="buffered")
            longest = max(longest, len(book._group.queue))  # noqa: SLF001  # what is tested
    assert longest <= 12
    assert sum(kind in ("call", "intent") for kind in kinds(tmp_path)) == 200


def test_files_are_private(book: Ledger, tmp_path: Path) -> None:
    run(book, durability="buffered")
    book.flush()
    home = tmp_path / "gate"
    for path in (home, home / "run"):
        assert path.stat().st_mode & 0o777 == 0o700
    for path in (*home.glob("*"), *home.glob("run/*")):
        if path.is_file():
            assert path.stat().st_mode & 0o777 == 0o600, path
    book.close()


@pytest.mark.parametrize("name", ["gate.db", "shared", "turn", "."])
def test_files_that_others_can_write_are_refused(book: Ledger, tmp_path: Path, name: str) -> None:
    run(book)
    book.close()
    path = tmp_path / "gate" / name
    path.chmod(path.stat().st_mode | 0o022)
    with pytest.raises(ConfigError, match="can be written by others: run `chmod go-w"):
        ledger(tmp_path)


@pytest.mark.parametrize("name", ["gate.db", "shared", "turn"])
def test_links_are_not_followed(tmp_path: Path, name: str) -> None:
    ledger(tmp_path).close()
    path = tmp_path / "gate" / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        ledger(tmp_path)


def test_the_log_of_another_gate_is_refused(tmp_path: Path) -> None:
    ledger(tmp_path).close()
    with pytest.raises(ConfigError, match="is the log of 'example.com/agents', not of 'other.example'"):
        ledger(tmp_path, origin="other.example")


def test_a_checkpoint_needs_a_key(tmp_path: Path) -> None:
    with closing(ledger(tmp_path, signer=None)) as book, pytest.raises(ConfigError, match="no key to sign"):
        book.checkpoint()
