"""The queue between processes: one at a time, fair, given back by the dead, and never waited for without end."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gate.store.turn import Turn

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the children only run what is here, and end by _exit


def test_one_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        turn = Turn(tmp_path / "turn")
        for _ in range(30):
            turn.acquire()
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.0001)
            inside.remove(number)
            turn.release()
        turn.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 180
    assert set(most) == {1}


def test_threads_of_one_ledger_do_not_share_a_turn(tmp_path: Path) -> None:
    turn, other = Turn(tmp_path / "turn"), Turn(tmp_path / "turn")
    turn.acquire()
    assert not turn.try_acquire()  # the same file, another thread: flock alone would say yes, and giving back would give away
    assert not other.try_acquire()
    turn.release()
    assert turn.try_acquire()
    turn.release()
    assert other.try_acquire()
    other.release()
    turn.close()
    other.close()


def test_who_waits_too_long_leaves_and_the_turn_is_not_lost(tmp_path: Path) -> None:
    turn, impatient = Turn(tmp_path / "turn"), Turn(tmp_path / "turn", patience=0.05)
    turn.acquire()
    for _ in range(2):
        with pytest.raises(TimeoutError, match="more than 0.05 s"):
            impatient.acquire()
    turn.release()
    for each in (turn, impatient, turn):
        each.acquire()
        each.release()
    turn.acquire()
    with pytest.raises(TimeoutError):
        impatient.acquire()
    impatient.close()  # while its helper still stands in line
    turn.release()
    turn.acquire()
    turn.release()
    turn.close()


def test_a_killed_process_gives_its_turn_back(tmp_path: Path) -> None:
    ready, writing = os.pipe()
    child = os.fork()
    if not child:
        Turn(tmp_path / "turn").acquire()
        os.write(writing, b"x")
        time.sleep(60)
        os._exit(1)
    os.read(ready, 1)
    turn = Turn(tmp_path / "turn", patience=0.05)
    with pytest.raises(TimeoutError):
        turn.acquire()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    turn = Turn(tmp_path / "turn")
    turn.acquire()
    turn.release()
    turn.close()
    os.close(ready)
    os.close(writing)


def test_a_child_that_forgets_does_not_give_the_parents_turn_away(tmp_path: Path) -> None:
    turn, other = Turn(tmp_path / "turn"), Turn(tmp_path / "turn")
    turn.acquire()
    child = os.fork()
    if not child:
        turn.forget()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not other.try_acquire()
    turn.release()
    assert other.try_acquire()
    other.release()
    turn.close()
    other.close()
