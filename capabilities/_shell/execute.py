"""Runs a script as it was checked: each program started by us with exactly the words of the script, no shell in between.

Patterns are expanded here, as a shell would (no match leaves the pattern as it is), except that a name which could be taken for an option
gets `./` in front.  `cd` changes the folder of what follows.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import glob
import os
import time
from stat import S_ISREG
from typing import IO, Final, NamedTuple

from capabilities._process.environment import absolute
from capabilities._process.supervise import Limits, Result, Stage, Target, run
from capabilities._shell.script import Command, Pipeline, Script, Word

NOT_FOUND: Final = 127
_SAFE_FIRST: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./")
_MODES: Final = {"<": os.O_RDONLY, ">": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, ">>": os.O_WRONLY | os.O_CREAT | os.O_APPEND}


class Outcome(NamedTuple):
    """What a script did: the exit status of the last program that ran, its output, the processor time, why it was stopped ("" if not)."""

    exit: int
    stdout: str
    stderr: str
    cpu_seconds: float
    stopped: str


def execute(script: Script, cwd: str, limits: Limits) -> Outcome:
    """Runs the pipelines from left to right, `&&` and `||` as a shell takes them, all of them under one set of limits."""
    status, out, err, cpu, stopped = 0, b"", b"", 0.0, ""
    begin = time.monotonic()
    for pipeline in script.pipelines:
        if (pipeline.after == "&&" and status != 0) or (pipeline.after == "||" and status == 0):
            continue
        left = limits._replace(
            wall=limits.wall - (time.monotonic() - begin),
            cpu=None if limits.cpu is None else limits.cpu - cpu,
            output=limits.output - len(out) - len(err),
        )
        if pipeline.commands[0].words[0].text == "cd":
            cwd, status, said = _cd(pipeline.commands[0], cwd)
            err += said
            continue
        result = _pipeline(pipeline, cwd, left)
        status, cpu, stopped = result.status, cpu + result.cpu, result.stopped
        out, err = out + result.stdout, err + result.stderr
        if stopped:
            break
    return Outcome(status, out.decode(errors="replace"), err.decode(errors="replace"), round(cpu, 3), stopped)


def _pipeline(pipeline: Pipeline, cwd: str, limits: Limits) -> Result:
    stages: list[Stage] = []
    try:
        for command in pipeline.commands:
            stages.append(_stage(command, cwd))  # what was opened before one fails must be closed
        return run(stages, limits, cwd)
    except OSError as error:
        for stage in stages:
            for file in (stage.stdin, stage.stdout, stage.stderr):
                if file is not None and not isinstance(file, str):
                    file.close()
        return Result(NOT_FOUND, b"", f"{error}\n".encode(errors="replace"), 0.0, 0.0, "")


def _stage(command: Command, cwd: str) -> Stage:
    words = [text for word in command.words for text in expand(word, cwd)]
    stdin: IO[bytes] | None = None
    streams: dict[int, Target] = {1: "out", 2: "err"}
    stage = (absolute(words[0], cwd), *words[1:])
    for redirect in command.redirects:
        if redirect.op == ">&":
            streams[redirect.fd] = streams[int(redirect.target)]
            continue
        file = _open(redirect.target, redirect.op, cwd)
        if redirect.fd == 0:
            stdin = file
        else:
            streams[redirect.fd] = file
    return Stage(stage, stdin, streams[1], streams[2])


def _open(target: str, op: str, cwd: str) -> IO[bytes]:
    """Opens a regular file, or /dev/null, without following a link in its last name."""
    path = target if target.startswith("/") else f"{cwd}/{target}"
    descriptor = os.open(path, _MODES[op] | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    if path != os.devnull and not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{target!a} is no regular file")
    return os.fdopen(descriptor, "rb" if op == "<" else "wb", buffering=0)


def expand(word: Word, cwd: str) -> list[str]:
    """The words that a pattern stands for in `cwd`, sorted; any other word as it is."""
    if not word.pattern:
        return [word.text]
    names = sorted(glob.glob(word.pattern, root_dir=cwd))
    return [name if name[0] in _SAFE_FIRST else f"./{name}" for name in names] or [word.text]


def _cd(command: Command, cwd: str) -> tuple[str, int, bytes]:
    target = next((word.text for word in command.words[:0:-1] if word.text not in ("--", "-P", "-L")), "")  # the word that was judged
    place = os.path.realpath(os.path.join(cwd, target))
    if os.path.isdir(place):
        return place, 0, b""
    return cwd, 1, f"cd: {target!a} is no folder\n".encode()
