"""Opens what a relative path names below an open folder, and nothing else.

On Linux ≥ 5.6 (x86_64, aarch64) openat2(2) does it in the kernel, with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS: no
link, no `..`, no mount trick and no race gets out.  Elsewhere each component is opened by itself with O_NOFOLLOW relative to the one
before.  That refuses links too, but a folder that somebody moves out of the root while it is being walked is followed to where it went:
`RACE_FREE` says which of the two this host has.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Final

_SYS_OPENAT2: Final = 437  # the same on x86_64 and aarch64
_RENAME_NOREPLACE: Final = 1
_BENEATH: Final = 0x08 | 0x04 | 0x02  # RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
_RETRIES: Final = 64
_WALK: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _How(ctypes.Structure):
    """struct open_how of openat2(2)."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(folder: int, path: str, flags: int, mode: int = 0) -> int:
    """A descriptor of `path` below the open `folder`; OSError when it is not there, leads out, or goes through any link."""
    if not path or path.startswith("/") or "\0" in path:
        raise OSError(errno.EINVAL, "a path below a folder is relative", path)
    if RACE_FREE:
        return _openat2(folder, path, flags | os.O_CLOEXEC, mode)
    return _walk(folder, path, flags | os.O_CLOEXEC, mode)


def free_of_links(path: str) -> bool:
    """Whether no part of the absolute path is a link, as far as it exists: one question to the kernel instead of one for each part.

    The kernel walks from left to right and says ELOOP at the first link, so what it misses is missed behind parts that are none.
    """
    if not RACE_FREE:
        return False
    made = int(_libc.syscall(_SYS_OPENAT2, -100, os.fsencode(path), _LOOK, _LOOK_SIZE))
    if made < 0:
        return ctypes.get_errno() in (errno.ENOENT, errno.ENOTDIR)
    os.close(made)
    return True


def rename_new(source: int, old: str, target: int, new: str) -> None:
    """Renames from one open folder into another; FileExistsError when the new name is taken, decided by the file system in one step."""
    renameat2 = getattr(_libc, "renameat2", None)
    if renameat2 is not None:
        if renameat2(source, os.fsencode(old), target, os.fsencode(new), _RENAME_NOREPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):  # a file system without it
            raise OSError(number, os.strerror(number), new)
    os.link(old, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    os.unlink(old, dir_fd=source)


def _openat2(folder: int, path: str, flags: int, mode: int) -> int:
    number = errno.EAGAIN
    how = _How(flags, mode if flags & os.O_CREAT else 0, _BENEATH)
    for _ in range(_RETRIES):
        made = int(_libc.syscall(_SYS_OPENAT2, folder, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)))
        if made >= 0:
            return made
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):  # EAGAIN: something was renamed meanwhile, so the kernel could not be sure
            break
    raise OSError(number, _reason(number), path)


def _walk(folder: int, path: str, flags: int, mode: int) -> int:
    *folders, last = [part for part in path.split("/") if part and part != "."] or ["."]
    if ".." in folders or last == "..":
        raise OSError(errno.EXDEV, _reason(errno.EXDEV), path)
    here = os.open(".", _WALK, dir_fd=folder)
    try:
        for name in folders:
            below = os.open(name, _WALK, dir_fd=here)
            os.close(here)
            here = below
        return os.open(last, flags | os.O_NOFOLLOW, mode, dir_fd=here)
    finally:
        os.close(here)


def _reason(number: int) -> str:
    if number == errno.ELOOP:
        return "goes through a link"
    return "leads out of its folder" if number == errno.EXDEV else os.strerror(number)


def _probe() -> bool:
    """Whether openat2 works here: it must open `/` below itself, and refuse to leave it."""
    if sys.platform != "linux" or os.uname().machine not in ("x86_64", "aarch64") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    root = os.open("/", _WALK)
    try:
        os.close(_openat2(root, ".", _WALK, 0))
        os.close(_openat2(root, "..", _WALK, 0))
    except OSError as error:
        return error.errno == errno.EXDEV
    else:
        return False
    finally:
        os.close(root)


_look: Final = _How(getattr(os, "O_PATH", 0) | os.O_CLOEXEC, 0, 0x04 | 0x02)  # RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
_LOOK: Final = ctypes.byref(_look)
_LOOK_SIZE: Final = ctypes.sizeof(_How)
_libc: Final = ctypes.CDLL(None, use_errno=True)
RACE_FREE: Final = _probe()
