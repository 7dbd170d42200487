"""What a program passes to the gate and is of the wrong sort: one line that says what to write instead, never an error from deep inside."""

from __future__ import annotations

import doctest
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate.given
from gate import ANY, AllOf, AnyOf, ConfigError, Denied, Gate, GateError, Limits, Range
from gate.given import BY_NAME, FLAG, NAME_OR_NAMES, NAMES, NUMBER, TEXT, WHOLE, check
from tests.kit import label, log

WRONG: dict[str, tuple[Callable[[Gate], object], str]] = {
    "a list of tools": (lambda g: g.grant("a", tools=["pay"]), "'tools' must be a mapping from tools to their arguments"),
    "an agent that is none": (lambda g: g.grant(None, tools={"pay": ANY}), "'agent' must be text such as 'researcher', not None"),
    "minutes as text": (lambda g: g.grant("a", tools={"pay": ANY}, minutes="15"), "'minutes' must be a number such as 15, not '15'"),
    "minutes as a flag": (lambda g: g.grant("a", tools={"pay": ANY}, minutes=True), "'minutes' must be a number"),
    "a label": (lambda g: g.grant("a", tools={"pay": ANY}, labels="public"), "'labels' must be several names such as ['public']"),
    "limits as a number": (lambda g: g.grant("a", tools={"pay": ANY}, per_tool={"pay": 5}), "'per_tool' must be a mapping from tools to Limits"),
    "a cost without a unit": (lambda g: g.grant("a", tools={"pay": ANY}, cost=5), "'cost' must be a mapping from units to totals such as"),
    "a moment as text": (lambda g: g.grant("a", tools={"pay": ANY}, not_before="now"), "'not_before' must be a number"),
    "no capability": (lambda g: g.acting(None).__enter__(), "a capability must be what grant or attenuate gave"),
    "claims for a capability": (lambda g: g.verify({"agent": "a"}), "or the text of its token"),
    "nothing to attenuate": (lambda g: g.attenuate(None, "b"), "a capability must be"),
    "one tool to keep": (lambda g: g.attenuate(g.grant("a", tools={"pay": ANY}), "b", tools="pay"), "names of tools to keep"),
    "a session that is none": (lambda g: g.acting(g.grant("a", tools={"pay": ANY}), session=5).__enter__(), "'session' must be text"),
    "an answer for an approval": (lambda g: g.approving(object()).__enter__(), "'approvals' must be text such as answer.token, not a object"),
    "an agent stopped by number": (lambda g: g.stop(agent=5), "'agent' must be text"),
    "everything by name": (lambda g: g.stop(everything="yes"), "'everything' must be a flag such as True, not 'yes'"),
    "resuming a list": (lambda g: g.resume(agent=["a"]), "'agent' must be text"),
    "revoking nothing": (lambda g: g.revoke(None), "a capability must be"),
    "a reason that is none": (lambda g: g.revoke("j", reason={"why": 1}), "'reason' must be text"),
    "clear as a list": (
        lambda g: Gate(g.home.path, clear=["path"]),
        "'clear' must be a mapping from tools to argument names such as {'*': ['path']}",
    ),
    "clear of one name": (lambda g: Gate(g.home.path, clear={"save": "path"}), "'clear' must be a mapping from tools to argument names"),
    "one approver": (lambda g: Gate(g.home.path, approvers=object()), "'approvers' must be ways to reach a person"),
    "approvers by name": (lambda g: setattr(g, "approvers", ["owner"]), "such as [Terminal(gate)], not 'owner'"),
    "a clock that is a number": (lambda g: Gate(g.home.path, clock=5.0), "'clock' must be a clock"),
    "a home that is none": (lambda g: Gate(None), "'home' must be a path such as '.gate'"),
    "rules as data": (lambda g: Gate(g.home.path, rules={"deny": "all"}), "'rules' must be a path such as 'gate.toml'"),
    "a cost per call without a unit": (lambda g: g.wrap(lambda: 1, name="x", cost=0.05), "'cost' must be a mapping from units to amounts"),
    "a technique": (lambda g: g.wrap(lambda: 1, name="x", techniques="T1572"), "'techniques' must be several names such as ['T1572']"),
    "effects by number": (lambda g: g.wrap(lambda: 1, name="x", effects=[1]), "'effects' must be a name or several"),
    "a risk by number": (lambda g: g.wrap(lambda: 1, name="x", risk=3), "'risk' must be a tier such as 'high', not 3"),
    "a kind by name": (lambda g: g.wrap(lambda p: 1, name="x", kinds={"p": "path"}), "'kinds' must be a mapping from arguments to kinds"),
    "injected by number": (lambda g: g.wrap(lambda p: 1, name="x", inject=[1]), "'inject' must be"),
    "a call id that is none": (lambda g: g.authorize("pay", {}, ref=5), "'ref' must be text such as 'call_17', not 5"),
    "a ticket that is none": (lambda g: g.settle(None), "'ticket' must be what authorize or ticket gave"),
}
SETTLED: dict[str, tuple[dict[str, Any], str]] = {
    "seconds as text": ({"seconds": "1"}, "'seconds' must be a number of seconds"),
    "no time at all": ({"seconds": float("nan")}, "'seconds' must be a number of seconds"),
    "less than no time": ({"seconds": -1}, "'seconds' must be a number of seconds"),
    "an error as text": ({"error": "failed"}, "'error' must be what the tool raised"),
    "a cost without a unit": ({"cost": 5}, "'cost' must be a mapping from units to amounts"),
}


@pytest.fixture
def made(gate: Gate) -> Gate:
    @gate.tool
    def pay(to: str = "alice") -> str:
        return to

    return gate


def test_the_examples_of_the_module_hold() -> None:
    result = doctest.testmod(gate.given)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("what", WRONG)
def test_one_line_says_what_to_write_instead(made: Gate, what: str) -> None:
    use, said = WRONG[what]
    with pytest.raises(ConfigError) as caught:
        use(made)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("what", SETTLED)
def test_what_is_no_outcome_settles_nothing(made: Gate, what: str) -> None:
    wrong, said = SETTLED[what]
    with made.acting(made.grant("a", tools={"pay": ANY})):
        ticket = made.authorize("pay", {"to": "bob"})
        with pytest.raises(ConfigError) as caught:
            made.settle(ticket, **wrong)
        assert said in str(caught.value)
        assert made.settle(ticket, value="paid")
    assert [record["outcome"]["status"] for record in log(made, "outcome")] == ["ok"]


def test_a_stop_that_stops_nobody_is_not_written_down(made: Gate) -> None:
    for wrong in ({"agent": 5}, {"everything": 1}, {"session": None}):
        with pytest.raises(ConfigError):
            made.stop(**wrong)
    assert log(made, "stop") == []


@pytest.mark.parametrize("make", [AllOf, AnyOf])
@pytest.mark.parametrize("value", [None, 5, "pay", {"min": 1}, object(), b"x"], ids=label)
def test_clauses_are_a_list(make: Callable[[Any], object], value: object) -> None:
    with pytest.raises(ValueError, match="is made of a list of constraints"):
        make(value)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers(), max_size=2), st.lists(st.text(), max_size=2)
) | st.dictionaries(st.text(max_size=3) | st.integers(), st.none() | st.integers() | st.text(max_size=3), max_size=2)


@settings(max_examples=100, deadline=None)
@given(ANYTHING, st.data())
def test_whatever_is_passed_is_taken_or_refused_in_one_line(tmp_path_factory: Any, value: Any, data: Any) -> None:
    home = tmp_path_factory.getbasetemp() / "given"
    with Gate(home) as g:
        capability = g.grant("a", tools={"pay": ANY})
        uses: dict[str, tuple[Callable[..., object], Mapping[str, Any], list[str]]] = {
            "grant": (g.grant, {"agent": "a", "tools": {"pay": ANY}}, ["agent", "tools", "minutes", "calls", "rate", "wall", "cost", "per_tool"]),
            "grant more": (g.grant, {"agent": "a", "tools": {"pay": ANY}}, ["not_before", "delegations", "principal", "labels"]),
            "attenuate": (g.attenuate, {"capability": capability, "agent": "b"}, ["capability", "agent", "tools", "minutes", "cost", "labels"]),
            "revoke": (g.revoke, {"capability": "j"}, ["capability", "by", "reason"]),
            "limits": (Limits, {}, ["calls", "rate", "wall", "cost"]),
            "range": (Range, {}, ["min", "max"]),
            "call": (g.call, {"tool": "pay", "arguments": {}}, ["tool", "arguments"]),
        }
        use, right, names = uses[data.draw(st.sampled_from(sorted(uses)))]
        try:
            use(**{**right, data.draw(st.sampled_from(names)): value})
        except (GateError, ValueError) as error:
            assert "\n" not in str(error)
            assert isinstance(error, (ConfigError, Denied, ValueError, GateError))


@given(st.text())
def test_text_is_one_name_and_not_its_letters(text: str) -> None:
    assert TEXT.admits(text) and NAME_OR_NAMES.admits(text)
    assert not (NAMES.admits(text) or BY_NAME.admits(text) or NUMBER.admits(text))


def test_flags_are_no_numbers_and_numbers_no_flags() -> None:
    assert not (NUMBER.admits(True) or WHOLE.admits(True) or FLAG.admits(1) or WHOLE.admits(1.0))
    assert not any(NUMBER.admits(value) for value in (float("nan"), float("inf"), 10**400))
    assert NAMES.admits(name for name in ("a", "b")) and NAMES.admits(()) and not NAMES.admits({"a": 1}) and not NAMES.admits([1])
    check("grant", agent=("a", TEXT, "'a'"))


def test_a_list_of_ways_to_reach_people_may_be_changed(made: Gate, tmp_path: Path) -> None:
    from gate.approvers.terminal import Terminal

    made.approvers = [Terminal(made, name="owner")]
    assert [one.name for one in made.approvers] == ["owner"]
