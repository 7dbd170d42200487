"""What a yes may cover: every scope admits the call, none goes beyond the grant, and the words are what is admitted."""

from __future__ import annotations

import doctest
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import gate.fewer.scopes
from capabilities import files, http, payments, shell
from gate import ANY, Gate, NeedsApproval
from gate.ask import ONCE, Scope
from gate.capability import Grant
from gate.constraint import Constraint, NotOneOf, Range, Subset, optional, parse, register
from gate.effect import Risk
from gate.fewer.scopes import MOST_BYTES, SECONDS, USES, admits, compiled, covered, lowered, refusals, scopes
from gate.frozen import freeze
from tests.fewer.kit import asking, called, granted, questioned
from tests.kit import ASK, write_rules
from tests.strategies import ARGUMENTS, VALUES, maps


def offered(arguments: dict[str, Any], grant: Grant, **call: Any) -> tuple[Scope, ...]:
    made = called(arguments, tool=grant.tool, grant=grant, **call)
    return scopes(made, made.acting.capability, asking(made))


def holds(scope: Scope, arguments: dict[str, Any]) -> bool:
    return admits(scope.arguments, {name: freeze(value) for name, value in arguments.items()})


def labels(found: tuple[Scope, ...]) -> list[str]:
    return [scope.label for scope in found]


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.fewer.scopes)
    assert outcome.attempted
    assert not outcome.failed


# Laws


@settings(max_examples=80)
@given(st.data(), maps(), ARGUMENTS)
def test_every_scope_admits_the_call_and_stays_within_the_grant(data: st.DataObject, entries: dict[str, Any], arguments: dict[str, Any]) -> None:
    grant = granted("pay", entries)
    defaulted = tuple(name for name in arguments if data.draw(st.booleans()))
    call = called(arguments, grant=grant, defaulted=defaulted)
    assume(grant.covers(call.arguments, call.defaulted))
    found = scopes(call, call.acting.capability, asking(call))
    assert found[0] == ONCE
    others = [{**arguments, **data.draw(st.dictionaries(st.sampled_from(sorted(arguments)), VALUES))} for _ in range(5)] if arguments else []
    others += [data.draw(ARGUMENTS)]
    for scope in found[1:]:
        assert admits(scope.arguments, call.arguments)
        for other in others:
            if holds(scope, other):
                assert grant.covers({name: freeze(value) for name, value in other.items()}, call.defaulted), (scope, other)


@settings(max_examples=40)
@given(st.data(), maps(), ARGUMENTS)
def test_the_narrowest_comes_first_and_exactly_means_exactly(data: st.DataObject, entries: dict[str, Any], arguments: dict[str, Any]) -> None:
    grant = granted("pay", entries)
    call = called(arguments, grant=grant)
    assume(grant.covers(call.arguments, frozenset()))
    found = scopes(call, call.acting.capability, asking(call))[1:]
    other = {**arguments, **data.draw(ARGUMENTS)}
    for scope in found[:1]:
        assert holds(scope, other) == (call._replace(arguments={n: freeze(v) for n, v in other.items()}).canonical() == call.canonical())
        assert not holds(scope, other) or all(holds(wider, other) for wider in found)


PLACES = st.sampled_from(["/w", "/w/a", "/w/a/b", "/w/ab", "/w/a/b/c.txt", "/w/a/d.txt", "/x", "/w/../x", "/", "/w/a.txt", "w/a", "/w/a/"])
URLS = st.sampled_from(
    [
        "https://a.example/",
        "https://a.example/v1",
        "https://a.example/v1/x",
        "https://a.example/v1/x?y=1",
        "https://a.example/v10/x",
        "https://a.example:8443/v1/x",
        "http://a.example/v1/x",
        "https://b.a.example/v1/x",
        "https://a.example.evil.example/v1/x",
        "https://a.example/v1/%2e%2e/x",
        "https://a.example/v1/..%2f/x",
        {"method": "POST", "url": "https://a.example/v1/x"},
        {"method": "GET", "url": "https://a.example/v1/x"},
    ]
)
AMOUNTS = st.sampled_from(["0.01 EUR", "5.00 EUR", "5.01 EUR", "50.00 EUR", "5.00 USD", "5 EUR", "5.00 eur", "500 JPY", 5, "-5.00 EUR"])
COMMANDS = st.sampled_from(
    [
        "ls",
        "ls -l",
        "ls; rm x",
        "ls && ls",
        "ls | cat",
        "(ls)",
        "ls > x",
        "ls $(rm x)",
        "X=1 ls",
        "git log",
        "git log -5",
        "git push",
        "git status",
        "git status --short && git status",
        "for i in 1 2; do ls; done",
        "! ls",
        "time ls",
        "cat /etc/passwd",
        "lsof",
        ["ls", "-l"],
        ["ls; rm x"],
    ]
)
KINDS = st.sampled_from(
    [
        (files.SubPath(["/w"]), PLACES),
        (files.SubPath(["/w/a", "/x"]), PLACES),
        (files.SubPath(["/"]), PLACES),
        (http.hosts("a.example"), URLS),
        (http.hosts("*.example", "a.example"), URLS),
        (http.UrlConstraint(["a.example"], ["https", "http"], [443, 8443, 80], ["GET", "POST"], ["/v1/*", "/"]), URLS),
        (payments.at_most("50 EUR", "5 USD"), AMOUNTS),
        (shell.programs("ls", "git", "cat"), COMMANDS),
        (shell.programs("git log", "ls"), COMMANDS),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.data(), KINDS)
def test_what_kinds_offer_holds_the_value_and_is_within_the_grant(data: st.DataObject, kind: tuple[Constraint, st.SearchStrategy[Any]]) -> None:
    constraint, values = kind
    value, other = freeze(data.draw(values)), freeze(data.draw(values))
    assume(constraint.check(value))
    found = scopes(call := called({"a": value}, tool="t", grant=Grant.of("t", {"a": constraint})), call.acting.capability, asking(call))
    assert len(found) >= 2, "exactly the value can be had for a while"
    for scope in found[1:]:
        assert holds(scope, {"a": value})
        assert constraint.check(other) or not holds(scope, {"a": other})
        assert parse(scope.arguments["a"]).words()  # type: ignore[index]  # a lasting scope has arguments
    assert holds(found[1], {"a": other}) == (value == other)


# What is offered


def test_a_file_and_its_folder() -> None:
    grant = Grant.of("files.read", {"path": files.SubPath(["/w"])})
    found = offered({"path": "/w/docs/a.md"}, grant)
    assert labels(found) == [
        "exactly this call, once",
        "exactly these arguments, up to 5 times in this session, within 30 minutes",
        'path is "/w/docs" or anything below, up to 5 times in this session, within 30 minutes',
    ]
    assert (found[2].uses, found[2].seconds) == (USES, SECONDS)
    assert [holds(found[2], {"path": path}) for path in ("/w/docs/b.md", "/w/docs2/b.md", "/w/docs", "/w/b.md", "/w/docs/../b.md")] == [
        True,
        False,
        True,
        False,
        False,
    ]


def test_never_the_whole_file_system() -> None:
    assert len(offered({"path": "/a.md"}, Grant.of("files.read", {"path": files.SubPath(["/"])}))) == 2


def test_a_path_that_becomes_a_link_is_looked_at_again(tmp_path: Path) -> None:
    root = tmp_path / "w"
    root.mkdir()
    (root / "a").write_text("")
    found = offered({"path": str(root / "a")}, Grant.of("files.read", {"path": files.below(root)}))
    (root / "a").unlink()
    (root / "a").symlink_to("/etc/passwd")
    assert not any(holds(scope, {"path": str(root / "a")}) for scope in found)


def test_a_host_and_its_folder_of_paths() -> None:
    grant = Grant.of("http.get", {"url": http.hosts("api.example.com", "*.example.org")})
    found = offered({"url": "https://api.example.com/v1/items/5?x=1"}, grant)
    assert [label.partition(", up to")[0] for label in labels(found)[2:]] == [
        "url is a URL, or a GET request, of https to api.example.com, path /v1/items/* (* stands for anything) and any query",
        "url is a URL, or a GET request, of https to api.example.com, any path and any query",
    ]
    assert not any(holds(scope, {"url": {"method": "POST", "url": "https://api.example.com/v1/items/5"}}) for scope in found)
    reached = [
        "https://api.example.com/v1/items/6",
        "https://api.example.com/v1/itemsX",
        "https://api.example.com/",
        "https://a.example.org/v1/items/5",
    ]
    assert [[holds(scope, {"url": url}) for url in reached] for scope in found[2:]] == [[True, False, False, False], [True, True, True, False]]


def test_no_more_money_than_this() -> None:
    grant = Grant.of("payments.pay", {"amount": payments.at_most("500 EUR", "500 USD"), "to": ["DE1", "DE2"]})
    found = offered({"amount": "12.50 EUR", "to": "DE1"}, grant)
    assert labels(found)[2:] == ["amount is at most 12.50 EUR, everything else is as shown, up to 5 times in this session, within 30 minutes"]
    tried = [("12.50 EUR", "DE1"), ("1.00 EUR", "DE1"), ("12.51 EUR", "DE1"), ("1.00 USD", "DE1"), ("1.00 EUR", "DE2")]
    assert [holds(found[2], {"amount": amount, "to": to}) for amount, to in tried] == [True, True, False, False, False]


@pytest.mark.parametrize(
    "command", ["ls; rm x", "ls && ls", "ls | cat", "ls $(rm x)", "(ls)", "X=1 ls", "! ls", "for i in 1 2; do ls; done", "ls > /dev/null"]
)
def test_a_compound_command_is_never_widened(command: str) -> None:
    grant = Grant.of("shell.run", {"command": ANY})
    assert len(offered({"command": command}, grant)) == 2
    named = Grant.of("shell.run", {"command": shell.programs("ls", "rm", "cat")})
    assert len(offered({"command": command}, named)) <= 2


def test_a_plain_command_by_its_first_words() -> None:
    found = offered({"command": "git log -5"}, Grant.of("shell.run", {"command": shell.programs("git", "ls")}))
    assert labels(found)[2:] == [
        "command is a command that starts nothing but git log, with any further words, up to 5 times in this session, within 30 minutes"
    ]
    others = ["git log --oneline", "git log; rm -rf /", "git logx", "git push", "git log --output=x", "ls", "git log && git log"]
    assert [holds(found[2], {"command": other}) for other in others] == [True, False, False, False, False, False, True]


def test_two_arguments_alone_and_together() -> None:
    grant = Grant.of("send", {"eur": Range(max=100), "path": files.SubPath(["/w"]), "to": ANY})
    found = offered({"eur": 5, "path": "/w/a/b", "to": "x"}, grant)
    assert [label.partition(", up to")[0] for label in labels(found)[2:]] == [
        "eur is at least 0 and at most 5, everything else is as shown",
        'path is "/w/a" or anything below, everything else is as shown',
        'eur is at least 0 and at most 5, path is "/w/a" or anything below, everything else is as shown',
    ]


def test_the_graver_the_fewer() -> None:
    grant = Grant.of("pay", {"eur": Range(max=100)})
    assert [len(offered({"eur": 5}, grant, risk=risk)) for risk in Risk] == [3, 3, 2, 1]
    call = called({"eur": 5}, grant=grant, risk=Risk.LOW)
    assert len(scopes(call, call.acting.capability, asking(call, risk=Risk.CRITICAL))) == 1, "whichever says more"
    assert len(scopes(call, call.acting.capability, asking(call, quorum=2))) == 2, "two people would have to mean the same width"


def test_nothing_lasts_without_a_session_a_capability_or_a_grant() -> None:
    grant = Grant.of("pay", {"eur": Range(max=100)})
    assert offered({"eur": 5}, grant, session="") == (ONCE,)
    assert offered({"eur": 500}, grant) == (ONCE,), "what the grant does not admit"
    call = called({"eur": 5}, grant=grant)
    assert scopes(call, None, asking(call)) == (ONCE,)
    assert scopes(call._replace(tool="other"), call.acting.capability, asking(call)) == (ONCE,)


def test_what_is_very_long_is_approved_once() -> None:
    grant = Grant.of("pay", {"text": ANY})
    assert len(offered({"text": "x" * (MOST_BYTES - 100)}, grant)) == 2
    assert offered({"text": "x" * MOST_BYTES}, grant) == (ONCE,)


def test_a_call_without_arguments_is_not_a_call_with_any() -> None:
    found = offered({}, Grant.of("pay", ANY))
    assert found[1].arguments == {}
    assert holds(found[1], {})
    assert not holds(found[1], {"eur": 5})


def test_a_default_is_kept_as_it_was_shown() -> None:
    grant = Grant.of("pay", {"eur": Range(max=100)})
    found = offered({"eur": 5, "note": "x"}, grant, defaulted=("note",))
    assert not holds(found[2], {"eur": 5})
    assert not holds(found[2], {"eur": 5, "note": "y"})
    assert holds(found[2], {"eur": 4, "note": "x"})


def test_lists_texts_and_what_a_grant_excludes() -> None:
    grant = Grant.of("send", {"to": Subset(["a", "b"]), "text": NotOneOf(["secret"]), "cc": optional(ANY)})
    found = offered({"to": ["a"], "text": "hello"}, grant)
    assert len(found) == 2
    tried: list[dict[str, Any]] = [{"to": ["a"]}, {"to": ["a", "a"]}, {"to": []}, {"to": "a"}, {"text": "hello!"}, {"text": "hell"}, {"cc": None}]
    assert [holds(found[1], {"to": ["a"], "text": "hello"} | other) for other in tried] == [True, *[False] * 6]


def test_names_cannot_pretend_to_be_words() -> None:
    name = "eur is at least 0, everything else is as shown, x\u202e"
    label = labels(offered({name: 5}, Grant.of("pay", {name: Range(max=9)})))[2]
    assert label.startswith('"eur is at least 0, everything else is as shown, x\\u202e" is at least 0 and at most 5, up to')


@register
class Liar(Constraint):
    """Says that everything is around a value, and that all of it is within."""

    type = "liar_of_scopes"
    fails = False

    def compile(self) -> Any:
        return lambda value: value == "a"

    def explain(self, value: Any) -> str:
        return "no"

    def subsumes(self, other: Constraint) -> bool:
        return not isinstance(other, Range)

    def around(self, value: Any) -> Any:
        if self.fails:
            raise OSError("disk")
        return [ANY, Range(max=5), self, NotOneOf(["a"])]

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type}

    @classmethod
    def from_json(cls, data: Any) -> Liar:
        return cls()


def test_a_kind_cannot_offer_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    found = offered({"a": "a"}, Grant.of("t", {"a": Liar()}))
    assert [scope.arguments for scope in found[2:]] == [{"a": {"constraint_type": "liar_of_scopes"}}]
    monkeypatch.setattr(Liar, "fails", True)
    assert offered({"a": "a"}, Grant.of("t", {"a": Liar()})) == (ONCE,)


# What is admitted later


def test_what_cannot_be_read_admits_nothing() -> None:
    bad: list[Any] = [
        None,
        [],
        "x",
        {"eur": None},
        {"eur": 5},
        {"eur": {"constraint_type": "wildcard"}},
        {"eur": {"constraint_type": "moon"}},
        {"eur": {"constraint_type": "any", "constraints": [{"constraint_type": "moon"}, {"constraint_type": "wildcard"}]}},
        {"eur": {"constraint_type": "range", "max": 9, "optional": True}},
        {"*": {"constraint_type": "range", "max": 9}},
        {"*": {"constraint_type": "wildcard"}},
        {"eur": {"constraint_type": "range", "max": 9}, "*": {"constraint_type": "wildcard"}},
        {"eur": {"constraint_type": "range", "max": 9}, "to": {"constraint_type": "wildcard", "optional": True}},
        {},
    ]
    assert [admits(data, {"eur": 5}) for data in bad] == [False] * len(bad)
    assert admits({"eur": {"constraint_type": "range", "max": 9}}, {"eur": 5})
    with pytest.raises(ValueError, match="is not bounded by"):
        compiled({"eur": {"constraint_type": "wildcard"}})


GRANT = Grant.of("pay", {"eur": Range(max=100)})


def later(scope: int, **changes: Any) -> tuple[str, ...]:
    """Why a yes for one of the scopes does not cover a call that differs in this."""
    first = called({"eur": 50}, grant=GRANT, effects=("spends",), techniques=("T1657",))
    asked = replace(questioned(first), scopes=scopes(first, first.acting.capability, asking(first)))
    said = covered(asked, asked.scopes[scope])
    shown = {name: changes.pop(name) for name in tuple(changes) if name in ("rules", "approvers", "quorum", "rules_version", "chain", "requires")}
    then: dict[str, Any] = {"arguments": {"eur": 40}, "grant": GRANT, "effects": ("spends",), "techniques": ("T1657",)} | changes
    return refusals(json.loads(json.dumps(said)), questioned(called(then.pop("arguments"), **then), **shown))


def test_the_same_again_is_covered() -> None:
    assert later(2) == ()
    assert later(1, arguments={"eur": 50}) == ()
    assert later(2, risk=Risk.LOW, effects=(), techniques=(), rules=()) == ()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"arguments": {"eur": 51}}, "does not cover these arguments"),
        ({"arguments": {"eur": 40, "x": 1}}, "does not cover these arguments"),
        ({"tool": "pay2"}, "another tool"),
        ({"agent": "agent-8"}, "another agent"),
        ({"principal": "bob"}, "another principal"),
        ({"session": "s2"}, "another session"),
        ({"chain": ("boss",)}, "another chain"),
        ({"requires": ("network",)}, "network was not among the requires"),
        ({"task": "something else"}, "another task"),
        ({"capability": None}, "another capability"),
        ({"rules_version": "sha256:1"}, "another rules"),
        ({"quorum": 2}, "another quorum"),
        ({"approvers": ("bob",)}, "another approvers"),
        ({"risk": Risk.HIGH}, "not of high risk"),
        ({"effects": ("spends", "egress")}, "egress was not among the effects"),
        ({"techniques": ("T1572",)}, "T1572 was not among the techniques"),
        ({"rules": ("r", "r2")}, "r2 was not among the asked"),
    ],
)
def test_anything_else_is_another_call(changes: dict[str, Any], why: str) -> None:
    (reason, *more) = later(2, **changes)
    assert why in reason
    assert not [other for other in more if not other.startswith("without a session") and "chain" not in other]  # another agent makes it another


def test_once_covers_nothing_later() -> None:
    assert later(0, arguments={"eur": 50}) == ("it does not cover these arguments",)


def test_exactly_does_not_cover_less() -> None:
    assert later(1) == ("it does not cover these arguments",)


def test_without_a_session_or_a_capability_nothing_is_covered() -> None:
    asked = questioned(called({"eur": 5}, session=""))
    said = covered(asked, ONCE._replace(arguments={"eur": {"constraint_type": "exact", "value": 5}}))
    assert refusals(said, asked) == ("without a session and a capability an approval is for one call",)


BROKEN: list[Any] = [
    {},
    {"risk": 4},
    {"effects": "spends", "risk": "critical"},
    {"risk": "CRITICAL", "arguments": 1},
    {"risk": None, "effects": None},
]


@pytest.mark.parametrize("said", BROKEN)
def test_what_is_left_out_or_malformed_covers_nothing(said: Any) -> None:
    first = called({"eur": 50}, grant=GRANT, effects=("spends",))
    asked = questioned(first)
    whole = covered(asked, scopes(first, first.acting.capability, asking(first))[1])
    assert refusals(whole, asked) == ()
    assert refusals(said, asked)
    for name in whole:
        assert refusals({key: value for key, value in whole.items() if key != name}, asked), name
    for name in said:
        assert refusals(whole | {name: said[name]}, asked) or said[name] == "critical"


# Less of it


def test_an_approver_may_give_less_and_the_words_follow() -> None:
    scope = offered({"eur": 5}, GRANT)[1]
    assert lowered(scope, 2, 600).label == "exactly these arguments, up to 2 times in this session, within 10 minutes"
    assert lowered(scope, 1).label == "exactly these arguments, once in this session, within 30 minutes"
    assert lowered(scope, seconds=60).label == "exactly these arguments, up to 5 times in this session, within 1 minute"
    assert lowered(scope, seconds=45).label.endswith("within 45 seconds")
    assert lowered(scope) == scope
    assert lowered(ONCE, 1, 60) == ONCE._replace(seconds=60.0)


@pytest.mark.parametrize(
    ("uses", "seconds"), [(0, None), (6, None), (-1, None), (True, None), (None, 1801), (None, 0), (None, float("nan")), (2.5, None)]
)
def test_never_more_than_was_offered(uses: Any, seconds: Any) -> None:
    with pytest.raises(ValueError, match="it may"):
        lowered(offered({"eur": 5}, GRANT)[1], uses, seconds)


# With a real gate


def test_of_a_real_call(gate: Gate) -> None:
    write_rules(gate, ASK)

    @gate.tool
    def pay(eur: int, to: str = "ann") -> int:
        return eur

    capability = gate.grant("agent-7", tools={"pay": {"eur": Range(max=100)}})
    with gate.acting(capability, session="s1"), pytest.raises(NeedsApproval) as caught:
        gate.call("pay", {"eur": 5})
    asked, decision = caught.value.question, caught.value.decision
    assert asked
    made = called(dict(asked.arguments), defaulted=("to",))
    found = scopes(made, capability, decision)  # type: ignore[arg-type]  # it asks
    assert [label.partition(", up")[0] for label in labels(found)] == [
        "exactly this call, once",
        "exactly these arguments",
        "eur is at least 0 and at most 5, everything else is as shown",
    ]
