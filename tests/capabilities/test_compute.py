"""compute: budgets as part of the call, and what happens when one is used up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capabilities.compute import ARGV, CPU, MEMORY, PROCESSES, WALL, tool
from gate.effect import Risk
from gate.kind import Kind

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
