"""Records as they are written: complete, strict JSON whatever the agent sends, and cut where somebody could flood the log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.call import Acting
from gate.decide import Allow, Ask, Deny
from gate.effect import Assessment, Risk
from gate.frozen import freeze
from gate.log.recorder import MOST_TEXT, Recorder
from gate.log.redact import Redactor
from gate.testing import FakeClock
from tests.ledgers import ALLOWED, call

CLOCK = FakeClock(1_800_000_000.25)
any_text = st.text(max_size=30)


class Approved(NamedTuple):
    """An approval, as a record tells it."""

    jti: str
    approver: str
    binding_hash: str


def recorder(redactor: Redactor | None = None, clock: FakeClock = CLOCK) -> Recorder:
    """A recorder of a gate."""
    return Recorder("example.com/agents", redactor or Redactor.off(), clock)


def read(record: bytes) -> dict[str, Any]:
    """The record, read as strictly as anybody may."""

    def no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs), "a member stands twice"
        return dict(pairs)

    def no_constant(name: str) -> object:
        raise AssertionError(name)

    text = record.decode("utf-8")
    assert "\n" not in text
    found = json.loads(text, object_pairs_hook=no_twins, parse_constant=no_constant)
    assert isinstance(found, dict)
    return found


def test_an_intent_says_everything() -> None:
    deciding = Ask(("it spends",), ("r1",), ("pay",), Risk.HIGH, "durable", ("ann",), 1, 300.0)
    risky = Assessment(frozenset({"spends", "egress"}), Risk.MEDIUM, ("pays",), frozenset({"T1", "T0"}))
    acting = Acting("buyer", "s-1", "buy paper", "bob")
    made = call("pay", {"eur": 5, "to": "x"}, "c-1")._replace(acting=acting, assessment=risky)
    approval = Approved("j-1", "ann", "bound")
    found = read(
        recorder().intent(made, deciding, ref="r-7", digest="d", approvals=(approval,), trace_id="t" * 32, rules_version="sha256:1")(),
    )
    assert found == {
        "v": 1,
        "type": "intent",
        "time": "2027-01-15T08:00:00.250000Z",
        "call": "c-1",
        "gate": "example.com/agents",
        "agent": "buyer",
        "session": "s-1",
        "task": "buy paper",
        "principal": "bob",
        "tool": "pay",
        "args": {"eur": 5, "to": "x"},
        "decision": "ask",
        "reasons": ["it spends"],
        "rules": ["r1"],
        "grants": ["pay"],
        "risk": "high",
        "effects": ["egress", "spends"],
        "techniques": ["T0", "T1"],
        "rules_version": "sha256:1",
        "durability": "durable",
        "digest": "d",
        "ref": "r-7",
        "trace_id": "t" * 32,
        "approvals": [{"jti": "j-1", "approver": "ann", "digest": "bound"}],
    }


def test_a_whole_call_is_its_intent_with_its_outcome() -> None:
    writes = recorder()
    intent = writes.intent(call(call_id="c-1"), ALLOWED, durability="buffered")
    outcome = writes.outcome("c-1", status="ok", duration_us=12, output_bytes=5, cost={"usd": 7})
    whole, apart = read(intent.merged(outcome.fragment())), read(intent())
    assert whole == apart | {"type": "call", "outcome": {"status": "ok", "duration_us": 12, "output_bytes": 5, "cost": {"usd": 7}}}
    assert read(outcome())["outcome"] == whole["outcome"]


def test_the_digest_of_hidden_arguments_is_hidden_too() -> None:
    redactor = Redactor(b"k" * 32)
    made = call(arguments={"pin": "1234"})
    found = read(recorder(redactor).intent(made, ALLOWED, durability="durable", approvals=(Approved("j", "ann", "bound"),))())
    assert found["args"] == {"pin": redactor.commitment("1234")}
    assert found["digest"] == redactor.commitment(made.digest())
    assert found["approvals"][0]["digest"] == redactor.commitment("bound")
    assert made.digest() not in json.dumps(found)


def test_what_is_said_later_about_the_same_objects_is_not_what_was_said_before() -> None:
    writes = recorder()
    one, other = call("a"), call("a")._replace(acting=Acting("someone else"))
    said = [read(writes.intent(each, decision)())["agent"] for each in (one, other) for decision in (ALLOWED, ALLOWED._replace(reasons=("b",)))]
    assert said == ["researcher", "researcher", "someone else", "someone else"]
    reasons = [read(writes.intent(one, ALLOWED._replace(reasons=(reason,)))())["reasons"] for reason in ("x", "y", "x")]
    assert reasons == [["x"], ["y"], ["x"]]
    versions = [read(writes.intent(one, ALLOWED, rules_version=version)())["rules_version"] for version in ("v1", "v2")]
    assert versions == ["v1", "v2"]


def test_the_time_is_when_it_was_said_not_when_it_was_written() -> None:
    clock = FakeClock(1_800_000_000.0)
    writes = recorder(clock=clock)
    intent, outcome = writes.intent(call(), ALLOWED), writes.outcome("c")
    clock.advance(3600)
    assert read(intent())["time"] == read(outcome())["time"] == "2027-01-15T08:00:00.000000Z"
    assert read(writes.event("stop"))["time"] == "2027-01-15T09:00:00.000000Z"


@given(st.floats(0, 4e9))
def test_times_are_rfc_3339(now: float) -> None:
    text = recorder().time(now)
    assert len(text) == len("2027-01-15T08:00:00.250000Z")
    assert text.endswith("Z")
    assert abs(datetime.fromisoformat(text).astimezone(UTC).timestamp() - now) < 1e-5


@given(
    any_text,
    any_text,
    any_text,
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.text(st.characters(exclude_categories=["Cs"]))),
)
def test_no_text_breaks_a_record(agent: str, task: str, tool: str, arguments: dict[str, str]) -> None:
    made = call(tool)._replace(acting=Acting(agent, task, task, agent), arguments=MappingProxyType({k: freeze(v) for k, v in arguments.items()}))
    writes = recorder()
    found = read(writes.intent(made, ALLOWED, ref=task, trace_id=task)())
    assert found["args"] == arguments
    outcome = writes.outcome(agent, error=ValueError(task), reason=task, session=agent, ref=task)
    assert read(outcome())["outcome"]["status"] == "ok"
    assert read(writes.intent(made, ALLOWED).merged(outcome.fragment()))["type"] == "call"
    assert read(writes.refusal(None, reasons=(task, agent), tool=tool, acting=made.acting, remedy=task))["type"] == "refusal"
    assert read(writes.event("stop", by=agent, reason=task))["gate"] == "example.com/agents"


@given(any_text)
def test_no_id_and_no_status_breaks_a_record(text: str) -> None:
    writes = recorder()
    assert "type" in read(writes.intent(call(call_id=f"c{text}"), ALLOWED)())
    assert "status" in read(writes.outcome(text, status=text)())["outcome"]


def test_a_lone_surrogate_is_told_as_text() -> None:
    assert read(recorder().event("stop", reason="a\udc80b"))["reason"] == "a\\udc80b"


def test_foreign_text_is_cut_and_made_visible() -> None:
    found = read(recorder().outcome("c", error=ValueError("\x1b[2J\u202e" + "x" * 10_000))())["outcome"]["error"]
    assert found["type"] == "ValueError"
    assert found["message"].startswith("\\x1b[2J\\u202e")
    assert len(found["message"]) < MOST_TEXT + 20
    assert found["message"].endswith("…")


def test_an_exception_that_cannot_say_what_it_is() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert read(recorder().outcome("c", error=Broken())())["outcome"]["error"] == {"type": "Broken"} | {"message": ""}


def test_refusals() -> None:
    deny = Deny(("no grant", "a rule"), ("r1",), (), Risk.HIGH, "ask for one")
    writes = recorder(Redactor(b"k" * 32))
    found = read(
        writes.refusal(call("pay", {"pin": "1"}), reasons=deny.reasons, decision=deny, remedy=deny.remedy, error="Denied", rules_version="v1")
    )
    assert (found["type"], found["reasons"], found["rules"], found["remedy"], found["error"]) == (
        "refusal",
        ["no grant", "a rule"],
        ["r1"],
        "ask for one",
        "Denied",
    )
    assert found["args"]["pin"].startswith("hmac-sha256:")
    bare = read(writes.refusal(None, reasons=("unknown tool",), tool="\u200bsave", acting=Acting("a")))
    assert (bare["tool"], bare["agent"], "call" in bare, "args" in bare) == ("\\u200bsave", "a", False, False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_what_is_not_json_is_no_field(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        recorder().event("grant", value=value)


def test_kept_fragments_do_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.log.recorder.MOST_FRAGMENTS", 8)
    writes = recorder()
    for number in range(50):
        made = call(f"tool{number}")._replace(acting=Acting(f"a{number}"))
        decision = Allow((f"r{number}",), (), (), Risk.LOW, "buffered")
        found = read(writes.intent(made, decision)())
        assert (found["tool"], found["agent"], found["reasons"]) == (f"tool{number}", f"a{number}", [f"r{number}"])
