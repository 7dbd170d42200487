"""compute: programs under a budget of processor seconds, memory, processes, wall-clock time, and seconds of named graphics cards.

    compute.run  argv=["python3", "train.py"] cpu_seconds=60 memory_mb=2048 processes=8 wall_seconds=120 gpu_devices=[0] gpu_seconds=90

The budget is part of the call, so a grant bounds it with the core's `range`: `{"cpu_seconds": Range(max=60), …}`, and what was shown,
approved and recorded is what is enforced.  The tool polls the whole tree of processes, daemons included (on Linux, through a reaper of its
own), and ends all of it when a limit is passed; each process also has RLIMIT_CPU and RLIMIT_AS.  Cards are hidden unless they are named;
naming one needs a working probe (`GpuProbe`, or NVML with the extra `[gpu]`), which also ends a run that uses another card.

What this does not promise: a limit may be overrun by one polling interval (20 ms); a program that finds and kills its reaper is ended, and
with it what was seen of its daemons; files and network are not bounded; without a probe cards are only hidden by environment variables.
That needs containment by the operating system.

>>> CPU.parse(60), MEMORY.parse(2048)
(60, 2048)
>>> CPU.parse(float("nan"))
Traceback (most recent call last):
ValueError: nan is not a finite number
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Annotated, Final

from capabilities._paths.place import Setting
from capabilities._process.budget import BUDGET, CARDS, CPU, GPU, MEMORY, PROCESSES, WALL, shown_budget
from capabilities._process.gpu import GpuProbe
from capabilities._shell.flow import assess as judge
from capabilities._shell.judge import unknown
from capabilities._shell.value import script_of
from gate.effect import Assessment, Risk, join
from gate.frozen import Frozen
from gate.kind import KindTool, ready

__all__ = ["ARGV", "CARDS", "CPU", "GPU", "MEMORY", "PROCESSES", "TOOLS", "WALL", "GpuProbe", "ProgramKind", "run", "tool"]


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


ARGV: Final = ProgramKind()


def _headline(arguments: Mapping[str, Frozen]) -> str:
    argv = arguments["argv"]
    return f"run {' '.join(map(str, argv)) if isinstance(argv, tuple) else argv}"


_TOOL: Final = KindTool(
    "compute.run",
    {"argv": ARGV, **BUDGET},
    frozenset(BUDGET),
    headline=_headline,
    preview=shown_budget,
    requires=frozenset({"cpu", "memory", "processes", "environment"}),
)


def tool(
    workspace: str | os.PathLike[str] | None = None, *, output: int = 1024 * 1024, probe: Callable[[], GpuProbe] | None = None
) -> Callable[..., dict[str, object]]:
    """A tool `compute.run(argv, cpu_seconds=10, memory_mb=512, processes=16, wall_seconds=60, gpu_devices=[], gpu_seconds=…)`. For `gate.wrap`.

    output: bytes.  probe: makes what looks at the graphics cards; every run is watched with it.  Without one, NVML is asked when a run names a card.
    """
    folder = None if workspace is None else os.path.realpath(workspace)

    def run(
        argv: list[str],
        cpu_seconds: float = 10.0,
        memory_mb: int = 512,
        processes: int = 16,
        wall_seconds: float = 60.0,
        gpu_devices: tuple[int, ...] = (),
        gpu_seconds: float = 0.0,
    ) -> dict[str, object]:
        """Runs a program: exit status, stdout, stderr, the seconds it used, and why it was stopped ("" if it was not)."""
        from capabilities._process.environment import absolute
        from capabilities._process.gpu import metered
        from capabilities._process.supervise import Limits, Stage, shown
        from capabilities._process.supervise import run as supervised

        here = folder or os.getcwd()
        meter = metered(probe, tuple(gpu_devices), gpu_seconds)
        limits = Limits(wall_seconds, cpu_seconds, memory_mb * 1024 * 1024, processes, output, whole=True, space=meter is None)
        return shown(supervised([Stage((absolute(argv[0], here), *argv[1:]))], limits, here, meter))

    run.__annotations__ |= {"argv": Annotated[list[str], ProgramKind(folder)]}
    return ready(_TOOL._replace(arguments={**_TOOL.arguments, "argv": ProgramKind(folder)}), run)


run: Final = tool()
TOOLS: Final[dict[str, KindTool]] = {"compute.run": _TOOL}
