"""Budgets: exactly what is there is spent, and what was not used comes back."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from gate.errors import Exhausted
from gate.ledger import Ledger
from gate.store import Charge
from gate.testing import FakeClock
from tests.ledger.kit import exhausted, right
from tests.ledgers import calls, ledger, records, rows, run


@pytest.mark.parametrize("durability", ["durable", "buffered"])
@pytest.mark.parametrize("limit", [0, 1, 2, 7, 300])
def test_exactly_the_budget_is_spent(book: Ledger, tmp_path: Path, durability: str, limit: int) -> None:
    for _ in range(limit):
        run(book, calls(limit), durability=durability)  # type: ignore[arg-type]  # as above
    assert exhausted(book, calls(limit), durability=durability) == ("cap/calls",)
    book.close()
    right(tmp_path)
    assert rows(tmp_path, "SELECT coalesce(sum(spent), 0) FROM budget") == [(limit,)]


def test_leased_and_unleased_calls_share_a_budget(book: Ledger, tmp_path: Path) -> None:
    for number in range(40):
        run(book, calls(40), durability="buffered" if number % 2 else "durable")
    assert exhausted(book, calls(40)) == exhausted(book, calls(40), durability="buffered") == ("cap/calls",)
    book.close()
    right(tmp_path)


def test_a_call_takes_from_every_budget_or_from_none(book: Ledger, tmp_path: Path) -> None:
    for durability in ("durable", "buffered"):
        assert exhausted(book, calls(9, "root/calls"), calls(0, "leaf/calls"), durability=durability) == ("leaf/calls",)
    assert exhausted(book, calls(0, "a"), calls(9, "b"), calls(0, "c")) == ("a", "c")
    book.close()
    assert rows(tmp_path, "SELECT coalesce(sum(spent), 0) FROM budget") == [(0,)]


@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_the_same_budget_twice_in_one_call(book: Ledger, tmp_path: Path, durability: str) -> None:
    run(book, calls(4), calls(4), durability=durability)  # type: ignore[arg-type]  # as above
    assert exhausted(book, calls(3), calls(3), durability=durability) == ("cap/calls",)
    run(book, calls(4), calls(4), durability=durability)  # type: ignore[arg-type]  # as above
    assert exhausted(book, calls(4), durability=durability) == ("cap/calls",)
    book.close()
    right(tmp_path)


@pytest.mark.parametrize("durability", ["durable", "buffered", "off"])
def test_what_was_not_used_comes_back(book: Ledger, tmp_path: Path, durability: str) -> None:
    wall = Charge("cap/wall", 60, 140)
    for _ in range(9):
        run(book, wall, durability=durability, actual={"cap/wall": 10})  # type: ignore[arg-type]  # as above
    assert exhausted(book, wall, durability=durability) == ("cap/wall",)
    run(book, wall._replace(amount=50), durability=durability)  # type: ignore[arg-type]  # as above
    book.close()
    right(tmp_path)
    assert rows(tmp_path, "SELECT spent FROM budget") == [(140,)]


@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_what_was_used_beyond_is_charged_and_told(book: Ledger, tmp_path: Path, durability: str) -> None:
    run(book, Charge("cap/wall", 60, 100), durability=durability, actual={"cap/wall": 95})  # type: ignore[arg-type]  # as above
    assert exhausted(book, Charge("cap/wall", 6, 100), durability=durability) == ("cap/wall",)
    book.close()
    over = [record["ledger"]["overrun"] for record in records(tmp_path) if "overrun" in record.get("ledger", {})]
    assert over == [{"cap/wall": 35}]
    right(tmp_path)


def test_a_negative_charge_gives_nothing_back(book: Ledger) -> None:
    run(book, calls(1))
    assert exhausted(book, calls(1, amount=-5)) == ("cap/calls",)
    assert exhausted(book, calls(1)) == ("cap/calls",)
    book.close()


def test_rate_windows(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(ledger(tmp_path, clock=clock)) as book:

        def window() -> Charge:
            number = int(clock.now() // 60)
            return Charge(f"cap/rate/60/{number}", 1, 2, (number + 1) * 60.0)

        for _ in range(3):
            run(book, window())
            run(book, window(), durability="buffered")
            assert exhausted(book, window())
            old = window()
            clock.advance(60)
        clock.advance(3600)
        assert exhausted(book, old._replace(limit=100)) == (old.key,)  # a window that is long over does not open again
    right(tmp_path)


def test_budgets_outlive_the_process(tmp_path: Path) -> None:
    for _ in range(3):
        with closing(ledger(tmp_path)) as book:
            run(book, calls(4), durability="buffered")
    with closing(ledger(tmp_path)) as book:
        run(book, calls(4))
        assert exhausted(book, calls(4), durability="buffered")
    right(tmp_path)


def test_two_ledgers_on_one_folder_share_everything(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as one, closing(ledger(tmp_path)) as other:
        for _ in range(5):
            run(one, calls(10))
            run(other, calls(10), durability="buffered")
        other.flush()
        while not other_idle(other):
            time.sleep(0.01)
        assert exhausted(one, calls(10)) == ("cap/calls",)
        one.stop(agent="a")
        assert other.standing().stopped_agents == {"a"}
    right(tmp_path)


def other_idle(book: Ledger) -> bool:
    """The ledger gave back what it leased."""
    book._drive(book._holdings.returning(book._leases.held()))  # noqa: SLF001  # as its background thread does after a while
    return not book._leases.held()  # noqa: SLF001  # as above


def test_a_thousand_budgets_at_once(book: Ledger, tmp_path: Path) -> None:
    for number in range(600):  # more than the process file has counters at first
        book.take((calls(3, f"cap-{number}/calls"),))
    for number in range(600):
        book.take((calls(3, f"cap-{number}/calls"), calls(3000, "all/calls")))
    book.close()
    assert rows(tmp_path, "SELECT count(*), sum(spent), sum(leased) FROM budget") == [(601, 1800, 0)]
    right(tmp_path)


# ---- before somebody is asked -------------------------------------------------------------------------------------------------------------


def test_a_look_at_the_budgets_takes_nothing(book: Ledger, tmp_path: Path) -> None:
    for _ in range(5):
        book.afford((calls(2),))
    run(book, calls(2))
    run(book, calls(2), durability="buffered")
    with pytest.raises(Exhausted) as short:
        book.afford((calls(2), Charge("other/calls", 1, 5)))
    assert short.value.keys == (calls(2).key,)
    book.afford(())
    book.close()
    right(tmp_path)


def test_a_slice_of_this_process_counts(book: Ledger) -> None:
    run(book, calls(4), durability="buffered")
    book.afford((calls(4, amount=3),))
    with pytest.raises(Exhausted):
        book.afford((calls(4, amount=4),))
    with pytest.raises(Exhausted):
        book.afford((calls(4, amount=2), calls(4, amount=2)))
    book.close()


def test_what_another_process_holds_may_come_back(book: Ledger, tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as other:
        run(other, calls(2), durability="buffered")
        book.afford((calls(2, amount=2),))
    with pytest.raises(Exhausted):
        book.afford((calls(2, amount=2),))
    book.afford((calls(2),))
    book.close()
