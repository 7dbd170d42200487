"""Liveness: whether a process still lives, told by a lock and not by its number, which the system gives to somebody else later.

Each process (each ledger object, to be exact) has a file in the folder `run`, and holds `flock` on it as long as it lives.  The kernel lets the
lock go in every way a process can end, kill -9 included.  The same file carries the counters of what the process has used of the budgets it
leased (`gate.store.lease`), mapped into memory, so that they survive the process:

    bytes 0-63     the boot id of the host, padded with zeros
    bytes 4096-    counters, native 64-bit integers, one per leased budget

A file of another boot may have lost its last writes with the power, so its counters are not believed.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
from array import array
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path
from typing import Final

from gate.store.files import allocate, private_directory, private_file

HEADER: Final = 4096
FIRST_SLOTS: Final = 512
_WORD: Final = 8


class ProcessFile:
    """The locked file of this process. `counters` is replaced when it grows, so do not keep it."""

    def __init__(self, folder: Path) -> None:
        private_directory(folder)
        while not self._made(folder):
            pass  # somebody who swept the folder was faster than our lock

    def _made(self, folder: Path) -> bool:
        self.name = urlsafe_b64encode(os.urandom(12)).decode()
        self._path = folder / self.name
        self._file = private_file(self._path, size=HEADER + FIRST_SLOTS * _WORD)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.pwrite(self._file, boot_id().ljust(64, b"\0"), 0)
            if os.fstat(self._file).st_nlink:
                self._remap()
                return True
        except BaseException:
            os.close(self._file)
            raise
        os.close(self._file)
        return False

    def _remap(self) -> None:
        self._map = mmap.mmap(self._file, 0)
        self.counters = memoryview(self._map).cast("Q")[HEADER // _WORD :]

    def grow(self) -> None:
        """Doubles the number of counters. OSError when the disk is full."""
        size = os.fstat(self._file).st_size
        allocate(self._file, size, HEADER + 2 * (size - HEADER))
        self._unmap()
        self._remap()

    def _unmap(self) -> None:
        self.counters.release()
        with suppress(BufferError):  # a slice of the map may outlive this moment; it is unmapped with it
            self._map.close()

    def close(self, *, remove: bool) -> None:
        """Lets the lock go. remove: nothing is left for others to settle, so the file is not needed."""
        self._unmap()
        if remove:
            with suppress(OSError):
                self._path.unlink()
        os.close(self._file)

    def forget(self) -> None:
        """In a forked child: drops the inherited copy, which would keep the parent alive in everybody's eyes."""
        self._unmap()
        os.close(self._file)


class Dead:
    """A process that is known to have ended; held until closed, so that two others do not bury it twice."""

    def __init__(self, file: int, path: Path) -> None:
        self._file, self._path = file, path

    def counters(self) -> array[int] | None:
        """What it had used, by slot; None when that is not known."""
        if self._file < 0 or os.pread(self._file, 64, 0) != boot_id().ljust(64, b"\0"):
            return None
        data = os.pread(self._file, os.fstat(self._file).st_size, HEADER)
        return array("Q", data[: len(data) // _WORD * _WORD])

    def close(self, *, remove: bool) -> None:
        """Lets go. remove: everything it left is settled."""
        if remove:
            with suppress(OSError):
                self._path.unlink()
        if self._file >= 0:
            os.close(self._file)


def names(folder: Path) -> list[str]:
    """The process files in the folder, of the living and of the dead."""
    with suppress(OSError):
        return sorted(os.listdir(folder))
    return []


def dead(folder: Path, name: str) -> Dead | None:
    """The process of that name if it has ended; None while it lives, or while somebody else is looking after it."""
    path = folder / name
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return Dead(-1, path)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return Dead(file, path)


def boot_id() -> bytes:
    """What changes when the host starts again; random, and so equal to nothing, where that cannot be told."""
    global _boot
    if not _boot:
        _boot = _read_boot_id() or os.urandom(16).hex().encode()
    return _boot


_boot = b""


def _read_boot_id() -> bytes:
    if sys.platform == "darwin":
        return _sysctl(b"kern.bootsessionuuid")
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()[:64]
    return b""


def _sysctl(name: bytes) -> bytes:
    import ctypes

    value, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    failed = ctypes.CDLL(None).sysctlbyname(name, value, ctypes.byref(size), None, ctypes.c_size_t(0))
    return b"" if failed else value.value
