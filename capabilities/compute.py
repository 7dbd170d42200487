"""compute: programs under a budget of processor seconds, memory, processes and wall-clock time.

    compute.run  argv=["python3", "train.py"] cpu_seconds=60 memory_mb=2048 processes=8 wall_seconds=120

The budget is part of the call, so a grant bounds it with the core's `range`: `{"cpu_seconds": Range(max=60), …}`, and what was shown,
approved and recorded is what is enforced.  The tool polls the whole session of processes and ends all of it when a limit is passed;
each process also has RLIMIT_CPU and RLIMIT_AS.

What this does not promise: a process that leaves its session (`setsid`) is no longer counted, a limit may be overrun by one polling
interval (20 ms), and files, network and graphics cards are not bounded (cards are only hidden by an environment variable).  That needs
containment by the operating system.

>>> CPU.parse(60), MEMORY.parse(2048)
(60, 2048)
>>> CPU.parse(float("nan"))
Traceback (most recent call last):
ValueError: nan is not a finite number
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Final

from capabilities._paths.place import Setting
from capabilities._plain import Number
from capabilities._shell.flow import assess as judge
from capabilities._shell.judge import unknown
from capabilities._shell.value import script_of
from gate.effect import Assessment, Risk, join
from gate.kind import KindTool


class ProgramKind:
    """One program and its arguments, as a list; it will use the processor."""

    def __init__(self, workspace: str | None = None) -> None:
        self.name = "compute.argv"
        self.workspace = workspace

    def parse(self, value: object) -> list[str]:
        """The list itself; ValueError for text, which would have to be split first."""
        if isinstance(value, str):
            raise ValueError("this takes a list of words, not one text")
        return list(script_of(value).commands[0].argv)

    def assess(self, value: object) -> Assessment:
        """What the program would do, as far as its words say, and that it runs."""
        try:
            parts = judge(script_of(value), Setting.here(self.workspace))
        except (ValueError, OSError) as error:
            parts = unknown(str(error))
        return join([Assessment(frozenset(["executes"]), Risk.MEDIUM), parts])


class Budget(Number):
    """A limit that counts as spending, and as high risk over `much`."""

    def __init__(self, name: str, high: float, much: float, *, whole: bool = False) -> None:
        super().__init__(name, 0, high, whole=whole)
        self.much = much

    def assess(self, value: object) -> Assessment:
        """Spending, of whatever was asked for."""
        asked = value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0
        risk, reasons = (Risk.HIGH, (f"may use more than {self.name} {self.much:g}",)) if asked > self.much else (Risk.LOW, ())
        return Assessment(frozenset(["spends"]), risk, reasons)


ARGV: Final = ProgramKind()
CPU: Final = Budget("cpu_seconds", 86_400, 600)
WALL: Final = Budget("wall_seconds", 86_400, 3600)
MEMORY: Final = Budget("memory_mb", 1_048_576, 16_384, whole=True)
PROCESSES: Final = Budget("processes", 4096, 64, whole=True)


def tool(workspace: str | os.PathLike[str] | None = None, *, output: int = 1024 * 1024) -> Callable[..., dict[str, object]]:
    """A function `run(argv, cpu_seconds, memory_mb, processes, wall_seconds)`; `output` in bytes. For `gate.tool`."""
    folder = None if workspace is None else os.path.realpath(workspace)

    def run(argv: list[str], cpu_seconds: float = 10.0, memory_mb: int = 512, processes: int = 16, wall_seconds: float = 60.0) -> dict[str, object]:
        """Runs a program: exit status, stdout, stderr, the processor and wall-clock seconds it used, why it was stopped ("" if it was not)."""
        from capabilities._process.environment import absolute
        from capabilities._process.supervise import Limits, Stage
        from capabilities._process.supervise import run as supervised

        here = folder or os.getcwd()
        limits = Limits(wall_seconds, cpu_seconds, memory_mb * 1024 * 1024, processes, output)
        result = supervised([Stage((absolute(argv[0], here), *argv[1:]))], limits, here)
        return {
            "exit": result.status,
            "stdout": result.stdout.decode(errors="replace"),
            "stderr": result.stderr.decode(errors="replace"),
            "cpu_seconds": round(result.cpu, 3),
            "wall_seconds": round(result.wall, 3),
            "stopped": result.stopped,
        }

    run.__annotations__ |= {
        "argv": Annotated[list[str], ProgramKind(folder)],
        "cpu_seconds": Annotated[float, CPU],
        "memory_mb": Annotated[int, MEMORY],
        "processes": Annotated[int, PROCESSES],
        "wall_seconds": Annotated[float, WALL],
    }
    return run


run: Final = tool()
_BUDGET: Final = {"cpu_seconds": CPU, "memory_mb": MEMORY, "processes": PROCESSES, "wall_seconds": WALL}
TOOLS: Final[dict[str, KindTool]] = {"compute.run": KindTool("compute.run", {"argv": ARGV, **_BUDGET}, frozenset(_BUDGET))}
