"""The cost of a call: bare, gated, audited; against peers; and how it grows."""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from gate import ANY, Gate, Range
from tests.bench.measure import Row, Run, below, interleaved, ratio_below, repeat
from tests.bench.peers import Peer, add, peers

FAST_PEERS = ("AGT govern 5.0.0", "toolwarden 0.1.0")
OFF = '[[rule]]\nid = "quick"\nallow = {{ tool = "*" }}\naudit = "{audit}"\n'


async def aadd(a: int, b: int) -> int:
    """The bare async tool."""
    return a + b


@contextlib.contextmanager
def gated(folder: Path, audit: str, *, grants: int = 1, rules: int = 0) -> Iterator[Gate]:
    """A gate in a fresh folder, in one durability mode, with so many grants and so many further rules."""
    folder.mkdir(parents=True, exist_ok=True)
    more = "".join(f'[[rule]]\nid = "r{i}"\ndeny = {{ tool = "other_{i}", arguments = {{ a = {i} }} }}\n' for i in range(rules))
    (folder / "gate.toml").write_text(OFF.format(audit=audit) + more)
    with Gate(folder / ".gate", rules=folder / "gate.toml") as gate:
        names = {name: {"a": Range(max=99), "b": ANY} for name in ("add", "aadd", "radd", "raadd")}
        others = {f"t{i}": ANY for i in range(grants - 1)}  # as many as a token of 64 KiB can hold
        capability = gate.grant("bench", tools=names | others, minutes=60, calls=1_000_000_000)
        with gate.acting(capability, session="bench", task="bench"):
            yield gate


def overhead(folder: Path, rounds: int) -> list[Row]:
    """Row 1: a gated call over the bare one, no audit, tracing off, and the fastest peers in the same run."""
    others = [peer for peer in peers(folder) if peer.plain]
    with gated(folder / "off", "off") as gate:
        sync, async_ = gate.wrap(add), gate.wrap(aadd)
        runs = {
            "bare": repeat(lambda: add(5, 7)),
            "gated": repeat(lambda: sync(5, 7)),
            "abare": _loop(lambda: aadd(5, 7)),
            "agated": _loop(lambda: async_(5, 7)),
        }
        runs |= {peer.name: repeat(_call(peer.plain)) for peer in others if peer.plain}
        found = interleaved(runs, rounds=rounds)
    us = {name: seconds * 1e6 for name, seconds in found.items()}
    rows = [
        Row("bare call", us["bare"], "us"),
        below("gated call over bare, sync", us["gated"] - us["bare"], "us", 3.0),
        below("gated call over bare, async", us["agated"] - us["abare"], "us", 3.0),
    ]
    over = us["gated"] - us["bare"]
    for peer in others:
        theirs = us[peer.name] - us["bare"]
        bar = 1 / 15 if peer.name.startswith("cedarpy") else 1 / 5 if peer.name in FAST_PEERS else None
        name = f"gated over bare, against {peer.name}"
        rows.append(
            ratio_below(name, over, "us", f"{theirs:.1f} us", theirs, bar) if bar else Row(name, over, "us", f"{theirs:.1f} us", over / theirs)
        )
    return rows


def audited(folder: Path, rounds: int) -> list[Row]:
    """Row 2: with the chained audit on, not waiting for the disk: processor time of the whole process, writer thread included."""
    others = [peer for peer in peers(folder) if peer.audited]
    with gated(folder / "buffered", "buffered") as gate:
        sync = gate.wrap(add)
        runs: dict[str, Run] = {"bare": repeat(lambda: add(5, 7)), "audited": _flushed(gate, repeat(lambda: sync(5, 7)))}
        runs |= {peer.name: repeat(_call(peer.audited)) for peer in others if peer.audited}
        wall = interleaved({"bare": runs["bare"], "audited": repeat(lambda: sync(5, 7))}, rounds=rounds, batch_seconds=0.02)
        found = interleaved(runs, rounds=rounds, batch_seconds=0.05, clock=time.process_time)
    us = {name: seconds * 1e6 for name, seconds in found.items()}
    over = us["audited"] - us["bare"]
    rows = [
        below("audited call over bare, processor time of all threads", over, "us", 20.0),
        Row("audited call over bare, as its caller waits", (wall["audited"] - wall["bare"]) * 1e6, "us"),
    ]
    theirs = {peer.name: us[peer.name] - us["bare"] for peer in others}
    if theirs:
        best = min(theirs, key=theirs.__getitem__)
        rows.append(
            ratio_below("audited over bare, against the fastest peer's audit", over, "us", f"{best} {theirs[best]:.1f} us", theirs[best], 1 / 3)
        )
    return rows


def growth(folder: Path, rounds: int, past: int) -> list[Row]:
    """Row 4: 1 → 1,000 grants, 0 → 1,000 rules, 0 → a million past calls, in one interleaved run each."""
    rows = []
    for name, few, many in (("1 -> 1,000 grants", {}, {"grants": 1000}), ("0 -> 1,000 rules", {}, {"rules": 1000})):
        with gated(folder / f"few-{name[:1]}{len(rows)}", "off", **few) as one, contextlib.ExitStack() as stack:
            first = one.wrap(add)
            other = stack.enter_context(gated(folder / f"many-{len(rows)}", "off", **many))
            second = other.wrap(add)
            found = interleaved({"few": repeat(lambda f=first: f(5, 7)), "many": repeat(lambda f=second: f(5, 7))}, rounds=rounds)
        rows.append(ratio_below(f"growth: {name}", found["many"] * 1e6, "us", f"{found['few'] * 1e6:.2f} us", found["few"] * 1e6, 1.2))
    with gated(folder / "young", "buffered") as young, gated(folder / "old", "buffered") as old:
        fresh, aged = young.wrap(add), old.wrap(add)
        for _ in range(past):
            aged(5, 7)
        old.home.ledger.flush()
        runs = {"young": _flushed(young, repeat(lambda: fresh(5, 7))), "old": _flushed(old, repeat(lambda: aged(5, 7)))}
        found = interleaved(runs, rounds=rounds, batch_seconds=0.05, clock=time.process_time)
    rows.append(
        ratio_below(f"growth: 0 -> {past:,} past calls", found["old"] * 1e6, "us", f"{found['young'] * 1e6:.2f} us", found["young"] * 1e6, 1.2)
    )
    return rows


def _call(gated_add: Callable[[int, int], object]) -> Callable[[], object]:
    return lambda: gated_add(5, 7)


def _loop(make: Callable[[], object]) -> Run:
    """A run that awaits again and again inside one event loop."""

    async def many(times: int) -> None:
        for _ in range(times):
            await make()  # type: ignore[misc]  # a coroutine

    loop = asyncio.new_event_loop()
    weakref.finalize(many, loop.close)
    return lambda times: loop.run_until_complete(many(times))


def _flushed(gate: Gate, run: Run) -> Run:
    """A run that ends when everything it caused is on disk, so that no work is left out of the time."""

    def all_of_it(times: int) -> None:
        run(times)
        gate.home.ledger.flush()

    return all_of_it


__all__ = ["Peer", "audited", "growth", "overhead"]
