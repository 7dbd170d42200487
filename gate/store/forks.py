"""Forks: what a process that forks lets go of before, so that its child inherits nothing that works for one process only.

SQLite keeps its locks and mutexes in the process.  A child that inherits them believes that it has locks which are the parent's, and waits for
threads that it does not have.  So every open ledger closes its connections before a fork, and whoever needs one afterwards opens it; and a home
that is just being opened is opened first.
"""

from __future__ import annotations

import atexit
import os
import weakref
from contextlib import suppress
from threading import Lock
from typing import Final, Protocol


class Inherited(Protocol):
    """What is open in this process: ledgers, and the homes that open them."""

    def part(self) -> bool: ...
    def rejoin(self) -> None: ...
    def forget(self) -> None: ...
    def close(self) -> None: ...


homes: Final[weakref.WeakSet[Inherited]] = weakref.WeakSet()
opened: Final[weakref.WeakSet[Inherited]] = weakref.WeakSet()
_parted: Final[list[Inherited]] = []
_forking = Lock()


@atexit.register
def _close_all() -> None:
    for each in list(opened):
        with suppress(Exception):  # nobody is left to tell
            each.close()


def _part_all() -> None:
    _forking.acquire()  # two threads that fork at once would wait for each other
    for several in (homes, opened):  # a home may open a ledger before it lets go
        for each in list(several):
            with suppress(Exception):  # then the child refuses
                if each.part():
                    _parted.append(each)


def _rejoin_all() -> None:
    while _parted:
        _parted.pop().rejoin()
    _forking.release()


def _forget_all() -> None:
    global _forking
    _forking = Lock()
    _parted.clear()
    for each in [*homes, *opened]:
        each.forget()


os.register_at_fork(before=_part_all, after_in_parent=_rejoin_all, after_in_child=_forget_all)
