"""What is written correctly in a rules file and still cannot be meant."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings

import gate.policy.lint
from gate.capability import Grant
from gate.constraint import parse as constraint
from gate.constraints.base import Constraint
from gate.policy.lint import _covers, _impossible, lint
from gate.rules import parse
from tests import reference
from tests.rules_data import TIMES, FakeCatalogue, calls, document, rules
from tests.strategies import CONSTRAINTS, VALUES

TOOLS = {"pay": {"eur", "to"}, "shell.run": {"command"}, "any": None}


def problems(text: str, tools: dict[str, set[str] | None] | None = None, grants: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """What is found, apart from missing examples: rule and problem."""
    made = parse(text, catalogue=FakeCatalogue())
    found = lint(made, TOOLS if tools is None else tools, [Grant(name, {}) for name in grants])
    return [(one.rule, one.problem) for one in found if one.problem != "no-examples"]


def rule(name: str, said: str) -> str:
    return f'[[rule]]\nid = "{name}"\n{said}\n'


def test_the_examples_of_the_module_hold() -> None:
    result = doctest.testmod(gate.policy.lint)
    assert result.attempted and not result.failed


def test_good_rules_are_not_reported() -> None:
    text = rule("a", 'deny = { tool = "pay", arguments = { eur = 5 } }') + "match = ['pay eur=5']\n" + rule("b", 'ask = { risk = "high" }')
    assert problems(text) == []
    assert [str(one) for one in lint(parse(text, catalogue=FakeCatalogue()), TOOLS)] == ["gate.toml:6: rule 'b': it has no examples (no-examples)"]


def test_a_name_that_no_tool_has() -> None:
    assert problems(rule("a", 'deny = { tool = "shel.run" }')) == [("a", "never-matches")]
    assert problems(rule("a", 'deny = { tool = ["shel.run", "pay"] }')) == [("a", "unreachable-tool")]
    assert problems(rule("a", 'deny = { tool = "shell.*" }')) == []
    assert problems(rule("a", 'deny = { tool = "granted" }'), grants=("granted", "pay", "shell.run", "any")) == [("", "unreachable-tool")]
    (found, _) = lint(parse(rule("a", 'deny = { tool = "shel.run" }')), TOOLS)
    assert str(found) == "gate.toml:2: rule 'a': no tool is called 'shel.run'; did you mean 'shell.run'? (never-matches)"


def test_an_argument_that_no_tool_has() -> None:
    assert problems(rule("a", 'deny = { tool = "pay", arguments = { euro = 5 } }')) == [("a", "never-matches")]
    assert problems(rule("a", 'deny = { tool = "*", arguments = { euro = 5 } }')) == []  # `any` may have it
    assert problems(rule("a", "deny = { arguments = { euro = 5 } }"), {"pay": {"eur"}}) == [("a", "never-matches")]
    assert problems(rule("a", 'deny = { tool = "pay", unless = { euro = 5 } }')) == [("a", "never-excepts")]


@pytest.mark.parametrize(
    ("said", "impossible"),
    [
        ('{ constraint_type = "range", min = 1, max = 1, max_inclusive = false }', True),
        ('{ constraint_type = "range", min = 1, max = 1 }', False),
        ('{ constraint_type = "all", constraints = [{ constraint_type = "range", max = 1 }, { constraint_type = "range", min = 2 }] }', True),
        ('{ constraint_type = "all", constraints = [{ constraint_type = "exact", value = "a" }, { constraint_type = "range", min = 2 }] }', True),
        (
            '{ constraint_type = "all", constraints = [{ constraint_type = "one_of", values = [1, 2] }, { constraint_type = "range", min = 2 }] }',
            False,
        ),
    ],
)
def test_a_constraint_that_nothing_satisfies(said: str, impossible: bool) -> None:
    assert (problems(rule("a", f'deny = {{ tool = "pay", arguments = {{ eur = {said} }} }}')) == [("a", "never-matches")]) is impossible


@settings(max_examples=200, deadline=None)
@given(CONSTRAINTS, VALUES)
def test_an_impossible_constraint_admits_nothing(data: dict[str, object], value: object) -> None:
    made: Constraint = constraint(data)
    if _impossible(made):
        assert not reference.admits(data, value)


def test_a_rule_that_a_stronger_one_always_overrules() -> None:
    strong = rule("strong", 'deny = { tool = "p*", technique = "T1059" }')
    assert problems(strong + rule("weak", 'allow = { tool = "pay", technique = "T1059.004", risk = "low" }')) == [("weak", "never-decides")]
    assert problems(rule("weak", 'ask = { tool = "pay", technique = "T1059" }') + strong) == [("weak", "never-decides")]
    asks = rule("asks", 'ask = { tool = "*" }')
    assert problems(asks + rule("weak", 'allow = { tool = "pay", risk = "low" }')) == [("weak", "never-decides")]
    assert not problems(asks + rule("weak", 'allow = { tool = "pay", risk = "low" }\nspares = ["asks"]'))
    for other in ('tool = "*", technique = "T1059"', 'tool = "pay"', 'tool = "pay", technique = "T1572"'):
        assert ("weak", "never-decides") not in problems(strong + rule("weak", f"ask = {{ {other} }}"))


@settings(max_examples=300, deadline=None)
@given(rules(1), rules(2), calls(), TIMES)
def test_a_rule_that_covers_another_matches_whatever_the_other_does(one: dict, other: dict, made: object, now: float) -> None:  # type: ignore[type-arg]  # TOML
    strong, weak = parse(document({"rule": [one, other]})).rules
    if strong.verdict != "allow" and _covers(strong.selector, weak.selector, weaker_asks=weak.verdict != "allow") and weak.matches(made, now):  # type: ignore[arg-type]
        assert strong.matches(made, now)  # type: ignore[arg-type]


def test_rules_that_nobody_may_answer_together() -> None:
    first = rule("a", 'ask = { tool = "pay", approvers = ["eve", "fay"] }')
    assert problems(first + rule("b", 'ask = { risk = "high", approvers = ["gus"] }')) == [("b", "nobody-can-approve")]
    assert problems(first + rule("b", 'ask = { tool = "*", approvers = ["fay"], quorum = 1 }')) == []
    assert problems(first + rule("b", 'ask = { tool = "shell.run", approvers = ["gus"] }')) == []
    assert problems(first + rule("b", 'ask = { tool = "pay", quorum = 3 }')) == [("b", "nobody-can-approve")]


def test_a_rule_that_lets_everything_run() -> None:
    assert problems(rule("a", 'allow = { tool = "*" }')) == [("a", "allows-every-risk")]
    assert problems(rule("a", 'allow = { tool = "*", risk = "medium" }')) == [] == problems(rule("a", 'allow = { tool = "pay" }'))


def test_tools_and_grants_that_reach_nothing() -> None:
    found = lint(parse(rule("a", 'ask = { tool = "shell.run" }')), TOOLS, [Grant("pya", {})])
    assert [(one.problem, one.text) for one in found if not one.rule] == [
        ("unreachable-tool", "a capability grants 'pya', and no tool has that name; did you mean 'pay'?"),
        ("unreachable-tool", "no capability grants the tool 'any', and no rule names it"),
        ("unreachable-tool", "no capability grants the tool 'pay', and no rule names it"),
    ]
    assert str(found[0]) == "a capability grants 'pya', and no tool has that name; did you mean 'pay'? (unreachable-tool)"
    assert lint(parse(""), {}) == []
