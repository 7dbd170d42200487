"""Watch: waiting for the next answer, or question, of any process on this host.

A transaction that asks or answers something changes one word that every process maps (`gate.store.shared`).  While anybody here waits, one
thread looks at it every few milliseconds, and tells all of them; so a thousand agents that wait cost what one does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from typing import Final

EVERY: Final = 0.01
"""Seconds between two looks. An answer is seen by whoever waits within this and the time of a thread switch."""


class Watch:
    """Waits until `turn()` is another number. Threads and tasks may wait at once; a fork starts anew."""

    def __init__(self, turn: Callable[[], int]) -> None:
        self._turn = turn
        self._fresh()

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[object, tuple[int, Callable[[], None]]] = {}
        self._pid, self._runs = os.getpid(), False

    def wait(self, seen: int, seconds: float) -> int:
        """The turn when it is not `seen` any more, or after so many seconds."""
        event = threading.Event()
        key = self._enter(seen, event.set)
        try:
            event.wait(max(seconds, 0.0))
        finally:
            self._leave(key)
        return self._turn()

    async def await_turn(self, seen: int, seconds: float) -> int:
        """The same for a task."""
        import asyncio

        loop, future = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def told() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(lambda: None if future.done() else future.set_result(None))

        key = self._enter(seen, told)
        try:
            await asyncio.wait([future], timeout=max(seconds, 0.0))
        finally:
            self._leave(key)
        return self._turn()

    def _enter(self, seen: int, told: Callable[[], None]) -> object:
        if self._pid != os.getpid():
            self._fresh()
        key = object()
        with self._lock:
            self._waiting[key] = (seen, told)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._look, daemon=True, name="gate-watch").start()
        return key

    def _leave(self, key: object) -> None:
        with self._lock:
            self._waiting.pop(key, None)

    def _look(self) -> None:
        idle = monotonic()
        while True:
            turn = self._read()
            with self._lock:
                for key, (seen, told) in list(self._waiting.items()):
                    if turn != seen:
                        del self._waiting[key]
                        told()
                if self._waiting:
                    idle = monotonic()
                elif monotonic() - idle > 1.0:  # somebody who waits in a loop comes back at once
                    self._runs = False
                    return
            sleep(EVERY)

    def _read(self) -> int:
        try:
            return self._turn()
        except Exception:
            return -1  # the ledger was closed: whoever waits looks for itself, and learns why
