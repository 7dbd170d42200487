"""The scenarios. Each is a function of a `Bench`; it raises AssertionError with what is wrong. Their order is that of the table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from gate.agents.conformance.bench import CRASHES, Bench
from gate.agents.conformance.harness import Sub, Use

if TYPE_CHECKING:
    from gate.agents.conformance.harness import Harness

READ: Final = Use("c1", "read_file", {"path": "a"})
MAIL: Final = Use("c2", "send_mail", {"to": "bob"})
WIPE: Final = Use("c3", "remove", {"path": "/"})


def allow(bench: Bench) -> None:
    """A granted call runs once with what was sent, and the model sees its result."""
    ran = bench.run([[READ]])
    bench.did("read_file a")
    assert "data:a" in ran.seen["c1"].text and ran.final == "done", ran


def allow_async(bench: Bench) -> None:
    """The same of an async tool."""
    ran = bench.run([[Use("c1", "look_up", {"word": "x"})]])
    bench.did("look_up x")
    assert "found:x" in ran.seen["c1"].text and ran.final == "done", ran


def deny(bench: Bench) -> None:
    """A call that was not granted does not run, the model is told why in the framework's own form, and the loop goes on."""
    ran = bench.run([[WIPE], [READ]])
    bench.did("read_file a")
    assert "Refused by Gate" in ran.seen["c3"].text and ran.seen["c3"].error is not False, ran
    assert "data:a" in ran.seen["c1"].text and ran.final == "done", ran


def deny_argument(bench: Bench) -> None:
    """The same of a granted tool with an argument outside the grant, one that nobody named, and one that is missing."""
    uses = [Use("d1", "send_mail", {"to": "mallory"}), Use("d2", "read_file", {"path": "a", "mode": "rw"}), Use("d3", "read_file", {})]
    for use in uses:
        ran = bench.run([[use]], session=use.id)
        bench.did()
        assert use.id in ran.seen or ran.broke, ran
    assert "mallory" in bench.run([[uses[0]]], session="again").seen["d1"].text


def missing_capability(bench: Bench) -> None:
    """Nobody acts: nothing runs, and the loop goes on."""
    ran = bench.run([[READ], [MAIL]], capability=None)
    bench.did()
    assert all("no capability" in ran.seen[each].text for each in ("c1", "c2")) and ran.final == "done", ran


def identity(bench: Bench) -> None:
    """The record names agent, principal and session."""
    bench.run([[READ]], session="thread-7")
    record = bench.records("call", "intent")[0]
    assert (record["agent"], record["principal"], record["session"]) == ("root", "alice", "thread-7"), record


def call_id(bench: Bench) -> None:
    """The record names the model's own id of the call."""
    bench.run([[READ]])
    assert bench.records("call", "intent")[0].get("ref") == "c1", bench.records("call", "intent")


def parallel(bench: Bench) -> None:
    """Three calls of one turn, one of them refused: each gets its own answer."""
    other = Use("c4", "read_file", {"path": "b"})
    ran = bench.run([[READ, WIPE, other]])
    bench.did("read_file a", "read_file b", ordered=False)
    assert "data:a" in ran.seen["c1"].text and "data:b" in ran.seen["c4"].text and "Refused by Gate" in ran.seen["c3"].text, ran
    assert ran.final == "done", ran


def streaming(bench: Bench) -> None:
    """The framework's streaming way is no way around."""
    ran = bench.run([[READ, WIPE]], streaming=True)
    bench.did("read_file a")
    assert "data:a" in ran.seen["c1"].text and "Refused by Gate" in ran.seen["c3"].text and ran.final == "done", ran


def ask_restart_resume(bench: Bench) -> None:
    """A call that needs a person pauses, the process ends, somebody approves, another process goes on: it runs once."""
    bench.ask_about_mail()
    ran = bench.elsewhere([[MAIL]])
    bench.did()
    assert bool(ran.paused) == bench.harness.pauses, ran
    bench.approve()
    again = bench.elsewhere([[MAIL]], state=ran.state, said={"gate": "answered"})
    bench.did("send_mail bob")
    assert again.final == "done" and "sent to bob" in again.seen["c2"].text, again


def ask_framework_yes(bench: Bench) -> None:
    """The framework's own yes approves where the adapter was told whose it is, and only there."""
    bench.ask_about_mail()
    ran = bench.run([[MAIL]])
    bench.run([[MAIL]], state=ran.state, said={"approve": True})
    bench.did()
    ran = bench.run([[MAIL]], answers="owner", session="other")
    again = bench.run([[MAIL]], answers="owner", session="other", state=ran.state, said={"approve": True})
    bench.did("send_mail bob")
    assert "sent to bob" in again.seen["c2"].text, again


def ask_refused(bench: Bench) -> None:
    """A person's no reaches the model with its reason, and the loop goes on."""
    bench.ask_about_mail()
    ran = bench.run([[MAIL], [READ]])
    bench.refuse("not today")
    again = bench.run([[MAIL], [READ]], state=ran.state, said={"gate": "answered"})
    bench.did(*["read_file a"] * (1 if bench.harness.pauses else 2))
    assert "not today" in again.seen["c2"].text and again.final == "done", again


def ask_edited(bench: Bench) -> None:
    """What a person changed is what runs, and the model is told."""
    bench.ask_about_mail()
    ran = bench.run([[MAIL]])
    bench.edit({"to": "carol"})
    ran = bench.run([[MAIL]], state=ran.state, said={"gate": "answered"})
    bench.did()
    bench.approve()
    again = bench.run([[MAIL]], state=ran.state, said={"gate": "answered"})
    bench.did("send_mail carol")
    assert "carol" in again.seen["c2"].text and "owner changed" in again.seen["c2"].text, again


def expiry(bench: Bench) -> None:
    """A yes that comes too late runs nothing; nor does a capability that is over."""
    bench.ask_about_mail()
    ran = bench.run([[MAIL]])
    bench.clock.advance(3600)
    bench.approve(late=True)
    bench.run([[MAIL]], state=ran.state, said={"gate": "answered"})
    bench.did()
    bench.clock.advance(10**6)
    over = bench.run([[READ]], session="later")
    bench.did()
    assert "expired" in over.seen["c1"].text, over


def charged_once(bench: Bench) -> None:
    """However often the framework looks at a call, it is charged once, and recorded once."""
    bench.ask_about_mail()
    ran = bench.run([[MAIL]], calls=1)
    bench.approve()
    again = bench.run([[MAIL], [READ]], calls=1, state=ran.state, said={"gate": "answered"})
    bench.did("send_mail bob")
    assert "nothing is left" in again.seen["c1"].text, again
    assert len(bench.records("call", "intent")) == 1, bench.records("call", "intent")


def run_again(bench: Bench) -> None:
    """A run that is made again with the same ids (a replay, an older checkpoint) does not do twice what changes something."""
    for _ in range(2):
        bench.run([[MAIL]])
    bench.did("send_mail bob")


def sub_agent(bench: Bench) -> None:
    """A sub-agent acts under its part of the capability: what only the root was granted is refused to it, and the record says who acted."""
    inner = [[Use("k1", "read_file", {"path": "child"}), Use("k2", "send_mail", {"to": "bob"})]]
    sub = Sub("child", inner, {"agent": "child", "tools": ["read_file"]})
    bench.run([[Use("c5", "delegate", {"task": "look"})]], sub=sub)
    bench.did("read_file child")
    record = next(each for each in bench.records("call", "intent") if each["tool"] == "read_file")
    assert record["agent"] == "child", record
    assert any("send_mail" in each.get("tool", "") for each in bench.records("refusal")), bench.records("refusal")


def tool_error(bench: Bench) -> None:
    """What a tool raises reaches the framework as it was: the model is told the same as without the gate."""
    use = Use("c6", "fail", {"text": "boom 7"})
    bare, gated = bench.run([[use]], bare=True), bench.run([[use]])
    assert (bare.broke, bare.final, bare.seen.get("c6")) == (gated.broke, gated.final, gated.seen.get("c6")), (bare, gated)
    assert bench.records("outcome", "call")[-1]["outcome"]["status"] == "error", bench.records("outcome", "call")


def result_unchanged(bench: Bench) -> None:
    """What a tool gives reaches the model as it would without the gate."""
    use = Use("c7", "table", {"rows": 2})
    bare, gated = bench.run([[use]], bare=True), bench.run([[use]])
    assert bare.seen["c7"] == gated.seen["c7"], (bare, gated)


def output_limit(bench: Bench) -> None:
    """A result over its limit is withheld, the model is told so, and the loop goes on."""
    ran = bench.run([[Use("c8", "print_much", {"count": 5000})]])
    assert "xxxx" not in ran.seen["c8"].text and "where at most 1000" in ran.seen["c8"].text and ran.final == "done", ran


def retries(bench: Bench) -> None:
    """A tool that may be retried is, inside one permit: charged once, recorded once."""
    ran = bench.run([[Use("c9", "flaky", {"name": "n"})]])
    bench.did("flaky n", "flaky n")
    assert "at last" in ran.seen["c9"].text and len(bench.records("call", "intent")) == 1, ran


def after_without_before(bench: Bench) -> None:
    """An after-hook for a call that no before-hook saw changes nothing and breaks nothing."""
    bench.after_only([[READ]])
    bench.did()
    assert not bench.records("call", "intent", "outcome")


def gate_crashes(bench: Bench) -> None:
    """Whatever breaks inside the gate, and at whichever step: the tool does not run."""
    ran = bench.run([[READ, MAIL]], session="whole")
    bench.did("read_file a", "send_mail bob", ordered=False)
    assert ran.final == "done", ran
    for name in CRASHES:
        bench.crashing(name, [[READ, MAIL]])
        bench.did("read_file a", "send_mail bob", ordered=False)


SCENARIOS: Final[Mapping[str, Callable[[Bench], None]]] = {
    scenario.__name__: scenario
    for scenario in (
        allow,
        allow_async,
        deny,
        deny_argument,
        missing_capability,
        identity,
        call_id,
        parallel,
        streaming,
        ask_restart_resume,
        ask_framework_yes,
        ask_refused,
        ask_edited,
        expiry,
        charged_once,
        run_again,
        sub_agent,
        tool_error,
        result_unchanged,
        output_limit,
        retries,
        after_without_before,
        gate_crashes,
    )
}


def check(harness: Harness, scenario: str, folder: str) -> None:
    """Runs one scenario in an empty folder; AssertionError says what is wrong."""
    bench = Bench(harness, folder)
    try:
        {**SCENARIOS, **harness.traps}[scenario](bench)
    finally:
        bench.close()


def words(scenario: str) -> str:
    """What a scenario shows."""
    return inspect.getdoc(SCENARIOS[scenario]) or ""
