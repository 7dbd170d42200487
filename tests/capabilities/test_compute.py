"""compute: budgets as part of the call, and what happens when one is used up."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from capabilities._process.usage import CAN_REAP
from capabilities.compute import ARGV, CARDS, CPU, MEMORY, PROCESSES, WALL, tool
from gate.effect import Risk
from gate.errors import Unavailable
from gate.kind import Kind, kind_tool

PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else "python3"


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """The tool, in an empty folder."""
    return tool(tmp_path)


def test_a_program_within_its_budget(run: Any) -> None:
    result = run(["sh", "-c", "echo hi; exit 3"])
    assert (result["exit"], result["stdout"], result["stopped"]) == (3, "hi\n", "")
    assert 0 <= result["cpu_seconds"] < 5


def test_a_burner_is_ended_when_its_processor_time_is_used_up(run: Any) -> None:
    result = run(["sh", "-c", "while :; do :; done"], cpu_seconds=0.5, wall_seconds=60)
    assert "processor time" in result["stopped"]
    assert 0.3 <= result["cpu_seconds"] < 5


def test_a_burner_in_several_processes_shares_one_budget(run: Any) -> None:
    script = "for i in 1 2 3 4; do (while :; do :; done) & done; wait"
    result = run(["sh", "-c", script], cpu_seconds=1, wall_seconds=60)
    assert "processor time" in result["stopped"]
    assert result["cpu_seconds"] < 6


def test_processor_time_of_children_that_have_ended_counts(run: Any) -> None:
    script = "i=0; while [ $i -lt 200 ]; do sh -c 'j=0; while [ $j -lt 20000 ]; do j=$((j+1)); done'; i=$((i+1)); done"
    assert "processor time" in run(["sh", "-c", script], cpu_seconds=0.7, wall_seconds=60)["stopped"]


def test_memory_processes_and_time_are_bounded(run: Any) -> None:
    assert run(["sh", "-c", "x=$(head -c 400000000 /dev/zero | tr '\\0' a); echo big"], memory_mb=100)["stdout"] != "big\n"
    assert "processes at once" in run(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 30 & done; wait"], processes=4)["stopped"]
    assert "longer than" in run(["sleep", "30"], wall_seconds=0.3)["stopped"]


def test_a_program_that_is_not_there(run: Any) -> None:
    with pytest.raises(FileNotFoundError):
        run(["nonesuch"])


def test_cards_are_hidden(run: Any) -> None:
    assert run(["sh", "-c", "echo [$CUDA_VISIBLE_DEVICES]"])["stdout"] == "[]\n"


@pytest.mark.parametrize("kind", [CPU, WALL, MEMORY, PROCESSES])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "5", None, [5], 10**400, 10**12])
def test_a_budget_is_a_number_in_bounds(kind: Any, value: object) -> None:
    with pytest.raises(ValueError, match="."):
        kind.parse(value)


def test_what_a_run_is_said_to_do() -> None:
    assert isinstance(ARGV, Kind) and isinstance(CPU, Kind)
    assert ARGV.assess(["ls"]).effects == {"executes", "reads"}
    assert ARGV.assess(["./xmrig"]).risk == Risk.CRITICAL
    assert CPU.assess(5).risk == Risk.LOW and CPU.assess(5000).risk == Risk.HIGH and CPU.assess(None).risk == Risk.LOW
    assert CPU.assess(5).effects == {"spends"}
    with pytest.raises(ValueError, match="list"):
        ARGV.parse("ls -la")
    with pytest.raises(ValueError, match="whole"):
        MEMORY.parse(1.5)


# ---- daemons --------------------------------------------------------------------------------------------------------------------------

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        end = time.time() + 60
        while time.time() < end and sys.argv[1] == "burn":
            pass
        time.sleep(60)
    os._exit(0)
time.sleep(float(sys.argv[2]))
"""


def living(mark: str) -> list[str]:
    """The processes with this word in their command lines."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in command and int(process) != os.getpid():
            found.append(process)
    return found


@pytest.mark.skipif(not CAN_REAP, reason="the host has no /proc/PID/task/TID/children or no pidfd")
class TestDaemons:
    """A process that leaves its session stays in the tree."""

    def test_a_miner_that_became_a_daemon_is_counted_and_ended(self, run: Any) -> None:
        mark = f"mark-{os.getpid()}-a"
        result = run([PYTHON, "-c", DAEMON, "burn", "50", mark], cpu_seconds=1, wall_seconds=50)
        assert "processor time" in result["stopped"]
        assert living(mark) == []

    def test_a_daemon_does_not_outlive_its_run(self, run: Any) -> None:
        mark = f"mark-{os.getpid()}-b"
        result = run([PYTHON, "-c", DAEMON, "sleep", "0", mark])
        assert (result["exit"], result["stopped"]) == (0, "")
        assert living(mark) == []

    def test_daemons_count_as_processes(self, run: Any) -> None:
        script = "for i in 1 2 3 4 5 6 7 8; do setsid sleep 30 & done; wait"
        assert "processes at once" in run(["sh", "-c", script], processes=4)["stopped"]

    def test_a_fork_bomb_of_sessions_ends(self, run: Any) -> None:
        mark = f"mark-{os.getpid()}-c"
        bomb = "import os\nfor _ in range(9):\n  os.fork()\n  os.setsid() if os.getpgrp() != os.getpid() else None\nimport time; time.sleep(60)"
        assert run([PYTHON, "-c", bomb, mark], processes=16, wall_seconds=20)["stopped"]
        assert living(mark) == []

    def test_who_kills_the_reaper_ends_the_run(self, run: Any) -> None:
        began = time.monotonic()
        assert run(["sh", "-c", "kill -9 $PPID; sleep 30"])["exit"] == -9
        assert time.monotonic() - began < 20

    def test_the_end_of_a_program_is_passed_on(self, run: Any) -> None:
        assert run(["sh", "-c", "exit 7"])["exit"] == 7
        assert run(["sh", "-c", "kill -TERM $$"])["exit"] == -15
        assert run(["sh", "-c", "kill -9 $$"])["exit"] == -9
        assert run(["cat"])["stdout"] == ""


# ---- graphics cards -------------------------------------------------------------------------------------------------------------------


class Simulator:
    """A host of two cards, on which the processes whose command line holds `card-N` are busy."""

    def __init__(self, share: float | None = 1.0) -> None:
        self.share, self.told = share, 0

    def count(self) -> int:
        return 2

    def identity(self, card: int) -> str:
        return f"GPU-{card}"

    def users(self, card: int) -> frozenset[int]:
        self.told += 1
        return frozenset(map(int, living(f"card-{card}")))

    def busy(self, card: int) -> dict[int, float]:
        return {} if self.share is None else dict.fromkeys(self.users(card), self.share)


class Broken(Simulator):
    """A host whose driver does not answer."""

    def count(self) -> int:
        raise OSError("no driver")


def work(card: int) -> list[str]:
    return [PYTHON, "-c", "import time; time.sleep(30)", f"card-{card}"]


@pytest.mark.skipif(not CAN_REAP, reason="needs /proc")
class TestCards:
    """Hidden, or counted."""

    def test_seconds_of_a_granted_card_are_counted_and_bounded(self, tmp_path: Path) -> None:
        result = tool(tmp_path, probe=Simulator)(work(0), gpu_devices=(0,), gpu_seconds=0.5)
        assert "graphics cards" in result["stopped"]  # type: ignore[operator]  # text
        assert 0.4 < float(str(result["gpu_seconds"])) < 3

    def test_a_card_that_is_half_busy_counts_half_and_one_that_cannot_tell_counts_whole(self, tmp_path: Path) -> None:
        half = tool(tmp_path, probe=lambda: Simulator(0.5))(work(1), gpu_devices=(1,), gpu_seconds=60, wall_seconds=1.0)
        whole = tool(tmp_path, probe=lambda: Simulator(None))(work(1), gpu_devices=(1,), gpu_seconds=60, wall_seconds=1.0)
        assert 0 < float(str(half["gpu_seconds"])) < float(str(whole["gpu_seconds"]))

    def test_a_card_that_was_not_granted_ends_the_run(self, tmp_path: Path) -> None:
        assert "card 1, which it may not" in str(tool(tmp_path, probe=Simulator)(work(1), gpu_devices=(0,), gpu_seconds=60)["stopped"])
        assert "card 0, which it may not" in str(tool(tmp_path, probe=Simulator)(work(0))["stopped"])

    def test_daemons_count(self, tmp_path: Path) -> None:
        result = tool(tmp_path, probe=Simulator)([PYTHON, "-c", DAEMON, "sleep", "40", "card-1"], gpu_devices=(0,), gpu_seconds=60)
        assert "card 1" in str(result["stopped"])

    def test_only_granted_cards_are_shown(self, tmp_path: Path) -> None:
        shown = tool(tmp_path, probe=Simulator)(["sh", "-c", "echo $CUDA_VISIBLE_DEVICES $NVIDIA_VISIBLE_DEVICES"], gpu_devices=(1,), gpu_seconds=5)
        assert shown["stdout"] == "GPU-1 GPU-1\n"
        assert tool(tmp_path)(["sh", "-c", "echo [$CUDA_VISIBLE_DEVICES$HIP_VISIBLE_DEVICES] $NVIDIA_VISIBLE_DEVICES"])["stdout"] == "[] void\n"

    def test_what_cannot_be_counted_does_not_run(self, tmp_path: Path) -> None:
        ran = tmp_path / "ran"
        for probe in (Broken, None):
            if probe is None and Path("/proc/driver/nvidia").exists():
                continue
            with pytest.raises(Unavailable, match="cannot be counted"):
                tool(tmp_path, probe=probe)(["touch", str(ran)], gpu_devices=(0,), gpu_seconds=5)
        for wrong in ({"gpu_devices": (0,)}, {"gpu_seconds": 5.0}, {"gpu_devices": (7,), "gpu_seconds": 5.0}):
            with pytest.raises(ValueError, match="card"):
                tool(tmp_path, probe=Simulator)(["touch", str(ran)], **wrong)  # type: ignore[arg-type]  # of either
        assert not ran.exists()

    def test_what_is_no_list_of_cards(self) -> None:
        assert CARDS.parse([1, 0]) == [0, 1] and CARDS.parse([]) == []
        for value in (0, "0", None, [True], [0, 0], [-1], [64], [0.0], ["0"], [[0]], {}, list(range(65))):
            with pytest.raises(ValueError, match="card"):
                CARDS.parse(value)
        assert CARDS.assess([0]).risk == Risk.HIGH and CARDS.assess([]).risk == Risk.LOW and CARDS.assess(None).risk == Risk.LOW


def test_the_person_sees_the_budget() -> None:
    made = kind_tool(tool())
    assert made is not None and made.headline is not None and made.preview is not None
    arguments: Any = {"argv": ("python3", "train.py"), "cpu_seconds": 5, "gpu_devices": (0, 1)}
    assert made.headline(arguments) == "run python3 train.py"
    assert made.preview(arguments)[0].lines()[0] == "cpu seconds: at most 5"
    assert made.preview(arguments)[0].lines()[-1] == "graphics cards: 0, 1"
    assert made.requires == {"cpu", "memory", "processes", "environment"}
