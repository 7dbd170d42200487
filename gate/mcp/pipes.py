"""Pipes: lines in and out of file descriptors, in an event loop, with as little between as possible.

`Lines` reads lines and gives each to a function; one longer than allowed is given as None, once, and skipped.  `Out` writes without blocking and
keeps what does not fit; `full` says that the other side does not read.  The read end is left in blocking mode: it is read when there is something.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import Callable
from typing import Final

CHUNK: Final = 1 << 18
_SOON: Final = 0.005
MOST_KEPT: Final = 64 * 1024 * 1024


class Lines:
    """Reads a file descriptor. on_line: takes a line without its end, None for one that was too long; on_end: called once."""

    def __init__(self, fd: int, on_line: Callable[[bytes | None], None], on_end: Callable[[], None], longest: int) -> None:
        self._fd, self._on_line, self._on_end, self._longest = fd, on_line, on_end, longest
        self._kept: list[bytes] = []
        self._size = 0
        self._skipping = self._ended = self._watched = False
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Reads from now on."""
        try:
            self._loop.add_reader(self._fd, self._ready)
            self._watched = True
        except (PermissionError, OSError):  # a plain file, which is always ready and cannot be watched
            threading.Thread(target=self._read_whole, daemon=True, name="gate-input").start()

    def pause(self) -> None:
        """Reads nothing until `resume`."""
        if self._watched and not self._ended:
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Reads on."""
        if self._watched and not self._ended:
            self._loop.add_reader(self._fd, self._ready)

    def stop(self) -> None:
        """Reads nothing any more."""
        if self._watched and not self._ended:
            self._loop.remove_reader(self._fd)
        self._ended = True

    def _ready(self) -> None:
        try:
            data = os.read(self._fd, CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self._take(data)

    def _take(self, data: bytes) -> None:
        if self._ended:
            return
        if not data:
            self.stop()
            self._on_end()
            return
        first, *others = data.split(b"\n")
        if not others:
            self._keep(first)
            return
        self._finish(first)
        for line in others[:-1]:
            self._one(line)
        self._keep(others[-1])

    def _finish(self, last: bytes) -> None:
        """The end of a line came."""
        if self._skipping:
            self._skipping = False
            return
        if self._kept:
            last = b"".join((*self._kept, last))
            self._kept, self._size = [], 0
        self._one(last)

    def _one(self, line: bytes) -> None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if len(line) > self._longest:
            self._on_line(None)
        elif line:
            self._on_line(line)

    def _keep(self, part: bytes) -> None:
        """The beginning of a line whose end is still to come."""
        if self._skipping or not part:
            return
        self._kept.append(part)
        self._size += len(part)
        if self._size > self._longest:
            self._kept, self._size, self._skipping = [], 0, True
            self._on_line(None)

    def _read_whole(self) -> None:
        while True:
            data = os.read(self._fd, CHUNK)
            self._loop.call_soon_threadsafe(self._take, data)
            if not data:
                return


class Out:
    """Writes a file descriptor. on_gone: called once when nobody reads it any more."""

    def __init__(self, fd: int, on_gone: Callable[[], None]) -> None:
        self._fd, self._on_gone = fd, on_gone
        self._kept: list[bytes] = []
        self._size = 0
        self.gone = self._closing = False
        self._loop = asyncio.get_running_loop()
        if stat.S_ISFIFO(mode := os.fstat(fd).st_mode) or stat.S_ISSOCK(mode):
            os.set_blocking(fd, False)

    @property
    def full(self) -> bool:
        """Whether so much waits that no more should come."""
        return self._size > MOST_KEPT

    async def flush(self, seconds: float) -> None:
        """Returns when all was written, or after so long."""
        for _ in range(int(seconds / _SOON)):
            if not self._kept or self.gone:
                return
            await asyncio.sleep(_SOON)

    def send(self, line: bytes) -> None:
        """One line, without its end."""
        data = line + b"\n"
        if self.gone or self._closing:
            return
        if not self._kept:
            data = self._write(data)
        if data:
            if not self._kept:
                self._loop.add_writer(self._fd, self._ready)
            self._kept.append(data)
            self._size += len(data)

    def close(self) -> None:
        """Closes it once all is written."""
        self._closing = True
        if not self._kept:
            self._end()

    def _ready(self) -> None:
        data = b"".join(self._kept[:64])
        rest = self._kept[64:]
        left = self._write(data)
        self._kept = [left, *rest] if left else rest
        self._size = sum(map(len, self._kept))
        if not self._kept and not self.gone:
            self._loop.remove_writer(self._fd)
            if self._closing:
                self._end()

    def _write(self, data: bytes) -> bytes:
        """What did not fit."""
        try:
            return data[os.write(self._fd, data) :]
        except (BlockingIOError, InterruptedError):
            return data
        except OSError:  # nobody reads it
            if self._kept:
                self._loop.remove_writer(self._fd)
            self.gone, self._kept, self._size = True, [], 0
            self._on_gone()
            return b""

    def _end(self) -> None:
        if not self.gone:
            self.gone = True
            os.close(self._fd)
