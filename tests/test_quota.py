"""Quotas: per window, per value of an argument, per capability of the chain; exact when processes race; never widened by passing on."""

from __future__ import annotations

import doctest
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import gate.quota
from gate import ANY, Assessment, BadCall, Exhausted, Gate, KindTool, Limits, Quota, Risk, TokenError
from gate.commands.typed import parse_limits
from gate.commands.words import limit_words
from gate.testing import FakeClock
from tests import reference
from tests.kit import SOURCES, denied, finished, short
from tests.strategies import PAYMENTS, quotas

MONTH = Quota.of(unit="EUR", total=200, seconds=2_592_000, by="to")
EFFECT = {"effects": "writes"}


def paying(gate: Gate, **options: Any) -> Any:
    """A tool that costs what its argument says."""
    return gate.wrap(lambda eur, to="a": eur, **{"name": "pay", "cost": {"EUR": "eur"}, **EFFECT, **options})


def granted(gate: Gate, *quota: Quota, **more: Any) -> Any:
    return gate.grant("a", tools={"pay": ANY}, per_tool={"pay": Limits.of(quota=quota)}, delegations=4, minutes=80 * 1440, **more)


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.quota)
    assert outcome.attempted
    assert not outcome.failed


# ---- the law: passing on never widens -------------------------------------------------------------------------------------------------


@given(quotas(), quotas(), PAYMENTS)
def test_what_a_child_keeps_its_parent_keeps(parent: list[Any], child: list[Any], payments: list[Any]) -> None:
    above, below = Limits.from_json({"quota": parent}), Limits.from_json({"quota": child})
    if above.widenings(below):
        return
    own = below.within(above).to_json().get("quota", [])
    assert isinstance(own, list)
    if all(reference.within_quota(quota, payments) for quota in own):
        assert all(reference.within_quota(quota, payments) for quota in parent)


@given(quotas())
def test_quotas_survive_the_wire_and_the_command_line(made: list[Any]) -> None:
    limits = Limits.from_json({"quota": made})
    assert Limits.from_json(limits.to_json()) == limits
    assert bool(limits) is bool(made)
    assert limits.widenings(limits) == ()
    assert limits.widenings(Limits()) == ()
    if made:
        assert parse_limits([f"pay {limit_words(limits)}"])["pay"] == limits


@settings(max_examples=25, deadline=None)
@given(quotas(), quotas(), PAYMENTS)
def test_the_gate_lets_pass_what_the_reference_does(tmp_path_factory: Any, above: list[Any], below: list[Any], payments: list[Any]) -> None:
    clock = FakeClock()
    gate = Gate(tmp_path_factory.mktemp("q") / ".gate", clock=clock, clear={"*": ["*"]})
    gate.wrap(lambda eur, usd, to, source: None, name="pay", cost={"EUR": "eur", "USD": "usd"}, **EFFECT)
    named = [{**quota, "by": "source"} if quota.get("by") == "from" else quota for quota in above]
    parent = gate.grant("a", tools={"pay": ANY}, per_tool={"pay": Limits.from_json({"quota": named})}, minutes=80 * 1440)
    inner = Limits.from_json({"quota": [{**quota, "by": "source"} if quota.get("by") == "from" else quota for quota in below]})
    try:
        held = gate.attenuate(parent, "b", per_tool={"pay": inner})
    except TokenError:
        return
    base = (int(clock.now()) // 6 + 1) * 6
    ran: list[Any] = []
    for payment in sorted(payments, key=lambda one: one["time"]):
        clock.advance(max(base + payment["time"] + 0.25 - clock.now(), 0))
        cost = {unit: payment["cost"].get(unit, "0") for unit in ("EUR", "USD")}
        may = all(reference.within_quota(quota, [*ran, {**payment, "time": base + payment["time"]}]) for quota in [*above, *below])
        with gate.acting(held):
            try:
                gate.call("pay", {"eur": cost["EUR"], "usd": cost["USD"], "to": payment["to"], "source": payment["from"]})
                assert may
                ran.append({**payment, "time": base + payment["time"]})
            except Exhausted:
                assert not may
    gate.close()


# ---- what is charged ------------------------------------------------------------------------------------------------------------------


def test_each_payee_has_its_own_and_a_window_ends(gate: Gate, clock: FakeClock) -> None:
    pay = paying(gate)
    with gate.acting(granted(gate, MONTH)):
        pay(150, "a")
        short(lambda: pay(51, "a"), "/quota/EUR/2592000/to=")
        pay(50, "a")
        pay(200, "b")
        clock.advance(2_592_000)
        pay(200, "a")
        refusal = denied(lambda: pay("0.000001", "a"))
    assert "EUR per 2592000 s" in str(refusal) and "this 'to'" in str(refusal)


def test_a_default_counts_as_the_value_it_is(gate: Gate) -> None:
    pay = paying(gate)
    with gate.acting(granted(gate, MONTH)):
        pay(150)
        short(lambda: pay(51, "a"), "quota")


def test_equal_values_share_and_no_value_imitates_another(gate: Gate) -> None:
    pay = gate.wrap(lambda to: None, name="pay", **EFFECT)
    once = Quota.of(unit="calls", total=1, seconds=10**9, by="to")
    with gate.acting(granted(gate, once)):
        for value in (1, "1", True, None, "all", "to=", [1], {"a": 1}, "é", "e\u0301", "/0", ""):
            pay(value)
            short(lambda again=value: pay(again), "quota")  # type: ignore[misc]  # a lambda's default
        short(lambda: pay(1.0), "quota")


def test_calls_of_all_tools_together(gate: Gate) -> None:
    pay = paying(gate)
    with gate.acting(gate.grant("a", tools={"pay": ANY}, quota=[Quota.of(unit="calls", total=2, seconds=60)])):
        pay(1)
        pay(1)
        short(lambda: pay(1), "/quota/calls/60/all/")


def test_a_child_that_leaves_it_out_spends_its_parents(gate: Gate) -> None:
    pay = paying(gate)
    parent = granted(gate, MONTH)
    children = [gate.attenuate(parent, "b"), gate.attenuate(parent, "c", per_tool={"pay": Limits.of(calls=9)})]
    for child in children:
        with gate.acting(child):
            pay(80, "a")
    with gate.acting(parent):
        short(lambda: pay(41, "a"), "quota")
    with pytest.raises(TokenError, match="is over what is passed on"):
        gate.attenuate(parent, "b", per_tool={"pay": Limits.of(quota=[Quota.of(unit="EUR", total=201, seconds=2_592_000, by="to")])})
    more = gate.attenuate(parent, "d", per_tool={"pay": Limits.of(quota=[Quota.of(unit="EUR", total=500, seconds=60, by="to")])})
    with gate.acting(more):
        short(lambda: pay(41, "a"), "quota/EUR/2592000")


def test_a_quota_by_an_argument_belongs_to_one_tool(gate: Gate) -> None:
    paying(gate)
    with pytest.raises(ValueError, match="belongs under one tool"):
        gate.grant("a", tools={"pay": ANY}, quota=[MONTH])


def test_an_argument_that_is_not_there_and_a_cost_that_is_not_told(gate: Gate) -> None:
    pay = paying(gate)
    with gate.acting(granted(gate, Quota.of(unit="calls", total=5, seconds=60, by="nobody"))), pytest.raises(BadCall, match="no such argument"):
        pay(1)
    with gate.acting(granted(gate, Quota.of(unit="USD", total=5, seconds=60))), pytest.raises(BadCall, match="USD"):
        pay(1)


def test_what_it_really_cost_replaces_the_estimate(gate: Gate) -> None:
    from gate import spent as really

    gate.wrap(lambda eur: really(EUR=3), name="pay", cost={"EUR": "eur"}, **EFFECT)
    with gate.acting(granted(gate, Quota.of(unit="EUR", total=10, seconds=10**9))):
        for _ in range(2):
            gate.call("pay", {"eur": 4})
        gate.call("pay", {"eur": 4})
        short(lambda: gate.call("pay", {"eur": 4}), "quota")


# ---- a kind that tells the whole cost -------------------------------------------------------------------------------------------------


class Money:
    name = "money"

    def parse(self, value: object) -> str:
        return str(value)

    def assess(self, value: object) -> Assessment:
        return Assessment(frozenset(["spends"]), Risk.MEDIUM)


def told(arguments: Mapping[str, Any]) -> dict[str, Decimal]:
    amount, currency = str(arguments["amount"]).split()
    return {currency: Decimal(amount)}


PAY = KindTool("pay", {"amount": Money()}, cost=told)


def test_a_limit_in_one_currency_is_no_permission_in_another(gate: Gate) -> None:
    pay = gate.wrap(lambda amount: None, name="pay", like=PAY)
    day = [Quota.of(unit=unit, total=10, seconds=86_400) for unit in ("EUR", "USD")]
    with gate.acting(granted(gate, day[0])):
        pay("4 EUR")
        denied(lambda: pay("1 USD"), "limits EUR, and the call costs USD")
        short(lambda: pay("7 EUR"), "quota")
    with gate.acting(granted(gate, *day)):
        pay("4 EUR")
        pay("10 USD")
        short(lambda: pay("7 EUR"), "quota")
        denied(lambda: pay("1 GBP"), "costs GBP")
    narrowed = gate.attenuate(granted(gate, day[0]), "b", per_tool={"pay": Limits.of(quota=[day[1]])})
    with gate.acting(narrowed):
        denied(lambda: pay("1 USD"), "limits EUR, and the call costs USD")
    with gate.acting(gate.attenuate(granted(gate, *day), "b", per_tool={"pay": Limits.of(quota=[Quota.of(unit="USD", total=1, seconds=86_400)])})):
        pay("4 EUR")
        short(lambda: pay("2 USD"), "quota")
    with gate.acting(granted(gate)):
        pay("1000 GBP")


# ---- processes ------------------------------------------------------------------------------------------------------------------------

RACE = """
    import sys
    from gate import Denied, Exhausted, Gate

    home, chain, out = sys.argv[1:]
    gate = Gate(home, clear={"*": ["*"]})

    @gate.tool(effects="writes", cost={"EUR": "eur"})
    def pay(eur: int, to: str) -> None:
        with open(out, "a") as file:
            file.write(to)

    print("ready", flush=True)
    sys.stdin.readline()
    with gate.acting(chain):
        for number in range(20):
            try:
                pay(5, "ab"[number % 2])
            except Exhausted:
                pass
    gate.close()
"""


@pytest.mark.slow
def test_eight_processes_race_for_one_quota(tmp_path: Path) -> None:
    gate = Gate(tmp_path / ".gate", clear={"*": ["*"]})
    gate.wrap(lambda eur, to: None, name="pay", cost={"EUR": "eur"}, **EFFECT)
    chain = granted(gate, Quota.of(unit="EUR", total=203, seconds=10**10, by="to")).presentation
    gate.close()
    started = [racer(tmp_path, chain) for _ in range(8)]
    for process in started:
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        finished(process)
    ran = (tmp_path / "out").read_text()
    assert (ran.count("a"), ran.count("b")) == (40, 40)


def racer(folder: Path, chain: str) -> Any:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(RACE), str(folder / ".gate"), chain, str(folder / "out")]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=SOURCES, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


# ---- what is no quota -----------------------------------------------------------------------------------------------------------------

GOOD = {"unit": "EUR", "total": "5", "seconds": 60}
BAD: list[Any] = [
    None,
    {},
    [None],
    [[]],
    [{}],
    [GOOD, GOOD],
    [GOOD, {**GOOD, "total": "6"}],
    [{**GOOD, "more": 1}],
    [{**GOOD, "total": 5}],
    [{**GOOD, "total": "-1"}],
    [{**GOOD, "total": "NaN"}],
    [{**GOOD, "total": "1e30"}],
    [{**GOOD, "total": "0.0000001"}],
    [{**GOOD, "seconds": 0}],
    [{**GOOD, "seconds": 1.5}],
    [{**GOOD, "seconds": True}],
    [{**GOOD, "seconds": 2**53}],
    [{**GOOD, "unit": ""}],
    [{**GOOD, "unit": "a/b"}],
    [{**GOOD, "unit": 5}],
    [{**GOOD, "unit": "calls", "total": "1.5"}],
    [{**GOOD, "by": ""}],
    [{**GOOD, "by": 5}],
    [{**GOOD, "by": "a/b"}],
    [{**GOOD, "by": "a=b"}],
    [{**GOOD, "by": "a\u200bb"}],
    [{**GOOD, "seconds": seconds} for seconds in range(1, 34)],
]


@pytest.mark.parametrize("data", BAD, ids=lambda data: repr(data)[:60])
def test_what_is_no_quota_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Limits.from_json({"quota": data})


@pytest.mark.parametrize(
    "typed", ["quota.EUR=5", "quota.EUR=5/x", "quota.EUR=/60", "quota.EUR=5/60/", "quota.EUR=5/60/a/b", "quota.=5/60", "quota.EUR=5/²"]
)
def test_what_is_typed_wrong(typed: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_limits([f"pay {typed}"])
