"""Rules: what each condition means, what cannot be told, and that many rules cost no more than few."""

from __future__ import annotations

import doctest
import math
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate.policy.rule
import gate.rules
from gate.errors import RulesError
from gate.policy.catalogue import KindCatalogue
from gate.policy.rule import fixed_zone, glob
from gate.policy.rulesfile import load
from gate.rules import BUILT_IN, Rules, parse, version_of
from tests import reference_decide
from tests.rules_data import NOW, FakeCatalogue, call

NIGHT = 1_800_054_000.0  # 2027-01-15 23:00 UTC


def rules(said: str, *, verdict: str = "deny", more: str = "") -> Rules:
    """One rule with these conditions."""
    return parse(f'[[rule]]\nid = "r"\n{verdict} = {{ {said} }}\n{more}')


def matched(made: Rules, one: Any, now: float = NOW) -> bool:
    """Whether the rule speaks about a call, the fast way; the slow ways must agree."""
    (rule,) = made.rules
    found = rule in made.match(one, now).matched
    assert found == rule.matches(one, now) == (not rule.why_not(one, now))
    return found


@pytest.mark.parametrize("module", [gate.rules, gate.policy.rule])
def test_the_examples_of_the_module_hold(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


def test_the_file_in_the_module_docstring_loads_and_says_what_is_built_in() -> None:
    found = re.search(r"\n\n((?:    .*\n|\n)+)\nConditions", gate.rules.__doc__ or "")
    assert found
    made = parse(textwrap.dedent(found[1]), catalogue=FakeCatalogue())
    assert [rule.id for rule in made.rules] == ["no-tunnels", "a-person-for-what-cannot-be-undone"]
    assert made.default == BUILT_IN
    assert made.rules[1].approvers == ("oncall",) and made.rules[1].expires == 600.0


DESIGN = """
[[rule]]
id = "no-tunnels"
deny = { technique = "T1572" }
match = ['shell.run command="ssh -fNR 2222:localhost:22 gw"']
not_match = ['shell.run command="ssh gw uptime"']

[[rule]]
id = "a-person-for-what-cannot-be-undone"
ask = { risk = "high", approvers = ["oncall"], quorum = 1, expires = "10m" }
"""


def test_rules_hold_for_the_real_shell_kind(tmp_path: Path) -> None:
    shell = pytest.importorskip("capabilities.shell")
    path = tmp_path / "gate.toml"
    path.write_text(DESIGN)
    assert len(load(path, catalogue=KindCatalogue(shell.TOOLS.values())).rules) == 2
    path.write_text(DESIGN.replace("ssh gw uptime", "ssh -R 1:h:2 gw"))
    with pytest.raises(RulesError, match=r"gate.toml:6: rule 'no-tunnels': the example .* should not match, and does: technique"):
        load(path, catalogue=KindCatalogue(shell.TOOLS.values()))


@settings(max_examples=300, deadline=None)
@given(st.text("ab*.", min_size=1, max_size=6), st.text("ab.\n*", max_size=7))
def test_a_star_stands_for_any_text_and_nothing_else_does(pattern: str, text: str) -> None:
    assert glob(pattern)(text) == reference_decide.glob(pattern, text)


@pytest.mark.parametrize("name", ["shell.run2", "xshell.run", "Shell.run", "shellxrun", "shell.run\n", "shell.run ", "sh\u0435ll.run"])
def test_a_pattern_covers_the_whole_name_and_its_case(name: str) -> None:
    for said in ('tool = "shell.run"', 'tool = "*shell.run"'):
        assert matched(rules(said), call("shell.run")) and (name == "xshell.run" and "*" in said) == matched(rules(said), call(name))


def test_a_long_name_does_not_take_long() -> None:
    assert not glob("*a*a*a*a*a*a*a*a*b")("a" * 50_000)


def test_risk_means_at_least_where_it_denies_or_asks_and_at_most_where_it_allows() -> None:
    tiers = ["low", "medium", "high", "critical"]
    for verdict, expected in (("deny", tiers[2:]), ("ask", tiers[2:]), ("allow", tiers[:3])):
        made = rules('risk = "high"', verdict=verdict)
        assert [tier for tier in tiers if matched(made, call(risk=tier))] == expected


def test_a_technique_covers_its_sub_techniques_and_not_the_other_way_round() -> None:
    made = rules('technique = "T1059"')
    assert matched(made, call(techniques=("T1059",))) and matched(made, call(techniques=("T1059.004",)))
    assert not matched(made, call(techniques=("T10590",))) and not matched(made, call())
    assert not matched(rules('technique = "T1059.004"'), call(techniques=("T1059", "T1059.003")))


def test_effects_are_any_of_those_named_and_undeclared_is_a_word_of_its_own() -> None:
    made = rules('effect = ["egress", "spends"]')
    assert matched(made, call(effects="reads egress")) and not matched(made, call(effects="reads")) and not matched(made, call(effects=""))
    assert matched(rules('effect = "undeclared"'), call(effects="")) and not matched(rules('effect = "undeclared"'), call())


def test_all_conditions_must_hold() -> None:
    made = rules('tool = "pay", agent = "a*", effect = "writes", risk = "low", arguments = { eur = 5 }')
    assert matched(made, call(arguments={"eur": 5}))
    for other in (
        call("pay2", {"eur": 5}),
        call(arguments={"eur": 5}, agent="bob"),
        call(arguments={"eur": 5}, effects="reads"),
        call(arguments={"eur": 6}),
    ):
        assert not matched(made, other)


def test_any_of_several_names_will_do() -> None:
    made = rules('tool = ["x", "p*"], agent = ["bob", "ann"], arguments = { to = ["eve", "fay"] }')
    for agent, to, expected in (("ann", "eve", True), ("bob", "fay", True), ("ann", "gus", False), ("eve", "eve", False)):
        assert matched(made, call(agent=agent, arguments={"to": to})) is expected
    assert matched(rules('agent = ["bob", "ann"]'), call()) and matched(rules('agent = ["b*", "ann"]'), call())


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "21:59", "12:00"]),
        ("09:00-17:30", ["09:00", "17:29"], ["08:59", "17:30", "00:00"]),
        ("12:00-24:00", ["12:00", "23:59"], ["00:00", "11:59"]),
        ("00:00-12:00", ["00:00", "11:59"], ["12:00", "23:59"]),
    ],
)
def test_a_daily_window_includes_its_start_and_not_its_end(hours: str, inside: list[str], outside: list[str]) -> None:
    made = rules(f'tool = "*", hours = "{hours}"')
    for clock, expected in [*[(one, True) for one in inside], *[(one, False) for one in outside]]:
        now = NIGHT - NIGHT % 86400 + int(clock[:2]) * 3600 + int(clock[3:]) * 60
        assert matched(made, call(), now) is expected


def test_hours_are_those_of_the_time_zone() -> None:
    assert matched(rules('hours = "22:00-06:00"'), call(), NIGHT)
    assert not matched(rules('hours = "22:00-06:00", tz = "-02:00"'), call(), NIGHT)
    assert matched(rules('hours = "04:30-04:31", tz = "+05:30"'), call(), NIGHT)


@given(st.integers(-14 * 60, 14 * 60), st.floats(-1e9, 4e9))
def test_an_offset_shifts_the_day(minutes: int, now: float) -> None:
    name = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    assert fixed_zone(name)(now) == int(now + minutes * 60 - math.floor((now + minutes * 60) / 86400) * 86400)


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
def test_a_time_that_cannot_be_told_counts_against_the_call(now: float) -> None:
    assert matched(rules('hours = "22:00-06:00"'), call(), now) and matched(rules('hours = "22:00-06:00"', verdict="ask"), call(), now)
    assert not matched(rules('hours = "22:00-06:00"', verdict="allow"), call(), now)


OVER = 'tool = "pay", arguments = { eur = { constraint_type = "range", min = 100 } }'


@pytest.mark.parametrize("value", ["500", "abc", [500], {"value": 500}, None, True])
def test_a_value_that_cannot_be_compared_does_not_slip_past_a_rule_that_denies_or_asks(value: object) -> None:
    one = call(arguments={"eur": value})
    assert matched(rules(OVER), one) and matched(rules(OVER, verdict="ask"), one) and not matched(rules(OVER, verdict="allow"), one)
    assert "cannot be compared with range min=100" in rules(OVER).explain(one, NOW)[0].why[1]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_cannot_be_compared_either(value: float) -> None:
    one = call()._replace(arguments={"eur": value})  # a frozen call cannot hold them; should one ever, the rule still stands
    assert matched(rules(OVER), one) and not matched(rules(OVER, verdict="allow"), one)


def test_a_value_that_can_be_compared_is() -> None:
    for verdict in ("allow", "ask", "deny"):
        assert matched(rules(OVER, verdict=verdict), call(arguments={"eur": 100}))
        assert not matched(rules(OVER, verdict=verdict), call(arguments={"eur": 99.5}))


@pytest.mark.parametrize(
    "said", ['"prod"', '["prod", "live"]', '{ constraint_type = "one_of", values = ["prod"] }', '{ constraint_type = "exact", value = "prod" }']
)
def test_a_text_compared_with_something_else(said: str) -> None:
    made = rules(f'tool = "pay", arguments = {{ env = {said} }}')
    assert matched(made, call(arguments={"env": "prod"})) and not matched(made, call(arguments={"env": "test"}))
    for strange in (["prod"], None, 5, {"prod": True}, False):
        assert matched(made, call(arguments={"env": strange}))
        assert not matched(rules(f'tool = "pay", arguments = {{ env = {said} }}', verdict="allow"), call(arguments={"env": strange}))


def test_an_argument_that_the_tool_does_not_have() -> None:
    for verdict in ("allow", "ask", "deny"):
        assert not matched(rules(OVER, verdict=verdict), call(arguments={"to": "x"}))


def test_an_argument_that_was_left_out_counts_with_its_default() -> None:
    made = rules(OVER)
    assert matched(made, call(arguments={"eur": 500}, defaulted=frozenset({"eur"})))
    assert matched(made, call(arguments={"eur": None}, defaulted=frozenset({"eur"})))


def test_an_optional_argument_may_be_left_out_or_null() -> None:
    said = OVER.replace("min = 100", "min = 100, optional = true")
    for left_out in (call(), call(arguments={"eur": None})):
        assert not matched(rules(said), left_out) and not matched(rules(said, verdict="ask"), left_out)
        assert matched(rules(said, verdict="allow"), left_out)
    assert matched(rules(said), call(arguments={"eur": "x"})) and not matched(rules(said, verdict="allow"), call(arguments={"eur": "x"}))


def test_an_optional_value_may_be_left_out_too() -> None:
    said = 'tool = "pay", arguments = { to = { constraint_type = "exact", value = "ann", optional = true } }'
    for arguments, expected in (({}, True), ({"to": None}, True), ({"to": "ann"}, True), ({"to": "bob"}, False), ({"to": 5}, False)):
        assert matched(rules(said, verdict="allow"), call(arguments=arguments)) is expected
    for arguments, expected in (({}, False), ({"to": None}, False), ({"to": "ann"}, True), ({"to": "bob"}, False), ({"to": 5}, True)):
        assert matched(rules(said), call(arguments=arguments)) is expected


def test_unless_denies_everything_but_what_is_surely_so() -> None:
    made = rules('tool = "pay", unless = { to = ["ann", "bob"], eur = { constraint_type = "range", max = 10 } }')
    assert not matched(made, call(arguments={"to": "ann", "eur": 10}))
    for arguments in ({"to": "eve", "eur": 10}, {"to": "ann", "eur": 11}, {"to": "ann", "eur": "1"}, {"to": ["ann"], "eur": 1}, {"to": "ann"}, {}):
        assert matched(made, call(arguments=arguments))
    optional = rules('tool = "pay", unless = { to = { constraint_type = "exact", value = "ann", optional = true } }', verdict="ask")
    assert not matched(optional, call()) and not matched(optional, call(arguments={"to": None})) and matched(optional, call(arguments={"to": "x"}))


def test_a_value_is_not_found_by_another_one_that_looks_equal_to_python() -> None:
    made = rules('tool = "pay", arguments = { n = 1 }', verdict="allow")
    assert (
        matched(made, call(arguments={"n": 1.0})) and not matched(made, call(arguments={"n": True})) and not matched(made, call(arguments={"n": "1"}))
    )


def many(line: str) -> Rules:
    return parse("".join(f'[[rule]]\nid = "r{i}"\n{line.replace("%", str(i))}\n' for i in range(1000)))


def looked_at(made: Rules, one: Any) -> int:
    """How many rules are put to one call of a sort that is known."""
    made.match(one, NOW)
    (found,) = made._sorts.values()
    return 0 if found.plain else sum(map(len, found._near(one)))


@pytest.mark.parametrize(
    ("line", "few"),
    [
        ('deny = { tool = "other%" }', 0),
        ('deny = { tool = "other%*", arguments = { a = 1 } }', 0),
        ('ask = { effect = "egress", risk = "high", agent = "a%" }', 0),
        ('deny = { tool = "pay", arguments = { to = "t%" } }', 1),
        ('ask = { tool = "pay", agent = "agent%" }', 0),
        ('ask = { tool = "pay", agent = "ann", arguments = { to = ["t%", "u%"] } }', 1),
        ('ask = { tool = "pay", agent = "agent%", arguments = { to = "t7" } }', 0),
    ],
)
def test_a_thousand_rules_about_something_else_are_not_looked_at(line: str, few: int) -> None:
    assert looked_at(many(line), call(arguments={"to": "t7"})) <= few


def test_every_rule_that_cannot_compare_a_value_is_found_among_a_thousand() -> None:
    made = many('deny = { tool = "pay", arguments = { to = "t%" } }')
    assert len(made.match(call(arguments={"to": 7}), NOW).matched) == 1000
    assert [rule.id for rule in made.match(call(arguments={"to": "t7"}), NOW).matched] == ["r7"]


def test_what_is_remembered_is_bounded() -> None:
    made = rules('tool = "pay", arguments = { eur = { constraint_type = "range", min = 1 } }')
    for number in range(5000):
        made.match(call(f"tool{number}"), NOW)
    assert 0 < len(made._sorts) <= 4096
    crowded = parse("".join(f'[[rule]]\nid = "r{i}"\nallow = {{ tool = "pay", arguments = {{ a{i} = 1 }} }}\n' for i in range(12)))
    for number in range(4096):
        crowded.match(call(arguments={f"a{bit}": number >> bit & 1 for bit in range(12)}), NOW)
    (found,) = crowded._sorts.values()
    assert 0 < len(found._made) <= 256


def test_threads_may_share_rules_of_nothing() -> None:
    assert Rules.EMPTY.match(call(), NOW).verdict == "allow" and Rules.EMPTY.version == version_of(b"") and not Rules.EMPTY.rules


def test_explain_names_every_rule_that_matches_also_the_overruled() -> None:
    made = parse(
        '[[rule]]\nid = "a"\nallow = { tool = "p*" }\n[[rule]]\nid = "d"\ndeny = { risk = "low", agent = "ann" }\n'
        '[[rule]]\nid = "n"\nask = { tool = "x" }'
    )
    found = made.explain(call(), NOW)
    assert [(one.rule, one.verdict) for one in found] == [("a", "allow"), ("d", "deny")]
    assert found[0].why == ("the tool 'pay' is 'p*'",)
    assert found[1].why == ("the agent 'ann' is 'ann'", "risk low is at least low")


def test_explain_says_what_was_compared() -> None:
    said = 'effect = "writes", technique = "T1", hours = "08:00-09:00"'.replace('"T1"', '["T1001", "T1002"]')
    (found,) = rules(said).explain(call(techniques=("T1001.001",), effects="writes reads"), NOW)
    assert found.why == (
        "effect reads, writes (the rule names writes)",
        "technique T1001.001 (the rule names T1001 or T1002)",
        "the time is within 08:00-09:00 UTC",
    )
    (rule,) = rules(said).rules
    assert rule.why_not(call(effects=""), NIGHT) == (
        "effect undeclared, not writes",
        "technique none, not T1001 or T1002",
        "the time is outside 08:00-09:00 UTC",
    )
