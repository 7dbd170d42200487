"""Clock: the only source of "now", in seconds since the epoch, which never goes back.

Expiry compares with wall time, and wall time can be set back by whoever runs the host.  Within a process the monotonic clock carries the
time on; across processes the ledger keeps the highest time it has seen and gives it as `floor`.

>>> later = SystemClock(floor=32_503_680_000.0)      # the ledger has seen the year 3000
>>> later.now() >= 32_503_680_000.0
True
"""

from __future__ import annotations

from time import monotonic, time
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time; `gate.testing.FakeClock` is one that a test moves."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


class NeverBack:
    """A clock that somebody else gave, held to the latest time it has told."""

    __slots__ = ("_clock", "_latest")

    def __init__(self, clock: Clock) -> None:
        self._clock, self._latest = clock, clock.now()

    def now(self) -> float:
        """Seconds since the epoch; never earlier than an answer given before."""
        now = self._clock.now()
        if now > self._latest:
            self._latest = now
        return self._latest


class SystemClock:
    """Wall time, but never less than the monotonic clock says must have passed."""

    __slots__ = ("_offset",)

    def __init__(self, floor: float = 0.0) -> None:
        self._offset = max(time(), floor) - monotonic()

    def now(self) -> float:
        """Seconds since the epoch; never earlier than an answer given before."""
        wall, least = time(), monotonic() + self._offset
        return wall if wall > least else least
