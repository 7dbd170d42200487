"""The cost of being durable, of a person's yes, and of a long log."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from gate import ANY, Gate
from gate.approvers.callback import Callback
from tests.bench.calls import gated
from tests.bench.measure import Row, below
from tests.bench.peers import add

THREADS = 32
ASK = '[[rule]]\nid = "ask"\nask = { tool = "add", expires = "5m" }\n'


def durable(folder: Path, seconds: float) -> list[Row]:
    """Row 3: durable before the effect, against write+fdatasync of the same bytes, operation by operation in turns."""
    with gated(folder / "durable", "durable") as gate, _floor(folder / "floor") as floor:
        sync = gate.wrap(add)
        sync(5, 7)
        gate.home.ledger.flush()
        written = next(iter(list(gate.home.ledger.records())[-2:]))
        pairs = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            floor(written)
            middle = time.perf_counter()
            sync(5, 7)
            pairs.append((middle - start, time.perf_counter() - middle))
        gate.home.ledger.flush()
        base, ours = (statistics.median(values) for values in zip(*pairs, strict=True))
        rate, floor_rate = _rates(gate, sync, floor, written, seconds)
    ratio = statistics.median(mine / theirs for theirs, mine in pairs)
    return [
        Row(f"write+fdatasync of the {len(written)} bytes of the record", base * 1e6, "us"),
        Row("durable call", ours * 1e6, "us", "write+fdatasync", ratio, "<= 1.4 x", ratio <= 1.4),
        Row(
            f"durable calls, {THREADS} threads",
            rate,
            "calls/s",
            f"floor {floor_rate:,.0f}/s, 1 thread",
            rate / floor_rate,
            ">= 2.5 x",
            rate / floor_rate >= 2.5,
        ),
    ]


def _rates(gate: Gate, sync: object, floor: object, written: bytes, seconds: float) -> tuple[float, float]:
    """Calls per second with many threads, and the floor's with one, in alternating rounds."""
    mine, theirs = [], []
    for _ in range(5):
        end, count = time.perf_counter() + seconds / 10, 0
        start = time.perf_counter()
        while time.perf_counter() < end:
            floor(written)  # type: ignore[operator]  # a function
            count += 1
        theirs.append(count / (time.perf_counter() - start))
        mine.append(_threads(sync, seconds / 10))
    gate.home.ledger.flush()
    return statistics.median(mine), statistics.median(theirs)


def _threads(sync: object, seconds: float) -> float:
    import contextvars

    counts = [0] * THREADS
    end = time.perf_counter() + seconds

    def work(index: int) -> None:
        while time.perf_counter() < end:
            sync(5, 7)  # type: ignore[operator]  # a function
            counts[index] += 1

    threads = [threading.Thread(target=contextvars.copy_context().run, args=(work, index)) for index in range(THREADS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


@contextlib.contextmanager
def _floor(path: Path) -> object:  # type: ignore[misc]  # a generator that gives a function
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(data: bytes) -> None:
        os.write(file, data)
        os.fdatasync(file)

    try:
        yield write
    finally:
        os.close(file)


def approval(folder: Path, times: int) -> list[Row]:
    """Row 5: a risky call that a person approves at once, over the same durable call that nobody is asked about, in turns."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gate.toml").write_text(ASK)
    with Gate(folder / ".gate", rules=folder / "gate.toml") as gate:
        gate.approvers = (Callback(gate, lambda _: True, name="owner"),)
        risky, plain = gate.wrap(add), gate.wrap(lambda a, b: a + b, name="plain")
        with gate.acting(gate.grant("bench", tools={"add": ANY, "plain": ANY})):
            found: dict[str, list[float]] = {"risky": [], "plain": []}
            waited = []
            for _ in range(times):
                for name, call in (("plain", plain), ("risky", risky)):
                    start, used = time.perf_counter(), time.thread_time()
                    call(5, 7)
                    found[name].append(time.thread_time() - used)
                waited.append(time.perf_counter() - start)
    extra = statistics.median(found["risky"]) - statistics.median(found["plain"])
    return [
        below("approval: asking, signing, checking, burning; processor time", extra * 1e3, "ms", 0.5),
        Row("risky call in all, with its wait for the disk", statistics.median(waited) * 1e3, "ms"),
    ]


def starts(times: int) -> list[Row]:
    """`import gate`, over bare Python, in fresh processes."""
    bare, ours = [], []
    for _ in range(times):
        for found, code in ((bare, "pass"), (ours, "import gate")):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            found.append(time.perf_counter() - start)
    return [below("import gate, over bare python", (statistics.median(ours) - statistics.median(bare)) * 1e3, "ms", 150)]
