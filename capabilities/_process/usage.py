"""What a set of sessions uses right now, from /proc (proc(5)); nothing where there is no /proc.

A session is what `setsid` makes: every process started in it belongs to it until it calls `setsid` itself.  Where a run is below a reaper
(`_process.reaper`), its processes are those below that, whatever session they are in.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
import signal
import time
from typing import Final, NamedTuple

from capabilities._process.reaper import end, tree

_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
HAS_PROC: Final = os.path.exists("/proc/self/stat")
CAN_REAP: Final = os.path.exists(f"/proc/self/task/{os.getpid()}/children") and hasattr(os, "pidfd_open")


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


def of_tree(roots: frozenset[int]) -> Usage:
    """What these processes and everything below them use; what has ended below them is counted in their own times."""
    cpu, memory, found = 0, 0, list[int]()
    for process in [*roots, *(below for root in roots for below in tree(root))]:
        try:
            with open(f"/proc/{process}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has just ended
        cpu += sum(map(int, fields[11:15]))
        if process not in roots:
            memory += int(fields[21]) * _PAGE
            found.append(process)
    return Usage(cpu / _TICKS, memory, tuple(found))


def session_of(process: int) -> int:
    """The session of a process, 0 when it has just ended."""
    try:
        return os.getsid(process)
    except OSError:
        return 0


def end_trees(roots: frozenset[int]) -> None:
    """Kills everything below these processes until nothing is left, and then them: while they live, nothing leaves the tree."""
    for _ in range(200):
        if not any(tree(root) for root in roots):
            break
        for root in roots:
            end(root)
        time.sleep(0.002)
    for root in roots:
        _kill(root)


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
