"""Child: the server's process: with an environment of its own, in a process group of its own, and ended with all that it started.

The environment is made of an allow list, because a server's tool may print it (the reference server has one that does).  Nothing of the gate's own
is in it.  On Linux the gate is the subreaper of everything below it, so that a daemon which leaves the group is still found; and other processes of
the same user cannot read the gate's memory or the environment it was started with (`PR_SET_DUMPABLE`), where the capability may have been.

>>> allowed({"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "x", "LC_TIME": "C", "GATE_CAPABILITY": "y"}, [])
{'PATH': '/bin', 'LC_TIME': 'C'}
>>> allowed({"MCP_ENV_1": "./lib"}, ["PYTHONPATH=MCP_ENV_1"])
{'PYTHONPATH': './lib'}
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from gate.errors import ConfigError

USUAL: Final = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
_SUBREAPER: Final = 36
_DUMPABLE: Final = 4
_SOON: Final = 0.02


def allowed(environment: Mapping[str, str], passed: Iterable[str]) -> dict[str, str]:
    """What of the environment a server gets. passed: NAME, or NAME=VARIABLE for one that the server knows by another name than the gate.

    ConfigError for a variable that it must not have, or that there is none of.
    """
    found = {name: value for name, value in environment.items() if name in USUAL or name.startswith("LC_")}
    for word in passed:
        before, equals, variable = word.rpartition("=")
        name = before if equals else variable
        if not name or "=" in name:
            raise ConfigError(f"--env {word}: NAME or NAME=VARIABLE")
        if variable.upper().startswith("GATE_"):
            raise ConfigError(f"--env {word}: what is the gate's own is not passed on")
        if variable not in environment:
            raise ConfigError(f"--env {word}: there is no such variable")
        found[name] = environment[variable]
    return found


def guard() -> None:
    """Makes this process one whose memory its own children cannot read, and to which their orphans return. Linux only; nothing elsewhere."""
    if sys.platform != "linux":
        return
    import ctypes

    control = ctypes.CDLL(None, use_errno=True)
    control.prctl(_DUMPABLE, 0, 0, 0, 0)
    control.prctl(_SUBREAPER, 1, 0, 0, 0)


def start(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts the server; what it writes to standard error is passed through. ConfigError when it cannot be started."""
    try:
        return subprocess.Popen(  # noqa: S603  # starting what the person configured is what this is for; no shell reads it
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environment), bufsize=0, start_new_session=True
        )
    except OSError as error:
        raise ConfigError(f"the server '{command[0]}' cannot be started: {(error.strerror or str(error)).lower()}") from None


def end(child: subprocess.Popen[bytes], seconds: float) -> int:
    """Ends the server and all below it: asked first, then made to; its exit code. seconds: how long it may take to go by itself."""
    _signal(child, signal.SIGTERM)
    until = monotonic() + seconds
    while child.poll() is None and monotonic() < until:
        sleep(_SOON)
    below = _descendants()
    _signal(child, signal.SIGKILL)
    for pid in below:
        _kill(pid)
    code = child.wait()
    for pid in _descendants():
        _kill(pid)
    return code


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    """To the whole group, which outlives its first process."""
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        if child.poll() is None:
            child.send_signal(number)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _descendants() -> list[int]:
    """Everything below this process, as far as /proc tells."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] != b"Z":
            parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found: list[int] = []
    left = [os.getpid()]
    while left:
        below = parents.get(left.pop(), [])
        found += below
        left += below
    return found
