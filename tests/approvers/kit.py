"""Nasty questions: what an agent may put into its arguments and words to hide, forge or reorder what a person reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import strategies as st

from gate.answer import Answer, Case
from gate.approvers.example import QUESTION
from gate.ask import ONCE, Question, Scope
from gate.effect import Risk
from gate.frozen import freeze
from gate.preview import diff, facts, table

FRAGMENTS = st.sampled_from(
    [
        "rm -rf /",
        "\u202etxt.exe",
        "\u2066a\u2069",
        "\u200b",
        "\u3164",
        "\U000e0041",
        "\x1b[2J\x1b[H",
        "\x9b31m",
        "\x07",
        "\r",
        "\n",
        "\n\n    number of this call: 999\n",
        "\t",
        "  ",
        " ",
        "",
        "e\u0301\u0302\u0303\u0304",
        "a\u0336b\u0336",
        "p\u0430ypal.com",
        "https://xn--80ak6aa92e.com/",
        "\u05d0\u05d1 12",
        "\uff52\uff4d",
        "\u6771\u4eac" * 30,
        "\u201cyes\u201d",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</pre><form action=//evil method=post>",
        "<!channel> <@U1> *bold* `code` ```",
        "&lt;b&gt; &amp;",
        ":smile: {{ 7*7 }} {% raw %}",
        "javascript:alert(1)",
        "\\u202e \\n %s %00",
        "x" * 250,
        "\"quoted\" = 'single'",
        "│ ┊ ─ … ! [1] exactly this call, once",
    ]
)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=8), max_size=6).map("".join)
DATA = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
LONG = st.sampled_from(["y" * 120_000, "line\n" * 2_500, "\u202e" * 3_200, "ab " * 30_000])
ARGUMENTS = st.dictionaries(
    TEXTS | st.sampled_from(["argv", "command", "z" * 300]), DATA | TEXTS | LONG | st.lists(TEXTS, min_size=1, max_size=4), max_size=5
)


def frozen(arguments: dict[str, Any]) -> Any:
    return freeze(arguments)


def asked(arguments: dict[str, Any] | None = None, **more: Any) -> Question:
    """The question of the example, with other arguments or more."""
    return replace(QUESTION, **({} if arguments is None else {"arguments": frozen(arguments)}), **more)


def case(arguments: dict[str, Any] | None = None, **more: Any) -> Case:
    return Case(asked(arguments, **more), "open")


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A question in which everything that an agent or a tool may have chosen is nasty."""
    few = st.lists(TEXTS, max_size=2).map(tuple)
    words = TEXTS
    return asked(
        draw(ARGUMENTS),
        headline=draw(words),
        tool=draw(words),
        agent=draw(words),
        principal=draw(words),
        session=draw(words),
        task=draw(words | LONG),
        capability=draw(words),
        reasons=draw(few),
        rules=draw(few),
        techniques=draw(few),
        requires=draw(few),
        chain=draw(few),
        history=draw(few),
        earlier=draw(few),
        uninspected=draw(few),
        effects=draw(st.sampled_from([(), ("reads",), ("irreversible", "writes")])),
        risk=draw(st.sampled_from(list(Risk))),
        words=draw(words | LONG),
        passkey=draw(st.booleans()),
        quorum=draw(st.integers(1, 2)),
        approvers=draw(few),
        preview=(
            diff(draw(words), draw(words), draw(words)),
            facts(draw(words), [(draw(words), draw(words))]),
            table("t", ["a", "b"], [[draw(words), 1]], total=9),
        ),
        scopes=(ONCE, Scope(draw(words), {draw(words): {"constraint_type": "exact", "value": draw(words | LONG)}}, 5, 600.0)),
    )


class Nasty(NamedTuple):
    """A case that does not fill the screen of whoever reads a failed test."""

    case: Case

    def __repr__(self) -> str:
        return f"{self.case!r:.3000}"


@st.composite
def cases(draw: st.DrawFn) -> Nasty:
    """A nasty question with what was said about it."""
    said = draw(st.lists(st.builds(Answer, st.sampled_from(["approve", "deny", "ask-back", "hand-over"]), TEXTS, reason=TEXTS, to=TEXTS), max_size=2))
    state = draw(st.sampled_from(["open", "open", "approved", "denied", "expired", "used"]))
    return Nasty(Case(draw(questions()), state, tuple(said)))
