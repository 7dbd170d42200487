"""What asking costs: how soon a waiting call goes on after an answer from another process, and how soon a question is seen there."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from gate import ANY, Gate
from tests.bench.measure import Row, below

ASK = '[[rule]]\nid = "ask"\nask = { tool = "pay" }\n'
ANSWERS = """
import sys, time
from gate import Gate
with Gate(sys.argv[1], rules=sys.argv[2]) as gate:
    desk, done = gate.home.desk, 0
    print("ready", flush=True)
    while done < int(sys.argv[3]):
        turn = desk.turn
        cases = desk.cases()
        if not cases:
            desk.wait(turn, 1.0)
            continue
        for case in cases:
            seen = time.time()
            time.sleep(0.03)  # the call goes back to sleep
            asked = case.question
            desk.approve(asked.id, by="owner", binding_hash=asked.binding_hash, method="page", number=asked.number)
            print(repr(seen), repr(time.time()), flush=True)
            done += 1
"""


def waiting(folder: Path, times: int) -> list[Row]:
    """One process asks and waits, another answers; both on one SQLite file."""
    folder.mkdir(parents=True, exist_ok=True)
    rules = folder / "gate.toml"
    rules.write_text(ASK)
    (folder / "approvers.toml").write_text('[[person]]\nname = "owner"\nper_hour = 1000\n')
    with Gate(folder / ".gate", rules=rules, waits=30.0) as gate:
        pay = gate.wrap(lambda eur: eur, name="pay")
        gate.home.ledger.flush()
        command = [sys.executable, "-c", ANSWERS, str(folder / ".gate"), str(rules), str(times)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "ready\n"
            arrived: list[float] = []
            resumed: list[float] = []
            with gate.acting(gate.grant("bench", tools={"pay": ANY}), session="bench"):
                for eur in range(times):
                    start = time.time()
                    pay(eur)
                    end = time.time()
                    seen, answered = map(float, other.stdout.readline().split())
                    arrived.append(seen - start)
                    resumed.append(end - answered)
    return [
        below("a question is seen in another process, p95", _p95(arrived) * 1e3, "ms", 300),
        below("a waiting call has run after the answer, p95", _p95(resumed) * 1e3, "ms", 50),
        Row("a waiting call has run after the answer, median", statistics.median(resumed) * 1e3, "ms"),
    ]


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]
