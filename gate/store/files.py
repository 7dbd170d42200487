"""The files of a ledger: private to their owner, or refused.

Whoever can write the ledger can give themselves budget, and whoever can read it learns what agents did.  So folders are made with mode
0700 and files with 0600, links are not followed, and what somebody else owns or may write is refused with the command that repairs it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gate.errors import ConfigError


def private_directory(path: Path) -> Path:
    """Makes the folder (mode 0700) unless it is there, and checks it. ConfigError when it is not ours alone to write."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise ConfigError(f"cannot make the folder '{path}': {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"'{path}' is not a folder")
    _check(path, found)
    return path


def private_file(path: Path, *, size: int = 0) -> int:
    """A descriptor of the file, made (mode 0600) when it is missing and grown to `size` bytes that the disk really has.

    Growing writes zeros: a mapped page without a block behind it would kill the process when the disk is full.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot open '{path}': {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"'{path}' is not a plain file")
        _check(path, found)
        if found.st_size < size:
            allocate(descriptor, found.st_size, size)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def allocate(descriptor: int, start: int, stop: int) -> None:
    """Writes zeros from byte start to before byte stop. OSError when the disk is full."""
    while start < stop:
        start += os.pwrite(descriptor, bytes(stop - start), start)


def check_private(path: Path) -> None:
    """ConfigError when the file is there and somebody else owns it or may write it."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"'{path}' is not a plain file")
    _check(path, found)


def _check(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise ConfigError(f"'{path}' belongs to another user (id {found.st_uid})")
    if found.st_mode & 0o022:
        raise ConfigError(f"'{path}' can be written by others: run `chmod go-w '{path}'` and check what they changed with `gate verify`")
