"""Measures the ledger and log alone, against writing and syncing the same bytes. Asserts nothing.

    python -m tests.bench.store_probe [--records 1000000] [--rounds 5]

Every figure comes from interleaved rounds in one process, so that noise hits both sides of a ratio; medians are printed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from gate.audit import prove
from gate.call import Acting, Call
from gate.decide import Allow
from gate.effect import Assessment, Risk
from gate.ledger import Ledger
from gate.log.note import NoteKey, verifier_key
from gate.log.redact import Redactor
from gate.store import Charge, Settlement, Spend
from gate.tokens.jwk import SigningKey

READS = Assessment(frozenset({"reads"}), Risk.LOW, ("reads out/notes.md",))
ALLOWED = Allow(("the grant covers it",), (), ("save",), Risk.LOW, "buffered")
ACTING = Acting("researcher", "s-1", "summarise the release notes", "ann")
CHARGES = (Charge("jti-1/calls", 1, 1 << 40),)
IDS = itertools.count()


def a_call() -> Call:
    """A call as the gate makes it."""
    return Call("save", MappingProxyType({"path": "out/notes.md", "text": "hello"}), frozenset(), ACTING, READS, f"c.{next(IDS)}")


def one_call(ledger: Ledger, durability: str) -> None:
    """Spends and settles one call with full records."""
    call, recorder = a_call(), ledger.recorder
    intent = recorder.intent(call, ALLOWED, durability=durability, rules_version="sha256:0123456789abcdef")
    ledger.spend(Spend(call.id, CHARGES, (), intent, durability))  # type: ignore[arg-type]  # one of the three words
    ledger.settle(Settlement(call.id, {}, recorder.outcome(call.id, duration_us=12, output_bytes=5)))


def buffered(ledger: Ledger, count: int) -> float:
    """Microseconds of process CPU per call, with the background thread's share."""
    ledger.flush()
    start = time.process_time()
    for _ in range(count):
        one_call(ledger, "buffered")
    ledger.flush()
    return (time.process_time() - start) / count * 1e6


def bytes_per_call(ledger: Ledger) -> int:
    """What one durable call writes to the log."""
    ledger.flush()
    before = sum(map(len, ledger.records()))
    for _ in range(8):
        one_call(ledger, "durable")
    ledger.flush()
    return (sum(map(len, ledger.records())) - before) // 8


def floor(folder: Path, size: int) -> Callable[[], None]:
    """Write and fdatasync of as many bytes, on a growing file."""
    file = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def write() -> None:
        os.write(file, b"x" * size)
        os.fdatasync(file)

    return write


def timed(step: Callable[[], None], count: int) -> list[float]:
    """Seconds of each of `count` runs."""
    took: list[float] = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        took.append(time.perf_counter() - start)
    return took


def threads(ledger: Ledger, count: int, seconds: float) -> float:
    """Durable calls per second of `count` threads."""
    done = [0] * count
    end = time.perf_counter() + seconds

    def work(mine: int) -> None:
        while time.perf_counter() < end:
            one_call(ledger, "durable")
            done[mine] += 1

    workers = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(done) / (time.perf_counter() - start)


def show(name: str, value: float, unit: str) -> None:
    """One line."""
    print(f"{name:52s} {value:12.2f} {unit}", flush=True)


def small(rounds: int) -> None:
    """Per-call figures."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        clear = Ledger(Path(folder) / "clear", origin="probe")
        hidden = Ledger(Path(folder) / "hidden", origin="probe", redactor=Redactor(b"k" * 32))
        size = bytes_per_call(clear)
        write = floor(Path(folder), size)
        show("bytes in the log per durable call", size, "B")
        cpu = [(buffered(clear, 3000), buffered(hidden, 3000)) for _ in range(rounds)]
        show("buffered call, arguments in clear", statistics.median([each[0] for each in cpu]), "us CPU")
        show("buffered call, arguments redacted", statistics.median([each[1] for each in cpu]), "us CPU")
        start = time.perf_counter()
        for _ in range(200_000):
            clear.standing()
        show("standing()", (time.perf_counter() - start) / 200_000 * 1e6, "us")
        pairs = [(timed(write, 20), timed(lambda: one_call(clear, "durable"), 20)) for _ in range(rounds * 15)]
        lows = [statistics.median(pair[0]) for pair in pairs]
        ours = [statistics.median(pair[1]) for pair in pairs]
        show("write+fdatasync of the same bytes, p50", statistics.median(lows) * 1e6, "us")
        show("durable call, one thread, p50", statistics.median(ours) * 1e6, "us")
        show("  ratio of medians (bar 1.4)", statistics.median([b / a for a, b in zip(lows, ours, strict=True)]), "x")
        show("  ratio of totals", sum(sum(pair[1]) for pair in pairs) / sum(sum(pair[0]) for pair in pairs), "x")
        rates = [(sum([1 / statistics.mean(timed(write, 300))]), threads(clear, 32, 0.5)) for _ in range(rounds)]
        show("32 threads, durable", statistics.median([rate[1] for rate in rates]), "calls/s")
        show("  ratio to the floor's rate (bar 2.5)", statistics.median([rate[1] / rate[0] for rate in rates]), "x")
        clear.close()
        hidden.close()


def large(records: int) -> None:
    """A long log: appending, proving, verifying."""
    signer = NoteKey("probe", SigningKey(bytes(32)))
    key = verifier_key("probe", signer.public)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path = Path(folder) / "long"
        ledger = Ledger(path, origin="probe", signer=signer)
        part = records // 10
        costs = [buffered(ledger, part) for _ in range(10)]
        show(f"buffered call, first {part} records", costs[0], "us CPU")
        show(f"buffered call, last {part} of {records}", costs[-1], "us CPU")
        show("durable call at the end, p50", statistics.median(timed(lambda: one_call(ledger, "durable"), 300)) * 1e6, "us")
        ledger.close()
        took = timed(lambda: prove(path / "gate.db", random.randrange(records)), 50)  # noqa: S311  # any record
        show("proof, file opened for it, p50", statistics.median(took) * 1e3, "ms")
        show("proof, slowest of 50 (bar 5)", max(took) * 1e3, "ms")
        start = time.perf_counter()
        Ledger(path, origin="probe", signer=signer).close()
        show("opening and closing", (time.perf_counter() - start) * 1e3, "ms")
        show("file", (path / "gate.db").stat().st_size / 2**20, "MiB")
        verifying = f"from gate.audit import verify; r = verify({str(path / 'gate.db')!r}, {key!r}); assert r.ok, r.problems[:3]; print(r.records)"
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", verifying], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # ourselves
        show("verify with the ledger compared", records / (time.perf_counter() - start), "records/s")
        show("memory of verify (bar 200)", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, "MiB")


def main() -> None:
    """Runs the probe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    small(given.rounds)
    if given.records:
        large(given.records)
    show("peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB")


if __name__ == "__main__":
    main()
