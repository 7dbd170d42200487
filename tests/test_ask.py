"""The question: exact, whole, bound to one call, and honest to whoever reads it."""

from __future__ import annotations

import json
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.ask import Question, binding, binding_hash, headline, question
from gate.call import Acting, Call, b64url, canonical
from gate.decide import Ask
from gate.effect import Assessment, Risk
from gate.frozen import freeze
from gate.policy import refusal
from gate.rules import Rules
from gate.shown import visible
from tests.kit import label

ASSESSED = Assessment(frozenset({"writes", "egress"}), Risk.HIGH, ("opens a tunnel",), frozenset({"T1572"}))
DECISION = Ask(("rule 'r' asks",), ("r",), ("pay",), Risk.HIGH, "durable", ("oncall",), 1, 600.0)


def made(arguments: dict[str, Any] | None = None, **acting: Any) -> Call:
    who = Acting(**{"agent": "agent-7", "session": "s1", "task": "bills", "principal": "ann", **acting})
    return Call("pay", freeze(arguments if arguments is not None else {"eur": 5}), frozenset(), who, ASSESSED, "c1")  # type: ignore[arg-type]


def asked(call: Call | None = None, **more: Any) -> Question:
    return question(call or made(), DECISION, rules_version="v1", now=1000.0, **more)


def test_it_tells_everything_the_decision_was_made_of() -> None:
    one = asked(words="please")
    assert (one.tool, dict(one.arguments), one.agent, one.principal, one.session, one.task) == ("pay", {"eur": 5}, "agent-7", "ann", "s1", "bills")
    assert (one.effects, one.techniques, one.risk, one.reasons, one.rules) == (
        ("egress", "writes"),
        ("T1572",),
        Risk.HIGH,
        ("rule 'r' asks", "opens a tunnel"),
        ("r",),
    )
    assert (one.approvers, one.quorum, one.created, one.expires, one.words) == (("oncall",), 1, 1000.0, 1600.0, "please")
    assert json.loads(json.dumps(one.to_json()))["risk"] == "high"


def test_what_was_assessed_is_said_once() -> None:
    def reasons(*assessed: str, decided: str = "") -> tuple[str, ...]:
        call = made()._replace(assessment=ASSESSED._replace(reasons=assessed))
        by_default = refusal.asked(Rules.EMPTY.match(call, 0.0), call, 0.0)
        return question(call, DECISION._replace(reasons=(decided,) if decided else tuple(by_default)), rules_version="v1", now=0.0).reasons

    assert reasons("opens a tunnel") == ("high risk asks by default", "opens a tunnel")
    assert reasons("opens a tunnel", "sends a text") == ("high risk asks by default", "opens a tunnel", "sends a text")
    many = [f"reads '{name}'" for name in "abcdefgh"]
    assert reasons(*many) == ("high risk asks by default", *many)
    assert reasons("re\u202edo") == ("high risk asks by default", visible("re\u202edo"))
    assert reasons() == ("high risk asks by default",)
    assert reasons("a tunnel", decided="rule 'r' asks: it opens a tunnel") == ("rule 'r' asks: it opens a tunnel", "a tunnel")


def test_the_binding_can_be_recomputed_by_anybody() -> None:
    by_hand = (
        '{"action":{"name":"tools/call"},"context":{"arguments":{"eur":5},"capability":"","rules":"v1","session":"s1","task":"bills"},'
        '"resource":{"id":"pay","type":"tool"},"subject":{"id":"agent-7","principal":"ann","type":"agent"}}'
    )
    assert canonical(binding(made(), "v1")).decode() == by_hand
    assert asked().binding_hash == binding_hash(made(), "v1") == b64url(sha256(by_hand.encode()).digest())


@pytest.mark.parametrize(
    "other",
    [
        made({"eur": 6}),
        made({"eur": "5"}),
        made({"eur": 5, "to": None}),
        made({}),
        made(agent="agent-8"),
        made(session="s2"),
        made(task="other"),
        made(principal="bob"),
        made()._replace(tool="pay2"),
    ],
    ids=label,
)
def test_another_call_has_another_binding(other: Call) -> None:
    assert binding_hash(other, "v1") != binding_hash(made(), "v1")


def test_the_same_call_asked_again_has_the_same_binding() -> None:
    assert binding_hash(made()._replace(serial="c2"), "v1") == binding_hash(made(), "v1")
    assert binding_hash(made(), "v2") != binding_hash(made(), "v1")


@given(
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 3) | st.text(max_size=2), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 3) | st.text(max_size=2), max_size=2),
)
def test_bindings_are_equal_exactly_when_the_arguments_are(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (binding_hash(made(one), "v") == binding_hash(made(other), "v")) == (one == other)


def test_the_arguments_are_whole_in_the_question_and_cut_in_the_headline() -> None:
    text = "x" * 5000 + "; rm -rf /"
    one = asked(made({"text": text}))
    assert one.arguments["text"] == text
    assert "(5012 characters)" in one.headline
    assert len(one.headline) < 200


def test_the_agents_words_are_not_the_engines() -> None:
    one = asked(words="the owner has approved this already")
    assert "approved" not in one.headline
    assert "approved" not in " ".join(one.reasons)


HIDING = [
    "\u202e",
    "\u2066",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\x1b[2J",
    "\r",
    "\n",
    "\x00",
    "\x7f",
    "\u3164",
    "\u115f",
    "\u2800",
    "\ufe0f",
    "\u034f",
    "\U000e0041",
    "\U000e0100",
    "\u00a0",
    "\u2028",
]


@pytest.mark.parametrize("hiding", HIDING, ids=ascii)
def test_nothing_a_reader_cannot_see_is_shown_as_it_is(hiding: str) -> None:
    assert visible(f"a{hiding}b") == f"a{hiding.encode('unicode_escape').decode()}b"
    assert hiding not in headline(made({"path": f"/tmp/{hiding}txt.exe"}, agent=f"agent{hiding}"))


@given(st.text())
def test_what_is_shown_is_printable_and_tells_texts_apart(text: str) -> None:
    assert visible(text).isprintable()
    if "\\" not in text:
        assert (visible(text) == text) == (visible(text).encode() == text.encode("utf-8", "backslashreplace"))


def test_an_agent_without_a_name_is_said_to_have_none() -> None:
    assert headline(made(agent="")).startswith("an agent without a name wants to run pay(")


def test_a_question_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        asked().quorum = 0  # type: ignore[misc]
    with pytest.raises(TypeError):
        asked().arguments["eur"] = 500  # type: ignore[index]
    assert isinstance(asked().arguments, MappingProxyType)
