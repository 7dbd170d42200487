"""Environments: one virtual environment per framework and version, made once and kept, with the core's dependencies and without the core itself.

They lie in `~/.cache/capgate-tests` (or where GATE_TEST_VENVS says), in folders named after what is in them; what runs there sees this repository's
sources.  `python -m tests.agents.venvs` makes them all and writes docs/reference/frameworks.md.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PINS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "pins.toml").read_text())
CORE: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
MINUTES = 15


class NotInstalledError(Exception):
    """The packages cannot be had here; says why."""


@dataclass(frozen=True)
class Environment:
    """One framework at its newest or oldest version."""

    framework: str
    which: str

    @property
    def packages(self) -> list[str]:
        """What is installed, besides the core's dependencies; nothing for what needs no framework."""
        return list(PINS[self.framework].get(self.which, []))

    def python(self) -> str:
        """The interpreter, with everything installed. NotInstalledError when that cannot be."""
        if not self.packages:
            return sys.executable
        wanted = json.dumps([sys.version, self.packages, CORE])
        folder = _folder() / f"{self.framework}-{self.which}-{sha256(wanted.encode()).hexdigest()[:12]}"
        with _locked(folder.with_suffix(".lock")):
            if not (folder / "made").exists():
                _make(folder, [*CORE, *self.packages])
                (folder / "made").touch()
        return str(folder / "bin" / "python")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a program there, with this repository's sources."""
        home = {name: value for name, value in os.environ.items() if not name.startswith(("GATE_", "PYTEST_", "COV_"))}
        quiet = {"DO_NOT_TRACK": "1", "HAYSTACK_TELEMETRY_ENABLED": "False", "AGNO_TELEMETRY": "false", "LANGSMITH_TRACING": "false"}
        environment = {**home, **quiet, "PYTHONPATH": str(ROOT)}
        command = [self.python(), *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60 * MINUTES, check=False)


def environments(which: str) -> list[Environment]:
    """All of them at this version, as far as the version is pinned."""
    return [Environment(name, which) for name, said in PINS.items() if which in said or (which == "newest" and "oldest" not in said)]


@cache
def results(environment: Environment, harness: str) -> dict[str, Any]:
    """What the conformance kit says there: framework, version, and each scenario's result."""
    done = environment.run("-m", "gate.agents.conformance", harness, "--json")
    lines = done.stdout.splitlines()
    if done.returncode not in {0, 1} or not lines:
        raise AssertionError(f"the kit did not run: {done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def harnesses(framework: str) -> list[str]:
    """The harnesses of a framework."""
    said = PINS[framework].get("harness", [])
    return [said] if isinstance(said, str) else list(said)


def _folder() -> Path:
    folder = Path(os.environ.get("GATE_TEST_VENVS") or Path.home() / ".cache" / "capgate-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _make(folder: Path, packages: Sequence[str]) -> None:
    try:
        from uv import find_uv_bin
    except ImportError:
        raise NotInstalledError("uv is not installed; it comes with capgate[test]") from None
    uv = find_uv_bin()
    shutil.rmtree(folder, ignore_errors=True)
    install = [uv, "pip", "install", "-q", "--python", str(folder / "bin" / "python"), *packages]
    for command in ([uv, "venv", "-q", "--python", sys.executable, str(folder)], install):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
        if done.returncode != 0:
            raise NotInstalledError(done.stderr.strip()[-500:])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Makes all environments, runs the kit in each, writes the page."""
    from tests.agents.table import PAGE, page

    found = {}
    for environment in environments("newest"):
        for harness in harnesses(environment.framework):
            start = time.monotonic()
            found[harness] = results(environment, harness)
            wrong = [name for name, said in found[harness]["results"].items() if said != "yes" and not said.startswith("none: ")]
            print(f"{environment.framework:20} {found[harness]['version']:12} {time.monotonic() - start:6.1f} s  {', '.join(wrong) or 'all'}")
    PAGE.write_text(page(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
