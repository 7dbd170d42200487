"""What a person reads about a call to files: a headline, and a preview of what it would change.

Looking is done the way the tools do it: no link is followed, nothing but a regular file is opened, and a file where keys are kept is never
shown.  What cannot be shown is said.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Mapping
from stat import S_ISREG
from typing import Final

from capabilities._files.folder import Folder
from capabilities._paths.place import own_home
from capabilities._paths.secret import secret
from capabilities._paths.text import below
from gate.frozen import Frozen
from gate.preview import Panel, diff, facts, text

_MOST: Final = 200_000
_LINES: Final = 1000
_EXCERPT: Final = 20
Arguments = Mapping[str, Frozen]


def headline(verb: str, root: str | None = None) -> Headline:
    """The headline of a tool whose paths are shown relative to `root`, by default the current folder."""
    return Headline(verb, root)


class Headline:
    """`write 120 bytes to out/a.txt, replacing 80 bytes`."""

    def __init__(self, verb: str, root: str | None) -> None:
        self._verb, self._root = verb, root

    def __call__(self, arguments: Arguments) -> str:
        """The words after "NAME wants to"."""
        path = self._short(arguments.get("path"))
        if self._verb == "write":
            return f"write {_size(_bytes(arguments))} to {path}, {_instead(arguments)}"
        if self._verb == "append":
            return f"add {_size(_bytes(arguments))} to the end of {path}"
        if self._verb == "move":
            target = {"path": arguments.get("target"), "overwrite": arguments.get("overwrite", False)}
            return f"move {self._short(arguments.get('source'))} to {self._short(target['path'])}, {_instead(target)}"
        if self._verb == "delete":
            return f"delete {path}{_holding(arguments.get('path'))}"
        return f"{self._verb} {path}"

    def _short(self, path: Frozen) -> str:
        name, root = str(path), self._root or os.getcwd()
        return (name[len(root) :].strip("/") or ".") if root != "/" and below(name, root) else name


def preview_write(arguments: Arguments) -> list[Panel]:
    """What the file holds now and would hold."""
    return _change(arguments, keeps=False)


def preview_append(arguments: Arguments) -> list[Panel]:
    """The end of the file, and what comes after it."""
    return _change(arguments, keeps=True)


def preview_gone(arguments: Arguments) -> list[Panel]:
    """What is deleted, and how it begins."""
    path = str(arguments.get("path", ""))
    now, before = _now(path)
    panels = [facts("file", [("path", path), ("now", now), ("can be undone", "no")])]
    return panels if before is None else [*panels, text("how it begins", "\n".join(before.splitlines()[:_EXCERPT]))]


def preview_move(arguments: Arguments) -> list[Panel]:
    """What goes where, and what is there."""
    source, target = (str(arguments.get(name, "")) for name in ("source", "target"))
    there = _now(target)[0]
    return [facts("move", [("from", source), ("which is", _now(source)[0]), ("to", target), ("where there is", there)])]


def _change(arguments: Arguments, *, keeps: bool) -> list[Panel]:
    path, added = str(arguments.get("path", "")), str(arguments.get("text", ""))
    now, before = _now(path)
    about = [("path", path), ("now", now), ("writes", _size(len(added.encode())))]
    if before is None and now != _NOTHING:
        return [facts("file", about), text("what is written", _cut(added))]
    old = before or ""
    result = old + added if keeps else added
    if max(len(old), len(result)) > _MOST or max(old.count("\n"), result.count("\n")) > _LINES:
        return [facts("file", [*about, ("change", "too long to compare")]), text("what is written", _cut(added))]
    return [facts("file", about), diff("change", old, result)]


_NOTHING: Final = "nothing, it is a new file"


def _now(path: str) -> tuple[str, str | None]:
    """What a file is now, in words, and its text where that may be shown."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return _NOTHING, None
    except (OSError, ValueError) as error:
        return f"cannot be inspected: {error}", None
    if not S_ISREG(status.st_mode):
        return "no regular file", None
    size = _size(status.st_size)
    if why := secret(path, own_home()):
        return f"{size}, not shown: it {why}", None
    try:
        data = Folder("/", largest=_MOST, entries=0, shared=True).read(path)
        if b"\0" in data:
            return f"{size}, no text", None
        return size, data.decode()
    except UnicodeDecodeError:
        return f"{size}, no text", None
    except (OSError, ValueError) as error:
        return f"{size}, not shown: {error}", None


def _instead(arguments: Arguments) -> str:
    try:
        status = os.lstat(str(arguments.get("path", "")))
    except (OSError, ValueError):
        return "a new file"
    if arguments.get("overwrite") is True:
        return f"replacing {_size(status.st_size)}" if S_ISREG(status.st_mode) else "which is no regular file and will be refused"
    return "which is there already and will be refused"


def _holding(path: Frozen) -> str:
    try:
        return f", which holds {_size(os.lstat(str(path)).st_size)}"
    except (OSError, ValueError):
        return ", which is not there"


def _bytes(arguments: Arguments) -> int:
    return len(str(arguments.get("text", "")).encode())


def _size(count: int) -> str:
    if count < 10_000:
        return f"{count} byte{'' if count == 1 else 's'}"
    return f"{count / 1000:.0f} kB" if count < 10_000_000 else f"{count / 1e6:.0f} MB"


def _cut(value: str) -> str:
    return value[:_MOST]
