"""Budgets: never overspent, by threads, tasks or processes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Exhausted, Gate
from gate.testing import FakeClock
from tests.kit import denied, short, spent, using, write_rules
from tests.laws.kit import chain_of, race, tool_of


class TestBudgets:
    """Never overspent: by threads, tasks, processes, whatever."""

    @pytest.mark.slow
    @pytest.mark.parametrize("durability", ["durable", "buffered", "off"])
    def test_eight_processes_race_for_it(self, real: Gate, tmp_path: Path, durability: str) -> None:
        write_rules(real, f'[[rule]]\nid = "r"\nallow = {{ tool = "*" }}\naudit = "{durability}"')
        out, chain = tmp_path / "out", chain_of(real, calls=41)
        told = race(real.home.path, chain, out, "", each=10)
        ran = len(out.read_text())
        assert ran <= 41, "overspent"
        assert ran + len(told) == 160
        assert set(told) == {"Exhausted"}
        assert spent(real, "/calls") <= 41
        assert ran == 41, "and with every process ended, nothing of it is lost"

    @pytest.mark.slow
    def test_eight_processes_race_for_the_last_unit(self, real: Gate, tmp_path: Path) -> None:
        out, chain = tmp_path / "out", chain_of(real, calls=1)
        told = race(real.home.path, chain, out, "", each=1)
        assert out.read_text() == "x"
        assert told == ["Exhausted"] * 15

    def test_threads_and_tasks(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        cap = gate.grant("agent-7", tools={"t": ANY}, calls=50)

        def thread() -> None:
            with gate.acting(cap):
                for _ in range(10):
                    try:
                        gated(1)
                    except Exhausted:
                        return

        threads = [threading.Thread(target=thread) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(ran) == 50

        async def main() -> list[Any]:
            with gate.acting(gate.grant("agent-7", tools={"t": ANY}, calls=7)):
                return await asyncio.gather(*[gate.acall("t", {"value": 2}) for _ in range(20)], return_exceptions=True)

        results = asyncio.run(main())
        assert sum(isinstance(result, Exhausted) for result in results) == 13
        assert ran.count(2) == 7

    def test_a_rate_has_windows(self, gate: Gate, clock: FakeClock, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        clock.advance(60 - clock.now() % 60)
        with using(gate, "t", rate=(3, 60)):
            for minute in range(3):
                for call in range(5):
                    if call < 3:
                        gated(minute)
                    else:
                        short(lambda: gated(minute), "/rate/60/")
                clock.advance(59.9 if minute == 0 else 60.1)
                if minute == 0:
                    short(lambda: gated(9), "/rate/60/")
                    clock.advance(0.1)
        assert ran == [0] * 3 + [1] * 3 + [2] * 3

    def test_setting_the_clock_back_does_not_open_a_window_again(self, gate: Gate, clock: FakeClock, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        clock.advance(60 - clock.now() % 60)
        with using(gate, "t", rate=(1, 60)):
            gated(1)
            clock.advance(60)
            gated(2)
            clock.advance(-3600)
            short(lambda: gated(3), "/rate/60/")
        assert ran == [1, 2]

    @pytest.mark.parametrize("price", [4, "4", "0.5", "eur", "callable"], ids=str)
    def test_a_cost_in_any_form(self, gate: Gate, ran: list[Any], price: Any) -> None:
        spec: Any = {"eur": "eur", "callable": lambda arguments: arguments["eur"]}.get(price, None if False else price)

        @gate.tool(cost={"credits": spec if price in ("eur", "callable") else float(price)})
        def buy(eur: float) -> None:
            ran.append(eur)

        each = 2.0 if price in ("eur", "callable") else float(price)
        with using(gate, "buy", cost={"credits": 10}):
            for _ in range(int(10 / each)):
                buy(2.0)
            short(lambda: buy(2.0), "/cost/credits")
        assert len(ran) == int(10 / each)

    @pytest.mark.parametrize("amount", [-5.0, -0.001], ids=str)
    def test_a_negative_cost_refunds_nothing(self, gate: Gate, ran: list[Any], amount: float) -> None:
        @gate.tool(cost={"usd": "price"})
        def buy(price: float) -> None:
            ran.append(price)

        with using(gate, "buy", cost={"usd": 10}):
            buy(8.0)
            denied(lambda: buy(amount), "cost cannot be told")
            short(lambda: buy(8.0), "/cost/usd")
        assert ran == [8.0]

    def test_a_tool_that_does_not_say_its_cost_cannot_be_paid_for(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        with using(gate, "t", cost={"usd": 10}):
            denied(lambda: gated(1), "does not say what it costs")
        assert ran == []

    def test_a_refused_call_spends_nothing(self, gate: Gate, ran: list[Any]) -> None:
        """Neither of several budgets when one of them is short."""
        gated = tool_of(gate, ran)
        big, small = gate.grant("agent-7", tools={"t": ANY}, calls=10), None
        small = gate.attenuate(big, "agent-7", calls=1)
        with gate.acting(small):
            gated(1)
            for _ in range(20):
                short(lambda: gated(1), small.jti)
        with gate.acting(big):
            for _ in range(9):
                gated(2)
            denied(lambda: gated(2))
        assert ran.count(2) == 9

    def test_a_tool_has_budgets_of_its_own(self, gate: Gate, ran: list[Any]) -> None:
        from gate import Limits

        gated, other = tool_of(gate, ran), tool_of(gate, ran, name="other")
        with gate.acting(gate.grant("agent-7", tools={"t": ANY, "other": ANY}, calls=5, per_tool={"t": Limits(calls=2)})):
            gated(1)
            gated(1)
            short(lambda: gated(1), "/tool:t/calls")
            for _ in range(3):
                other(2)
            short(lambda: other(2), "/calls")
        assert ran == [1, 1, 2, 2, 2]
