"""Group commit over a store in memory: order, sharing, failures, and everybody told exactly once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from gate.errors import Unavailable
from gate.store import Append, Barrier, Burned, Result, Settlement, Spend, Work
from gate.store.group import Group


class Memory:
    """A store that keeps batches. `fail` makes commits fail; `hold` makes them wait; `refuse` refuses single works."""

    def __init__(self) -> None:
        self.batches: list[list[Work]] = []
        self.fail: BaseException | None = None
        self.hold = threading.Event()
        self.hold.set()
        self.entered = threading.Event()
        self.refuse: Callable[[Work], Exception | None] = lambda _: None
        self.interrupted: BaseException | None = None

    def commit(self, works: Sequence[Work]) -> list[Result]:
        self.entered.set()
        assert self.hold.wait(10)
        if self.fail:
            raise self.fail
        results = [self.refuse(work) for work in works]
        self.batches.append([work for work, result in zip(works, results, strict=True) if result is None])
        return list(results)

    @property
    def done(self) -> list[Work]:
        """Everything that was committed, in order."""
        return [work for batch in self.batches for work in batch]


@pytest.fixture
def store() -> Memory:
    """The store."""
    return Memory()


@pytest.fixture
def orphans() -> list[Spend]:
    """Spends that were done for nobody."""
    return []


@pytest.fixture
def group(store: Memory, orphans: list[Spend]) -> Iterator[Group]:
    """A group over it."""
    made = Group(store, orphan=orphans.append, rest=lambda: None)
    yield made
    store.fail = None
    store.hold.set()
    made.close()


def put(group: Group, *works: Work) -> None:
    """Queues works that nobody waits for."""
    for work in works:
        with group.mutex:
            group.put(work)
        assert not group.crowded


def note(text: str) -> Append:
    """A work that can be told from others."""
    return Append(text.encode())


def test_the_queue_goes_before_who_waits(group: Group, store: Memory) -> None:
    put(group, note("a"), note("b"))
    group.submit(note("c"))
    assert store.done == [note("a"), note("b"), note("c")]


def test_a_swift_work_may_overtake_but_not_what_is_held_back(group: Group, store: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.store.group.GATHER", 5)
    put(group, note("a"))
    group.submit(note("swift"), swift=True)
    assert store.done == [note("swift")]
    with group.mutex:
        group.hold_back()
    group.submit(note("swift too"), swift=True)
    assert store.done == [note("swift"), note("a"), note("swift too")]


def test_who_comes_meanwhile_shares_the_next_batch(group: Group, store: Memory) -> None:
    store.hold.clear()
    first = threading.Thread(target=group.submit, args=(note("first"),))
    first.start()
    assert store.entered.wait(10)
    others = [threading.Thread(target=group.submit, args=(note(f"{number}"),), kwargs={"swift": bool(number % 2)}) for number in range(8)]
    for thread in others:
        thread.start()
    while len(group._waiting) < 8:
        time.sleep(0.001)
    store.hold.set()
    for thread in (first, *others):
        thread.join(10)
        assert not thread.is_alive()
    assert [len(batch) for batch in store.batches] == [1, 8]


def test_one_refusal_is_told_to_one(group: Group, store: Memory) -> None:
    store.refuse = lambda work: Burned("no") if work == note("bad") else None
    put(group, note("a"))
    with pytest.raises(Burned):
        group.submit(note("bad"))
    with pytest.raises(Burned):
        group.submit(note("bad"), swift=True)
    group.submit(note("good"), swift=True)
    assert store.done == [note("a"), note("good")]
    assert group.failing is None


def test_what_nobody_waits_for_survives_a_failure_in_order(group: Group, store: Memory) -> None:
    store.fail = Unavailable("full")
    put(group, note("a"), note("b"))
    outcome = Settlement("c")
    for work in (note("waits"), outcome):
        with pytest.raises(Unavailable, match="full"):
            group.submit(work)
    with pytest.raises(Unavailable, match="full"):
        group.submit(note("swift"), swift=True)
    assert group.failing is store.fail
    store.fail = None
    group.submit(note("last"), swift=True)
    assert store.done == [note("a"), note("b"), outcome, note("last")]
    assert group.failing is None


def test_a_queued_work_that_fails_by_itself_is_tried_again(group: Group, store: Memory) -> None:
    failing = [Unavailable("odd")]
    store.refuse = lambda work: failing.pop() if work == note("a") and failing else None
    put(group, note("a"), note("b"))
    group.submit(Barrier())
    assert group.failing
    group.submit(Barrier())
    assert store.done == [note("b"), Barrier(), note("a"), Barrier()]


def test_an_unexpected_error_is_told_like_any_other(group: Group, store: Memory) -> None:
    store.fail = ZeroDivisionError("a bug")
    put(group, note("a"))
    with pytest.raises(ZeroDivisionError):
        group.submit(note("b"))
    store.fail = None
    group.submit(note("c"))
    assert store.done == [note("a"), note("c")]


@pytest.mark.parametrize("swift", [True, False])
def test_an_interrupt_before_the_commit(group: Group, store: Memory, orphans: list[Spend], swift: bool) -> None:
    put(group, note("a"))
    store.fail = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        group.submit(Spend("x"), swift=swift)
    store.fail = None
    group.submit(note("b"))
    assert store.done == [note("a"), note("b")]
    assert orphans == []


@pytest.mark.parametrize("swift", [True, False])
def test_an_interrupt_after_the_commit(group: Group, store: Memory, orphans: list[Spend], swift: bool) -> None:
    spend = Spend("x")
    store.interrupted = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        group.submit(spend, swift=swift)
    assert orphans == [spend]
    group.submit(note("b"))
    assert store.done == [spend, note("b")]


def test_a_cancelled_task(group: Group, store: Memory, orphans: list[Spend]) -> None:
    async def main() -> None:
        store.hold.clear()
        first, second = Spend("first"), Spend("second")
        committing = asyncio.create_task(group.asubmit(first))
        assert await asyncio.to_thread(store.entered.wait, 10)
        queued, outcome = asyncio.create_task(group.asubmit(second)), asyncio.create_task(group.asubmit(Settlement("o")))
        await asyncio.sleep(0)
        for task in (committing, queued, outcome):
            task.cancel()
        await asyncio.gather(committing, queued, outcome, return_exceptions=True)
        store.hold.set()
        await group.asubmit(Barrier())
        assert orphans == [first]  # done, for somebody who had gone
        assert [work.call_id for work in store.done if isinstance(work, Spend | Settlement)] == ["first", "o"]

    asyncio.run(main())


def test_many_tasks_share_commits(group: Group, store: Memory) -> None:
    async def main() -> None:
        await asyncio.gather(*[group.asubmit(note(f"{number}")) for number in range(200)])

    asyncio.run(main())
    assert len(store.done) == 200
    assert len(store.batches) < 100


def test_the_background_thread_commits_what_nobody_waits_for(group: Group, store: Memory) -> None:
    put(group, note("a"))
    deadline = time.monotonic() + 10
    while not store.done and time.monotonic() < deadline:
        time.sleep(0.005)
    assert store.done == [note("a")]


def test_after_closing_nothing_is_taken(store: Memory) -> None:
    group = Group(store, orphan=lambda _: None, rest=lambda: None)
    put(group, note("a"))
    group.close()
    assert store.done == [note("a")]
    for use in (
        lambda: group.submit(note("b")),
        lambda: group.submit(note("b"), swift=True),
        lambda: asyncio.run(group.asubmit(note("b"))),
        lambda: put(group, note("b")),
    ):
        with pytest.raises(Unavailable, match="closed"):
            use()
    assert store.done == [note("a")]


def test_a_tidying_that_fails_stops_nothing(store: Memory) -> None:
    def rest() -> float | None:
        raise ValueError("no")

    group = Group(store, orphan=lambda _: None, rest=rest)
    put(group, note("a"))
    deadline = time.monotonic() + 10
    while not store.done and time.monotonic() < deadline:
        time.sleep(0.005)
    assert store.done == [note("a")]
    group.close()
