"""A long log: what one more record costs when there are many, how quick a proof is, how much memory verifying takes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from gate import Gate
from gate.audit import prove
from tests.bench.measure import Row, below, ratio_below

PROOFS = 200
VERIFY = """
import sys, time
from pathlib import Path
from gate.audit import verify
start = time.perf_counter()
report = verify(sys.argv[1], sys.argv[2])
assert report.ok, report.problems[:3]
peak = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]  # rusage would count the parent's
print(report.records / (time.perf_counter() - start), int(peak[0].split()[1]) / 1024)
"""


def long_log(folder: Path, records: int) -> list[Row]:
    """Writes a log of so many records, and measures on it."""
    home = folder / ".gate"
    with Gate(home) as gate:
        ledger, recorder = gate.home.ledger, gate.home.ledger.recorder
        part, times = max(records // 10, 1), []
        for _ in range(10):
            start = time.process_time()
            for number in range(part):
                ledger.append(
                    recorder.event("call", call=f"c{number}", agent="bench", tool="add", args={"a": number, "b": 7}, decision="allow", risk="low")
                )
            ledger.flush()
            times.append((time.process_time() - start) / part)
        ledger.checkpoint()
        key = gate.home.verifier_key
    few, many = statistics.median(times[1:4]), statistics.median(times[-3:])
    rows = [ratio_below(f"append, {records:,} records later", many * 1e6, "us", f"{few * 1e6:.2f} us", few * 1e6, 1.2)]
    return [*rows, _proof(home / "gate.db", records), *_verified(home / "gate.db", key)]


def _proof(database: Path, records: int) -> Row:
    times = []
    for number in range(PROOFS):
        start = time.perf_counter()
        prove(database, number * (records // PROOFS))
        times.append(time.perf_counter() - start)
    return below(f"proof at {records:,} records", statistics.median(times) * 1e3, "ms", 5)


def _verified(database: Path, key: str) -> list[Row]:
    done = subprocess.run([sys.executable, "-c", VERIFY, str(database), key], check=True, capture_output=True, text=True)
    rate, mib = map(float, done.stdout.split())
    return [Row("verify, streaming", rate, "records/s"), below("memory of verify", mib, "MiB", 200)]
