"""The one path of every call: its steps in their order, what each of them writes, and the shorter way of calls that leave no record."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Allow, Ask, BadCall, Deny, Exhausted, Gate, Range, TokenError, optional
from gate.testing import FakeClock, ScriptedApprover
from tests.kit import ASK, denied, intents, log, look_again, outcomes, refusals, short, write_rules

OFF = '[[rule]]\nid = "quiet"\nallow = { tool = "*" }\naudit = "off"\n'
DENY_BIG = '[[rule]]\nid = "big"\ndeny = { tool = "pay", arguments = { eur = { constraint_type = "range", min = 100 } } }\nreason = "too much"\n'


@pytest.fixture
def paid() -> list[int]:
    return []


@pytest.fixture(autouse=True)
def tool(gate: Gate, paid: list[int]) -> None:
    @gate.tool
    def pay(eur: int, note: str = "-") -> int:
        """Pays."""
        paid.append(eur)
        return eur


def using(gate: Gate, grant: Any = ANY, **limits: Any) -> Any:
    return gate.acting(gate.grant("agent-7", tools={"pay": grant}, **limits), session="s1", task="bills")


def pay(gate: Gate, eur: int = 5) -> Any:
    return gate._gated["pay"](eur)


# ---- the path ---------------------------------------------------------------------------------------------------------------------------


def test_the_steps_in_their_order(gate: Gate) -> None:
    write_rules(gate, ASK)
    gate.approvers = (ScriptedApprover(gate, [True]),)
    with using(gate):
        assert pay(gate) == 5
    told = [record for record in log(gate) if record["type"] in ("question", "answer", "intent", "outcome", "refusal")]
    assert [record["type"] for record in told] == ["question", "answer", "intent", "outcome"]
    assert len({record.get("call") or record["question"] for record in told}) == 1


def test_a_refusal_names_every_reason_the_rule_and_what_to_do(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, DENY_BIG)
    capability = gate.grant("agent-7", tools={"pay": {"eur": Range(max=50)}})
    gate.stop(agent="agent-7")
    with gate.acting(capability):
        refusal = denied(lambda: gate.call("pay", {"eur": 500, "note": "x"}))
    text = str(refusal)
    for part in ("stopped", "'big'", "too much", "500 is over the maximum 50", "'note'"):
        assert part in text, part
    assert isinstance(refusal.decision, Deny)
    assert refusal.decision.rules == ("big",)
    assert refusal.remedy
    assert (refusal.tool, bool(refusal.call_id)) == ("pay", True)
    assert paid == []
    assert text.startswith("pay refused: ")


def test_the_same_value_by_every_way_in(gate: Gate) -> None:
    with using(gate):
        assert pay(gate) == gate.call("pay", {"eur": 5}) == gate.call("pay", {"eur": "5"}) == asyncio.run(gate.acall("pay", {"eur": 5.0})) == 5
    assert {str(intent["args"]) for intent in intents(gate)} == {str({"eur": 5, "note": "-"})}


def test_a_decorator_with_and_without_options(gate: Gate) -> None:
    @gate.tool
    def one(x: int) -> int:
        return x

    @gate.tool(name="second", effects="reads")
    def two(x: int) -> int:
        return x

    assert gate.tools == ("pay", "one", "second")
    with gate.acting(gate.grant("a", tools={"one": ANY, "second": ANY})):
        assert [one(1), two(2)] == [1, 2]


# ---- checking without doing -------------------------------------------------------------------------------------------------------------


def test_what_would_be_decided(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, DENY_BIG + '[[rule]]\nid = "ask"\nask = { tool = "pay", arguments = { eur = 7 } }')
    with using(gate, calls=1):
        for _ in range(3):
            assert isinstance(gate.check("pay", {"eur": 5}), Allow)
        assert isinstance(gate.check("pay", {"eur": 500}), Deny)
        assert isinstance(gate.check("pay", {"eur": 7}), Ask)
        with pytest.raises(BadCall):
            gate.check("pay", {"eur": "many"})
        with pytest.raises(BadCall):
            gate.check("nothing", {})
        assert pay(gate) == 5, "nothing was spent"
    assert isinstance(gate.check("pay", {"eur": 5}), Deny), "nobody acts"
    assert paid == [5]
    assert len(intents(gate)) == 1


# ---- who acts ---------------------------------------------------------------------------------------------------------------------------


def test_acting_is_for_the_block_and_nests(gate: Gate) -> None:
    assert gate.current().capability is None
    with using(gate) as outer:
        assert gate.current() is outer
        with gate.acting(gate.grant("other", tools={}), session="s2") as inner:
            assert gate.current() is inner
            denied(lambda: pay(gate), "other")
        assert gate.current() is outer
        assert pay(gate) == 5
    assert gate.current().capability is None
    denied(lambda: pay(gate), "no capability")
    assert intents(gate)[0]["session"] == "s1"
    assert intents(gate)[0]["task"] == "bills"


def test_acting_ends_also_with_an_error(gate: Gate) -> None:
    with pytest.raises(ZeroDivisionError), using(gate):
        _ = 1 / 0
    assert gate.current().capability is None


def test_threads_and_tasks_act_for_themselves(gate: Gate) -> None:
    seen: list[str] = []

    def elsewhere() -> None:
        seen.append(str(denied(lambda: pay(gate))))

    with using(gate):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        context = contextvars.copy_context()
        inherited = threading.Thread(target=context.run, args=(lambda: seen.append(str(pay(gate))),))
        inherited.start()
        inherited.join()
    assert "no capability" in seen[0]
    assert seen[1] == "5"

    async def agent(name: str) -> str:
        with gate.acting(gate.grant(name, tools={"pay": ANY})):
            await asyncio.sleep(0)
            await gate.acall("pay", {"eur": 5})
            return gate.current().agent

    async def main() -> list[str]:
        return await asyncio.gather(*[agent(f"agent-{number}") for number in range(5)])

    assert asyncio.run(main()) == [f"agent-{number}" for number in range(5)]
    assert {intent["agent"] for intent in intents(gate)[1:]} == {f"agent-{number}" for number in range(5)}


def test_two_gates_in_one_program_do_not_mix(gate: Gate, tmp_path: Path, clock: FakeClock) -> None:
    with Gate(tmp_path / "other", clock=clock) as other:
        other.wrap(lambda eur: -eur, name="pay")
        with using(gate):
            denied(lambda: other.call("pay", {"eur": 5}), "no capability")
            with other.acting(other.grant("x", tools={"pay": ANY})):
                assert [gate.call("pay", {"eur": 5}), other.call("pay", {"eur": 5})] == [5, -5]
        with pytest.raises(TokenError), other.acting(gate.grant("x", tools={"pay": ANY})):
            pass


# ---- the rules change -------------------------------------------------------------------------------------------------------------------


def test_rules_change_while_it_runs_and_their_version_is_recorded(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, OFF.replace("off", "durable"))
    with using(gate):
        assert pay(gate, 500) == 500
        write_rules(gate, DENY_BIG)
        look_again(gate)
        denied(lambda: pay(gate, 500), "too much")
        assert pay(gate, 5) == 5
    versions = [record["rules_version"] for record in log(gate, "intent", "refusal")]
    assert versions[0] != versions[1] == versions[2]
    assert [record["rules_version"] for record in log(gate, "rules")] == versions[:2]


# ---- calls that leave no record ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def quiet(gate: Gate) -> Iterator[None]:
    """Calls are allowed and not recorded; the first has been made, so that the next go the shorter way."""
    write_rules(gate, OFF)
    with using(gate, {"eur": Range(max=1000), "note": optional(ANY)}, calls=100):
        for _ in range(3):
            pay(gate)
        yield
    assert not [record for record in log(gate, "intent", "call", "outcome") if record["tool"] == "pay"]


@pytest.mark.usefixtures("quiet")
class TestTheShorterWay:
    """Whatever would refuse a call on the path refuses it here."""

    def test_it_is_taken(self, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object) -> Any:
            raise AssertionError("it went the whole path")

        with monkeypatch.context() as patched:
            patched.setattr(gate, "begin", broken)
            assert pay(gate) == 5
        write_rules(gate, OFF + DENY_BIG)
        look_again(gate)

    def test_arguments(self, gate: Gate) -> None:
        denied(lambda: pay(gate, 1001), "over the maximum 1000")
        denied(lambda: gate._gated["pay"]("x"), "whole number")
        denied(lambda: gate._gated["pay"](5, more=1), "unknown argument")
        denied(lambda: gate._gated["pay"](), "missing")
        assert len(refusals(gate)) == 4, "refusals are recorded all the same"

    def test_revoked(self, gate: Gate) -> None:
        gate.revoke(gate.current().capability or "")
        denied(lambda: pay(gate), "revoked")

    @pytest.mark.parametrize("who", [{"agent": "agent-7"}, {"session": "s1"}, {"everything": True}], ids=str)
    def test_stopped_and_resumed(self, gate: Gate, who: dict[str, Any]) -> None:
        gate.stop(**who)
        denied(lambda: pay(gate), "stopped")
        gate.resume(**who)
        assert pay(gate) == 5

    def test_expired(self, gate: Gate, clock: FakeClock) -> None:
        clock.advance(15 * 60)
        denied(lambda: pay(gate), "expired")

    def test_the_rules_deny_ask_or_break(self, gate: Gate) -> None:
        write_rules(gate, OFF + DENY_BIG)
        look_again(gate)
        denied(lambda: pay(gate, 500), "too much")
        assert pay(gate, 99) == 99
        write_rules(gate, OFF + ASK)
        look_again(gate)
        denied(lambda: pay(gate), "a-person")
        write_rules(gate, "nonsense")
        look_again(gate)
        denied(lambda: pay(gate), "gate.toml")
        write_rules(gate, OFF)
        look_again(gate)

    def test_rules_that_depend_on_the_hour(self, gate: Gate, clock: FakeClock) -> None:
        write_rules(gate, OFF + '[[rule]]\nid = "night"\ndeny = { tool = "pay", hours = "00:00-00:05", tz = "UTC" }')
        look_again(gate)
        midnight = 86_400 - clock.now() % 86_400
        with using(gate, minutes=3000):
            clock.advance(midnight - 30)
            assert pay(gate) == 5
            assert pay(gate) == 5
            clock.advance(31)
            denied(lambda: pay(gate), "night")
            clock.advance(300)
            assert pay(gate) == 5

    def test_budgets(self, gate: Gate) -> None:
        for _ in range(97):
            pay(gate)
        short(lambda: pay(gate), "/calls")

    def test_another_capability_in_the_same_program(self, gate: Gate) -> None:
        with gate.acting(gate.grant("agent-7", tools={"pay": {"eur": 1}}), session="s1"):
            denied(lambda: pay(gate, 5))
            assert pay(gate, 1) == 1
        assert pay(gate, 5) == 5

    def test_what_the_tool_raises_and_returns(self, gate: Gate) -> None:
        gated = gate.wrap(lambda x: 1 / x, name="inverse")
        text = gate.wrap(lambda x: "a" * x, name="text", output_limit=3)
        with gate.acting(gate.grant("a", tools={"inverse": ANY, "text": ANY})):
            for _ in range(3):
                assert gated(2) == 0.5
                with pytest.raises(ZeroDivisionError):
                    gated(0)
                assert text(3) == "aaa"
                with pytest.raises(Exception, match="4 bytes"):
                    text(4)

    def test_async(self, gate: Gate) -> None:
        @gate.tool
        async def later(x: int) -> int:
            await asyncio.sleep(0)
            return x

        async def main() -> list[int]:
            with gate.acting(gate.grant("a", tools={"later": {"x": Range(max=5)}}, calls=3)) as acting:
                got = [await later(1), await later(2)]
                with pytest.raises(Exception, match="maximum 5"):
                    await later(6)
                got.append(await later(3))
                with pytest.raises(Exhausted):
                    await later(4)
                gate.revoke(acting.capability or "")
                with pytest.raises(Exception, match="revoked"):
                    await later(4)
                return got

        assert asyncio.run(main()) == [1, 2, 3]

    def test_values_are_frozen_all_the_same(self, gate: Gate) -> None:
        seen: list[Any] = []

        @gate.tool
        def keep(value: list[int]) -> None:
            value.append(99)
            seen.append(value)

        mine = [1]
        with gate.acting(gate.grant("a", tools={"keep": ANY})):
            for _ in range(3):
                keep(mine)
        assert mine == [1]
        assert seen == [[1, 99]] * 3


def test_a_pure_read_is_one_record_when_it_is_quick(gate: Gate) -> None:
    gated = gate.wrap(lambda x: x, name="read", effects="reads")
    with gate.acting(gate.grant("a", tools={"read": ANY})):
        for number in range(20):
            gated(number)
    assert [intent["args"]["x"] for intent in intents(gate)] == list(range(20))
    assert outcomes(gate) == ["ok"] * 20
