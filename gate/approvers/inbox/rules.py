"""Rules: whether the rules beside a gate can be read, so that nobody is told "approved" about a call that will be refused all the same.

Whoever waits decides by the rules; the page only looks, so that it can say why before somebody answers.  Examples of tools that only the agent's
own process knows cannot be checked here, and are no reason.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import ConfigError
from gate.policy.catalogue import KindCatalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.call import Acting, Call


class _Known(KindCatalogue):
    """The tools of kinds. unknown: whether an example of any other was met."""

    unknown = False

    def describe(self, tool: str, arguments: Mapping[str, object], acting: Acting) -> Call:
        self.unknown = self.unknown or tool not in self.kinds
        return super().describe(tool, arguments, acting)


class RulesFile:
    """A rules file, read again when it changes. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._wrong = ""

    def wrong(self) -> str:
        """Why its rules are not in force, with file and line; "" when they are, or there is no file."""
        with self._lock:
            try:
                status = self._path.stat()
            except OSError:
                return ""
            seen = status.st_mtime_ns, status.st_size, status.st_ino
            if seen != self._seen:
                self._wrong, self._seen = _why(self._path), seen
            return self._wrong

    def check(self) -> None:
        """ConfigError when they are not in force."""
        if why := self.wrong():
            raise ConfigError(f"{why}; every call is refused until the file is right")


def _why(path: Path) -> str:
    from gate.policy.rulesfile import load

    known = _Known()
    try:
        load(path, catalogue=known)
    except ConfigError as error:
        return "" if known.unknown else str(error)
    return ""
