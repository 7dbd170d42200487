"""What a hook costs: `python -m tests.bench.hooks`. Processes from start to end: with a gate opened for each, with the daemon, and the bare
interpreter.

Wall and processor time, the least and the middle of several, interleaved; on a machine that others use, the least says most.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.hooks.kit import CLIENT, ROOT, before, make_gate


def _once(command: Sequence[str], event: bytes) -> tuple[float, float]:
    start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, input=event, capture_output=True, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert command[-1] == "pass" or b'"allow"' in done.stdout, done
    return wall, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def _say(name: str, times: list[tuple[float, float]]) -> None:
    wall, cpu = sorted(one[0] for one in times), sorted(one[1] for one in times)
    middle = len(times) // 2
    print(f"{name:34} {wall[0] * 1e3:7.1f} {wall[middle] * 1e3:7.1f}   {cpu[0] * 1e3:7.1f} {cpu[middle] * 1e3:7.1f}")


def main(rounds: int) -> None:
    """The table."""
    with tempfile.TemporaryDirectory() as folder:
        plain, ruled, served = (make_gate(Path(folder) / name) for name in ("plain", "ruled", "served"))
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-m", "gate", "init", str(ruled.parent)], env=env, capture_output=True, check=True)
        base = [sys.executable, "-I", "-S"]
        commands = {
            "the interpreter alone": [*base, "-c", "pass"],
            "a gate opened for the call": [*base, str(CLIENT), "claude", f"--home={plain}"],
            "the same with the rules of gate init": [*base, str(CLIENT), "claude", f"--home={ruled}"],
            "with the daemon": [*base, str(CLIENT), "claude", f"--home={served}"],
        }
        daemon = subprocess.Popen([sys.executable, "-m", "gate", "hook", "serve", "--home", str(served)], env=env, stdout=subprocess.PIPE)
        assert daemon.stdout and daemon.stdout.readline()
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(rounds):
            event = json.dumps(before("Bash", {"command": "ls"}, call=f"t{number}", cwd=folder)).encode()
            for name, command in commands.items():
                times[name].append(_once(command, event))
        daemon.terminate()
        daemon.wait()
        print(f"{'ms':34} {'wall min':>7} {'p50':>6}   {'cpu min':>7} {'p50':>6}")
        for name, found in times.items():
            _say(name, found)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
