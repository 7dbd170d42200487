"""Rules file: rules from disk, read again when the file changes.

A change takes effect within a second, in every process.  A file that cannot be read any more refuses every call until it can: whoever saved it
meant the new rules, and nobody can tell what the old ones have become.  An editor that writes in place may let a call meet half a file;
write beside it and rename, as most do.  The file must be a regular one, at most 4 MiB, that not everybody on the host may write to.
"""

from __future__ import annotations

import os
import stat
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

from gate.errors import RulesError
from gate.policy.catalogue import Catalogue, KindCatalogue
from gate.policy.rule import Zone, fixed_zone
from gate.rules import Rules, parse, version_of
from gate.shown import shown

INTERVAL: Final = 1.0
MAX_BYTES: Final = 4 * 1024 * 1024
_RACY: Final = 2.0  # a file changed so recently may change again without its times showing it


def load(path: str | Path, *, catalogue: Catalogue | None = None) -> Rules:
    """The rules of a file; RulesError names file, line, rule and reason.

    catalogue: describes the calls of the examples; the kinds of installed packages when left out.
    """
    return _parsed(str(path), _read(str(path)).data, catalogue or KindCatalogue())


def watch(path: str | Path, *, changed: Callable[[str], None] | None = None, catalogue: Catalogue | None = None, interval: float = INTERVAL) -> Watch:
    """The rules of a file, read again when it changes.

    changed: called with the version of rules before they are in force; when it fails, they are not.  catalogue: as for `load`.
    interval: seconds between two looks at the file.
    """
    return Watch(str(path), changed, catalogue or KindCatalogue(), interval)


class Watch:
    """The rules in force. Thread-safe."""

    __slots__ = ("__weakref__", "_broken", "_catalogue", "_changed", "_interval", "_lock", "_next", "_path", "_rules", "_seen")

    def __init__(self, path: str, changed: Callable[[str], None] | None, catalogue: Catalogue, interval: float) -> None:
        self._path, self._changed, self._catalogue, self._interval = path, changed, catalogue, interval
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._broken: RulesError | None = None
        self._seen: _Signature | None = None
        self._next = 0.0
        _watches.add(self)

    def current(self) -> Rules:
        """The rules now; RulesError while the file is wrong. Between two looks at the file it costs one reading of the clock."""
        rules = self._rules
        return rules if rules is not None and monotonic() < self._next else self._look()

    def _look(self) -> Rules:
        with self._lock:
            if monotonic() >= self._next:
                self._refresh()
                self._next = monotonic() + self._interval
            if self._rules is None:
                raise _refusing(self._broken, self._path)
            return self._rules

    def _refresh(self) -> None:
        """Puts the file's rules in force, or none when it is wrong."""
        try:
            if self._rules is None or self._seen is None or _now(self._path) != self._seen:
                self._reread()
        except RulesError as error:
            self._rules, self._seen, self._broken = None, None, error

    def _reread(self) -> None:
        found = _read(self._path)
        if self._rules is None or version_of(found.data) != self._rules.version:
            rules = _parsed(self._path, found.data, self._catalogue)
            if self._changed:
                self._changed(rules.version)
            self._rules = rules
        self._seen = found.signature if found.settled else None

    def forget(self) -> None:
        """In a forked child: the thread that looked at the file just now is not here, and another looks again."""
        self._lock = threading.Lock()


_watches: Final[weakref.WeakSet[Watch]] = weakref.WeakSet()


def _forget_all() -> None:
    for each in list(_watches):
        each.forget()


os.register_at_fork(after_in_child=_forget_all)


_Signature = tuple[int, int, int, int, int]


class _Found(NamedTuple):
    """The bytes of a file, how to see that it changed, and whether that can be relied on yet."""

    data: bytes
    signature: _Signature
    settled: bool


def _read(path: str) -> _Found:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # without waiting, should it be a pipe
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise RulesError("it is not a regular file", file=path)
            if status.st_mode & stat.S_IWOTH:
                raise RulesError("everybody on this host may change the rules; take that away with: chmod o-w", file=path)
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > MAX_BYTES:
        raise RulesError(f"the file is over {MAX_BYTES >> 20} MiB", file=path)
    return _Found(data, _signature(status), time.time() - status.st_ctime > _RACY)


def _now(path: str) -> _Signature:
    try:
        return _signature(Path(path).stat())
    except OSError as error:
        raise _unreadable(path, error) from error


def _signature(status: os.stat_result) -> _Signature:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _parsed(path: str, data: bytes, catalogue: Catalogue) -> Rules:
    return parse(data, file=path, catalogue=catalogue, zone=named_zone)


def _unreadable(path: str, error: OSError) -> RulesError:
    return RulesError(f"the rules cannot be read: {(error.strerror or 'unknown error').lower()}", file=path)


def _refusing(broken: RulesError | None, path: str) -> RulesError:
    if broken is None:
        return RulesError("the rules have not been read yet", file=path)
    return RulesError(f"{broken.reason}; every call is refused until the file is right", file=broken.file, line=broken.line)


def named_zone(name: str) -> Zone:
    """A time zone as UTC, an offset, or a name of the IANA database such as Europe/Vienna; ValueError when this host knows none of that name."""
    if name == "UTC" or name.startswith(("+", "-")):
        return fixed_zone(name)
    from zoneinfo import ZoneInfo

    try:
        zone = ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ValueError(
            f"{shown(name)} is no time zone of this host; write UTC, an offset such as +02:00, or a name such as Europe/Vienna"
        ) from None

    def second(now: float) -> int:
        local = datetime.fromtimestamp(now, zone)
        return local.hour * 3600 + local.minute * 60 + local.second

    return second
