"""Where a path leads: links of its existing part resolved, one component at a time.

`os.path.realpath` treats a component it may not look at as if it were no link; here that refuses, because a path whose links are not
known cannot be checked.  Only `lstat` and `readlink` are used, nothing is opened.  What a path leads to may change right afterwards:
tools that open files below a root use `capabilities._files`, where the kernel checks while it opens.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from stat import S_ISLNK
from typing import Final

from capabilities._paths.text import show

MAX_LINKS: Final = 40  # as Linux does, path_resolution(7)


def resolve(path: str, start: str = "") -> str:
    """`path` with its links followed, `..` taken as the kernel does; ValueError when a component cannot be looked at.

    A relative path begins at `start`, an absolute folder whose own links are already resolved.
    """
    todo = [part for part in reversed(path.split("/")) if part and part != "."]
    done, links = "" if path.startswith("/") or start == "/" else start, 0
    while todo:
        name = todo.pop()
        if name == "..":
            done = done.rpartition("/")[0]
            continue
        step = f"{done}/{name}"
        try:
            if not S_ISLNK(os.lstat(step).st_mode):
                done = step
                continue
            target = os.readlink(step)
        except (FileNotFoundError, NotADirectoryError):
            done = step  # nothing there: nothing below it can be a link either
            continue
        except (OSError, ValueError) as error:
            raise ValueError(f"{show(path)} cannot be followed: {getattr(error, 'strerror', None) or error}") from None
        links += 1
        if links > MAX_LINKS:
            raise ValueError(f"{show(path)} goes through more than {MAX_LINKS} links")
        if target.startswith("/"):
            done = ""
        todo += [part for part in reversed(target.split("/")) if part and part != "."]
    return done or "/"
