"""Folder: reading and changing regular files below one root, and nothing else.

Every open goes through `beneath`.  Links, devices, FIFOs and sockets are refused; a file is looked at through an O_PATH descriptor before
it is opened, so that opening a device or a FIFO can have no effect and cannot block.  A file with more than one name is not written to,
because another name of it may be outside.  New content replaces old content as a whole, by rename, so a reader never sees half of it.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import errno
import os
import secrets
from stat import S_IMODE, S_ISDIR, S_ISLNK, S_ISREG
from typing import IO, Final

from capabilities._files.beneath import RACE_FREE, open_beneath
from capabilities._paths.links import resolve
from capabilities._paths.text import below, normal, show

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
_PATH: Final = getattr(os, "O_PATH", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


class Folder:
    """One root. Limits in bytes and entries; ValueError or OSError says why something was refused."""

    def __init__(self, root: str | os.PathLike[str], *, largest: int, entries: int) -> None:
        self.root = resolve(os.path.abspath(root))
        self.largest, self.entries = largest, entries

    def read(self, path: str) -> bytes:
        """The content of a regular file."""
        with self._opened(path, os.O_RDONLY, "rb") as file:
            data = file.read(self.largest + 1)
        if len(data) > self.largest:
            raise ValueError(f"{show(path)} is larger than {self.largest} bytes")
        return data

    def write(self, path: str, data: bytes, *, overwrite: bool) -> None:
        """A new file; with `overwrite` it replaces a regular file of that name, and keeps its permissions."""
        self._check_size(data)
        folder, name = self._parent(path)
        try:
            old = _status(folder, name)
            if old and not overwrite:
                raise FileExistsError(errno.EEXIST, "is there already, and replacing it was not asked for", path)
            if old and not S_ISREG(old.st_mode):
                raise ValueError(f"{show(path)} is no regular file")
            if old:
                _replace(folder, name, data, S_IMODE(old.st_mode))
            else:
                _create(folder, name, data, 0o644)
        finally:
            os.close(folder)

    def append(self, path: str, data: bytes) -> None:
        """Adds to the end of a regular file that has no other name."""
        self._check_size(data)
        with self._opened(path, os.O_WRONLY | os.O_APPEND, "ab") as file:
            status = os.fstat(file.fileno())
            if status.st_nlink > 1:
                raise ValueError(f"{show(path)} has other names, which may be outside the folder")
            if status.st_size + len(data) > self.largest:
                raise ValueError(f"{show(path)} would be larger than {self.largest} bytes")
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def delete(self, path: str) -> None:
        """Removes the name of a regular file."""
        folder, name = self._parent(path)
        try:
            status = _status(folder, name)
            if status is None:
                raise FileNotFoundError(errno.ENOENT, "is not there", path)
            if not S_ISREG(status.st_mode):
                raise ValueError(f"{show(path)} is no regular file")
            os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)

    def list(self, path: str) -> list[dict[str, object]]:
        """Name, type and size in bytes of what a folder holds, sorted by name."""
        descriptor = self._open(path, _DIRECTORY)
        try:
            with os.scandir(descriptor) as found:
                rows: list[dict[str, object]] = []
                for entry in found:
                    if len(rows) >= self.entries:
                        raise ValueError(f"{show(path)} holds more than {self.entries} entries")
                    status = entry.stat(follow_symlinks=False)
                    rows.append({"name": entry.name, "type": _type(status.st_mode), "size": status.st_size})
        finally:
            os.close(descriptor)
        return sorted(rows, key=lambda row: str(row["name"]))

    def _open(self, path: str, flags: int) -> int:
        absolute = normal(self.root, path)
        if not below(absolute, self.root):
            raise ValueError(f"{show(path)} is outside {show(self.root)}")
        root = os.open(self.root, _DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            return open_beneath(root, absolute[len(self.root) :].strip("/") or ".", flags)
        finally:
            os.close(root)

    def _parent(self, path: str) -> tuple[int, str]:
        absolute = normal(self.root, path)
        folder, _, name = absolute.rpartition("/")
        if absolute == self.root:
            raise ValueError(f"{show(path)} is the folder itself")
        return self._open(folder or "/", _DIRECTORY), name

    def _opened(self, path: str, flags: int, mode: str) -> IO[bytes]:
        """The open regular file, looked at before it is opened where the host can do that."""
        flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        if not (_PATH and RACE_FREE and os.path.isdir("/proc/self/fd")):
            return os.fdopen(_regular(self._open(path, flags), path), mode)
        look = _regular(self._open(path, _PATH | os.O_NOFOLLOW), path)
        try:
            return os.fdopen(_regular(os.open(f"/proc/self/fd/{look}", flags), path), mode)
        finally:
            os.close(look)

    def _check_size(self, data: bytes) -> None:
        if len(data) > self.largest:
            raise ValueError(f"{len(data)} bytes are more than the {self.largest} that may be written")


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


def _create(folder: int, name: str, data: bytes, mode: int) -> None:
    """A new file with this content; no file when that fails."""
    descriptor = os.open(name, _NEW | os.O_CLOEXEC, mode, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise


def _replace(folder: int, name: str, data: bytes, mode: int) -> None:
    """New content under an old name, at once."""
    fresh = f".gate-{secrets.token_hex(8)}"
    _create(folder, fresh, data, 0o600)
    try:
        os.chmod(fresh, mode, dir_fd=folder)
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(fresh, dir_fd=folder)
        raise


def _type(mode: int) -> str:
    if S_ISREG(mode):
        return "file"
    if S_ISDIR(mode):
        return "folder"
    return "link" if S_ISLNK(mode) else "other"
