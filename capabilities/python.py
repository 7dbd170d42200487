"""python: code for an interpreter of its own, in a process that is contained.

    python.run  code="print(6 * 7)"  cpu_seconds=10 memory_mb=512 processes=16 wall_seconds=60

The value is the exact text, parsed and not run to check it.  What code does cannot be told from its text, so it is always high risk, and the
operating system bounds it: bubblewrap (`_process.bubblewrap`), which proves itself with canaries before the first run, and the budget of
`compute`.  Without a proof nothing runs.  `tool(unconfined=True)` is another tool, `python.unconfined`, rated critical: a grant or a rule for
the one says nothing about the other, and the person who is asked reads that there is no containment.

>>> CODE.parse("print(1)")
'print(1)'
>>> CODE.parse("print(")
Traceback (most recent call last):
ValueError: it is no Python: '(' was never closed (line 1)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeAlias

from capabilities._process.budget import CPU, MEMORY, PROCESSES, WALL, shown_budget
from capabilities._process.code import parsed, sealed
from gate.effect import Assessment, Risk
from gate.frozen import Frozen
from gate.kind import Kind, KindTool, ready
from gate.preview import Panel, text

REQUIRES: Final = frozenset({"files", "network", "processes", "cpu", "memory", "environment"})
_EFFECTS: Final = frozenset({"executes", "spends"})


class CodeKind:
    """The text of a program in Python."""

    name = "python.code"

    def parse(self, value: object) -> str:
        """The text itself; ValueError for what is no Python, or hides something."""
        return parsed(value)

    def assess(self, value: object) -> Assessment:
        """Whatever it says, it runs."""
        return Assessment(_EFFECTS, Risk.HIGH, ("runs code, which cannot be inspected",), frozenset(["T1059.006"]))


class LooseCodeKind(CodeKind):
    """The same, where nothing contains it."""

    name = "python.loose_code"

    def assess(self, value: object) -> Assessment:
        """It may do whatever the program's user may."""
        effects = _EFFECTS | {"reads", "writes", "egress", "irreversible"}
        return Assessment(effects, Risk.CRITICAL, ("runs code without containment, which may do all that its user may",), frozenset(["T1059.006"]))


CODE: Final = CodeKind()
LOOSE: Final = LooseCodeKind()
Code: TypeAlias = Annotated[str, CODE]
_BUDGET: Final[dict[str, Kind]] = {"cpu_seconds": CPU, "memory_mb": MEMORY, "processes": PROCESSES, "wall_seconds": WALL}


def _preview(arguments: Mapping[str, Frozen]) -> list[Panel]:
    return [text("code", str(arguments["code"])), *shown_budget(arguments)]


def _headline(arguments: Mapping[str, Frozen]) -> str:
    return f"run {_lines(arguments)} in a container"


def _warning(arguments: Mapping[str, Frozen]) -> str:
    return f"run {_lines(arguments)} WITHOUT CONTAINMENT"


def _lines(arguments: Mapping[str, Frozen]) -> str:
    count = str(arguments["code"]).count("\n") + 1
    return f"{count} line{'' if count == 1 else 's'} of Python code"


_CONTAINED: Final = KindTool(
    "python.run",
    {"code": CODE, **_BUDGET},
    frozenset(_BUDGET),
    headline=_headline,
    preview=_preview,
    requires=REQUIRES,
)
_UNCONFINED: Final = KindTool(
    "python.unconfined",
    {"code": LOOSE, **_BUDGET},
    frozenset(_BUDGET),
    headline=_warning,
    preview=_preview,
)


def tool(*, unconfined: bool = False, output: int = 1024 * 1024) -> Callable[..., dict[str, object]]:
    """A tool `python.run(code, cpu_seconds=10, memory_mb=512, processes=16, wall_seconds=60)`; `output` in bytes. For `gate.wrap`.

    It raises Unavailable, having run nothing, where containment cannot be proved.  unconfined: the tool `python.unconfined` instead.
    """

    def run(code: str, cpu_seconds: float = 10.0, memory_mb: int = 512, processes: int = 16, wall_seconds: float = 60.0) -> dict[str, object]:
        """Runs a program in Python: exit status, stdout, stderr, the seconds it used, why it was stopped ("" if it was not)."""
        from capabilities._process.bubblewrap import contained, interpreter
        from capabilities._process.supervise import Limits, Stage, shown
        from capabilities._process.supervise import run as supervised

        if not unconfined:
            argv = contained((interpreter(), "-I", "-S", "-B", "/dev/stdin"))
        else:
            argv = (interpreter(), "-I", "-S", "-B", "-")
        limits = Limits(wall_seconds, cpu_seconds, memory_mb * 1024 * 1024, processes + (0 if unconfined else 2), output, whole=True)
        with tempfile.TemporaryDirectory() as folder:
            result = supervised([Stage(argv, stdin=sealed(parsed(code)))], limits, folder)
        return shown(result) | {"containment": "none" if unconfined else "bubblewrap"}

    return ready(_UNCONFINED if unconfined else _CONTAINED, run)


TOOLS: Final[dict[str, KindTool]] = {tool_.name: tool_ for tool_ in (_CONTAINED, _UNCONFINED)}
