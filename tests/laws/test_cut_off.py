"""Revoked, stopped, expired: refused from the next call on, in every process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Denied, Gate, TokenError
from gate.testing import FakeClock
from tests.kit import SOURCES, denied, log
from tests.laws.kit import chain_of, tool_of

ELSEWHERE = """
    import sys
    from gate import Gate, Denied, ANY
    gate = Gate(sys.argv[1])

    @gate.tool
    def pay(eur: int) -> int:
        return eur

    with gate.acting(sys.argv[2], session="s1"):
        for line in sys.stdin:
            try:
                pay(5)
                print("ran", flush=True)
            except Denied as denial:
                print(denial, flush=True)
    gate.close()
"""


class Elsewhere:
    """Another process that makes a call whenever it is told to."""

    def __init__(self, gate: Gate, chain: str) -> None:
        import subprocess
        import sys
        import textwrap

        pipe = subprocess.PIPE
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(ELSEWHERE), str(gate.home.path), chain]
        self.process = subprocess.Popen(command, cwd=SOURCES, stdin=pipe, stdout=pipe, text=True)

    def call(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0


class TestCutOff:
    """Authority ends at once: revoked or stopped is refused at the next call, in another process too."""

    def test_in_another_process(self, real: Gate) -> None:
        from gate.token import format_presentation

        root = real.grant("lead", tools={"pay": ANY})
        child = real.attenuate(root, "sub")
        chain = format_presentation(child.chain)
        with Elsewhere(real, chain) as other:
            assert other.call() == "ran"
            for who in ({"agent": "sub"}, {"session": "s1"}, {"everything": True}):
                real.stop(**who, by="ann", reason="drill")
                assert "stopped" in other.call(), who
                real.resume(**who)
                assert other.call() == "ran", who
            real.stop(agent="somebody-else")
            real.stop(session="s2")
            assert other.call() == "ran"
            real.revoke(root, by="ann", reason="enough")
            assert "revoked" in other.call(), "everything delegated from it is revoked with it"
        assert {"stop", "resume", "revoke"} <= {record["type"] for record in log(real)}

    def test_a_revoked_child_leaves_its_parent_alone(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        parent = gate.grant("lead", tools={"t": ANY})
        child = gate.attenuate(parent, "sub")
        grandchild = gate.attenuate(child, "subsub")
        gate.revoke(child.jti)
        for cut in (child, grandchild):
            with gate.acting(cut):
                denied(lambda: gated(1), "revoked")
        with gate.acting(parent):
            gated(1)
        assert ran == [1]

    def test_a_stop_outlives_the_process(self, real: Gate) -> None:
        chain = chain_of(real)
        real.stop(agent="agent-7")
        real.close()
        with Elsewhere(real, chain) as other:
            assert "stopped" in other.call()

    def test_before_its_time_and_after_it(self, gate: Gate, clock: FakeClock, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        cap = gate.grant("agent-7", tools={"t": ANY}, minutes=10, not_before=clock.now() + 60)
        with gate.acting(cap):
            denied(lambda: gated(1), "not valid")
            clock.advance(60)
            gated(2)
            clock.advance(540 - 0.001)
            gated(3)
            clock.advance(0.002)
            denied(lambda: gated(4), "expired")
            clock.advance(-300)
            denied(lambda: gated(5), "expired")
        assert ran == [2, 3]

    def test_the_clock_of_the_host_is_set_back(self, tmp_path: Path) -> None:
        """Between two processes: the ledger knows the latest time that was seen."""
        from gate.token import format_presentation

        early = Gate(tmp_path / ".gate")
        early.wrap(lambda eur: eur, name="pay")
        chain = format_presentation(early.grant("agent-7", tools={"pay": ANY}, minutes=15).chain)
        hour = early.home.now() + 3600
        early.close()
        late = Gate(tmp_path / ".gate", clock=FakeClock(hour))
        late.revoke("something")
        late.close()
        with Gate(tmp_path / ".gate") as again:  # the system's clock is an hour behind what the ledger has seen
            again.wrap(lambda eur: eur, name="pay")
            with pytest.raises((Denied, TokenError), match="expired"), again.acting(chain):
                again.call("pay", {"eur": 5})
