"""Spelling: whether a path is written as the disk writes it.

Where a file system ignores case or the composition of accents, one file has many names, and a rule that denies `/data/secret` says nothing
about `/DATA/Secret`.  So the ready-made tools take a name only as the folder lists it.  Each existing part of a path is asked for by another
spelling too; when that is the same file, the folder is listed.  On a file system that tells the spellings apart this costs a look-up a name.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from stat import S_ISLNK
from typing import Final

from capabilities._paths.fold import other_spellings, short_name

Look = Callable[[str], "tuple[int, int] | None"]
"""The identity of what a path below the folder names, None when there is nothing."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def misspelt(path: str, look: Look, names: Callable[[str], Sequence[str]]) -> tuple[str, str] | None:
    """A part of `path` that is written otherwise on the disk, and how; None when all are as written or not there."""
    walked = ""
    for name in path.split("/"):
        found = look(walked + name)
        if found is None:
            return None
        if short_name(name.lower()) or any(look(walked + other) == found for other in other_spellings(name)):
            there = names(walked or ".")
            if name not in there:
                return name, next((one for one in there if look(walked + one) == found), "")
        walked += f"{name}/"
    return None


def misspelt_below(folder: int, path: str) -> tuple[str, str] | None:
    """The same for a path below an open folder."""

    def look(below: str) -> tuple[int, int] | None:
        try:
            status = os.stat(below, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None
        # a link is refused when the path is opened; nothing is asked about what lies behind it
        return None if S_ISLNK(status.st_mode) else (status.st_dev, status.st_ino)

    def names(below: str) -> list[str]:
        descriptor = os.open(below, _FOLDER, dir_fd=folder)
        try:
            return os.listdir(descriptor)
        finally:
            os.close(descriptor)

    return misspelt(path, look, names)
