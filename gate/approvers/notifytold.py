"""Notify told: what was told to whom, in the file `told.jsonl` of the gate's folder, so that a restart neither repeats nor forgets.

One line of JSON per telling, written when it is done.  A process that dies in between tells once more; a webhook sees the same id again and
can tell.  One process at a time keeps the file (`told.lock`); a second one waits its turn.  The file is its owner's alone.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection
from pathlib import Path
from threading import Lock
from typing import Final

from gate.approvers.notifyplan import Told
from gate.errors import ConfigError
from gate.tokens import keyfile

NAME: Final = "told.jsonl"
KEEP: Final = 9 * 86400.0  # a question may wait for seven days
PRUNE: Final = 3600.0


class ToldFile:
    """What was told. Thread-safe; opened by the first `hold`, which is False while another process holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._told: list[Told] = []
        self._file = self._held = -1

    def hold(self, now: float) -> bool:
        """Whether this process keeps the file, from now on until `close`. now: what is older than nine days is left out."""
        with self._lock:
            if self._file < 0:
                self._open(now)
            elif self._told and self._told[0].at < now - KEEP - PRUNE:
                self._prune(now)
            return self._file >= 0

    def _open(self, now: float) -> None:
        with keyfile.directory(self._folder) as fd:
            held = _owned(fd, "told.lock", os.O_RDWR)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._told = _read(fd)
                self._rewrite(fd, now)
                self._held = held
            except BlockingIOError:
                os.close(held)
            except BaseException:
                os.close(held)
                raise

    def _prune(self, now: float) -> None:
        with keyfile.directory(self._folder) as fd:
            os.close(self._file)
            self._rewrite(fd, now)

    def _rewrite(self, folder: int, now: float) -> None:
        """Leaves out what is old, in memory and in the file."""
        self._told = [each for each in self._told if each.at > now - KEEP]
        keyfile.replace(folder, NAME, b"".join([_line(each) for each in self._told]))
        self._file = _owned(folder, NAME, os.O_WRONLY | os.O_APPEND)

    def add(self, told: Told) -> None:
        """Keeps one more, on disk before it returns."""
        with self._lock:
            if self._file < 0:
                raise ConfigError("another process tells people of this gate's questions")
            os.write(self._file, _line(told))
            os.fsync(self._file)
            self._told.append(told)

    def all(self) -> list[Told]:
        """Everything, the first first."""
        with self._lock:
            return list(self._told)

    def find(self, question: str, channel: str, mark: str = "") -> Told | None:
        """The first that a channel was told of a question, by what the channel gave back when that is known."""
        told = [each for each in self.all() if (each.question, each.channel, each.what, each.ok) == (question, channel, "question", True)]
        return next((each for each in told if each.mark.startswith(mark)), None)

    def unfinished(self, open_ones: Collection[str]) -> list[str]:
        """The questions that somebody was told of and that are not among the open ones: how they went may have to be told."""
        told = [each.question for each in self.all() if each.ok and each.what == "question"]
        return [question for question in dict.fromkeys(told) if question not in open_ones]

    def close(self) -> None:
        """Lets another process keep it."""
        with self._lock:
            for fd in (self._file, self._held):
                if fd >= 0:
                    os.close(fd)
            self._file = self._held = -1


def _owned(folder: int, name: str, flags: int) -> int:
    """An open file of ours that nobody else may read, made when missing."""
    fd = os.open(name, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600, dir_fd=folder)
    info = os.fstat(fd)
    if info.st_uid != os.geteuid() or info.st_mode & 0o077:
        os.close(fd)
        raise ConfigError(f"the file '{name}' can be used by others; run: chmod go-rwx on it")
    return fd


def _read(folder: int) -> list[Told]:
    """What a file holds; a line that was not finished is none."""
    fd = _owned(folder, NAME, os.O_RDONLY)
    with os.fdopen(fd, "rb") as file:
        return [told for line in file if line.endswith(b"\n") and (told := _told(line))]


def _line(told: Told) -> bytes:
    return json.dumps(list(told), separators=(",", ":")).encode() + b"\n"


def _told(line: bytes) -> Told | None:
    try:
        question, person, what, channel, ok, at, mark = json.loads(line)
    except ValueError:
        return None
    return Told(str(question), str(person), str(what), str(channel), ok is True, float(at), str(mark))
