"""What an adapter adds to a gated call: a call through `Around`, as every adapter makes it, over the same tool behind `gate.wrap`."""

from __future__ import annotations

import time
from pathlib import Path

from gate import Gate
from gate.agents.around import Around, Sent
from tests.bench.calls import _flushed, _loop, aadd, gated
from tests.bench.measure import Row, Run, below, interleaved, repeat
from tests.bench.peers import add

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
MOST = 30.0


def adapters(folder: Path, rounds: int) -> list[Row]:
    """Without a log and with one, in the caller's own processor time; a new id of the framework's for each call, as in life."""
    return [row for audit in ("off", "buffered") for row in _over_wrap(folder / audit, audit, rounds)]


def _over_wrap(folder: Path, audit: str, rounds: int) -> list[Row]:
    with gated(folder, audit) as gate:
        sync, async_ = gate.wrap(add), gate.wrap(aadd)
        runs = {"wrap": repeat(lambda: sync(5, 7)), "awrap": _loop(lambda: async_(5, 7)), **_around(gate)}
        us = interleaved(runs, rounds=rounds, clock=time.thread_time)
        rows = [
            below(f"adapter over gate.wrap, {name}, audit {audit}", (us[one] - us[other]) * 1e6, "us", MOST)
            for name, one, other in (("sync", "around", "wrap"), ("async", "aaround", "awrap"))
        ]
        if audit == "buffered":
            both = {name: _flushed(gate, runs[name]) for name in ("wrap", "around")}
            found = interleaved(both, rounds=rounds, batch_seconds=0.05, clock=time.process_time)
            rows.append(below("adapter over gate.wrap, processor time of all threads", (found["around"] - found["wrap"]) * 1e6, "us", MOST))
    return rows


def _around(gate: Gate) -> dict[str, Run]:
    """The same two functions as a framework hands them over: by name, with a mapping and an id."""
    around, ids = Around(gate), iter(range(10**9))
    for name in ("radd", "raadd"):
        around.declare(name, SCHEMA)

    def once() -> object:
        return around.run(Sent("radd", {"a": 5, "b": 7}, f"call_{next(ids)}"), lambda arguments: add(**arguments))

    def aonce() -> object:
        return around.arun(Sent("raadd", {"a": 5, "b": 7}, f"call_{next(ids)}"), lambda arguments: aadd(**arguments))

    return {"around": repeat(once), "aaround": _loop(aonce)}
