"""Calls that come in parts, of agents that run as tools: an id is the model's word, and one ticket is one run at a time."""

from __future__ import annotations

import asyncio

import pytest

from gate import ANY, Gate
from gate.agents.around import Sent
from gate.agents.parts import RUNS
from gate.agents.pausing import Pausing
from gate.errors import AlreadyUsed, GateError
from gate.store import RAN_BEFORE
from tests.kit import ASK, intents, outcomes, refusals, spent, write_rules

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
SENT = Sent("delegate", {"text": "go"}, "call_1")
WAITS = object()
"""What a run gives that stops for somebody."""


def pausing(gate: Gate, capability=None, effects="reads", **how) -> Pausing:
    capability = capability or gate.grant("root", tools={"delegate": ANY}, calls=9)
    made = Pausing(gate, capability=capability, session="s", tools={"delegate": {"effects": effects}}, **how)
    made.declare("delegate", TEXT)
    return made


def part(made: Pausing, value: object, ran: list[object], seconds: float = 0.0):
    """One part of the call, which ends with the value."""

    async def run(_: object) -> object:
        ran.append(value)
        await asyncio.sleep(seconds)
        return value

    return made.arun_parts(SENT, run, paused=lambda said: said is WAITS)


def several(*parts) -> list[object]:
    async def turn() -> list[object]:
        return await asyncio.gather(*parts, return_exceptions=True)

    return asyncio.run(turn())


@pytest.mark.parametrize("asks", [False, True])
def test_calls_of_one_id_at_once_are_one_run(gate: Gate, asks: bool) -> None:
    """A turn with the same call three times under one id was charged, approved and recorded once, and ran three times."""
    if asks:
        write_rules(gate, ASK)
    made, ran = pausing(gate, gate.grant("root", tools={"delegate": ANY}, calls=1), answers="owner"), list[object]()

    async def one() -> object:
        try:
            with made.answered(await made.question(SENT), True if asks else None):
                return await part(made, "done", ran, 0.3)
        except GateError as error:
            return error

    said = several(one(), one(), one())
    assert ran == ["done"] and said.count("done") == 1
    assert len(intents(gate)) == 1 and outcomes(gate) == ["ok"]
    assert sum(RUNS in reason for reason in refusals(gate)) == 2


def test_a_pause_is_good_for_one_going_on(gate: Gate) -> None:
    made, ran = pausing(gate), list[object]()
    assert asyncio.run(part(made, WAITS, ran)) is WAITS
    assert outcomes(gate) == []
    said = several(*[part(made, "done", ran, 0.3) for _ in range(4)])
    assert ran == [WAITS, "done"] and [type(one) for one in said if one != "done"] == [AlreadyUsed] * 3
    assert len(intents(gate)) == 1 and outcomes(gate) == ["ok"] and spent(gate, "/calls") == 1


def test_it_may_pause_as_often_as_it_must(gate: Gate) -> None:
    made, ran = pausing(gate), list[object]()
    for value in (WAITS, WAITS, WAITS, "done"):
        assert asyncio.run(part(made, value, ran)) is value
    assert len(ran) == 4 and len(intents(gate)) == 1 and outcomes(gate) == ["ok"]


def test_in_two_processes_it_is_the_same(gate: Gate) -> None:
    capability, ran = gate.grant("root", tools={"delegate": ANY}, calls=9), list[object]()
    with Gate(gate.home.path, clock=gate.home.ledger.clock) as other:
        here, there = pausing(gate, capability), pausing(other, capability)

        async def both() -> list[object]:
            first = asyncio.ensure_future(part(here, WAITS, ran, 1.0))
            await asyncio.sleep(0.2)
            assert ran == [WAITS]
            second = await asyncio.gather(part(there, "done", ran), return_exceptions=True)
            return [await first, *second, *await asyncio.gather(*[part(made, "done", ran, 0.3) for made in (here, there)], return_exceptions=True)]

        first, second, *later = asyncio.run(both())
    assert first is WAITS and type(second) is AlreadyUsed and RUNS in str(second)
    assert later.count("done") == 1 and ran == [WAITS, "done"]
    assert len(intents(gate)) == 1


def test_the_time_that_the_last_part_takes_is_charged(gate: Gate) -> None:
    made, ran = pausing(gate, gate.grant("root", tools={"delegate": ANY}, wall=60)), list[object]()
    asyncio.run(part(made, WAITS, ran, 0.2))
    asyncio.run(part(made, "done", ran, 0.2))
    assert 200_000 <= spent(gate, "/wall") < 60_000_000


def test_what_was_killed_in_the_middle_does_not_go_on(gate: Gate) -> None:
    """Nobody said that it waits, so nobody knows how far it came."""
    made, ran = pausing(gate), list[object]()
    with gate.within(made._prepared(SENT)[1]):
        gate.authorize("delegate", {"text": "go"}, ref="call_1")  # and no more
    (error,) = several(part(made, "done", ran))
    assert type(error) is AlreadyUsed and ran == []


def test_a_pause_that_cannot_be_kept_is_no_pause(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    made, ran = pausing(gate), list[object]()

    def full(_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(made, "paused", full)
    (error,) = several(part(made, WAITS, ran))
    assert isinstance(error, OSError) and outcomes(gate) == ["error"]


def test_what_is_done_does_not_run_again_under_its_id_unless_ids_repeat(gate: Gate) -> None:
    made, ran = pausing(gate, effects="egress"), list[object]()
    assert asyncio.run(part(made, "done", ran)) == "done"
    (error,) = several(part(made, "done", ran))
    assert type(error) is AlreadyUsed and RAN_BEFORE in str(error)
    made = pausing(gate, effects="egress", once=False)
    sent = [asyncio.run(part(made, "done", ran)) for _ in range(2)]
    assert sent == ["done"] * 2 and len(ran) == 3 and len(intents(gate)) == 3
