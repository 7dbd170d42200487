"""Runs one pipeline of programs under limits, and ends all of it when one is passed.

Kept: wall-clock time, processor time of the whole run (polled, and by RLIMIT_CPU for each process), memory (polled, and by RLIMIT_AS
for each process), number of processes (polled), graphics cards (polled, with a meter), output.  Polling means that a limit may be overrun by
one interval.  The run is a session; with `whole` it is everything below a reaper of its own, which a process cannot leave by `setsid` and
forking twice (Linux; a millisecond-scale start of an interpreter).  One that kills the reaper, having the same user, ends the run, and what
was seen of it is ended too.  Not kept here: files written, the network: that needs containment.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Final, Literal, NamedTuple, TypeAlias

from capabilities._process import reaper
from capabilities._process.environment import fresh
from capabilities._process.gpu import Meter
from capabilities._process.usage import CAN_REAP, HAS_PROC, Usage, end_sessions, end_trees, of_sessions, of_tree, session_of

INTERVAL: Final = 0.02
_CHUNK: Final = 65_536
_GRACE: Final = 0.2


class Limits(NamedTuple):
    """At most so many seconds of time and of processor time, bytes of memory, processes, and bytes of output; None for no limit.

    whole: what leaves the session counts too, and is ended.  space: RLIMIT_AS is set to `memory`, which some runtimes do not bear.
    """

    wall: float = 60.0
    cpu: float | None = None
    memory: int | None = None
    processes: int | None = None
    output: int = 1024 * 1024
    whole: bool = False
    space: bool = True


Target: TypeAlias = "IO[bytes] | Literal['out', 'err']"


class Stage(NamedTuple):
    """One program of a pipeline: its file and arguments, where it reads (None: from the stage before), and where its two streams go.

    `env` is added to the environment made from scratch; files in `passed` keep their descriptors.
    `out` is the next stage or the result's `stdout`, `err` the result's `stderr`; an open file is closed by `run`.
    """

    argv: tuple[str, ...]
    stdin: IO[bytes] | None = None
    stdout: Target = "out"
    stderr: Target = "err"
    env: tuple[tuple[str, str], ...] = ()
    passed: tuple[IO[bytes], ...] = ()


class Result(NamedTuple):
    """How it ended: exit status of the last program (negative: the signal), what was written, what was used, why it was stopped."""

    status: int
    stdout: bytes
    stderr: bytes
    cpu: float
    wall: float
    stopped: str
    gpu: float = 0.0


def run(stages: Sequence[Stage], limits: Limits, cwd: str, meter: Meter | None = None) -> Result:
    """Runs the stages, each one's output into the next; OSError when one cannot be started."""
    return _Run(limits, cwd, meter).run(stages)


def shown(result: Result) -> dict[str, object]:
    """A result as a tool gives it."""
    return {
        "exit": result.status,
        "stdout": result.stdout.decode(errors="replace"),
        "stderr": result.stderr.decode(errors="replace"),
        "cpu_seconds": round(result.cpu, 3),
        "wall_seconds": round(result.wall, 3),
        "gpu_seconds": round(result.gpu, 3),
        "stopped": result.stopped,
    }


class _Run:
    def __init__(self, limits: Limits, cwd: str, meter: Meter | None) -> None:
        self.limits, self.cwd, self.meter, self.begin = limits, cwd, meter, time.monotonic()
        self.reaped_by_us = limits.whole and CAN_REAP
        self.seen: frozenset[int] = frozenset()
        self.living: list[subprocess.Popen[bytes]] = []
        self.sessions: frozenset[int] = frozenset()
        self.reaped, self.peak, self.status, self.last, self.stopped = 0.0, 0.0, 0, 0, ""
        self.written: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

    def run(self, stages: Sequence[Stage]) -> Result:
        with ExitStack() as files, selectors.DefaultSelector() as selector:
            try:
                self.start(stages, files, selector)
                self.watch(selector)
            finally:
                self.end()
                for process in list(self.living):
                    self.reap(process, 0)
            for key in list(selector.get_map().values()):
                while not self.stopped and self.read(key.fd, key.data):
                    continue
        wall = time.monotonic() - self.begin
        return Result(
            self.status,
            bytes(self.written["stdout"]),
            bytes(self.written["stderr"]),
            max(self.peak, self.reaped),
            wall,
            self.stopped,
            self.meter.used if self.meter else 0.0,
        )

    def end(self) -> None:
        """Ends whatever still runs; what is below a reaper first, so that nothing is left without one."""
        if self.reaped_by_us:
            living = frozenset([process.pid for process in self.living])
            end_trees(living)
        end_sessions(self.sessions | self.seen)

    def start(self, stages: Sequence[Stage], files: ExitStack, selector: selectors.BaseSelector) -> None:
        """Starts every stage; the parent keeps only the reading ends of the result's two streams."""
        for stage in stages:
            for file in (stage.stdin, stage.stdout, stage.stderr, *stage.passed):
                if file is not None and not isinstance(file, str):
                    files.callback(file.close)
        with ExitStack() as ours:
            errors = self.pipe(files, ours, selector, "stderr")
            before: int = subprocess.DEVNULL
            for stage in stages:
                if stage is stages[-1]:
                    onward, following = self.pipe(files, ours, selector, "stdout"), subprocess.DEVNULL
                else:
                    following, onward = os.pipe()
                    ours.callback(os.close, following)
                    ours.callback(os.close, onward)
                streams = {"out": onward, "err": errors}
                process = subprocess.Popen(  # starting what was decided about is what this is for
                    self.launch(stage.argv),
                    stdin=before if stage.stdin is None else stage.stdin.fileno(),
                    stdout=_descriptor(stage.stdout, streams),
                    stderr=_descriptor(stage.stderr, streams),
                    cwd=self.cwd,
                    env=(fresh(self.meter.environment()) if self.meter else fresh()) | dict(stage.env),
                    pass_fds=[file.fileno() for file in stage.passed],
                    start_new_session=True,
                )
                before, self.last = following, process.pid
                self.living.append(process)
                self.sessions |= {process.pid}

    def pipe(self, files: ExitStack, ours: ExitStack, selector: selectors.BaseSelector, name: str) -> int:
        """The writing end of a new pipe whose reading end is watched."""
        reading, writing = os.pipe()
        files.callback(os.close, reading)
        ours.callback(os.close, writing)
        os.set_blocking(reading, False)
        selector.register(reading, selectors.EVENT_READ, name)
        return writing

    def launch(self, argv: tuple[str, ...]) -> list[str]:
        """The program behind a shell that only sets limits: between fork and exec nothing of ours runs, so threads do no harm."""
        wanted = ["ulimit -c 0"]
        if self.limits.cpu is not None:
            wanted.append(f"ulimit -t {int(self.limits.cpu) + 1}")
        if self.limits.memory is not None and self.limits.space:
            wanted.append(f"ulimit -v {max(1, self.limits.memory // 1024)}")
        limited = ["/bin/sh", "-c", " && ".join([*wanted, 'exec "$@"']), "sh", *argv]
        return [sys.executable, "-I", "-S", os.path.abspath(reaper.__file__), *limited] if self.reaped_by_us else limited

    def watch(self, selector: selectors.BaseSelector) -> None:
        """Until all programs have ended and their output is read, or a limit is passed."""
        ended = 0.0
        while not self.stopped and (self.living or selector.get_map()):
            for key, _ in selector.select(INTERVAL if self.living else INTERVAL / 4):
                if not self.read(key.fd, key.data):
                    selector.unregister(key.fd)
            for process in list(self.living):
                self.reap(process, os.WNOHANG)
            self.stopped = self.stopped or self.passed()
            if not self.living:
                ended = ended or time.monotonic()
                if time.monotonic() - ended > _GRACE:
                    return  # something that outlives its program still holds a pipe; it is ended now

    def read(self, pipe: int, name: str) -> bool:
        """Reads once what is there; False at the end of the stream, or when nothing is there after all has ended."""
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return bool(self.living)
        room = self.limits.output - sum(map(len, self.written.values()))
        self.written[name] += data[:room]
        if len(data) > room:
            self.stopped = f"it wrote more than {self.limits.output} bytes"
        return bool(data)

    def reap(self, process: subprocess.Popen[bytes], flags: int) -> None:
        """Takes the status and the used time of a program that has ended."""
        pid, status, used = os.wait4(process.pid, flags)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            self.reaped += used.ru_utime + used.ru_stime
            self.living.remove(process)
            if pid == self.last:
                self.status = process.returncode

    def passed(self) -> str:
        """The limit that has been passed, in words, "" for none."""
        limits = self.limits
        if time.monotonic() - self.begin > limits.wall:
            return f"it ran longer than {limits.wall:.3g} s"
        if not HAS_PROC or (limits.cpu is None and limits.memory is None and limits.processes is None and self.meter is None):
            return ""
        used = self.used()
        if self.meter is not None and (passed := self.meter.look(time.monotonic(), frozenset(used.processes))):
            return passed
        self.peak = max(self.peak, self.reaped + used.cpu)
        if limits.cpu is not None and self.peak > limits.cpu:
            return f"it used more than {limits.cpu:.3g} s of processor time"
        if limits.memory is not None and used.memory > limits.memory:
            return f"it used more than {limits.memory} bytes of memory"
        if limits.processes is not None and len(used.processes) > limits.processes:
            return f"it ran more than {limits.processes} processes at once"
        return ""

    def used(self) -> Usage:
        """What the run uses now; of its processes, the sessions are kept in mind, should their reaper be killed."""
        if not self.reaped_by_us:
            return of_sessions(self.sessions)
        found = of_tree(frozenset([process.pid for process in self.living]))
        sessions = frozenset([session_of(process) for process in found.processes])
        self.seen |= sessions - {0, os.getsid(0)}
        return found


def _descriptor(target: Target, streams: dict[str, int]) -> int:
    return streams[target] if isinstance(target, str) else target.fileno()
