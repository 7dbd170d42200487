"""Shared: a few words that every process of the host maps, so that reading them costs no system call.

    bytes 0-7     epoch: changes whenever something was revoked, stopped or resumed; odd while such a change is being written
    bytes 8-15    the latest wall time that any process has seen, in microseconds since the epoch
    bytes 16-23   how many transactions were begun: a process that finds its own last number knows that nobody else wrote meanwhile

    bytes 24-31   how many transactions asked or answered something: whoever waits for an answer, or for a question, looks at it

All are native 64-bit integers in the file `shared`.  Only the process that has the ledger's turn writes them.  A writer makes the epoch odd
before it commits a change and even afterwards; a reader that meets an odd epoch asks the ledger itself.  So a writer that dies in
between costs the others time and never hides a change from them.  The last word is raised before a commit for the same reason.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

from gate.store.files import private_file

SIZE: Final = 4096
MICRO: Final = 1_000_000


class Shared:
    """The mapped file. `words[0]` is the epoch: reading it is the whole cost of a check that nothing was revoked."""

    __slots__ = ("_map", "_path", "inode", "words")

    def __init__(self, path: Path) -> None:
        self._path = path
        descriptor = private_file(path, size=SIZE)
        try:
            self._map = mmap.mmap(descriptor, SIZE)
            self.inode = os.fstat(descriptor).st_ino
        finally:
            os.close(descriptor)
        self.words = memoryview(self._map).cast("Q")

    def current(self) -> bool:
        """False when the file was replaced, so that other processes look at another one."""
        try:
            return os.stat(self._path).st_ino == self.inode
        except OSError:
            return False

    def changing(self) -> None:
        """Marks the start of a change."""
        self.words[0] |= 1

    def changed(self) -> None:
        """Marks the end of a change: everybody looks again."""
        self.words[0] = (self.words[0] | 1) + 1

    @property
    def writes(self) -> int:
        """How many transactions were begun."""
        return self.words[2]

    def writing(self) -> int:
        """Marks the start of a transaction that may commit; its number."""
        self.words[2] += 1
        return self.words[2]

    @property
    def floor(self) -> float:
        """The latest time seen, in seconds since the epoch."""
        return self.words[1] / MICRO

    def saw(self, now: float) -> None:
        """Keeps `now` if it is the latest."""
        if (moment := int(now * MICRO)) > self.words[1]:
            self.words[1] = moment

    @property
    def turn(self) -> int:
        """Another number whenever something was asked or answered."""
        return self.words[3]

    def told(self) -> None:
        """Something was asked or answered."""
        self.words[3] += 1

    def close(self) -> None:
        """Unmaps the file."""
        self.words.release()
        self._map.close()
