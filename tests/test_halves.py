"""The two halves of a call, for frameworks that have only a before hook and an after hook, which may be another process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, BadCall, Denied, Exhausted, Gate, NeedsApproval, OutputLimit, Ticket
from gate.testing import FakeClock, ScriptedApprover
from gate.token import format_presentation
from tests.children import child, ended
from tests.kit import ASK, denied, finished, intents, log, outcomes, python, short, sign_as, spent, write_rules


@pytest.fixture(autouse=True)
def tool(gate: Gate) -> None:
    @gate.tool
    def pay(to: str, eur: int = 1) -> str:
        raise AssertionError("the framework runs it, not the gate")


@pytest.fixture
def acting(gate: Gate) -> Iterator[Any]:
    with gate.acting(gate.grant("agent-7", tools={"pay": ANY}, calls=3), session="s1") as acting:
        yield acting


CALL = {"to": "bob", "eur": "5"}


def using(gate: Gate, **limits: Any) -> Any:
    return gate.acting(gate.grant("agent-7", tools={"pay": ANY}, **limits), session="s1")


@pytest.mark.usefixtures("acting")
def test_a_ticket_holds_the_checked_values(gate: Gate) -> None:
    ticket = gate.authorize("pay", CALL, ref="call_17")
    assert ticket.arguments == {"to": "bob", "eur": 5}
    assert ticket.call.tool == "pay"
    (intent,) = intents(gate)
    assert intent["args"] == {"to": "bob", "eur": 5}
    assert intent["ref"] == "call_17"
    assert intent["digest"] == ticket.call.digest()
    assert outcomes(gate) == []
    assert gate.settle(ticket, value="done", seconds=0.25)
    assert log(gate, "outcome")[0]["outcome"] == {"status": "ok", "duration_us": 250_000, "output_bytes": 4}


@pytest.mark.usefixtures("acting")
def test_positional_only_and_star_arguments_come_back_by_name(gate: Gate) -> None:
    def odd(first: int, /, second: int, *rest: int, **more: int) -> None: ...

    gate.wrap(odd, name="odd")
    with gate.acting(gate.grant("agent-7", tools={"odd": ANY})):
        ticket = gate.authorize("odd", {"first": 1, "second": 2, "rest": [3, 4], "x": 5})
        assert ticket.arguments == {"first": 1, "second": 2, "rest": [3, 4], "x": 5}


@pytest.mark.usefixtures("acting")
def test_each_reading_of_a_ticket_is_fresh(gate: Gate) -> None:
    gate.wrap(lambda items: items, name="list")
    with gate.acting(gate.grant("agent-7", tools={"list": ANY})):
        ticket = gate.authorize("list", {"items": [1]})
    ticket.arguments["items"].append(2)  # type: ignore[attr-defined]
    assert ticket.arguments == {"items": [1]}


@pytest.mark.usefixtures("acting")
def test_what_is_refused_has_no_ticket(gate: Gate) -> None:
    denied(lambda: gate.authorize("pay", {"to": "bob", "eur": "many"}, ref="r"), "eur")
    denied(lambda: gate.authorize("nothing", {}, ref="r"), "no tool")
    assert gate.ticket("pay", CALL, ref="r") is None
    assert intents(gate) == []


# ---- the same call again ----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("acting")
def test_the_same_ref_is_the_same_call_and_is_charged_once(gate: Gate) -> None:
    tickets = [gate.authorize("pay", CALL, ref="call_17") for _ in range(5)]
    assert {ticket.call.id for ticket in tickets} == {tickets[0].call.id}
    assert len(intents(gate)) == 1
    assert [gate.settle(ticket) for ticket in tickets] == [True, False, False, False, False]
    assert outcomes(gate) == ["ok"]
    assert spent(gate, "/calls") == 1


@pytest.mark.usefixtures("acting")
def test_another_ref_session_or_value_is_another_call(gate: Gate) -> None:
    first = gate.authorize("pay", CALL, ref="call_17")
    others = [gate.authorize("pay", CALL, ref="call_18"), gate.authorize("pay", {"to": "eve"}, ref="call_17")]
    with gate.acting(gate.current().capability or "", session="s2"):
        short(lambda: gate.authorize("pay", CALL, ref="call_17"), "/calls")
    assert len({ticket.call.id for ticket in [first, *others]}) == 3


@pytest.mark.usefixtures("acting")
def test_after_it_was_settled_the_same_ref_is_a_new_call(gate: Gate) -> None:
    first = gate.authorize("pay", CALL, ref="call_17")
    assert gate.settle(first)
    again = gate.authorize("pay", CALL, ref="call_17")
    assert again.call.id != first.call.id
    assert len(intents(gate)) == 2


@pytest.mark.usefixtures("acting")
def test_without_a_ref_every_call_is_its_own(gate: Gate) -> None:
    tickets = [gate.authorize("pay", CALL) for _ in range(3)]
    assert len({ticket.call.id for ticket in tickets}) == 3
    with pytest.raises(Exhausted):
        gate.authorize("pay", CALL)
    assert all(gate.settle(ticket) for ticket in tickets)


@pytest.mark.usefixtures("acting")
def test_the_same_ref_needs_one_approval(gate: Gate) -> None:
    write_rules(gate, ASK)
    gate.approvers = (person := ScriptedApprover(gate, [True, False]),)
    first = gate.authorize("pay", CALL, ref="call_17")
    again = gate.authorize("pay", CALL, ref="call_17")
    assert first.call.id == again.call.id
    assert len(person.questions) == 1
    denied(lambda: gate.authorize("pay", CALL, ref="call_18"), "refused it")


@pytest.mark.parametrize("who", ["another capability", "another agent"])
def test_a_call_that_was_approved_for_somebody_is_not_open_to_somebody_else(gate: Gate, who: str) -> None:
    """Same session, same ref, same arguments: the approval was for the other one's call all the same."""
    write_rules(gate, ASK)
    gate.approvers = (ScriptedApprover(gate, [True]),)
    with using(gate):
        gate.authorize("pay", CALL, ref="call_17")
    gate.approvers = ()
    other = gate.grant("agent-7" if who == "another capability" else "agent-8", tools={"pay": ANY})
    with gate.acting(other, session="s1"), pytest.raises(NeedsApproval):
        gate.authorize("pay", CALL, ref="call_17")


@pytest.mark.usefixtures("acting")
def test_what_was_revoked_or_stopped_meanwhile_is_refused_also_under_its_ref(gate: Gate) -> None:
    gate.authorize("pay", CALL, ref="call_17")
    gate.stop(agent="agent-7")
    denied(lambda: gate.authorize("pay", CALL, ref="call_17"), "stopped")


@pytest.mark.parametrize("asks", [False, True], ids=["allowed", "asked"])
@pytest.mark.parametrize("count", [2, 16])
def test_hooks_beside_each_other_with_the_same_ref(gate: Gate, count: int, asks: bool) -> None:
    """A framework that repeats its hook at once is not charged twice, and one approval is enough for what is one call."""
    if asks:
        write_rules(gate, ASK)
    cap = gate.grant("agent-7", tools={"pay": ANY}, calls=100)
    tokens = list[str]()
    if asks:
        with gate.acting(cap, session="s1"), pytest.raises(NeedsApproval) as caught:
            gate.authorize("pay", CALL, ref="call_17")
        tokens.append(sign_as(gate, "alice", caught.value.question))
    together, tickets, refused = threading.Barrier(count), list[Ticket](), list[Denied]()

    def hook() -> None:
        with gate.acting(cap, session="s1"), gate.approving(*tokens):
            together.wait(20)
            try:
                tickets.append(gate.authorize("pay", CALL, ref="call_17"))
            except Denied as denial:
                refused.append(denial)

    threads = [threading.Thread(target=hook) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    assert len({ticket.call.id for ticket in tickets}) == 1
    assert len(intents(gate)) == 1
    assert sum(gate.settle(ticket) for ticket in tickets) == 1
    assert spent(gate, "/calls") == 1


# ---- settling ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("acting")
def test_the_first_outcome_stands(gate: Gate) -> None:
    ticket = gate.authorize("pay", CALL, ref="call_17")
    assert gate.settle(ticket, error=OSError("gone"))
    assert not gate.settle(ticket, value="done")
    (record,) = log(gate, "outcome")
    assert record["outcome"]["status"] == "error"
    assert record["outcome"]["error"] == {"type": "OSError", "message": "gone"}


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.usefixtures("acting")
def test_of_many_that_settle_at_once_one_is_first(gate: Gate, attempt: int) -> None:
    ticket = gate.authorize("pay", CALL, ref="call_17" if attempt else "")
    together, firsts = threading.Barrier(8), list[bool]()

    def settle(number: int) -> None:
        together.wait(20)
        firsts.append(gate.settle(ticket, error=OSError(number)))

    threads = [threading.Thread(target=settle, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(firsts) == [False] * 7 + [True]
    assert outcomes(gate) == ["error"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("x"), "error"), (asyncio.CancelledError(), "cancelled"), (KeyboardInterrupt(), "cancelled"), (None, "ok")],
    ids=repr,
)
@pytest.mark.usefixtures("acting")
def test_what_the_framework_says_is_recorded(gate: Gate, error: Any, status: str) -> None:
    gate.settle(gate.authorize("pay", CALL, ref="r"), error=error)
    assert outcomes(gate) == [status]


@pytest.mark.usefixtures("acting")
def test_too_much_output_is_withheld_and_settled(gate: Gate) -> None:
    gate.wrap(lambda: None, name="talk", output_limit=3)
    with gate.acting(gate.grant("agent-7", tools={"talk": ANY})):
        ticket = gate.authorize("talk", {})
        with pytest.raises(OutputLimit):
            gate.settle(ticket, value="abcd")
        assert not gate.settle(ticket, value="abc")
        with pytest.raises(OutputLimit):
            asyncio.run(gate.asettle(gate.authorize("talk", {}), value="abcd"))
    assert outcomes(gate) == ["output-limit"] * 2


@pytest.mark.usefixtures("acting")
def test_a_value_that_cannot_be_measured_does_not_keep_the_call_open(gate: Gate) -> None:
    endless: list[Any] = []
    endless.append(endless)
    gate.wrap(lambda: None, name="talk", output_limit=3)
    with gate.acting(gate.grant("agent-7", tools={"talk": ANY})):
        assert gate.settle(gate.authorize("talk", {}), value=endless)
    assert outcomes(gate) == ["error"]


def test_the_real_cost_replaces_the_reserved_one(gate: Gate) -> None:
    gate.wrap(lambda: None, name="buy", cost={"usd": 6}, timeout=6)
    with gate.acting(gate.grant("agent-7", tools={"buy": ANY}, cost={"usd": 10}, wall=10)):
        for _ in range(4):
            assert gate.settle(gate.authorize("buy", {}), cost={"usd": "1"}, seconds=1)
        ticket = gate.authorize("buy", {})
        with pytest.raises(ValueError, match="amount"):
            gate.settle(ticket, cost={"usd": -100})
        with pytest.raises(Exhausted):
            gate.authorize("buy", {})
        assert gate.settle(ticket, cost={"usd": "0.5"}, seconds=1)
        short(lambda: gate.authorize("buy", {}), "/cost/usd")
    assert [record["outcome"]["cost"] for record in log(gate, "outcome")] == [{"usd": 1_000_000}] * 4 + [{"usd": 500_000}]


def test_who_says_nothing_of_the_time_does_not_get_it_for_nothing(gate: Gate, clock: FakeClock) -> None:
    """A hook that settles without `seconds`, as they do, kept a tool busy for ever under a limit of tool time."""
    with using(gate, wall=10):
        for seconds in (4.0, 5.5):
            ticket = gate.authorize("pay", CALL, ref="c")
            clock.advance(seconds)
            assert gate.settle(ticket)
        ticket = gate.authorize("pay", CALL, ref="c")
        clock.advance(60)
        assert gate.settle(gate.ticket("pay", CALL, ref="c"), seconds=0.1)  # type: ignore[arg-type]  # it is open
        ticket = gate.authorize("pay", CALL, ref="c")
        clock.advance(2.0)
        found = gate.ticket("pay", CALL, ref="c")
        assert found is not None and gate.settle(found), "an after hook knows when it began, too"
        with pytest.raises(Exhausted, match="nothing is left of the tool time"):
            gate.authorize("pay", CALL, ref="c")
    assert [record["outcome"]["duration_us"] for record in log(gate, "outcome", "call")] == [4_000_000, 5_500_000, 100_000, 2_000_000]


def test_in_an_event_loop(gate: Gate) -> None:
    async def main() -> list[bool]:
        with using(gate):
            ticket = await gate.aauthorize("pay", CALL, ref="r")
            again = await gate.aauthorize("pay", CALL, ref="r")
            return [await gate.asettle(ticket, value="x"), await gate.asettle(again)]

    assert asyncio.run(main()) == [True, False]
    assert outcomes(gate) == ["ok"]


def test_a_rule_that_leaves_calls_out_of_the_log_does_not_lose_open_ones(gate: Gate) -> None:
    write_rules(gate, '[[rule]]\nid = "quiet"\nallow = { tool = "*" }\naudit = "off"')
    with using(gate, calls=3):
        ticket = gate.authorize("pay", CALL, ref="r")
        again = gate.authorize("pay", CALL, ref="r")
        assert again.call.id == ticket.call.id
        assert gate.settle(ticket)
        assert not gate.settle(again)


# ---- in another process -----------------------------------------------------------------------------------------------------------------

HOOK = """
    import sys
    from gate import Gate
    home, chain, what, session = sys.argv[1:]
    gate = Gate(home)

    @gate.tool
    def pay(to: str, eur: int = 1) -> str: ...

    with gate.acting(chain, session=session):
        if what == "before":
            print(gate.authorize("pay", {"to": "bob", "eur": "5"}, ref="call_17").call.id)
        else:
            ticket = gate.ticket("pay", {"to": "bob", "eur": 5}, ref="call_17")
            print(None if ticket is None else (ticket.call.id, gate.settle(ticket, value=what, seconds=0.5)))
    gate.close()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A gate on disk, which no process has open, and a capability."""
    with Gate(tmp_path / ".gate") as gate:
        chain = format_presentation(gate.grant("agent-7", tools={"pay": ANY}, calls=10).chain)
    yield tmp_path / ".gate", chain


def test_an_after_hook_that_is_another_process(home: tuple[Path, str]) -> None:
    folder, chain = home
    said = python(HOOK, folder, chain, "before", "s1").stdout.strip()
    assert python(HOOK, folder, chain, "before", "s1").stdout.strip() == said, "the hook was run again"
    assert python(HOOK, folder, chain, "after", "s2").stdout.strip() == "None", "another session"
    assert python(HOOK, folder, chain, "after", "s1").stdout.strip() == f"('{said}', True)"
    assert python(HOOK, folder, chain, "after", "s1").stdout.strip() == "None", "it is settled"
    with Gate(folder) as gate:
        assert [record["call"] for record in log(gate, "intent", "outcome")] == [said, said]
        assert log(gate, "outcome")[0]["outcome"]["duration_us"] == 500_000
        assert gate.home.findings == []
    assert spent(gate, "/calls") == 1


def test_hooks_of_many_processes_at_once(home: tuple[Path, str]) -> None:
    folder, chain = home
    before = {finished(each).strip() for each in [python(HOOK, folder, chain, "before", "s1", wait=False) for _ in range(4)]}
    assert len(before) == 1, "one call, charged once"
    after = [finished(each).strip() for each in [python(HOOK, folder, chain, "after", "s1", wait=False) for _ in range(4)]]
    assert sum("True" in each for each in after) == 1
    with Gate(folder) as gate:
        assert len(log(gate, "intent")) == len(log(gate, "outcome")) == 1
    assert spent(gate, "/calls") == 1


@pytest.mark.usefixtures("acting")
def test_a_ticket_is_only_for_a_call_that_can_be_read(gate: Gate) -> None:
    with pytest.raises(BadCall):
        gate.ticket("nothing", {}, ref="r")
    with pytest.raises(BadCall):
        gate.ticket("pay", {"to": 5}, ref="r")


@pytest.mark.usefixtures("acting")
def test_a_forked_child_settles_what_its_parent_authorized(gate: Gate) -> None:
    ticket = gate.authorize("pay", CALL, ref="call_17")

    def work() -> None:
        assert gate.settle(ticket, value="done")
        gate.close()

    assert ended(child(work)) == 0
    assert outcomes(gate) == ["ok"]
    assert not gate.settle(ticket, value="done")
