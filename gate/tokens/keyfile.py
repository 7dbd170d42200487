"""Files that only their owner may read: made once even when two processes try at the same moment, and refused when they look tampered with.

A file is written whole under a temporary name (`O_EXCL`, mode 0600, synced) and then linked to its name, which fails when another process
was first; so there is never a half-written key, and both processes go on with the same one.  All of it happens relative to an open
directory that was checked itself, so a directory swapped for a symlink in between changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

from gate.errors import KeyFileError
from gate.regex import regex

_NAME: Final = regex(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\Z")
MAX_SIZE: Final = 16384
_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022


def is_name(name: str) -> bool:
    """Whether a file may be called so: letters, digits and . _ @ -, beginning with a letter or digit."""
    return bool(_NAME.match(name))


def checked(name: str) -> str:
    """The name, which is no path and hides nothing; KeyFileError otherwise."""
    if not is_name(name):
        raise KeyFileError(f"'{name!r}' is no name for a key: letters, digits and . _ @ -, beginning with a letter or digit")
    return name


@contextlib.contextmanager
def directory(path: Path, *, create: bool = True, lock: bool = False) -> Generator[int]:
    """An open descriptor of a directory that is ours and that nobody else may write; made with mode 0700 when missing.

    Raises KeyFileError when it is a symlink, somebody else's, or writable by others.
    """
    if create and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise KeyFileError(f"the key directory '{path}' cannot be opened: {_cause(error)}") from None
    try:
        info = os.fstat(fd)
        _owned(info, f"the key directory '{path}'")
        if info.st_mode & _OTHERS_WRITE:
            raise KeyFileError(f"the key directory '{path}' can be written by others; run: chmod go-w {path}")
        if lock:
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


def read(fd: int, name: str, shown: Path, *, secret: bool = True) -> bytes | None:
    """The content of a file in the open directory `fd`, None when there is none.

    Raises KeyFileError when it is a symlink or no regular file, somebody else's, too large, or open to others (a public one: to writing).
    """
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"the key file '{shown}' cannot be opened: {_cause(error)}") from None
    try:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode) or info.st_size > MAX_SIZE:
            raise KeyFileError(f"the key file '{shown}' is no ordinary small file")
        _owned(info, f"the key file '{shown}'")
        if info.st_mode & (_OTHERS if secret else _OTHERS_WRITE):
            can, fix = ("read", "go-rwx") if secret else ("written", "go-w")
            raise KeyFileError(f"the key file '{shown}' can be {can} by others (mode {stat.S_IMODE(info.st_mode):04o}); run: chmod {fix} {shown}")
        return os.read(file, MAX_SIZE + 1)
    finally:
        os.close(file)


def create(fd: int, name: str, content: bytes) -> bool:
    """Put `content` under a name that must be free, durably; False when another process was first."""
    temporary = _write(fd, name, content)
    try:
        os.link(temporary, name, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary, dir_fd=fd)
    os.fsync(fd)
    return True


def replace(fd: int, name: str, content: bytes) -> None:
    """Put `content` in place of what a name holds now, durably and all at once."""
    os.rename(_write(fd, name, content), name, src_dir_fd=fd, dst_dir_fd=fd)
    os.fsync(fd)


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a secret file, made on first use; every process that races gets the same."""
    with directory(path.parent) as fd:
        found = read(fd, path.name, path)
        if found is None:
            create(fd, path.name, make())
            found = read(fd, path.name, path)
    if found is None:
        raise KeyFileError(f"the key file '{path}' disappeared while it was made")
    return found


def _write(fd: int, name: str, content: bytes) -> str:
    temporary = f".{name}.{os.urandom(8).hex()}"
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=fd)
    try:
        with os.fdopen(file, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        os.unlink(temporary, dir_fd=fd)
        raise
    return temporary


def _owned(info: os.stat_result, what: str) -> None:
    if info.st_uid != os.geteuid():
        raise KeyFileError(f"{what} belongs to user {info.st_uid}, not to this process (user {os.geteuid()})")


def _cause(error: OSError) -> str:
    if isinstance(error, NotADirectoryError):
        return "it is no directory, or a symbolic link"
    return "it is a symbolic link" if error.errno == errno.ELOOP else (error.strerror or str(error)).lower()
