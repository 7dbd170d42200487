"""Run as a program between the gate and what it starts, so that no process can leave the tree: `python -I -S reaper.py PROGRAM ARGUMENT…`.

It makes itself the subreaper of everything below it (prctl(2), PR_SET_CHILD_SUBREAPER): a daemon that forks twice and calls setsid becomes
its child instead of init's.  So the tree of processes below it is the whole run, and its own times (`cutime`, `cstime` of proc(5)) are those
of everything that has ended.  When the program ends it kills what is left, until nothing is, and ends as the program did.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_SUBREAPER = 36
_DEATHSIG = 1


def children(of: int) -> list[int]:
    """The living children of a process."""
    found = list[int]()
    try:
        for thread in os.listdir(f"/proc/{of}/task"):
            with open(f"/proc/{of}/task/{thread}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    except OSError:
        return found
    return found


def tree(of: int) -> list[int]:
    """Everything below a process."""
    found, todo = list[int](), [of]
    while todo:
        below = children(todo.pop())
        found += below
        todo += below
    return found


def end(below: int) -> None:
    """Kills everything below a process, one held so that its id cannot be another's meanwhile; children of this process are waited for."""
    for process in tree(below):
        try:
            held = os.pidfd_open(process)
        except OSError:
            continue
        try:
            signal.pidfd_send_signal(held, signal.SIGKILL)
        except OSError:
            continue
        finally:
            os.close(held)


def main(argv: list[str]) -> int:
    """Runs the program; its exit status."""
    control = ctypes.CDLL(None, use_errno=True)
    if control.prctl(_SUBREAPER, 1, 0, 0, 0) or control.prctl(_DEATHSIG, signal.SIGKILL, 0, 0, 0):
        return 126
    first = os.fork()
    if not first:
        os.execv(argv[0], argv)  # noqa: S606  # starting what was decided about is what this is for
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    status = None
    while True:
        try:
            process, ended = os.waitpid(-1, 0 if status is None or not children(os.getpid()) else os.WNOHANG)
        except ChildProcessError:
            break
        if process == first:
            status = ended
        if status is not None:
            end(os.getpid())
    if status is not None and os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) not in {signal.SIGKILL, signal.SIGSTOP} else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status) if status is not None else 125


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
