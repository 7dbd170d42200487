"""Turn: processes that want to write stand in one queue, so that nobody waits ten times longer than the others.

SQLite's own way of waiting polls, and under load an unlucky process can lose for seconds.  `flock` lets the kernel keep the queue, and gives
the turn back when a process is killed.  It cannot be waited for with a limit, so a helper thread waits where the lock is not free at once,
and a caller who has waited too long leaves; the helper then gives the turn away as soon as it comes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Semaphore, Thread

from gate.store.files import private_file


class Turn:
    """One member of the queue: a process, or rather one ledger in it. Its threads take turns among themselves."""

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        self._file = private_file(path)
        self._patience = patience
        self._mine, self._state = Lock(), Lock()
        self._asked, self._granted = Semaphore(0), Semaphore(0)
        self._helper: Thread | None = None
        self._queued = self._abandoned = self._closed = False

    def acquire(self) -> None:
        """Waits for the turn. TimeoutError after `patience` seconds, OSError when the file cannot be locked."""
        self._mine.acquire()
        try:
            if self._queued or not self._free():
                self._stand_in_line()
        except BaseException:
            self._mine.release()
            raise

    def release(self) -> None:
        """Gives the turn to the next in line."""
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._mine.release()

    def hold(self, work: Callable[[], None]) -> bool:
        """Does a work in turn, and afterwards keeps this process's own threads out until `let_go`; for a fork. False when that takes too long."""
        if not self._mine.acquire(timeout=self._patience):
            return False
        try:
            if self._queued or not self._free():
                self._stand_in_line()
            try:
                work()
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        except BaseException:
            self._mine.release()
            raise
        return True

    def let_go(self) -> None:
        """The threads of this process may go on."""
        self._mine.release()

    def try_acquire(self) -> bool:
        """The turn if it is free now."""
        if not self._mine.acquire(blocking=False):
            return False
        if self._queued or not self._free():
            self._mine.release()
            return False
        return True

    def _free(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Leaves the queue for good."""
        with self._state:
            self._closed, waiting = True, self._queued
        self._asked.release()
        if self._helper is not None and not waiting:
            self._helper.join()
        if not waiting:
            os.close(self._file)

    def forget(self) -> None:
        """In a forked child: drops the inherited descriptor. The parent's turn is not given away by that."""
        os.close(self._file)

    def _stand_in_line(self) -> None:
        with self._state:
            self._abandoned = False
            if not self._queued:
                self._queued = True
                self._asked.release()
        if self._helper is None:
            self._helper = Thread(target=self._wait_in_line, name="gate-turn", daemon=True)
            self._helper.start()
        if self._granted.acquire(timeout=self._patience):
            return
        with self._state:
            if self._granted.acquire(blocking=False):
                return
            self._abandoned = True
        raise TimeoutError(f"another process has been writing to the ledger for more than {self._patience:g} s")

    def _wait_in_line(self) -> None:
        while True:
            self._asked.acquire()
            if self._closed and not self._queued:
                return None
            fcntl.flock(self._file, fcntl.LOCK_EX)
            with self._state:
                self._queued = False
                if self._closed:
                    return os.close(self._file)
                if self._abandoned:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                else:
                    self._granted.release()
