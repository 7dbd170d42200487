r"""Tty: a terminal at which one person is asked one thing at a time, and what can be told about who else may write to it.

While somebody is asked, the device is opened by nobody else (`TIOCEXCL`; a process that may administer the system still can), and who is only in its
group cannot write to it (`mesg n`).  A device that others may write to, or that belongs to another user than root or the one who asks, is
refused; so is one at which another process runs that has the same gate open, since that is where an agent would be (Linux).  What nobody can
tell from here: whether a process of the same user that was started at this terminal, or keeps it open from before, writes to it.  Agents
belong under a user of their own, or in another session, for example `setsid agent < /dev/null`.

What was typed before a question is thrown away, and what is typed counts by whole lines.

>>> try: Tty("/dev/null")
... except ConfigError as error: print(error)
'/dev/null' is no terminal, so nobody can be asked there
"""

from __future__ import annotations

import array
import fcntl
import os
import re
import select
import stat
import termios
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final

from gate.errors import ConfigError

_TIOCGDEV: Final = 0x80045432  # Linux: which device a terminal is, behind the name /dev/tty
_LONGEST_LINE: Final = 4096
_asking = Lock()


def _fresh_lock() -> None:
    global _asking  # a thread that held it when this process was forked is not here
    _asking = Lock()


os.register_at_fork(after_in_child=_fresh_lock)


class Tty:
    """A terminal, opened; ConfigError where there is none, or others may write to it."""

    def __init__(self, device: str = "/dev/tty") -> None:
        try:
            self._fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(f"there is no terminal to ask at ({device}: {error.strerror}); use another approver") from error
        try:
            if not os.isatty(self._fd):
                raise ConfigError(f"'{device}' is no terminal, so nobody can be asked there")
            self.rdev, self._real = _real(self._fd)
            if self._real is not None and (why := unsafe(os.fstat(self._real), os.getuid())):
                raise ConfigError(f"nobody can be asked at '{device}': {why}")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Tty:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    _real: int | None = None

    def close(self) -> None:
        """Gives the device back."""
        for fd in (self._fd, self._real):
            if fd is not None:
                os.close(fd)
        self._real = None

    @property
    def width(self) -> int:
        """Columns; 80 where the terminal does not say."""
        return os.get_terminal_size(self._fd).columns or 80

    @contextmanager
    def alone(self, seconds: float) -> Generator[bool]:
        """The terminal to oneself; False when another question was there all the time."""
        got = _asking.acquire(timeout=max(seconds, 0.0))
        try:
            with self._closed() if got else nullcontext():
                yield got
        finally:
            if got:
                _asking.release()

    @contextmanager
    def _closed(self) -> Generator[None]:
        """Nobody else opens it, and its group cannot write."""
        before = stat.S_IMODE(os.fstat(self._real).st_mode) if self._real is not None else 0
        mine = self._real is not None and os.fstat(self._real).st_uid == os.getuid() and bool(before & stat.S_IWGRP)
        try:
            with suppress(OSError):
                fcntl.ioctl(self._fd, termios.TIOCEXCL)
            if mine and self._real is not None:
                os.fchmod(self._real, before & ~stat.S_IWGRP)
            yield
        finally:
            with suppress(OSError):
                fcntl.ioctl(self._fd, termios.TIOCNXCL)
            if mine and self._real is not None:
                os.fchmod(self._real, before)

    def write(self, text: str) -> None:
        """Writes all of it."""
        data = text.encode()
        while data:
            data = data[os.write(self._fd, data) :]

    def line(self, seconds: float, *, fresh: bool = True) -> str | None:
        """One line, typed within so many seconds, else None. fresh: what was typed before does not count."""
        if fresh:
            termios.tcflush(self._fd, termios.TCIFLUSH)
        end, typed = time.monotonic() + seconds, b""
        while b"\n" not in typed and len(typed) < _LONGEST_LINE:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                return None
            part = os.read(self._fd, 1024)
            if not part:
                return None
            typed += part
        return typed.split(b"\n", 1)[0].decode("utf-8", "replace")

    def waits_for_key(self, seconds: float) -> bool:
        """Whether something is typed within so many seconds."""
        return bool(select.select([self._fd], [], [], seconds)[0])


def unsafe(device: os.stat_result, uid: int) -> str:
    """Why others than this user (and root) can write to a terminal; "" where they cannot."""
    if device.st_mode & stat.S_IWOTH:
        return "anybody may write to it"
    if device.st_uid not in {0, uid}:
        return f"it belongs to another user (uid {device.st_uid})"
    return ""


def shared_with(rdev: int, file: Path) -> list[int]:
    """The processes, other than this one, that run at a terminal and have a file open, as far as this user may see (Linux)."""
    wanted = str(file.resolve())
    found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")] if rdev else []
    return [pid for pid in found if pid != os.getpid() and _terminal_of(pid) == rdev and wanted in _files_of(pid)]


def _terminal_of(pid: int) -> int:
    """The device of a process's controlling terminal (proc(5), tty_nr), 0 for none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        number = int(fields[4])
    except (OSError, IndexError, ValueError):
        return 0
    return os.makedev((number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & 0xFFF00)) if number else 0


def _files_of(pid: int) -> set[str]:
    found = set[str]()
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found


def _real(fd: int) -> tuple[int, int | None]:
    """The device behind a name such as /dev/tty: its number, and a descriptor of it; (0, None) where it cannot be told."""
    name = os.ttyname(fd)
    number = array.array("I", [0])
    with suppress(OSError):
        fcntl.ioctl(fd, _TIOCGDEV, number)
    rdev = os.makedev((number[0] >> 8) & 0xFFF, (number[0] & 0xFF) | ((number[0] >> 12) & 0xFFF00)) if number[0] else os.fstat(fd).st_rdev
    if not re.fullmatch(r"/dev/(pts/\d+|tty\w+|console)", name):
        name = f"/dev/pts/{os.minor(rdev)}"
    with suppress(OSError):
        found = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        if os.fstat(found).st_rdev == rdev:
            return rdev, found
        os.close(found)
    return rdev, None
