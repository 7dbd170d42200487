"""What a set of sessions uses right now, from /proc (proc(5)); nothing where there is no /proc.

A session is what `setsid` makes: every process started in it belongs to it until it calls `setsid` itself.  A process that does so is not
seen here any more; only containment (cgroups, a process id namespace) holds such a one.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
import signal
from typing import Final, NamedTuple

_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
HAS_PROC: Final = os.path.exists("/proc/self/stat")


class Usage(NamedTuple):
    """Seconds of processor time (children that were waited for included), bytes of memory, and processes."""

    cpu: float = 0.0
    memory: int = 0
    processes: tuple[int, ...] = ()


def of_sessions(sessions: frozenset[int]) -> Usage:
    """What the living processes of these sessions use."""
    cpu, memory, found = 0, 0, list[int]()
    for name in os.listdir("/proc") if HAS_PROC else ():
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[3]) in sessions:
            cpu += sum(map(int, fields[11:15]))
            memory += int(fields[21]) * _PAGE
            found.append(int(name))
    return Usage(cpu / _TICKS, memory, tuple(found))


def end_sessions(sessions: frozenset[int]) -> None:
    """Kills every process of these sessions, again until none is left (a forking one may be a step ahead)."""
    for session in sessions:
        _kill(session, group=True)
    for _ in range(20):
        living = of_sessions(sessions).processes
        if not living:
            return
        for process in living:
            _kill(process)


def _kill(process: int, *, group: bool = False) -> None:
    try:
        (os.killpg if group else os.kill)(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it has ended, or it is not ours to end
