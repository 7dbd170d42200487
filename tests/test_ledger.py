"""The ledger: exactly once, never overspent, written before done, refused when it cannot be written; for threads, tasks and processes."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gate.audit import verify
from gate.errors import AlreadyUsed, ConfigError, Denied, Exhausted, Unavailable
from gate.ledger import Ledger
from gate.store import Burn, Charge, Open, Settlement, Spend
from gate.testing import FakeClock
from tests.ledgers import KEY, calls, database, end, ledger, records, rows, run, spend

LATER = 4e9


@pytest.fixture
def book(tmp_path: Path) -> Ledger:
    """A ledger; the test closes it, or the end of the process does."""
    return ledger(tmp_path)


def kinds(folder: Path) -> list[str]:
    """The types of the records, in order."""
    return [record["type"] for record in records(folder)]


def right(folder: Path) -> None:
    """Log and ledger agree."""
    report = verify(folder / "gate" / "gate.db", KEY)
    assert report.ok, report.problems


def exhausted(book: Ledger, *charges: Charge, durability: str = "durable") -> tuple[str, ...]:
    """The keys that are refused."""
    with pytest.raises(Exhausted) as refused:
        book.spend(spend(book, "", *charges, durability=durability))  # type: ignore[arg-type]  # one of three words
    return refused.value.keys


# ---- what is written, and when ------------------------------------------------------------------------------------------------------------


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


# ---- budgets ------------------------------------------------------------------------------------------------------------------------------


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


# ---- approvals ------------------------------------------------------------------------------------------------------------------------------


def burned(book: Ledger, jti: str, expires: float = LATER, *charges: Charge) -> None:
    """Spends a call with an approval."""
    book.spend(spend(book, "", *charges, burns=(Burn(jti, expires),)))


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


# ---- outcomes --------------------------------------------------------------------------------------------------------------------------------


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


# ---- stops -----------------------------------------------------------------------------------------------------------------------------------


def test_revoking_and_stopping(book: Ledger, tmp_path: Path) -> None:
    book.revoke("cap-1", by="ann", reason="lost")
    book.stop(agent="a")
    book.stop(session="s")
    book.stop(all=True)
    found = book.standing()
    assert (found.revoked, found.stopped_agents, found.stopped_sessions, found.stopped_all) == ({"cap-1"}, {"a"}, {"s"}, True)
    book.resume(all=True)
    book.resume(agent="a")
    found = book.standing()
    assert (found.revoked, found.stopped_agents, found.stopped_sessions, found.stopped_all) == ({"cap-1"}, frozenset(), {"s"}, False)
    assert book.standing() is found  # nothing changed: nothing is read
    book.close()
    told = [(record["type"], record["subject"], record["name"]) for record in records(tmp_path) if "subject" in record]
    assert told[0] == ("revoke", "capability", "cap-1")
    assert told[-1] == ("resume", "agent", "a")
    right(tmp_path)
    with closing(ledger(tmp_path)) as later:
        assert later.standing()[:4] == found[:4]


@pytest.mark.parametrize("wrong", [{}, {"agent": "a", "session": "s"}, {"agent": "a", "all": True}, {"agent": ""}])
def test_a_stop_names_one_thing(book: Ledger, wrong: dict[str, str]) -> None:
    for change in (book.stop, book.resume):
        with pytest.raises(ConfigError, match="name exactly one"):
            change(**wrong)  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(ConfigError, match="name the token"):
        book.revoke("")
    book.close()


def test_a_change_that_was_being_written_when_its_writer_died_is_seen(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as book, closing(ledger(tmp_path)) as other:
        assert not other.standing().stopped_all
        book.stop(agent="a")
        assert other.standing().stopped_agents == {"a"}
        shared = book._store.shared  # noqa: SLF001  # the writer dies after COMMIT and before it says so
        with database(tmp_path) as db:
            shared.changing()
            db.execute("INSERT INTO standing VALUES ('agent', 'b')")
        assert other.standing().stopped_agents == {"a", "b"}
        assert not shared.words[0] & 1  # somebody who looked repaired it
        assert other.standing() is other.standing()


def test_a_replaced_shared_file_hides_nothing(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as one:
        run(one, calls(2))
        (tmp_path / "gate" / "shared").unlink()
        with closing(ledger(tmp_path)) as other:
            run(other, calls(2))
            assert exhausted(one, calls(2)) == ("cap/calls",)
            other.stop(agent="a")
            run(one)
            assert one.standing().stopped_agents == {"a"}
            one.stop(agent="b")
            assert other.standing().stopped_agents == {"a", "b"}
    right(tmp_path)


def test_a_process_that_wrongly_believes_nobody_else_wrote_does_no_harm(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as one, closing(ledger(tmp_path)) as other:
        run(one, calls(4))
        for durability in ("durable", "buffered"):
            run(other, calls(4))
            one._store._number = one._store.shared.writes  # noqa: SLF001  # as if the count had been set back and come to the same number
            run(one, calls(4) if durability == "durable" else calls(9, "cap-2"), durability=durability)  # type: ignore[arg-type]  # the words
        assert exhausted(one, calls(4)) == exhausted(other, calls(4)) == ("cap/calls",)
    right(tmp_path)


# ---- threads and tasks -------------------------------------------------------------------------------------------------------------------------


def together(count: int, work: Callable[[int], object]) -> None:
    """Runs the work in so many threads at once; what one raises fails the test."""
    failed: list[BaseException] = []
    barrier = threading.Barrier(count)

    def one(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001  # it is raised below
            failed.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_threads_spend_exactly_the_budget(book: Ledger, tmp_path: Path) -> None:
    done: list[str] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def work(number: int) -> None:
        for turn in range(40):
            made = spend(book, "", calls(500), durability=("durable", "buffered", "off")[(number + turn) % 3])  # type: ignore[arg-type]  # the words
            try:
                book.spend(made)
            except Exhausted:
                continue
            done.append(made.call_id)
            assert book.settle(end(book, made.call_id))

    try:
        together(16, work)
    finally:
        sys.setswitchinterval(interval)
    while len(done) < 500:
        run(book, calls(500))
        done.append("more")
    assert exhausted(book, calls(500))
    book.close()
    assert len(done) == 500
    assert rows(tmp_path, "SELECT spent, leased FROM budget") == [(500, 0)]
    right(tmp_path)


def test_one_of_many_threads_uses_the_approval(book: Ledger) -> None:
    won: list[int] = []

    def work(number: int) -> None:
        try:
            burned(book, "a")
        except AlreadyUsed:
            return
        won.append(number)

    together(16, work)
    book.close()
    assert len(won) == 1


def test_one_of_many_threads_settles(book: Ledger, tmp_path: Path) -> None:
    for durability in ("durable", "buffered"):
        book.spend(spend(book, durability, durability=durability))  # type: ignore[arg-type]  # one of the words
        won: list[bool] = []
        together(8, lambda _, name=durability: won.append(book.settle(end(book, name))))  # type: ignore[misc]  # a default binds the name
        assert sorted(won) == [False] * 7 + [True]
    book.close()
    right(tmp_path)


def test_tasks(book: Ledger, tmp_path: Path) -> None:
    async def one(number: int) -> bool:
        made = spend(book, "", calls(60), durability="durable" if number % 2 else "buffered")
        try:
            await book.aspend(made)
        except Exhausted:
            return False
        return await book.asettle(end(book, made.call_id))

    async def main() -> list[bool]:
        return await asyncio.gather(*[one(number) for number in range(100)])

    assert sum(asyncio.run(main())) == 60
    book.close()
    right(tmp_path)


def test_the_event_loop_goes_on_while_the_disk_is_slow(tmp_path: Path) -> None:
    def slow(step: str) -> None:
        if step == "written":
            time.sleep(0.3)

    async def main(book: Ledger) -> int:
        ticks = 0
        spending = asyncio.create_task(book.aspend(spend(book)))
        while not spending.done():
            await asyncio.sleep(0.01)
            ticks += 1
        await spending
        return ticks

    with closing(ledger(tmp_path, pause=slow)) as book:
        assert asyncio.run(main(book)) > 3


@pytest.mark.parametrize("when", ["queued", "committing"])
def test_a_cancelled_task_loses_and_doubles_nothing(tmp_path: Path, when: str) -> None:
    held, reached = threading.Event(), threading.Event()

    def pause(step: str) -> None:
        if step == "begin":
            reached.set()
            held.wait(10)

    async def main(book: Ledger) -> None:
        first = asyncio.create_task(book.aspend(spend(book, "first", calls(5))))
        await asyncio.to_thread(reached.wait, 10)
        second = asyncio.create_task(book.aspend(spend(book, "second", calls(5), burns=(Burn("a", LATER),))))
        await asyncio.sleep(0.05)
        (first if when == "committing" else second).cancel()
        await asyncio.sleep(0.05)
        held.set()
        assert [isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(first, second, return_exceptions=True)] == [
            when == "committing",
            when == "queued",
        ]

    with closing(ledger(tmp_path, pause=pause)) as book:
        asyncio.run(main(book))
        if when == "queued":
            burned(book, "a")  # it was not used
    right(tmp_path)
    intents = [record["call"] for record in records(tmp_path) if record["type"] == "intent"]
    if when == "queued":
        assert "second" not in intents
    else:  # it was on its way to the disk: the log tells that it never ran, and the budget came back
        assert intents == ["first", "second"]
        cancelled = [record for record in records(tmp_path) if record["type"] == "outcome" and record["call"] == "first"]
        assert [record["outcome"]["status"] for record in cancelled] == ["cancelled"]
        assert rows(tmp_path, "SELECT spent FROM budget") == [(1,)]


def test_a_cancelled_task_does_not_take_the_outcome_with_it(tmp_path: Path) -> None:
    held = threading.Event()
    held.set()

    async def main(book: Ledger) -> None:
        book.spend(spend(book, "c", waiting=Open("s", "r", "d")))
        held.clear()
        settling = asyncio.create_task(book.asettle(end(book, "c")))
        await asyncio.sleep(0.05)
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
        held.set()

    with closing(ledger(tmp_path, pause=lambda _: bool(held.wait(10)) and None)) as book:
        asyncio.run(main(book))
    assert [record["call"] for record in records(tmp_path) if record["type"] == "outcome"] == ["c"]
    right(tmp_path)


# ---- forks -------------------------------------------------------------------------------------------------------------------------------------


def test_a_forked_child_goes_on_with_files_of_its_own(book: Ledger, tmp_path: Path) -> None:
    run(book, calls(100), durability="buffered")
    book.spend(spend(book, "parents", calls(100)))
    child = os.fork()
    if not child:
        code = 1
        try:
            for number in range(10):
                run(book, calls(100), durability="buffered" if number % 2 else "durable")
            book.stop(agent="a")
            assert not book.settle(end(book, "parents"))
            book.close()
            code = 0
        finally:
            os._exit(code)
    for number in range(10):
        run(book, calls(100), durability="buffered" if number % 2 else "durable")
    assert os.waitpid(child, 0)[1] == 0
    assert book.standing().stopped_agents == {"a"}
    assert book.settle(end(book, "parents"))
    book.close()
    right(tmp_path)
    assert rows(tmp_path, "SELECT spent, leased FROM budget") == [(22, 0)]


def test_a_child_that_outlives_its_parent_does_not_keep_it_alive(tmp_path: Path) -> None:
    ready, hold = os.pipe(), os.pipe()
    parent = os.fork()
    if not parent:
        book = ledger(tmp_path)
        book.spend(spend(book, "running", calls(10)))
        run(book, calls(10, "cap-2/calls"), durability="buffered")
        if not os.fork():
            os.write(ready[1], b"x")
            os.read(hold[0], 1)
            os._exit(0)
        os.read(ready[0], 0)
        os._exit(9)
    os.waitpid(parent, 0)
    try:
        os.read(ready[0], 1)
        with closing(ledger(tmp_path)) as book:
            assert "running" in [found.subject for found in book.recover()]
    finally:
        os.write(hold[1], b"x")
        for end_of in (*ready, *hold):
            os.close(end_of)
    right(tmp_path)


# ---- when it cannot be written -------------------------------------------------------------------------------------------------------------------


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


# ---- files that are not ours ----------------------------------------------------------------------------------------------------------------------


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
