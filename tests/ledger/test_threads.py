"""Threads, tasks and forks."""

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

from gate.errors import AlreadyUsed, Exhausted, Unavailable
from gate.ledger import Ledger
from gate.store import Burn, Open
from tests.children import child, ended
from tests.ledger.kit import LATER, burned, exhausted, right
from tests.ledgers import calls, end, ledger, records, rows, run, spend


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


@pytest.mark.parametrize("ledgers", [1, 2])
def test_a_parent_that_closes_takes_nothing_from_its_child(tmp_path: Path, ledgers: int) -> None:
    """SQLite's locks stay with the parent: it saw itself as the last user, and deleted the file that the child went on writing to."""
    books = [ledger(tmp_path) for _ in range(ledgers)]
    book, forked, closed = books[0], os.pipe(), os.pipe()
    run(book, calls(20))

    def work() -> None:
        run(book, calls(20))  # opened while the parent lives
        os.write(forked[1], b"x")
        os.read(closed[0], 1)
        book.spend(spend(book, "approved", calls(20), burns=(Burn("approval", LATER),)))
        book.settle(end(book, "approved"))
        for _ in range(10):
            run(book, calls(20))
        book.close()

    process = child(work)
    os.read(forked[0], 1)
    for each in books:
        each.close()
    os.write(closed[1], b"x")
    assert ended(process) == 0
    with closing(ledger(tmp_path)) as after:
        with pytest.raises(AlreadyUsed):
            burned(after, "approval")
        for _ in range(7):
            run(after, calls(20))
        with pytest.raises(Exhausted):
            run(after, calls(20))
    for end_of in (*forked, *closed):
        os.close(end_of)
    right(tmp_path)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_amid_threads_that_write_and_read(book: Ledger, tmp_path: Path) -> None:
    """A child got SQLite's mutexes as they were, and waited for threads that it does not have."""
    ends = threading.Event()

    def busy(number: int) -> None:
        while not ends.is_set():
            run(book, calls(10**6), durability="buffered" if number else "durable")
            book.find("s", "r", "d")

    def work() -> None:
        run(book, calls(10**6))
        book.close()

    threads = [threading.Thread(target=busy, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert [ended(child(work)) for _ in range(8)] == [0] * 8
    finally:
        ends.set()
        for thread in threads:
            thread.join()
    book.close()
    right(tmp_path)


def test_a_child_of_a_parent_that_could_not_let_go_refuses(book: Ledger, tmp_path: Path) -> None:
    run(book, calls(9))
    reading = book.records()
    next(reading)

    def work() -> None:
        with pytest.raises(Unavailable, match="forked"):
            run(book, calls(9))

    assert ended(child(work)) == 0
    assert list(reading)
    run(book, calls(9))
    assert ended(child(lambda: run(book, calls(9)))) == 0
    book.close()
    right(tmp_path)
