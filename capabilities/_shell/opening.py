"""Files and patterns of a command that runs: what its redirections open, and what its patterns stand for."""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import glob
import os
import tempfile
from stat import S_ISREG
from typing import IO, Final

from capabilities._shell.script import Word

_SAFE_FIRST: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./")
_MODES: Final = {"<": os.O_RDONLY, ">": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, ">>": os.O_WRONLY | os.O_CREAT | os.O_APPEND}


def opened(target: str, op: str, cwd: str) -> IO[bytes]:
    """Opens a regular file, or /dev/null, without following a link in its last name."""
    path = target if target.startswith("/") else f"{cwd}/{target}"
    descriptor = os.open(path, _MODES[op] | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    if path != os.devnull and not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{target!a} is no regular file")
    return os.fdopen(descriptor, "rb" if op == "<" else "wb", buffering=0)


def spooled(data: bytes) -> IO[bytes]:
    """A nameless file that holds `data`, to be read from its beginning."""
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - whoever gets it closes it
    file.write(data)
    file.seek(0)
    return file


def expand(word: Word, cwd: str) -> list[str]:
    """The words that a pattern stands for in `cwd`, sorted; any other word as it is."""
    if not word.pattern:
        return [word.text]
    names = sorted(glob.glob(word.pattern, root_dir=cwd))
    return [name if name[0] in _SAFE_FIRST else f"./{name}" for name in names] or [word.text]
