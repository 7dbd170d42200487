"""Who is told what, and when: what the ledger is given for a ticket, an outcome, a refusal, a question."""

from __future__ import annotations

from typing import Any

import pytest

from gate import ANY, Gate
from gate.run import Outcome
from gate.testing import FakeClock, ScriptedApprover
from gate.ticket import Ticket
from tests.kit import ASK, denied, log, write_rules


@pytest.fixture
def ticket(gate: Gate) -> Ticket:
    gate.wrap(lambda eur: eur, name="pay", cost={"usd": 3, "wall": 7}, timeout=5)
    limits: dict[str, Any] = {"calls": 9, "rate": (5, 60), "wall": 60, "cost": {"usd": 10, "wall": 100}}
    with gate.acting(gate.grant("agent-7", tools={"pay": ANY}, **limits), session="s1", task="bills"):
        return gate.authorize("pay", {"eur": 5}, ref="r1")


def actual(gate: Gate, ticket: Ticket, **outcome: Any) -> dict[str, int]:
    """What a run took, by budget without the token's id."""
    settled = gate.home.records.settlement(ticket, Outcome("ok", seconds=1.5, **outcome))
    return {key.partition("/")[2]: units for key, units in settled.actual.items()}


def test_measured_time_and_cost_replace_the_estimate_and_nothing_else_does(gate: Gate, ticket: Ticket) -> None:
    assert actual(gate, ticket) == {"wall": 1_500_000}
    assert actual(gate, ticket, cost={"usd": 2}) == {"wall": 1_500_000, "cost/usd": 2_000_000}


def test_a_unit_that_is_called_like_something_else(gate: Gate, ticket: Ticket) -> None:
    """Seconds of wall time must not be taken for units of a cost that somebody called "wall"."""
    assert "cost/wall" not in actual(gate, ticket)
    assert actual(gate, ticket, cost={"wall": 1})["cost/wall"] == 1_000_000


def test_a_unit_that_no_budget_knows_changes_nothing(gate: Gate, ticket: Ticket) -> None:
    assert actual(gate, ticket, cost={"eur": 5}) == {"wall": 1_500_000}


def test_an_intent_tells_the_whole_call(gate: Gate, ticket: Ticket) -> None:
    (intent,) = log(gate, "intent")
    acting = ticket.call.acting
    expected = {
        "call": ticket.call.id,
        "agent": "agent-7",
        "session": "s1",
        "task": "bills",
        "tool": "pay",
        "args": {"eur": 5},
        "capability": [acting.capability.jti] if acting.capability else [],
        "decision": "allow",
        "risk": "medium",
        "ref": "r1",
        "digest": ticket.call.digest(),
        "durability": "durable",
        "rules_version": gate.home.rules_version,
    }
    assert {name: intent[name] for name in expected} == expected


def test_a_refusal_tells_why_and_of_whom(gate: Gate) -> None:
    gate.wrap(lambda eur: eur, name="pay")
    with gate.acting(gate.grant("agent-7", tools={"pay": {"eur": 1}}), session="s1"):
        refusal = denied(lambda: gate.call("pay", {"eur": 5}))
        denied(lambda: gate.call("nothing", {"eur": 5}))
        denied(lambda: gate.call("pay", {"eur": object()}))
    first, unknown, bad = log(gate, "refusal")
    assert (first["call"], first["tool"], first["args"], first["agent"], first["session"]) == (refusal.call_id, "pay", {"eur": 5}, "agent-7", "s1")
    assert first["reasons"] == list(refusal.reasons)
    assert (first["error"], unknown["error"], bad["error"]) == ("Denied", "BadCall", "BadCall")
    assert (unknown["tool"], bad["tool"], bad["agent"]) == ("nothing", "pay", "agent-7")


def test_a_question_and_its_answer(gate: Gate) -> None:
    write_rules(gate, ASK)
    gate.wrap(lambda eur: eur, name="pay")
    gate.approvers = (person := ScriptedApprover(gate, ["too much"], name="alice"),)
    with gate.acting(gate.grant("agent-7", tools={"pay": ANY}), session="s1"):
        denied(lambda: gate.call("pay", {"eur": 5}))
    question, answer = log(gate, "question", "answer")
    assert question["call"] == answer["question"] == person.questions[0].id
    assert (answer["approver"], answer["verdict"], answer["reason"], answer["method"]) == ("alice", "deny", "too much", "callback")
    assert question["expires"] == person.questions[0].expires


def test_the_rest_of_what_happens(gate: Gate) -> None:
    capability = gate.grant("lead", principal="ann", tools={"pay": ANY})
    child = gate.attenuate(capability, "sub")
    gate.revoke(child, by="ann", reason="done")
    gate.stop(agent="sub", by="ann")
    write_rules(gate, ASK)
    gate.home.rules()
    told = {record["type"]: record for record in log(gate)}
    assert told["grant"]["capability"] == capability.jti
    assert (told["attenuate"]["parent"], told["attenuate"]["capability"]) == (capability.jti, child.jti)
    assert (told["revoke"]["name"], told["revoke"]["by"], told["revoke"]["reason"]) == (child.jti, "ann", "done")
    assert told["stop"]["name"] == "sub"
    assert told["rules"]["rules_version"] == gate.home.rules_version


def test_arguments_are_hashed_unless_somebody_said_otherwise(tmp_path: Any, clock: FakeClock) -> None:
    with Gate(tmp_path / ".gate", clock=clock, clear={"pay": ["to"]}) as gate:
        gate.wrap(lambda to, card: None, name="pay")
        gate.wrap(lambda to, card: None, name="other")
        with gate.acting(gate.grant("a", tools={"pay": ANY, "other": ANY})):
            gate.call("pay", {"to": "bob", "card": "4111-secret"})
            gate.call("other", {"to": "bob", "card": "4111-secret"})
            denied(lambda: gate.call("pay", {"to": "bob", "card": "4111-secret", "more": "4111-secret"}))
        first, other = log(gate, "intent")
        assert first["args"]["to"] == "bob"
        assert first["args"]["card"].startswith("hmac-sha256:")
        assert other["args"]["to"].startswith("hmac-sha256:")
        assert all("4111-secret" not in str(record) for record in log(gate))


def test_a_tool_that_goes_on_adding_to_its_cost_changes_no_record(gate: Gate, ticket: Ticket) -> None:
    cost: dict[str, object] = {"usd": 1}
    settled = gate.home.records.settlement(ticket, Outcome("ok", cost=cost))
    cost["usd"], cost["eur"] = 100, 5
    gate.home.ledger.settle(settled)
    assert log(gate, "outcome")[0]["outcome"]["cost"] == {"usd": 1_000_000}


class Unspeakable(Exception):
    """An exception that raises something worse when it is asked what it says."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


class Named(Exception):
    """An exception of an odd type."""


Named.__name__ = "x\u202e" * 500


@pytest.mark.parametrize(
    "error", [Unspeakable(), Named("\ud800"), BaseException("\x00"), ValueError("x" * 10**6)], ids=lambda e: type(e).__name__[:9]
)
def test_whatever_a_tool_raises_can_be_told(gate: Gate, error: BaseException) -> None:
    @gate.tool
    def fail(x: int) -> None:
        raise error

    with gate.acting(gate.grant("a", tools={"fail": ANY})):
        try:
            gate.call("fail", {"x": 1})
        except BaseException as raised:
            assert raised is error
    (record,) = log(gate, "outcome")
    assert record["outcome"]["status"] == "error"
    assert all(len(text) < 4000 and text.isprintable() for text in record["outcome"]["error"].values())
