"""The budget of a run as arguments of its call, so that a grant bounds it with the core's `range` and the person sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from capabilities._plain import Number
from gate.constraints.value import is_array
from gate.effect import Assessment, Risk
from gate.frozen import Frozen
from gate.kind import Kind
from gate.preview import Panel, facts


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


class OrNone(Budget):
    """A budget that may be nothing, which is its default."""

    def parse(self, value: object) -> float:
        """As for any budget, and 0."""
        return 0 if type(value) in {int, float} and value == 0 else super().parse(value)


class Cards:
    """Which graphics cards, by number; none by default."""

    name = "compute.gpu_devices"

    def parse(self, value: object) -> list[int]:
        """The numbers in order, each once; ValueError for anything else."""
        if not is_array(value) or len(value) > 64:
            raise ValueError("gpu_devices is a list of at most 64 numbers of graphics cards")
        numbers = [card for card in value if type(card) is int and 0 <= card < 64]
        if len(numbers) < len(value) or len(set(numbers)) < len(numbers):
            raise ValueError("gpu_devices is a list of the numbers of graphics cards, each once")
        return sorted(numbers)

    def assess(self, value: object) -> Assessment:
        """Spending, and what miners want (T1496): high for any card."""
        if not is_array(value) or not value:
            return Assessment(frozenset(), Risk.LOW)
        return Assessment(frozenset(["spends"]), Risk.HIGH, (f"uses {len(value)} graphics card{'' if len(value) == 1 else 's'}",))


CPU: Final = Budget("cpu_seconds", 86_400, 600)
WALL: Final = Budget("wall_seconds", 86_400, 3600)
MEMORY: Final = Budget("memory_mb", 1_048_576, 16_384, whole=True)
PROCESSES: Final = Budget("processes", 4096, 64, whole=True)
CARDS: Final = Cards()
GPU: Final = OrNone("gpu_seconds", 86_400, 60)
BUDGET: Final[dict[str, Kind]] = {
    "cpu_seconds": CPU,
    "memory_mb": MEMORY,
    "processes": PROCESSES,
    "wall_seconds": WALL,
    "gpu_devices": CARDS,
    "gpu_seconds": GPU,
}


def shown_budget(arguments: Mapping[str, Frozen]) -> list[Panel]:
    """The budget as an approver sees it."""
    said = {name: arguments.get(name) for name in BUDGET}
    cards = said.pop("gpu_devices")
    rows = [(name.replace("_", " "), "the tool's default" if value is None else f"at most {value}") for name, value in said.items()]
    return [facts("budget", [*rows, ("graphics cards", ", ".join(map(str, cards)) if isinstance(cards, tuple) and cards else "none")])]
