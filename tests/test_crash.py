"""kill -9 between every two steps of the ledger, and processes that race: nothing runs twice, no intent is lost, no budget is overspent.

A child process works on a ledger and kills itself at a chosen step.  Whatever it did, it did before in the file `effects`, one line per run,
as a tool would.  Afterwards the log, the ledger and the effects must fit together.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gate.audit import verify
from gate.errors import AlreadyUsed, Exhausted
from gate.ledger import Ledger
from gate.store import Burn, Charge, Open
from gate.store.sqlite import no_pause
from tests.children import child, effect, effects, ended
from tests.ledgers import KEY, calls, database, end, ledger, records, rows, run, spend

STEPS = ("begin", "applied", "written", "committed")
LATER = 4e9
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the children only run what is here, and end by _exit


def killer(step: str, nth: int) -> Callable[[str], None]:
    """A pause that kills the process the nth time it comes to the step."""
    left = [nth]

    def pause(at: str) -> None:
        if at == step:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    return pause


def durable(folder: Path, pause: Callable[[str], None]) -> None:
    """Durable calls, each with an approval of its own."""
    book = ledger(folder, pause=pause)
    for number in range(6):
        with suppress(AlreadyUsed):
            book.spend(spend(book, f"d-{number}-{os.getpid()}", calls(100), Charge("cap/wall", 60, 6000), burns=(Burn(f"a-{number}", LATER),)))
            effect(folder, f"d-{number}-{os.getpid()}")
            book.settle(end(book, f"d-{number}-{os.getpid()}", {"cap/wall": 5}, durable=number == 3))
    book.close()


def plain(folder: Path, pause: Callable[[str], None]) -> None:
    """Durable calls without approvals, some of which run on."""
    book = ledger(folder, pause=pause)
    for number in range(6):
        call_id = f"p-{number}-{os.getpid()}"
        book.spend(spend(book, call_id, calls(100)))
        effect(folder, call_id)
        if number % 2:
            book.settle(end(book, call_id))
    book.flush()
    book.close()


def buffered(folder: Path, pause: Callable[[str], None]) -> None:
    """Calls counted on leased slices."""
    book = ledger(folder, pause=pause)
    for number in range(6):
        for part in range(7):
            call_id = f"b-{number}-{part}-{os.getpid()}"
            book.spend(spend(book, call_id, calls(100), durability="buffered"))
            effect(folder, call_id)
            if part:
                book.settle(end(book, call_id))
        book.flush()
    book.close()


def waiting(folder: Path, pause: Callable[[str], None]) -> None:
    """Calls that an after-hook settles, in this process and in another."""
    for number in range(3):
        call_id = f"w-{number}-{os.getpid()}"
        book = ledger(folder, pause=pause)
        book.spend(spend(book, call_id, calls(100), waiting=Open("s", call_id, "d")))
        effect(folder, call_id)
        book.close()
        after = ledger(folder, pause=pause)
        found = after.find("s", call_id, "d")
        assert found is not None
        assert after.settle(end(after, found.call_id))
        after.close()


def stopping(folder: Path, pause: Callable[[str], None]) -> None:
    """Stops and resumes between calls."""
    book = ledger(folder, pause=pause)
    for number in range(3):
        call_id = f"s-{number}-{os.getpid()}"
        book.spend(spend(book, call_id, calls(100)))
        effect(folder, call_id)
        book.settle(end(book, call_id))
        book.stop(agent=f"agent-{number}")
        effect(folder, f"stopped-agent-{number}")
    book.close()


WORK = {work.__name__: work for work in (durable, plain, buffered, waiting, stopping)}


def fits(folder: Path, *, lost: bool) -> None:
    """Log, ledger and effects fit together, after somebody recovered."""
    with closing(ledger(folder)) as book:
        found = book.recover()
        assert book.recover() == []
        ran = [each for each in effects(folder) if not each.startswith("stopped")]
        spent = spent_on(folder)
        told = {record["call"] for record in records(folder) if record["type"] in ("intent", "call")}
        assert len(set(ran)) == len(ran), "a call ran twice"
        if lost:  # records of calls that did not wait for the disk may go with the process, their charges may not
            assert spent >= len(ran)
        else:
            assert set(ran) <= told, "a call ran whose intent is lost"
            assert len(ran) <= spent <= len(ran) + 1
        unknown = [record["call"] for record in records(folder) if record["type"] == "outcome" and record["outcome"]["status"] == "unknown"]
        assert {each.subject for each in found if each.kind == "unknown-outcome"} <= set(unknown)
        assert len(set(unknown)) == len(unknown)
        stopped = {each.removeprefix("stopped-") for each in effects(folder) if each.startswith("stopped")}
        assert stopped <= book.standing().stopped_agents
        run(book, calls(100, amount=100 - spent))  # all that is left can be spent, and no more
        with pytest.raises(Exhausted):
            run(book, calls(100))
    report = verify(folder / "gate" / "gate.db", KEY)
    assert report.ok, report.problems
    assert set(report.unsettled) == {call for (call,) in rows(folder, "SELECT call FROM open WHERE process = '' AND until > 0")}  # for an after-hook
    assert rows(folder, "SELECT * FROM lease") == rows(folder, "SELECT * FROM process") == []
    assert os.listdir(folder / "gate" / "run") == []


def spent_on(folder: Path, key: str = "cap/calls") -> int:
    """Units spent of a budget."""
    found = rows(folder, f"SELECT spent FROM budget WHERE key = '{key}'")
    return int(found[0][0]) if found else 0


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", WORK)
def test_killed_between_every_two_steps(tmp_path: Path, name: str, step: str) -> None:
    killed = 0
    for nth in range(1, 9):
        folder = tmp_path / str(nth)
        folder.mkdir()
        killed += bool(ended(child(lambda: WORK[name](folder, killer(step, nth)))))  # noqa: B023  # the child is gone before they change
        fits(folder, lost=name == "buffered")
    assert killed >= 5, "the work never came to the step"


@pytest.mark.parametrize("step", STEPS)
def test_killed_again_and_again_on_one_ledger(tmp_path: Path, step: str) -> None:
    for nth in (1, 2, 3, 4):
        for work in (durable, waiting):
            ended(child(lambda: work(tmp_path, killer(step, nth))))  # noqa: B023  # as above
    ended(child(lambda: durable(tmp_path, no_pause)))
    ran = effects(tmp_path)
    approved = [each.split("-")[1] for each in ran if each.startswith("d-")]
    assert len(set(approved)) == len(approved), "an approval was good twice"
    told = {record["call"] for record in records(tmp_path) if record["type"] == "intent"}
    burned = {jti for (jti,) in rows(tmp_path, "SELECT jti FROM burned")}
    assert burned == {f"a-{number}" for number in range(6)}
    assert set(ran) <= told
    report = verify(tmp_path / "gate" / "gate.db", KEY)
    assert report.ok, report.problems


@pytest.mark.parametrize("step", STEPS)
def test_killed_while_cleaning_up_after_somebody_killed(tmp_path: Path, step: str) -> None:
    ended(child(lambda: plain(tmp_path, killer("committed", 5))))

    def clean() -> None:
        with closing(ledger(tmp_path, pause=killer(step, 1))) as book:
            book.recover()

    assert ended(child(clean)) == signal.SIGKILL
    fits(tmp_path, lost=False)


def test_a_call_that_ran_on_for_thousands_of_records_is_found(tmp_path: Path) -> None:
    def work() -> None:
        book = ledger(tmp_path)
        book.spend(spend(book, f"long-{os.getpid()}", calls(100)))
        effect(tmp_path, f"long-{os.getpid()}")
        for _ in range(6):
            for _ in range(900):
                run(book, durability="buffered")
            book.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    assert ended(child(work)) == signal.SIGKILL
    with database(tmp_path) as db:
        assert db.execute("SELECT count(*) FROM open").fetchone() == (1,)  # so that nobody must read all the log for it
    fits(tmp_path, lost=False)


def test_what_a_killed_process_had_leased_comes_back_at_once_when_it_is_needed(tmp_path: Path) -> None:
    def lease() -> None:
        book = ledger(tmp_path)
        for _ in range(3):
            book.take((calls(10),))
        os.kill(os.getpid(), signal.SIGKILL)

    assert ended(child(lease))
    with closing(ledger(tmp_path)) as book:
        for number in range(7):
            run(book, calls(10), durability="buffered" if number % 2 else "durable")
        with pytest.raises(Exhausted):
            run(book, calls(10))
    lost = [record["ledger"]["lost"] for record in records(tmp_path) if record["type"] == "recovery"]
    assert lost == [{"cap/calls": 3}]
    assert verify(tmp_path / "gate" / "gate.db", KEY).ok


def test_after_the_power_failed_every_leased_unit_counts_as_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lease() -> None:
        book = ledger(tmp_path)
        book.take((calls(10),))
        os.kill(os.getpid(), signal.SIGKILL)

    ended(child(lease))
    (granted,) = rows(tmp_path, "SELECT granted FROM lease")[0]
    assert granted > 1
    monkeypatch.setattr("gate.store.liveness._boot", b"another boot")
    with closing(ledger(tmp_path)) as book:
        book.recover()
        assert spent_on(tmp_path) == granted
    assert verify(tmp_path / "gate" / "gate.db", KEY).ok


def test_a_counter_that_was_set_back_is_noticed(tmp_path: Path) -> None:
    def work() -> None:
        book = ledger(tmp_path)
        for _ in range(3):
            run(book, calls(10), durability="buffered")
        book.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    ended(child(work))
    (path,) = (tmp_path / "gate" / "run").iterdir()
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)
    with closing(ledger(tmp_path)) as book:
        assert [found.kind for found in book.recover()] == ["tampered"]
        assert spent_on(tmp_path) == 3
    assert verify(tmp_path / "gate" / "gate.db", KEY).ok


def racing(count: int, folder: Path, work: Callable[[Ledger, int], None]) -> None:
    """So many processes, which all begin at the same moment."""
    start = time.time() + 0.3

    def one(number: int) -> None:
        book = ledger(folder)
        time.sleep(max(0.0, start - time.time()))
        work(book, number)
        book.close()

    processes = [child(lambda number=number: one(number)) for number in range(count)]  # type: ignore[misc]  # a default binds the number
    for process in processes:
        assert ended(process) == 0


@pytest.mark.parametrize("durability", ["durable", "buffered"])
@pytest.mark.parametrize("left", [1, 20])
def test_eight_processes_race_for_the_last_units(tmp_path: Path, durability: str, left: int) -> None:
    def work(book: Ledger, number: int) -> None:
        for turn in range(left):
            made = spend(book, f"{number}-{turn}", calls(left), durability=durability)  # type: ignore[arg-type]  # one of the words
            try:
                book.spend(made)
            except Exhausted:
                continue
            effect(tmp_path, made.call_id)
            book.settle(end(book, made.call_id))

    racing(8, tmp_path, work)
    ran = len(effects(tmp_path))
    assert ran == spent_on(tmp_path) <= left
    if durability == "durable":
        assert ran == left
    assert rows(tmp_path, "SELECT leased FROM budget") == [(0,)]
    assert verify(tmp_path / "gate" / "gate.db", KEY).ok


def test_eight_processes_race_to_use_one_approval(tmp_path: Path) -> None:
    def work(book: Ledger, number: int) -> None:
        try:
            book.spend(spend(book, f"{number}", burns=(Burn("only", LATER),)))
        except AlreadyUsed:
            return
        effect(tmp_path, f"{number}")
        book.settle(end(book, f"{number}"))

    racing(8, tmp_path, work)
    assert len(effects(tmp_path)) == 1
    assert verify(tmp_path / "gate" / "gate.db", KEY).ok


def test_eight_processes_race_to_settle_one_call(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as before:
        before.spend(spend(before, "c", waiting=Open("s", "r", "d")))

    def work(book: Ledger, number: int) -> None:
        if book.settle(end(book, "c")):
            effect(tmp_path, f"{number}")

    racing(8, tmp_path, work)
    assert len(effects(tmp_path)) == 1
    assert verify(tmp_path / "gate" / "gate.db", KEY).ok


def test_eight_processes_write_one_log_while_some_are_killed(tmp_path: Path) -> None:
    def work(number: int) -> None:
        book = ledger(tmp_path, pause=killer(STEPS[number // 2], 9) if number % 2 else no_pause)
        for turn in range(25):
            call_id = f"{number}-{turn}"
            try:
                book.spend(spend(book, call_id, calls(150), durability="durable" if turn % 3 else "buffered"))
            except Exhausted:
                continue
            effect(tmp_path, call_id)
            book.settle(end(book, call_id))
        book.close()

    processes = [child(lambda number=number: work(number)) for number in range(8)]  # type: ignore[misc]  # a default binds the number
    killed = sum(bool(ended(process)) for process in processes)
    assert killed == 4
    with closing(ledger(tmp_path)) as book:
        book.recover()
    ran = effects(tmp_path)
    assert len(set(ran)) == len(ran) <= spent_on(tmp_path) <= 150
    report = verify(tmp_path / "gate" / "gate.db", KEY)
    assert report.ok, report.problems
