"""Exactly once: one approval runs one call once, across threads, processes and restarts."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from gate import AlreadyUsed, Gate, NeedsApproval, Question
from gate.testing import FakeClock
from tests.kit import ASK, denied, intents, log, sign_as, using, write_rules
from tests.laws.kit import chain_of, race, tool_of


def question_for(gate: Gate, chain: str) -> Question:
    with gate.acting(chain, session="s1"), pytest.raises(NeedsApproval) as caught:
        gate.call("pay", {"eur": 5})
    assert caught.value.question is not None
    return caught.value.question


class TestExactlyOnce:
    """One approval runs one call once, and a legitimate identical call runs with its own."""

    def test_one_after_the_other(self, gate: Gate, ran: list[Any]) -> None:
        write_rules(gate, ASK)
        gated = tool_of(gate, ran)
        with using(gate, "t"):
            question = denied(lambda: gated(5)).question  # type: ignore[attr-defined]
            token = sign_as(gate, "alice", question)
            for _ in range(3):
                with gate.approving(token):
                    try:
                        gated(5)
                    except AlreadyUsed:
                        ran.append("refused")
            with gate.approving(sign_as(gate, "alice", question)):
                gated(5)
        assert ran == [5, "refused", "refused", 5]
        assert len(intents(gate)) == 2

    @pytest.mark.parametrize("attempt", range(5))
    def test_two_threads(self, gate: Gate, ran: list[Any], attempt: int) -> None:
        write_rules(gate, ASK)
        gated = tool_of(gate, ran)
        together, refused = threading.Barrier(2), list[str]()
        with using(gate, "t") as acting:
            token = sign_as(gate, "alice", denied(lambda: gated(5)).question)  # type: ignore[attr-defined]

            def one() -> None:
                with gate.acting(acting.capability, session="s1"), gate.approving(token):
                    together.wait(20)
                    try:
                        gated(5)
                    except AlreadyUsed as denial:
                        refused.append(str(denial))

            threads = [threading.Thread(target=one) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert ran == [5]
        assert len(refused) == 1

    @pytest.mark.slow
    def test_eight_processes(self, real: Gate, tmp_path: Path) -> None:
        write_rules(real, ASK)
        chain, out = chain_of(real), tmp_path / "out"
        token = sign_as(real, "alice", question_for(real, chain))
        told = race(real.home.path, chain, out, token, each=1)
        assert out.read_text() == "x"
        assert told == ["AlreadyUsed"] * 15
        assert len(log(real, "intent")) == 1

    def test_after_a_restart(self, real: Gate, tmp_path: Path) -> None:
        write_rules(real, ASK)
        chain = chain_of(real)
        token = sign_as(real, "alice", question_for(real, chain))
        ran: list[int] = []
        for _ in range(2):
            with Gate(real.home.path) as again:
                again.wrap(lambda eur: ran.append(eur), name="pay")
                with again.acting(chain, session="s1"), again.approving(token):
                    try:
                        again.call("pay", {"eur": 5})
                    except AlreadyUsed:
                        ran.append(-1)
        assert ran == [5, -1]

    def test_a_replay_after_the_used_ones_were_forgotten(self, gate: Gate, clock: FakeClock, ran: list[Any]) -> None:
        """The list of used approvals is pruned after a day; an approval that old has expired."""
        from gate.store import Prune

        write_rules(gate, ASK)
        gated = tool_of(gate, ran)
        with using(gate, "t", minutes=3000):
            token = sign_as(gate, "alice", denied(lambda: gated(5)).question)  # type: ignore[attr-defined]
            with gate.approving(token):
                gated(5)
            clock.advance(90_000)
            gate.home.ledger._group.submit(Prune(gate.home.now() - 86_400))
            with gate.approving(token):
                denied(lambda: gated(5), "expired")
            clock.advance(-90_000)
            with gate.approving(token):
                denied(lambda: gated(5), "expired")
        assert ran == [5]
