"""Laws of deciding: closed world, only narrowing, fail closed; and that every reason is there."""

from __future__ import annotations

import doctest
import math
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate.decide
import gate.shown
from gate.capability import Grant
from gate.constraint import Constraint, Entry
from gate.decide import Allow, Ask, Decision, Deny, Standing, decide
from gate.effect import EFFECTS, Assessment, Risk
from gate.errors import RulesError
from gate.rules import Rules, parse
from gate.shown import MOST, limited, shown
from tests import reference_decide
from tests.rules_data import NOW, STANDINGS, TIMES, call, calls, capabilities, capability, document, files, rules

GOOD = Standing()
FEW = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize("module", [gate.decide, gate.shown])
def test_the_examples_of_the_module_hold(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


# ---- against the slow reference ----------------------------------------------------------------------------------------------------------


def summary(decision: Decision) -> reference_decide.Outcome:
    if isinstance(decision, Ask):
        return reference_decide.Outcome("ask", list(decision.rules), decision.durability, decision.approvers, decision.quorum, decision.expires)
    if isinstance(decision, Allow):
        return reference_decide.Outcome("allow", list(decision.rules), decision.durability)
    return reference_decide.Outcome("deny", list(decision.rules))


@settings(max_examples=250, deadline=None)
@given(files(), st.lists(calls(), min_size=1, max_size=6), capabilities(), STANDINGS, TIMES)
def test_the_fast_decision_is_the_slow_one(file: dict[str, Any], several: list[Any], cap: Any, standing: Standing, now: float) -> None:
    made = parse(document(file))
    for one in several + several:  # again, when everything is cached
        decision = decide(one, cap, made, standing, now)
        assert summary(decision) == reference_decide.decide(one, cap, file, standing, now)
        assert decision.risk is one.assessment.risk
        assert decision.reasons


# ---- law: deny beats ask beats allow, whatever the order ---------------------------------------------------------------------------------


@FEW
@given(files(), calls(), TIMES, st.randoms(use_true_random=False))
def test_the_order_of_rules_means_nothing(file: dict[str, Any], one: Any, now: float, random: Random) -> None:
    cap = capability({tool: {} for tool in ("pay", "pay.out", "files.read", "shell.run")}, agent=one.acting.agent)
    shuffled = file | {"rule": random.sample(file["rule"], len(file["rule"]))}
    first, second = (summary(decide(one, cap, parse(document(each)), GOOD, now)) for each in (file, shuffled))
    assert (first.verdict, sorted(first.rules), set(first.approvers), *first[2:3], *first[4:]) == (
        second.verdict,
        sorted(second.rules),
        set(second.approvers),
        *second[2:3],
        *second[4:],
    )


@FEW
@given(files(), rules(99), calls(), capabilities(), STANDINGS, TIMES)
def test_adding_a_rule_that_denies_never_lets_more_run(
    file: dict[str, Any], extra: dict[str, Any], one: Any, cap: Any, standing: Standing, now: float
) -> None:
    said = next(extra[word] for word in ("allow", "ask", "deny") if word in extra)
    deny = {"id": "extra", "deny": {key: value for key, value in said.items() if key not in ("approvers", "quorum", "expires")}}
    order = {"allow": 0, "ask": 1, "deny": 2}
    before = summary(decide(one, cap, parse(document(file)), standing, now)).verdict
    after = summary(decide(one, cap, parse(document(file | {"rule": [*file["rule"], deny]})), standing, now)).verdict
    assert order[after] >= order[before]


def test_deny_beats_ask_beats_allow() -> None:
    lines = {word: f'[[rule]]\nid = "{word}"\n{word} = {{ tool = "pay" }}\n' for word in ("allow", "ask", "deny")}
    for words, expected in ((["allow"], Allow), (["allow", "ask"], Ask), (["ask", "allow", "deny"], Deny), (["deny", "allow"], Deny)):
        assert type(decide(call(), capability(), parse("".join(lines[word] for word in words)), GOOD, NOW)) is expected


# ---- law: closed world -------------------------------------------------------------------------------------------------------------------


@FEW
@given(files(), calls(), STANDINGS, TIMES)
def test_closed_world_without_a_capability_nothing_runs(file: dict[str, Any], one: Any, standing: Standing, now: float) -> None:
    decision = decide(one, None, parse(document(file)), standing, now)
    assert isinstance(decision, Deny) and "no capability was presented" in decision.reasons


def test_closed_world_a_tool_without_a_grant_is_denied() -> None:
    allowed = parse('[[rule]]\nid = "all"\nallow = { tool = "*" }')
    decision = decide(call("other"), capability(), allowed, GOOD, NOW)
    assert isinstance(decision, Deny)
    assert decision.reasons == ("the capability does not grant the tool 'other'; it grants 'pay'",)
    assert decision.remedy == "Ask the owner for a capability for agent 'ann' that grants 'other'"


def test_closed_world_an_argument_nobody_named_is_denied() -> None:
    cap = capability({"pay": {"eur": {"constraint_type": "range", "max": 100}}})
    decision = decide(call(arguments={"eur": 500, "memo": "x"}), cap, Rules.EMPTY, GOOD, NOW)
    assert isinstance(decision, Deny) and decision.grants == ("pay",) and not decision.rules
    assert decision.reasons == ("argument 'eur': 500 is over the maximum 100", "argument 'memo' is not in the grant, which names 'eur'")
    assert decision.remedy == "Ask the owner for a capability for agent 'ann' that grants 'pay' with eur=500, memo='x'"
    assert isinstance(decide(call(arguments={"eur": 100}), cap, Rules.EMPTY, GOOD, NOW), Allow)


def test_closed_world_a_name_that_looks_the_same_is_another_name() -> None:
    for name in ("р\u0430y", "Pay", "pay ", "pay\u200b", "ｐay"):
        assert isinstance(decide(call(name), capability(), Rules.EMPTY, GOOD, NOW), Deny)


# ---- law: only narrowing -----------------------------------------------------------------------------------------------------------------


@FEW
@given(files(), calls(), capabilities(), STANDINGS, TIMES)
def test_only_narrowing_no_rule_allows_what_the_capability_does_not(file: dict[str, Any], one: Any, cap: Any, standing: Standing, now: float) -> None:
    decision = decide(one, cap, parse(document(file)), standing, now)
    if isinstance(decide(one, cap, Rules.EMPTY, standing, now), Deny):
        assert isinstance(decision, Deny)


def test_only_narrowing_a_capability_does_not_overrule_a_rule() -> None:
    made = parse('[[rule]]\nid = "no"\ndeny = { tool = "pay", risk = "low" }')
    assert isinstance(decide(call(), capability(), made, GOOD, NOW), Deny)


def test_only_narrowing_a_revoked_ancestor_ends_the_whole_line() -> None:
    decision = decide(call(), capability(), Rules.EMPTY, Standing(revoked=frozenset({"root"})), NOW)
    assert isinstance(decision, Deny)
    assert decision.reasons == ("the capability 'root', from which this one was delegated, is revoked",)


# ---- law: fail closed --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("now", [math.nan, math.inf, NOW + 60, NOW + 1e300])
def test_fail_closed_a_time_that_is_no_time_is_not_valid(now: float) -> None:
    decision = decide(call(), capability(), Rules.EMPTY, GOOD, now)
    assert isinstance(decision, Deny) and "expired at 2027-01-15 08:01:00Z" in decision.reasons[0]


@pytest.mark.parametrize("now", [math.nan, -math.inf, NOW - 1])
def test_fail_closed_not_before(now: float) -> None:
    decision = decide(call(), capability(not_before=NOW, expires=math.inf), Rules.EMPTY, GOOD, now)
    assert isinstance(decision, Deny) and any("not valid before" in reason for reason in decision.reasons)


class Broken(Constraint):
    """A constraint that breaks its promises."""

    __slots__ = ()
    type = "broken"

    def compile(self) -> Any:
        return lambda value: 1 / 0

    def explain(self, value: Any) -> str:
        raise RuntimeError

    def subsumes(self, other: Constraint) -> bool:
        raise RuntimeError

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": "broken"}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Broken:
        return cls()


def test_fail_closed_a_constraint_that_crashes_denies() -> None:
    cap = capability()
    broken = capability(grants=None)
    object.__setattr__(broken, "grants", {"pay": Grant("pay", {"eur": Entry(Broken())})})
    assert isinstance(decide(call(arguments={"eur": 1}), cap, Rules.EMPTY, GOOD, NOW), Allow)
    decision = decide(call(arguments={"eur": 1}), broken, Rules.EMPTY, GOOD, NOW)
    assert isinstance(decision, Deny) and "could not be checked" in decision.reasons[0]


class Hollow:
    """A grant that refuses and cannot say why."""

    arguments: Mapping[str, Entry] = {}

    def covers(self, *_: object) -> bool:
        return False

    def refusals(self, *_: object) -> tuple[str, ...]:
        return ()


def test_fail_closed_a_refusal_without_a_reason_is_still_one() -> None:
    cap = capability()
    object.__setattr__(cap, "grants", {"pay": Hollow()})
    assert decide(call(), cap, Rules.EMPTY, GOOD, NOW).reasons == ("the grant does not admit these arguments",)


ANY_TEXT = st.text(max_size=5)


@FEW
@given(
    st.builds(
        lambda tool, agent, session, assessment, arguments: call(tool, arguments, agent=agent, session=session)._replace(assessment=assessment),
        ANY_TEXT,
        ANY_TEXT | st.just("\ud800"),
        ANY_TEXT,
        st.builds(
            Assessment,
            st.frozensets(st.sampled_from(sorted(EFFECTS)) | ANY_TEXT),
            st.sampled_from(Risk),
            st.lists(ANY_TEXT).map(tuple),
            st.frozensets(ANY_TEXT),
        ),
        st.dictionaries(
            ANY_TEXT, st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT, st.lists, max_leaves=4)
        ),
    ),
    capabilities(),
    files(),
    STANDINGS,
    st.floats(),
)
def test_fail_closed_deciding_never_raises(one: Any, cap: Any, file: dict[str, Any], standing: Standing, now: float) -> None:
    made = parse(document(file))
    decision = decide(one, cap, made, standing, now)
    assert isinstance(decision, (Allow, Ask, Deny)) and (cap is not None or isinstance(decision, Deny))
    assert isinstance(decide(one, cap, made, standing, now, capability_required=False), (Allow, Ask, Deny))
    made.explain(one, now)
    assert all(reason.isprintable() for reason in decision.reasons)


# ---- every reason ------------------------------------------------------------------------------------------------------------------------


def test_every_reason_is_there_and_names_what_was_compared() -> None:
    made = parse('[[rule]]\nid = "no-tunnels"\ndeny = { technique = "T1572" }\nreason = "tunnels are never needed"\nremedy = "Use the proxy."')
    standing = Standing(frozenset({"leaf"}), frozenset({"bob"}), frozenset({"s1"}), stopped_all=True)
    one = call("ssh", techniques=("T1572", "T1021"), agent="bob", risk="critical")
    decision = decide(one, capability(not_before=NOW - 9, expires=NOW - 5), made, standing, NOW)
    assert isinstance(decision, Deny)
    assert decision.reasons == (
        "all agents are stopped",
        "agent 'bob' is stopped",
        "session 's1' is stopped",
        "the capability is revoked",
        "the capability expired at 2027-01-15 07:59:55Z; it is 2027-01-15 08:00:00Z",
        "the capability is for agent 'ann', and 'bob' is acting",
        "the capability does not grant the tool 'ssh'; it grants 'pay'",
        "rule 'no-tunnels' denies it: tunnels are never needed (technique T1021, T1572 (the rule names T1572))",
    )
    assert decision.rules == ("no-tunnels",) and decision.risk is Risk.CRITICAL
    assert decision.remedy == (
        "Use the proxy.; ask the owner whether the stop can be lifted; ask the owner for a capability for agent 'bob' that grants 'ssh'"
    )


@pytest.mark.parametrize(
    ("changed", "standing", "one", "said"),
    [
        ({}, GOOD, call(agent="bob"), "the capability is for agent 'ann', and 'bob' is acting"),
        ({"expires": NOW}, GOOD, call(), "the capability expired at"),
        ({"not_before": NOW + 1}, GOOD, call(), "the capability is not valid before"),
        ({"grants": {"x": {}}}, GOOD, call(), "the capability does not grant the tool 'pay'"),
        ({}, Standing(frozenset({"root"})), call(), "from which this one was delegated, is revoked"),
        ({}, Standing(frozenset({"leaf"})), call(), "the capability is revoked"),
        ({}, Standing(stopped_agents=frozenset({"ann"})), call(), "agent 'ann' is stopped"),
        ({}, Standing(stopped_sessions=frozenset({"s1"})), call(), "session 's1' is stopped"),
        ({}, Standing(stopped_all=True), call(), "all agents are stopped"),
    ],
)
def test_each_cause_alone_is_enough(changed: dict[str, Any], standing: Standing, one: Any, said: str) -> None:
    assert isinstance(decide(call(), capability(), Rules.EMPTY, GOOD, NOW), Allow)
    for risk in ("low", "high"):
        decision = decide(one._replace(assessment=call(risk=risk).assessment), capability(**changed), Rules.EMPTY, standing, NOW)
        assert isinstance(decision, Deny) and len(decision.reasons) == 1 and said in decision.reasons[0]


def test_a_rule_without_a_remedy_says_whom_it_forbids_it() -> None:
    made = parse('[[rule]]\nid = "no-pay"\ndeny = { tool = "pay" }', file="/etc/gate/gate.toml")
    assert decide(call(), capability(), made, GOOD, NOW)[4] == "Rule 'no-pay' in gate.toml forbids this for everyone"
    made = parse('[[rule]]\nid = "no-pay"\ndeny = { tool = "pay", agent = ["ann", "bob"] }')
    assert decide(call(), capability(), made, GOOD, NOW)[4] == "Rule 'no-pay' in gate.toml forbids this for agent 'ann' or 'bob'"


def test_a_thousand_reasons_are_cut_with_a_count() -> None:
    lines = "".join(f'[[rule]]\nid = "r{i}"\ndeny = {{ tool = "pay" }}\n' for i in range(1000))
    cap = capability({"pay": {f"a{i}": {"constraint_type": "exact", "value": -1} for i in range(1000)}})
    one = call(arguments={f"a{i}": i for i in range(1000)})
    refusals = cap.grants["pay"].refusals(one.arguments, one.defaulted)
    decision = decide(one, cap, parse(lines), GOOD, NOW)
    assert isinstance(decision, Deny) and len(decision.reasons) == MOST + 1 and len(decision.rules) == 1000
    assert decision.reasons[-1] == f"and {1000 + len(refusals) - MOST} more reasons"
    assert any("denies it" in reason for reason in decision.reasons) and any("argument" in reason for reason in decision.reasons)


@given(st.lists(st.lists(st.integers(), max_size=60).map(lambda items: [str(item) for item in items]), min_size=1, max_size=4))
def test_cutting_keeps_a_part_of_every_group(groups: list[list[str]]) -> None:
    kept = limited(*groups)
    total = sum(map(len, groups))
    assert kept == tuple(reason for group in groups for reason in group) if total <= MOST else len(kept) <= MOST + 1
    if total > MOST:
        assert kept[-1] == f"and {total - len(kept) + 1} more reasons" and len(kept) > MOST // len(groups)


@given(st.text())
def test_what_is_shown_cannot_hide_or_reorder_anything(text: str) -> None:
    assert shown(text).isprintable() and len(shown(text)) <= 230
    assert gate.shown.plain(text).isprintable() and len(gate.shown.plain(text)) <= 230


def test_values_in_reasons_are_escaped_and_cut() -> None:
    made = parse('[[rule]]\nid = "r"\ndeny = { tool = "pay", arguments = { to = { constraint_type = "wildcard" } } }')
    evil = "ok\u202e\nrule 'x' allows it\x1b[2J" + "a" * 5000
    (reason,) = decide(call(arguments={"to": evil}), capability(), made, GOOD, NOW).reasons
    assert reason.isprintable() and "ok\\u202e\\nrule" in reason and len(reason) < 400 and "(5026 characters)" in reason


# ---- asking ------------------------------------------------------------------------------------------------------------------------------


def test_high_risk_asks_by_default_and_says_why() -> None:
    decision = decide(call(risk="high", reasons=("sends\u202e data",)), capability(), Rules.EMPTY, GOOD, NOW)
    assert decision == Ask(("high risk asks by default: sends\\u202e data",), (), ("pay",), Risk.HIGH, "durable", (), 1, 600.0)
    assert isinstance(decide(call(risk="medium"), capability(), Rules.EMPTY, GOOD, NOW), Allow)


def test_a_rule_that_allows_stands_against_the_default() -> None:
    made = parse('[[rule]]\nid = "ok"\nallow = { tool = "pay", risk = "high" }\nreason = "known"')
    assert decide(call(risk="high"), capability(), made, GOOD, NOW) == Allow(("rule 'ok' allows it: known",), ("ok",), ("pay",), Risk.HIGH, "durable")
    assert isinstance(decide(call(risk="critical"), capability(), made, GOOD, NOW), Ask)


SPARED = """
[[rule]]
id = "people"
ask = { tool = "pay" }
[[rule]]
id = "night"
ask = { tool = "pay", arguments = { to = ["eve"] } }
[[rule]]
id = "never"
deny = { tool = "pay", arguments = { eur = [13] } }
[[rule]]
id = "usual"
allow = { tool = "pay", agent = "ann", risk = "low", arguments = { eur = [5, 13], to = ["bob", "eve"] } }
spares = ["people"]
"""


@pytest.mark.parametrize(
    ("made", "verdict", "ids"),
    [
        (call(arguments={"eur": 5, "to": "bob"}), Allow, ("usual",)),
        (call(arguments={"eur": 6, "to": "bob"}), Ask, ("people",)),
        (call(arguments={"eur": 5, "to": ["bob"]}), Ask, ("people", "night")),
        (call(arguments={"eur": 5}), Ask, ("people",)),
        (call(arguments={"eur": 5, "to": "bob"}, risk="medium"), Ask, ("people",)),
        (call(arguments={"eur": 5, "to": "eve"}), Ask, ("night",)),
        (call(arguments={"eur": 13, "to": "bob"}), Deny, ("never",)),
    ],
)
def test_a_rule_that_allows_spares_the_questions_that_it_names_and_nothing_else(made: Any, verdict: type, ids: tuple[str, ...]) -> None:
    decision = decide(made, capability(), parse(SPARED), GOOD, NOW)
    assert isinstance(decision, verdict)
    assert decision.rules == ids
    bob = decide(made._replace(acting=made.acting._replace(agent="bob")), capability(agent="bob"), parse(SPARED), GOOD, NOW)
    assert not isinstance(bob, Allow), "another agent's questions are asked as before"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            SPARED.replace('spares = ["people"]', 'spares = ["peple"]'),
            "gate.toml:14: rule 'usual': no rule 'peple' asks, so its question cannot be spared",
        ),
        (SPARED.replace('spares = ["people"]', 'spares = ["never"]'), "no rule 'never' asks"),
        (SPARED.replace('spares = ["people"]', "spares = []"), "'spares' is empty"),
        (SPARED.replace('spares = ["people"]', 'spares = "people"'), "'spares' must be a list"),
        (SPARED.replace('[[rule]]\nid = "night"', 'spares = ["night"]\n[[rule]]\nid = "night"'), "'spares' belongs to a rule that allows"),
    ],
)
def test_what_cannot_be_spared_is_refused(text: str, why: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse(text)
    assert why in str(caught.value)


def test_the_default_of_a_file_counts() -> None:
    made = parse('[default]\nlow = "deny"\nhigh = "allow"')
    denied = decide(call(), capability(), made, GOOD, NOW)
    assert isinstance(denied, Deny) and denied.reasons == ("low risk is denied by default",)
    assert denied.remedy == "The default for low risk in gate.toml forbids this for everyone"
    assert isinstance(decide(call(risk="high"), capability(), made, GOOD, NOW), Allow)


def test_several_rules_that_ask_must_all_be_answered() -> None:
    made = parse(
        '[[rule]]\nid = "a"\nask = { tool = "pay", approvers = ["eve", "fay", "gus"], quorum = 2, expires = "1h" }\n'
        '[[rule]]\nid = "b"\nask = { tool = "*", approvers = ["gus", "fay"], expires = "5m" }\n'
        '[[rule]]\nid = "c"\nask = { agent = "ann" }\nreason = "ann is new"\n'
    )
    decision = decide(call(), capability(), made, GOOD, NOW)
    assert isinstance(decision, Ask) and decision.rules == ("a", "b", "c")
    assert (decision.approvers, decision.quorum, decision.expires) == (("fay", "gus"), 2, 300.0)
    assert decision.reasons[2] == "rule 'c' asks: ann is new (the agent 'ann' is 'ann')"


def test_when_nobody_may_answer_all_rules_nobody_is_asked() -> None:
    made = parse('[[rule]]\nid = "a"\nask = { tool = "pay", approvers = ["eve"] }\n[[rule]]\nid = "b"\nask = { tool = "pay", approvers = ["fay"] }\n')
    decision = decide(call(), capability(), made, GOOD, NOW)
    assert isinstance(decision, Deny) and decision.rules == ("a", "b")
    assert decision.reasons == ("too few people may approve it for all rules that ask: rule 'a' asks 1 of eve; rule 'b' asks 1 of fay",)
    assert decision.remedy.startswith("Change the approvers in gate.toml")


# ---- without a capability ----------------------------------------------------------------------------------------------------------------


def test_rules_can_be_checked_without_a_capability() -> None:
    made = parse('[default]\nmedium = "allow"\n[[rule]]\nid = "ok"\nallow = { tool = "pay" }\n[[rule]]\nid = "ask"\nask = { tool = "ask" }')

    def check(*args: Any, **options: Any) -> Decision:
        return decide(call(*args, **options), None, made, GOOD, NOW, capability_required=False)

    assert check("pay") == Allow(("rule 'ok' allows it",), ("ok",), (), Risk.LOW, "durable")
    assert isinstance(check("ask"), Ask)
    assert isinstance(check("other", risk="medium"), Allow)  # the file says so
    decision = check("other")  # and nothing about low risk
    assert isinstance(decision, Deny)
    assert decision.reasons == ("no rule speaks about it, and without a capability nothing is allowed by default",)


# ---- durability --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effects", "audits", "expected"),
    [
        ("reads", [], "buffered"),
        ("writes", [], "durable"),
        ("", [], "durable"),
        ("reads egress", [], "durable"),
        ("writes", ["off"], "off"),
        ("writes", ["off", "buffered"], "buffered"),
        ("reads", ["buffered", "durable", "off"], "durable"),
        ("writes", ["off", None], "off"),
    ],
)
def test_the_strictest_durability_that_a_rule_asks_for_counts(effects: str, audits: list[str | None], expected: str) -> None:
    lines = [f'[[rule]]\nid = "r{i}"\nallow = {{ tool = "pay" }}\n' + (f'audit = "{audit}"\n' if audit else "") for i, audit in enumerate(audits)]
    decision = decide(call(effects=effects), capability(), parse("".join(lines)), GOOD, NOW)
    assert isinstance(decision, Allow) and decision.durability == expected
