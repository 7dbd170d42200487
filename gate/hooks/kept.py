"""Kept: what the hook of one event leaves for the hook of a later one, in files of the gate's folder.

    <home>/hook/place/KEY   the workspace of a session
    <home>/hook/part/KEY    the capability of a sub-agent
    <home>/hook/runs/KEY    the files that a call runs, as they were when it was let run
    <home>/hook/open/KEY    calls that are authorized, for agents that give a call no id: a queue, because two identical calls are two calls

A key is a digest of what it is about.  Files are the owner's alone, written all at once; whoever changes a queue holds a lock.  What is lost with a
file is the outcome of a call or the place of a session, never a refusal: nothing here lets a call run that was not authorized.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from gate.call import b64url, canonical
from gate.constraints.value import is_array, is_object
from gate.tokens import keyfile

_OLD: Final = 30 * 86400.0
_MANY: Final = 2000
_LONGEST: Final = 200
_LARGEST: Final = 32 * 1024 * 1024


class Opened(NamedTuple):
    """An authorized call: the ref it has, and where a person changed it, its arguments and what the agent must be told."""

    ref: str
    arguments: dict[str, object] | None = None
    note: str = ""


class Kept:
    """The folder `hook` of a gate."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "hook"

    def once(self, sort: str, about: object, make: Callable[[], str]) -> str:
        """The text that is kept about something; made now when there is none, by one process."""
        name, folder = key(about), self._folder / sort
        self._made(folder)
        with keyfile.directory(folder) as fd:
            found = _read(fd, name)
        if found is not None:
            return found.decode()
        with keyfile.directory(folder, lock=True) as fd:
            found = _read(fd, name)
            if found is None:
                _sweep(fd)
                found = make().encode()
                keyfile.replace(fd, name, found)
        return found.decode()

    def put(self, about: object, opened: Opened) -> None:
        """Adds a call to the end of the queue of what looks like it."""
        folder = self._folder / "open"
        self._made(folder)
        with keyfile.directory(folder, lock=True) as fd:
            queue = _queue(fd, folder, key(about))
            if len(queue) >= _LONGEST:
                raise ValueError(f"{_LONGEST} such calls are open already")
            if not queue:
                _sweep(fd)
            keyfile.replace(fd, key(about), json.dumps([*queue, opened]).encode())

    def take(self, about: object) -> Opened | None:
        """Takes the oldest one out; None when there is none."""
        folder, name = self._folder / "open", key(about)
        if not folder.exists():
            return None
        with keyfile.directory(folder, create=False, lock=True) as fd:
            queue = _queue(fd, folder, name)
            if not queue:
                return None
            if len(queue) == 1:
                os.unlink(name, dir_fd=fd)
            else:
                keyfile.replace(fd, name, json.dumps(queue[1:]).encode())
            return queue[0]

    def _made(self, folder: Path) -> None:
        if not folder.exists():
            for one in (self._folder, folder):
                with keyfile.directory(one):
                    pass


def key(about: object) -> str:
    """The name of the file about something."""
    return b64url(sha256(canonical(about)).digest()).replace("-", ".").replace("_", ".") + ".k"


def _read(fd: int, name: str) -> bytes | None:
    """The content of a file in the open folder, None when there is none. ValueError for one that is not ours alone."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=fd)
    except FileNotFoundError:
        return None
    with os.fdopen(file, "rb") as opened:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o077 or info.st_size > _LARGEST:
            raise ValueError(f"the file '{name}' of the gate's folder is not as it was left")
        return opened.read()


def _queue(fd: int, folder: Path, name: str) -> list[Opened]:
    raw = _read(fd, name)
    found: object = json.loads(raw) if raw else []
    if not is_array(found):
        raise ValueError(f"'{folder / name}' is no queue of calls")
    return [_opened(one) for one in found]


def _opened(one: object) -> Opened:
    if is_array(one) and len(one) == 3 and isinstance(one[0], str) and (one[1] is None or is_object(one[1])) and isinstance(one[2], str):
        return Opened(one[0], None if one[1] is None else dict(one[1]), one[2])
    raise ValueError("this is no open call")


def _sweep(fd: int) -> None:
    """Takes out what nobody has come back for in a month, where there is much of it."""
    names = os.listdir(fd)
    if len(names) < _MANY:
        return
    before = time.time() - _OLD
    for name in names:
        with suppress(OSError):
            if os.stat(name, dir_fd=fd, follow_symlinks=False).st_mtime < before:
                os.unlink(name, dir_fd=fd)
