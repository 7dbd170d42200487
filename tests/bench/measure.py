"""Measuring: interleaved rounds in one process, medians, ratios. Absolute figures move with the machine; ratios of one run do not."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

Run = Callable[[int], None]
"""Does its operation so many times."""


@dataclass(frozen=True)
class Row:
    """One figure. `value` in `unit`; `ratio` to the `baseline` where there is one; `bar` is what was asked, `met` whether it holds."""

    name: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None
    bar: str = ""
    met: bool | None = None

    def to_json(self) -> dict[str, object]:
        """The row as plain data."""
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}


def repeat(function: Callable[[], object]) -> Run:
    """A run that calls a function again and again."""

    def run(times: int) -> None:
        for _ in range(times):
            function()

    return run


def interleaved(
    runs: Mapping[str, Run], *, rounds: int = 31, batch_seconds: float = 0.004, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of one operation of each run, measured in turns, so that noise meets them all alike."""
    times = {name: _batch(run, batch_seconds) for name, run in runs.items()}
    samples: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for name in names if number % 2 else reversed(names):
                start = clock()
                runs[name](times[name])
                samples[name].append((clock() - start) / times[name])
    finally:
        gc.enable()
    return {name: statistics.median(found) for name, found in samples.items()}


def _batch(run: Run, seconds: float) -> int:
    """How often to do an operation so that a batch takes about so long."""
    run(20)  # caches, first leases, imports
    tries = []
    for _ in range(3):
        start = time.perf_counter()
        run(20)
        tries.append((time.perf_counter() - start) / 20)
    return max(1, min(20_000, int(seconds / max(min(tries), 1e-8))))


def below(name: str, value: float, unit: str, bar: float) -> Row:
    """A figure that must not be over its bar."""
    return Row(name, value, unit, bar=f"<= {bar:g} {unit}", met=value <= bar)


def ratio_below(name: str, value: float, unit: str, baseline: str, base: float, bar: float) -> Row:
    """A figure that must not be over `bar` times its baseline of the same run, `base` in the same unit."""
    return Row(name, value, unit, baseline, value / base, f"<= {bar:.3g} x", value / base <= bar)


def table(rows: list[Row]) -> str:
    """The rows as people read them."""
    lines = [f"{'what':58} {'value':>12} {'':9} {'ratio':>8}  {'of':34} {'bar':14} met"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        met = {True: "yes", False: "NO", None: ""}[row.met]
        lines.append(f"{row.name[:58]:58} {row.value:12,.2f} {row.unit:9} {ratio:>8}  {row.baseline[:34]:34} {row.bar:14} {met}")
    return "\n".join(lines)
