"""How the command line is run by its tests: in this process, in one of its own, or on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
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
    ours, theirs = pty.openpty()
    env = environment(TERM="xterm", COLUMNS="100", **more)
    with subprocess.Popen(
        [sys.executable, "-m", "gate", *args], cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
    ) as done:
        os.close(theirs)
        text, end, typed = "", time.monotonic() + 60, not until
        while time.monotonic() < end:
            if not select.select([ours], [], [], 0.1)[0]:
                if done.poll() is not None:
                    break
                continue
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says EIO when the other side is closed
                break
            if not part:
                break
            text += part.decode("utf-8", "replace")
            if not typed and until in text:
                typed = True
                os.write(ours, keys) if keys != b"\x03" else os.killpg(done.pid, 2)
        os.close(ours)
        return Ran(done.wait(30), text.replace("\r\n", "\n"), "")
