"""How the command line is run by its tests: in this process, in one of its own, or on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from gate.cli import cli

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output as one JSON text."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def run(*args: str, stdin: bytes | str = b"") -> Ran:
    """The command in this process, in the current folder."""
    result = CliRunner().invoke(cli, list(args), input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def environment(**more: str) -> dict[str, str]:
    """The environment of a process of its own: this source, and every warning an error."""
    kept = {name: value for name, value in os.environ.items() if name not in ("GATE_HOME", "NO_COLOR", "PYTHONWARNINGS")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"} | more


def process(*args: str, cwd: Path, stdin: bytes = b"", **more: str) -> Ran:
    """The command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "gate", *args], cwd=cwd, input=stdin, env=environment(**more), capture_output=True, timeout=60, check=False
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def terminal(*args: str, cwd: Path, until: str = "", keys: bytes = b"", **more: str) -> Ran:
    """The command on a terminal of 100 columns. When `until` has been printed, `keys` are typed."""
    return on_terminal([sys.executable, "-m", "gate", *args], cwd, environment(TERM="xterm", COLUMNS="100", **more), until, keys)


def on_terminal(argv: list[str], cwd: Path, env: dict[str, str], until: str = "", keys: bytes = b"") -> Ran:
    """A program with a terminal of its own."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        argv, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True, preexec_fn=_take_terminal
    ) as done:
        os.close(theirs)
        text, end, typed = "", time.monotonic() + 60, not until
        while time.monotonic() < end:
            if not select.select([ours], [], [], 0.1)[0]:
                if done.poll() is not None:
                    break
                continue
            part = _read(ours)
            if not part:
                break
            text += part.decode("utf-8", "replace")
            if not typed and until in text:
                typed = True
                time.sleep(0.3)  # as a person would; what is typed while the question is still being written does not count
                os.write(ours, keys)
        os.close(ours)
        return Ran(done.wait(30), text.replace("\r\n", "\n"), "")


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:  # Linux says EIO when the other side is closed
        return b""
