"""Written before done: the intent is on disk before the effect; where it cannot be, there is no effect."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import Gate
from tests.kit import denied, intents, log, outcomes, python, using
from tests.laws.kit import tool_of


def on_disk(path: Path) -> list[dict[str, Any]]:
    """The records as anybody else sees them, through a connection that can only read."""
    db = sqlite3.connect(f"file:{path / 'gate.db'}?mode=ro", uri=True)
    try:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]
    finally:
        db.close()


class TestWrittenBeforeDone:
    """The intent is durable before the effect, the outcome comes after, and without a log nothing runs."""

    @pytest.mark.parametrize("how", ["call", "acall", "wrapped", "stream", "authorize"])
    def test_the_tool_finds_its_own_intent_on_disk(self, gate: Gate, how: str) -> None:
        seen: list[list[dict[str, Any]]] = []
        gated = gate.wrap(lambda value: seen.append(on_disk(gate.home.path)), name="t")

        @gate.tool
        def chunks(value: int) -> Iterator[int]:
            seen.append(on_disk(gate.home.path))
            yield value

        with using(gate, "t", "chunks"):
            {
                "call": lambda: gate.call("t", {"value": 5}),
                "acall": lambda: asyncio.run(gate.acall("t", {"value": 5})),
                "wrapped": lambda: gated(5),
                "stream": lambda: list(chunks(5)),
                "authorize": lambda: (gate.authorize("t", {"value": 5}, ref="r1"), seen.append(on_disk(gate.home.path))),
            }[how]()
        kinds = [record["type"] for record in seen[0]]
        assert kinds.count("intent") == 1
        assert "outcome" not in kinds
        assert next(record for record in seen[0] if record["type"] == "intent")["args"] == {"value": 5}
        if how != "authorize":
            assert [record["type"] for record in log(gate, "intent", "outcome")] == ["intent", "outcome"]

    def test_a_pure_read_need_not_wait_for_the_disk_and_is_recorded_all_the_same(self, gate: Gate) -> None:
        seen: list[int] = []
        gated = gate.wrap(lambda value: seen.append(value), name="t", effects="reads")
        with using(gate, "t"):
            gated(5)
        assert [intent["args"] for intent in intents(gate)] == [{"value": 5}]
        assert outcomes(gate) == ["ok"]

    @pytest.mark.parametrize("effects", ["reads", "writes"])
    def test_when_the_log_cannot_be_written_the_call_is_refused(self, tmp_path: Path, effects: str) -> None:
        """A disk that is full, by a limit on the size of files, in a process of its own."""
        out = tmp_path / "out"
        python(
            """
            import resource, signal, sys
            from gate import ANY, Gate, Denied, Unavailable
            home, out, effects = sys.argv[1:]
            gate = Gate(home)

            ran = []

            @gate.tool(effects=effects)
            def save(n: int) -> None:
                ran.append(n)

            with gate.acting(gate.grant("a", tools={"save": ANY})):
                save(0)
                gate.home.ledger.flush()
                import logging; logging.disable()
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
                refused = 0
                for n in range(20):
                    try:
                        save(n)
                    except Unavailable:
                        refused += 1
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                assert refused == 20 if effects == "writes" else len(ran) + refused == 21, (refused, ran)
                for _ in range(200):
                    try:
                        save(0)
                        break
                    except Unavailable:
                        import time; time.sleep(0.05)
                else:
                    raise AssertionError("it never recovered")
            gate.close()
            with open(out, "w") as file:
                file.write("x" * len(ran))
            """,
            tmp_path / "home",
            out,
            effects,
        )
        recorded = [record for record in on_disk(tmp_path / "home") if record["type"] in ("intent", "call")]
        assert len(recorded) == len(out.read_text()), "what ran is in the log, and the other way round"

    def test_a_ledger_that_is_rubbish_refuses(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        with using(gate, "t"):
            gated(1)
            gate.close()
            for name in ("gate.db", "gate.db-wal", "gate.db-shm"):
                (gate.home.path / name).unlink(missing_ok=True)
            (gate.home.path / "gate.db").write_bytes(b"rubbish" * 1000)
            (gate.home.path / "gate.db").chmod(0o600)
            denied(lambda: gated(2))
            denied(lambda: gated(3))
        assert ran == [1]
