"""The framework's id of a call: recorded with it, and good for one run of a call that waits for the disk."""

from __future__ import annotations

import pytest

from gate import Gate, ref
from gate.call import NOBODY, Call
from gate.effect import UNDECLARED
from gate.errors import AlreadyUsed
from gate.ref import KEPT, RAN, ran
from tests.kit import denied, finished, intents, log, python, using


def call(tool="t", arguments=None, **acting) -> Call:
    return Call(tool, arguments or {"a": 1}, frozenset(), NOBODY._replace(**acting), UNDECLARED, "c1")


def test_it_holds_inside_and_not_after() -> None:
    assert ref.current() == ""
    with ref.under("one"):
        with ref.under("two"):
            assert ref.current() == "two"
        assert ref.current() == "one"
        with ref.under(""):
            assert ref.current() == ""
    assert ref.current() == ""


def test_it_does_not_stay_when_the_call_fails() -> None:
    with pytest.raises(ValueError), ref.under("one"):
        raise ValueError
    assert ref.current() == ""


def test_the_ledgers_name_tells_apart_whatever_may_differ() -> None:
    base = call(session="s", agent="a")
    others = [
        call(session="s2", agent="a"),
        call(session="s", agent="b"),
        call("u", session="s", agent="a"),
        call(arguments={"a": 2}, session="s", agent="a"),
    ]
    names = {ran(base, "r"), ran(base, "r2"), *[ran(other, "r") for other in others]}
    assert len(names) == 6 and all(name.startswith(RAN) for name in names)
    assert ran(base, "r") == ran(call(session="s", agent="a"), "r")
    assert ran(call(session="s", agent="ar"), "x") != ran(call(session="s", agent="a"), "rx"), "one text beside another is not their sum"


@pytest.fixture
def mail(gate: Gate):
    sent = []

    def mail(to: str) -> None:
        sent.append(to)

    return gate.wrap(mail, effects="egress"), sent


def test_a_call_that_waits_for_the_disk_runs_once_under_an_id(gate: Gate, mail) -> None:
    send, sent = mail
    with using(gate, "mail"):
        with ref.under("c1"):
            send("bob")
            with pytest.raises(AlreadyUsed, match="ran before"):
                send("bob")
            send("carol")
        send("bob")
        send("bob")
    assert sent == ["bob", "carol", "bob", "bob"]
    assert [each.get("ref", "") for each in intents(gate)] == ["c1", "c1", "", ""]
    assert [each["ref"] for each in log(gate, "refusal")] == ["c1"]


def test_it_is_forgotten_after_a_day(gate: Gate, mail, clock) -> None:
    send, sent = mail
    with using(gate, "mail", minutes=3 * KEPT / 60), ref.under("c1"):
        send("bob")
        clock.advance(KEPT - 60)
        denied(lambda: send("bob"))
        clock.advance(KEPT)
    assert sent == ["bob"]


def test_a_call_that_does_not_wait_is_recorded_with_its_id_and_may_run_again(gate: Gate) -> None:
    look = gate.wrap(lambda: None, name="look", effects="reads")
    with using(gate, "look"), ref.under("c1"):
        look()
        look()
        look()
    assert [each["ref"] for each in intents(gate)] == ["c1"] * 3
    assert not any("digest" in each for each in intents(gate)), "which costs more than the rest of the record and binds nothing here"


def test_a_refusal_names_the_id(gate: Gate, mail) -> None:
    with ref.under("c9"):
        denied(lambda: mail[0]("bob"))
    assert [each["ref"] for each in log(gate, "refusal")] == ["c9"]


SEND = """
    import sys
    from gate import Gate, ref

    gate = Gate(sys.argv[1])
    sent = []
    send = gate.wrap(sent.append, name="mail", effects="egress")
    with gate.acting(sys.argv[2], session="s"), ref.under("c1"):
        try:
            send("bob")
        except Exception as error:
            print(type(error).__name__)
    print("sent", len(sent))
    gate.close()
"""


def test_also_across_processes(tmp_path) -> None:
    with Gate(tmp_path / ".gate") as gate:
        from gate import ANY

        token = gate.grant("agent", tools={"mail": ANY}).presentation
    several = [python(SEND, tmp_path / ".gate", token, wait=False) for _ in range(3)]
    said = sorted(finished(process).split("\n")[-2] for process in several)
    assert said == ["sent 0", "sent 0", "sent 1"]
