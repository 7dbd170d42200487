"""Every channel shows the same facts, in the same order, and nothing in them steers a reader's screen: proved for each in `RENDERERS`."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from gate.answer import Case
from gate.approvers.document import facts
from gate.approvers.example import QUESTION
from tests.approvers.kit import Nasty, case, cases
from tests.approvers.renderers import RENDERERS, Rendered

SLOW = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ORDER = ("headline", "call", "why", "words")


def squeezed(text: str) -> str:
    """Without what a channel adds to lay text out: white space and the bars before lines."""
    return re.sub(r"[\s│┊]+", "", text)


def missing(rendered: Rendered) -> list[str]:
    """The facts that are not there, or not in their order."""
    read, at, lost = squeezed(rendered.read), 0, []
    for fact in map(squeezed, (fact for fact in facts(rendered.document) if fact not in rendered.implied)):
        found = read.find(fact, at if rendered.ordered else 0)
        if found < 0:
            lost.append(fact)
        else:
            at = found + len(fact)
    return lost


@pytest.mark.parametrize("name", RENDERERS)
@SLOW
@example(Nasty(Case(QUESTION, "open")))
@example(Nasty(case({"body": "x" * 10_000_000}, words="trust me\n" * 3_000)))
@example(Nasty(case({}, headline="\uff52\uff4d", tool="", agent="\u202e")))
@example(Nasty(case({}, tool="x" * 100_000)))
@given(one=cases())
def test_every_channel_shows_every_fact_in_order_or_takes_no_yes_and_says_so(name: str, one: Nasty) -> None:
    rendered = RENDERERS[name](one.case)
    if lost := missing(rendered):
        assert not rendered.approve
        assert rendered.partial, lost
    if rendered.document.cut:
        assert rendered.partial
        assert rendered.markup or not rendered.approve, "only a page can link to the whole"
    steering_nothing(rendered)


def steering_nothing(rendered: Rendered) -> None:
    """No character of the call reaches a reader's screen as anything but a letter."""
    assert not {c for c in set(rendered.raw) | set(rendered.read) if not c.isprintable() and c != "\n"}
    if rendered.markup:
        Elements().feed(rendered.raw)


class Elements(HTMLParser):
    """Reads HTML as a browser does, and lets nothing pass that could act or fetch."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "img", "iframe", "object", "embed", "svg", "math", "style", "base", "meta", "link"}, tag
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            assert name not in {"href", "src", "action", "formaction"} or re.match(r"/(?!/)", value or ""), (tag, name, value)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


@pytest.mark.parametrize("name", RENDERERS)
def test_the_headline_comes_before_the_call_the_reasons_and_last_the_agents_words(name: str) -> None:
    marks = {"headline": "HEADLINE", "call": "ARGUMENT", "why": "REASON", "words": "WORDS"}
    one = case({"path": "ARGUMENT"}, headline="HEADLINE", reasons=("REASON",), words="WORDS")
    read = RENDERERS[name](one).read
    places = [read.index(marks[section]) for section in ORDER]
    assert places == sorted(places)
    assert read.index("not checked") < places[-1]
