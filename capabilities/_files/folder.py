"""Folder: reading and changing regular files below one root, and nothing else.

Every open goes through `beneath`, the root itself included.  Links, devices, FIFOs and sockets are refused; a file is looked at through an
O_PATH descriptor before it is opened, so that opening a device or a FIFO can have no effect and cannot block.  A file with more than one
name is not written, and not read unless `shared` says so, because another name of it may be outside.  A path is taken only as the disk spells
it.  New content appears as a whole, by rename in the same folder, so a reader never sees half of it; nobody's file is replaced without a word.
What a killed process leaves is named `.gate-` and sixteen digits.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import IO, Final

from capabilities._files.beneath import RACE_FREE, open_beneath, rename_new
from capabilities._files.spelling import misspelt_below
from capabilities._paths.links import resolve
from capabilities._paths.text import below, normal, show

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_PATH: Final = getattr(os, "O_PATH", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """One root. Limits in bytes and entries; `shared`: files with several names may be read. ValueError or OSError says why it was refused."""

    def __init__(self, root: str | os.PathLike[str], *, largest: int, entries: int, shared: bool = False) -> None:
        self.root = resolve(os.path.abspath(root))
        self.largest, self.entries, self.shared = largest, entries, shared

    def read(self, path: str) -> bytes:
        """The content of a regular file."""
        with self._opened(path, os.O_RDONLY, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_nlink > 1 and not self.shared:
                raise ValueError(f"{show(path)} has other names, which may be outside the folder")
            data = b"" if status.st_size > self.largest else file.read(self.largest + 1)
        if status.st_size > self.largest or len(data) > self.largest:
            raise ValueError(f"{show(path)} is larger than {self.largest} bytes")
        return data

    def write(self, path: str, data: bytes, *, overwrite: bool) -> None:
        """A new file; with `overwrite` it replaces a regular file of that name, and keeps its permissions."""
        self._check_size(data)
        with self._parent(path) as (folder, name):
            old = _status(folder, name)
            if old and not overwrite:
                raise FileExistsError(errno.EEXIST, "is there already, and replacing it was not asked for", path)
            if old:
                _own(old, path)
            _put(folder, name, data, old)

    def append(self, path: str, data: bytes) -> None:
        """Adds to the end of a regular file that has no other name."""
        self._check_size(data)
        with self._opened(path, os.O_WRONLY | os.O_APPEND, "ab") as file:
            status = os.fstat(file.fileno())
            _own(status, path)
            if status.st_size + len(data) > self.largest:
                raise ValueError(f"{show(path)} would be larger than {self.largest} bytes")
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def delete(self, path: str) -> None:
        """Removes the name of a regular file."""
        with self._parent(path) as (folder, name):
            _regular_status(folder, name, path)
            os.unlink(name, dir_fd=folder)

    def move(self, source: str, target: str, *, overwrite: bool) -> None:
        """Gives a regular file another name; with `overwrite` in place of a regular file that has it."""
        with self._parent(source) as (here, old), self._parent(target) as (there, new):
            _regular_status(here, old, source)
            taken = _status(there, new)
            if taken and overwrite:
                _own(taken, target)
                os.rename(old, new, src_dir_fd=here, dst_dir_fd=there)
            elif taken:
                raise FileExistsError(errno.EEXIST, "is there already, and replacing it was not asked for", target)
            else:
                rename_new(here, old, there, new)

    def make(self, path: str) -> None:
        """An empty folder in one that is there."""
        with self._parent(path) as (folder, name):
            os.mkdir(name, dir_fd=folder)

    def remove(self, path: str) -> None:
        """Removes an empty folder."""
        with self._parent(path) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    def list(self, path: str) -> list[dict[str, object]]:
        """Name, type and size in bytes of what a folder holds, sorted by name; bytes that are no UTF-8 are escaped."""
        descriptor = self._open(path, _DIRECTORY)
        try:
            with os.scandir(descriptor) as found:
                rows: list[dict[str, object]] = []
                for entry in found:
                    if len(rows) >= self.entries:
                        raise ValueError(f"{show(path)} holds more than {self.entries} entries")
                    with suppress(FileNotFoundError):  # removed meanwhile
                        status = entry.stat(follow_symlinks=False)
                        name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
                        rows.append({"name": name, "type": _type(status.st_mode), "size": status.st_size})
        finally:
            os.close(descriptor)
        return sorted(rows, key=lambda row: str(row["name"]))

    def _open(self, path: str, flags: int) -> int:
        absolute = normal(self.root, path)
        if not below(absolute, self.root):
            raise ValueError(f"{show(path)} is outside {show(self.root)}")
        with _closing(self._open_root()) as root:
            rest = absolute[len(self.root) :].strip("/")
            if rest and (odd := misspelt_below(root, rest)):
                raise ValueError(f"{show(odd[0])} is spelled {show(odd[1])} on the disk; write it so")
            return open_beneath(root, rest or ".", flags)

    def _open_root(self) -> int:
        """The root, opened so that no part of its own path may have become a link since the folder was made."""
        with _closing(os.open("/", _DIRECTORY | os.O_CLOEXEC)) as top:
            return open_beneath(top, self.root.strip("/") or ".", _DIRECTORY)

    @contextmanager
    def _parent(self, path: str) -> Generator[tuple[int, str]]:
        """The open folder that a path is in, and its last name."""
        absolute = normal(self.root, path)
        folder, _, name = absolute.rpartition("/")
        if absolute == self.root:
            raise ValueError(f"{show(path)} is the folder itself")
        with _closing(self._open(folder or "/", _DIRECTORY)) as descriptor:
            if odd := misspelt_below(descriptor, name):
                raise ValueError(f"{show(odd[0])} is spelled {show(odd[1])} on the disk; write it so")
            yield descriptor, name

    def _opened(self, path: str, flags: int, mode: str) -> IO[bytes]:
        """The open regular file, looked at before it is opened where the host can do that."""
        flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        if not (_PATH and RACE_FREE and os.path.isdir("/proc/self/fd")):
            return os.fdopen(_regular(self._open(path, flags), path), mode)
        with _closing(_regular(self._open(path, _PATH | os.O_NOFOLLOW), path)) as look:
            return os.fdopen(_regular(os.open(f"/proc/self/fd/{look}", flags), path), mode)

    def _check_size(self, data: bytes) -> None:
        if len(data) > self.largest:
            raise ValueError(f"{len(data)} bytes are more than the {self.largest} that may be written")


@contextmanager
def _closing(descriptor: int) -> Generator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _regular(descriptor: int, path: str) -> int:
    if S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise ValueError(f"{show(path)} is no regular file")


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _regular_status(folder: int, name: str, path: str) -> None:
    status = _status(folder, name)
    if status is None:
        raise FileNotFoundError(errno.ENOENT, "is not there", path)
    if not S_ISREG(status.st_mode):
        raise ValueError(f"{show(path)} is no regular file")


def _own(status: os.stat_result, path: str) -> None:
    """Refuses to change what is no regular file with one name."""
    if not S_ISREG(status.st_mode):
        raise ValueError(f"{show(path)} is no regular file")
    if status.st_nlink > 1:
        raise ValueError(f"{show(path)} has other names, which may be outside the folder")


def _put(folder: int, name: str, data: bytes, old: os.stat_result | None) -> None:
    """Content under a name, all at once: a fresh file is filled, then renamed. Permissions are set by descriptor, as its name may be raced."""
    fresh = f".gate-{secrets.token_hex(8)}"
    descriptor = os.open(fresh, _NEW, 0o600 if old else 0o666, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if old:
                with suppress(PermissionError):  # only root may give files away
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), old.st_mode & 0o777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if old:
            os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            rename_new(folder, fresh, folder, name)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=folder)
        raise


def _type(mode: int) -> str:
    if S_ISREG(mode):
        return "file"
    if S_ISDIR(mode):
        return "folder"
    return "link" if S_ISLNK(mode) else "other"
