"""Rules from answers: what is proposed can be read by the real loader, covers what was approved, and never anything else."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate.fewer.written
from capabilities import files, http, shell
from gate import Gate
from gate.answer import Answer, Case
from gate.call import Acting
from gate.effect import Risk
from gate.errors import RulesError
from gate.fewer.propose import Proposal, propose
from gate.policy.catalogue import KindCatalogue
from gate.rules import Rules, parse
from gate.testing import FakeClock
from tests.fewer.kit import called, case, no, yes

SOURCE = b"""
[[rule]]
id = "people"
ask = { tool = "*" }

[[rule]]
id = "at-night"
ask = { tool = "pay", hours = "22:00-06:00" }
"""


def pay(eur: int, to: str = "ann", now: bool = False) -> int:
    return eur


def mail(to: list[str], text: dict[str, list[float]]) -> int:
    return len(to)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Any:
    gate = Gate(tmp_path_factory.mktemp("home") / ".gate", clock=FakeClock())
    gate.wrap(pay)
    gate.wrap(mail)
    kinds = [*files.described("/w").values(), *shell.TOOLS.values(), *http.TOOLS.values()]
    yield KindCatalogue(kinds, tools=gate.home._tools)
    gate.close()


def said(arguments: dict[str, Any], state: Any = "used", *answers: Answer, **more: Any) -> Case:
    asked = {"rules": ("people",)} | {name: more.pop(name) for name in tuple(more) if name in ("rules", "quorum", "passkey", "chain", "uninspected")}
    given = (
        arguments | {name: value for name, value in (("to", "ann"), ("now", False)) if name not in arguments}
        if more.get("tool", "pay") == "pay"
        else arguments
    )
    return case(called(given, **more), state, *(answers or ((yes(),) if state == "used" else ())), **asked)


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.fewer.written)
    assert outcome.attempted
    assert not outcome.failed


def many(count: int = 5, **more: Any) -> list[Case]:
    return [said({"eur": 5}, **more) for _ in range(count)]


def rules_of(proposal: Proposal, known: Any, source: bytes = SOURCE) -> Rules:
    return parse(source + b"\n" + proposal.text.encode(), catalogue=known)


def verdict(rules: Rules, known: Any, arguments: dict[str, Any], agent: str = "agent-7", tool: str = "pay") -> str:
    return rules.match(known.describe(tool, arguments, Acting(agent)), 12 * 3600.0).verdict


def test_the_text(known: Any) -> None:
    cases = [*many(4), said({"eur": 7}), said({"eur": 900}, "denied", no(), agent="agent-8"), said({"path": "/w/b.txt"}, tool="files.read")]
    (found,) = propose(cases, known, source=SOURCE)
    assert found.text == (
        "# 5 calls of agent-7 to pay were approved, and none denied, by: ann\n"
        "[[rule]]\n"
        f'id = "{found.id}"\n'
        'allow = { tool = "pay", agent = "agent-7", risk = "medium", arguments = { to = ["ann"], now = [false], eur = [5, 7] } }\n'
        'spares = ["people"]\n'
        'reason = "people approved it every time they were asked"\n'
        "match = [\n"
        '    "@agent=\\"agent-7\\" pay eur=5 to=\\"ann\\" now=false",\n'
        '    "@agent=\\"agent-7\\" pay eur=7 to=\\"ann\\" now=false",\n'
        "]\n"
        "not_match = [\n"
        '    "@agent=\\"agent-8\\" pay eur=900 to=\\"ann\\" now=false",\n'
        '    "@agent=\\"agent-7-2\\" pay eur=5 to=\\"ann\\" now=false",\n'
        '    "@agent=\\"agent-7\\" pay eur=6 to=\\"ann\\" now=false",\n'
        '    "@agent=\\"agent-7\\" pay eur=5 to=\\"annx\\" now=false",\n'
        '    "@agent=\\"agent-7\\" pay eur=5 to=\\"ann\\" now=true",\n'
        '    "@agent=\\"agent-7\\" files.read path=\\"/w/b.txt\\"",\n'
        "]\n"
    )
    assert (found.agent, found.tool, found.approvals, found.people) == ("agent-7", "pay", 5, ("ann",))


def test_it_spares_these_questions_and_no_other(known: Any) -> None:
    (found,) = propose([*many(4), said({"eur": 7})], known, source=SOURCE)
    rules = rules_of(found, known)
    assert [verdict(rules, known, {"eur": eur}) for eur in (5, 7, 6, 57)] == ["allow", "allow", "ask", "ask"]
    assert verdict(rules, known, {"eur": 5, "to": "bob"}) == "ask"
    assert verdict(rules, known, {"eur": 5, "now": True}) == "ask"
    assert verdict(rules, known, {"eur": 5}, agent="agent-8") == "ask"
    assert rules.match(known.describe("pay", {"eur": 5}, Acting("agent-7")), 23 * 3600.0).verdict == "ask", "the other rule still asks"


def test_what_only_the_default_asks_about(known: Any) -> None:
    source = b'[default]\nmedium = "ask"\n'
    (found,) = propose(many(rules=()), known, source=source)
    assert "spares" not in found.text
    assert verdict(rules_of(found, known, source), known, {"eur": 5}) == "allow"
    assert verdict(rules_of(found, known, source), known, {"eur": 6}) == "ask"


def test_four_are_not_enough(known: Any) -> None:
    assert not propose(many(4), known, source=SOURCE)
    assert propose(many(4), known, source=SOURCE, enough=4)


def test_values_of_two_arguments_are_never_multiplied(known: Any) -> None:
    pairs = [(1, "ann"), (1, "ann"), (2, "bob"), (2, "bob"), (3, "eve")]
    assert not propose([said({"eur": eur, "to": to}) for eur, to in pairs], known, source=SOURCE)
    (found,) = propose([said({"eur": eur, "to": to}) for eur, to in [*pairs, (1, "ann"), (1, "ann"), (4, "ann")]], known, source=SOURCE)
    rules = rules_of(found, known)
    assert [verdict(rules, known, {"eur": eur, "to": to}) for eur, to in ((1, "ann"), (4, "ann"), (2, "ann"), (2, "bob"))] == [
        "allow",
        "allow",
        "ask",
        "ask",
    ]


NEVER: list[list[Case]] = [
    [*many(), said({"eur": 5}, "denied", no())],
    [*many(), said({"eur": 6}, "denied", no())],
    [*many(), said({"eur": 5}, "denied", no(), rules=("people", "at-night"))],
    [*many(), said({"eur": 5}, "edited", Answer("edit", "ann", arguments={"eur": 1}))],
    [*many(), said({"eur": 5}, "withdrawn", no(), Answer("withdraw", "root"))],
    [*many(), said({"eur": 5}, "denied", yes(), no("bob"))],
    many(risk=Risk.HIGH),
    many(risk=Risk.CRITICAL),
    many(passkey=True),
    many(quorum=2),
    many(uninspected=("body",)),
    many(agent="agent-*"),
    many(agent="*"),
    many(agent="a\u202eb"),
    many(agent=""),
    many(chain=("boss",)),
    many(rules=("gone",)),
    many(tool="unknown"),
    [said({"eur": 5}, "used", yes(method="callback")) for _ in range(9)],
    [said({"eur": 5}, "used", yes(method="")) for _ in range(9)],
    [said({"eur": 5}, "used", yes(method="mybot")) for _ in range(9)],
    [said({"eur": 5}, "expired", Answer("expire", "", method="clock")) for _ in range(9)],
    [said({"eur": 5}, "open") for _ in range(9)],
    [said({"eur": 5, "other": 1}) for _ in range(9)],
    [said({"eur": 5, "to": None}) for _ in range(9)],
    [said({"eur": 5, "to": "x" * 3000}) for _ in range(9)],
    [said({"eur": eur}) for eur in range(21)],
]


@pytest.mark.parametrize("cases", NEVER, ids=range(len(NEVER)))
def test_where_nothing_is_proposed(cases: list[Case], known: Any) -> None:
    assert propose(many(), known, source=SOURCE)
    assert not propose(cases, known, source=SOURCE)


def test_a_file_that_cannot_be_read_is_not_added_to(known: Any) -> None:
    with pytest.raises(RulesError):
        propose(many(), known, source=b"[[rule]]\nid = 5")
    with pytest.raises(RulesError, match="there is no tool 'elsewhere'"):
        propose(many(), known, source=SOURCE + b"match = ['@time=12:00 elsewhere x=1']")
    (found,) = propose(many(), known, source=SOURCE)
    assert not propose(many(), known, source=SOURCE + found.text.encode()), "it is there already"


def test_an_argument_that_was_never_given_stays_away(known: Any) -> None:
    cases = [said({"path": "/w/a.txt", "text": "x", "overwrite": None}, tool="files.write") for _ in range(5)]
    (found,) = propose(cases, known, source=SOURCE)
    rules = rules_of(found, known)
    assert verdict(rules, known, {"path": "/w/a.txt", "text": "x"}, tool="files.write") == "allow"
    for more in ({"overwrite": True}, {"overwrite": False}, {"text": "y"}):
        assert verdict(rules, known, {"path": "/w/a.txt", "text": "x"} | more, tool="files.write") == "ask", more


def test_lists_and_odd_texts_are_written_so_that_they_can_be_read(known: Any) -> None:
    for value in ('a"b\\c', "tab\there", "bidi\u202e", "\U0001f600 \u3164", "'''", "line\nline", "\x7f\x00", "{x} %s #"):
        (found,) = propose([said({"eur": 5, "to": value}) for _ in range(5)], known, source=SOURCE)
        assert all(c.isprintable() or c == "\n" for c in found.text)
        assert verdict(rules_of(found, known), known, {"eur": 5, "to": value}) == "allow"
    (found,) = propose([said({"to": ["a", "b"], "text": {"x": [1.5]}}, tool="mail") for _ in range(5)], known, source=SOURCE)
    rules = rules_of(found, known)
    assert verdict(rules, known, {"to": ["a", "b"], "text": {"x": [1.5]}}, tool="mail") == "allow"
    assert verdict(rules, known, {"to": ["b", "a"], "text": {"x": [1.5]}}, tool="mail") == "ask"


def test_the_page_shows_what_is_proposed() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "how-to" / "fewer-questions.md").read_text()
    source, mark, shown = page.partition("```toml\n")[2].partition("```")[0].partition("# 5 calls")
    known = KindCatalogue(shell.TOOLS.values())
    cases = []
    for command in ("git status", "ls -l", "git status", "ls -l", "git status"):
        made = known.describe("shell.run", {"command": command}, Acting("coder", "s1", "t"))
        cases.append(case(made, "used", yes(), rules=("people",)))
    (found,) = propose(cases, known, source=source.encode())
    assert found.text == mark + shown


CASES = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3]),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["used", "used", "used", "used", "denied", "expired", "open", "edited"]),
        st.sampled_from(["agent-7", "agent-7", "agent-8"]),
        st.sampled_from([("people",), ("people", "at-night"), ()]),
        st.sampled_from([Risk.MEDIUM, Risk.MEDIUM, Risk.LOW, Risk.HIGH]),
    ),
    max_size=14,
)
TRIED = [
    (eur, to, now, agent) for eur in (1, 2, 3, 4) for to in ("ann", "bob", "eve") for now in (False, True) for agent in ("agent-7", "agent-8", "x")
]


@settings(max_examples=80, deadline=None)
@given(CASES, st.integers(1, 3))
def test_never_more_than_was_approved_and_nothing_that_was_denied(known: Any, drawn: list[Any], enough: int) -> None:
    source = SOURCE.replace(b'hours = "22:00-06:00"', b"arguments = { eur = [1, 2, 3] }")
    cases = [said({"eur": eur, "to": to}, state, agent=agent, rules=rules, risk=risk) for eur, to, state, agent, rules, risk in drawn]
    approved = {(eur, to, agent) for eur, to, state, agent, _, risk in drawn if state == "used" and risk < Risk.HIGH}
    refused = {(eur, to, agent) for eur, to, state, agent, _, _ in drawn if state in ("denied", "edited")}
    for found in propose(cases, known, source=source, enough=enough):
        (rule,) = [rule for rule in rules_of(found, known, source).rules if rule.id == found.id]
        covered = {
            (eur, to, agent, now)
            for eur, to, now, agent in TRIED
            if rule.matches(known.describe("pay", {"eur": eur, "to": to, "now": now}, Acting(agent)), 0.0)
        }
        assert covered
        assert {(eur, to, agent) for eur, to, agent, _ in covered} <= approved - refused
        assert not any(now for *_, now in covered)
        assert found.approvals >= enough
