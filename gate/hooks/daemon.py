"""Daemon: `gate hook serve` keeps a gate open and answers the client's events over a unix socket, so that nothing has to be started for a call.

The socket is `<home>/hook/daemon`, mode 0600 in a folder of mode 0700, and whoever connects must be the same user (SO_PEERCRED on Linux;
elsewhere the modes alone say so).  It says that it heard the event (`+`) before it decides; a client that hears nothing within a second opens a gate
of its own, under the same nonce, so that the call is authorized once.  What is asked and spent is in the ledger, so nothing is lost when the daemon
ends.

It answers for the gate it was started for, with the settings each client has on its command line.  A client that says `--serve=SECONDS` starts
one when there is none; it ends when nobody has asked for so long, and when its program is replaced.  A lock on `<home>/hook/daemon.lock` keeps it the
only one.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from gate.errors import ConfigError
from gate.hooks.event import Reply
from gate.hooks.registry import AGENTS
from gate.hooks.sender import MOST, address, pack, peer_of
from gate.hooks.worker import run
from gate.tokens import keyfile

if TYPE_CHECKING:
    from pathlib import Path

    from gate.gate import Gate
    from gate.hooks.who import Settings

_WAITING: Final = 64
_PATIENCE: Final = 5.0
_MOST_WORDS: Final = 65536


def serve(gate: Gate, ready: Callable[[str], object], stopped: Callable[[float], bool] = lambda _: False) -> None:
    """Answers until it is interrupted, or `stopped` says so, which is told how long nobody has asked. ConfigError when there is one already."""
    room, last = threading.BoundedSemaphore(_WAITING), monotonic()
    with _only(gate.home.path / "hook"), _listening(gate.home.path) as (listener, path):
        _warm(gate)
        ready(path)
        while not stopped(monotonic() - last):
            try:
                connected, _ = listener.accept()
            except TimeoutError:
                continue
            last = monotonic()
            if not room.acquire(blocking=False):  # the client does it itself
                connected.close()
                continue
            threading.Thread(target=_one, args=(gate, connected, room), daemon=True).start()


def alone(home: str, idle: float) -> None:
    """A daemon that a client started: it ends by itself, and says nothing to anybody."""
    from gate.gate import Gate

    program = os.stat(__file__).st_mtime_ns
    with suppress(ConfigError), Gate(home) as gate:
        serve(gate, lambda _: None, lambda unasked: unasked > idle or os.stat(__file__).st_mtime_ns != program)


@contextmanager
def _only(folder: Path) -> Generator[None]:
    """The one daemon of a gate."""
    with keyfile.directory(folder) as fd:
        lock = os.open("daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=fd)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"a daemon answers for '{folder.parent}' already") from None
        yield
    finally:
        os.close(lock)


@contextmanager
def _listening(home: Path) -> Generator[tuple[socket.socket, str]]:
    path = address([f"--home={home}"])
    with suppress(FileNotFoundError):
        os.unlink(path)  # one that is dead left it  # its address is text
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        before = os.umask(0o177)
        try:
            listener.bind(path)
        except OSError as error:
            raise ConfigError(f"the daemon cannot listen at '{path}': {error.strerror or error}") from None
        finally:
            os.umask(before)
        listener.listen(_WAITING)
        listener.settimeout(0.5)
        mine = os.stat(path).st_ino
        try:
            yield listener, path
        finally:
            with suppress(OSError):
                if os.stat(path).st_ino == mine:
                    os.unlink(path)


def _warm(gate: Gate) -> None:
    """What the first call would otherwise wait for."""
    from importlib import import_module

    gate.home.standing()
    gate.home.rules()
    kinds = import_module("capabilities.coding")  # by name, as in `path`
    for agent in AGENTS:
        import_module(f"gate.hooks.{agent}")
        for name in kinds.everything(agent):
            kinds.tool(agent, name)


def _one(gate: Gate, connected: socket.socket, room: threading.BoundedSemaphore) -> None:
    """One event. Whatever goes wrong, the client hears nothing and decides for itself, or hears a refusal."""
    try:
        with connected, suppress(OSError, ValueError):
            if peer_of(connected) not in (None, os.geteuid()):
                return
            connected.settimeout(_PATIENCE)
            words, nonce, event = _received(connected)
            connected.sendall(b"+")
            reply = _reply(gate, words, nonce, event)
            connected.sendall(pack(reply.out.encode(), reply.err.encode(), reply.code))
    finally:
        room.release()


def _reply(gate: Gate, words: Sequence[str], nonce: str, event: bytes) -> Reply:
    if address(words if isinstance(words, list) else list(words)) != address([f"--home={gate.home.path}"]):
        return Reply.blocked("this daemon answers for another gate")
    return run(event, words, nonce, opened=partial(_patient, gate))


def _patient(gate: Gate, settings: Settings) -> Gate:
    """The same gate, which waits for answers as long as this client wants."""
    if settings.waits == gate.waits:
        return gate
    made = copy(gate)
    made.waits = settings.waits
    return made


def _received(connected: socket.socket) -> tuple[list[str], str, bytes]:
    """The words, the nonce and the event; ValueError for anything else."""
    with connected.makefile("rb") as file:
        head = file.readline(64).split()
        size, more = map(int, head) if len(head) == 2 else (-1, -1)
        if not (0 < size <= _MOST_WORDS and 0 <= more <= MOST):
            raise ValueError("this is no event")
        asking, event = file.read(size), file.read(more)
    if len(asking) != size or len(event) != more:
        raise ValueError("the event is cut off")
    *words, nonce = asking.decode().split("\0")
    return words, nonce, event
