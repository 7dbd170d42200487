"""Names of tools: what is none, which two are one to a reader, and that what nobody can see is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import ANY, BadCall, ConfigError, Gate, RulesError
from gate.capability import Grant
from gate.names import NAME, check_name, looks_like, odd_characters, skeleton, unknown_name
from gate.rules import parse


@pytest.mark.parametrize("name", ["a", "_", "shell.run", "mcp__server__tool", "a/b:c-d", "x" * 128, "A9"])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("", "no tool name"),
        ("9a", "no tool name"),
        (".a", "no tool name"),
        ("a b", "no tool name"),
        ("a\n", "no tool name"),
        ("x" * 129, "at most 128"),
        ("pаy", "CYRILLIC SMALL LETTER A"),
        ("pay\u200b", "ZERO WIDTH SPACE"),
        ("\u202epay", "RIGHT-TO-LEFT OVERRIDE"),
        ("pay\ue000", "U\\+E000"),
        (None, "no tool name"),
        (5, "no tool name"),
        (b"pay", "no tool name"),
    ],
    ids=ascii,
)
def test_no_names(name: Any, because: str) -> None:
    with pytest.raises(ConfigError, match=because) as caught:
        check_name(name)
    assert str(caught.value).replace("…", "").isascii()


@given(st.text())
def test_a_name_is_plain_ascii_or_none_at_all(name: str) -> None:
    try:
        assert check_name(name).isascii()
    except ConfigError:
        assert not NAME.fullmatch(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pаy", "there is no tool 'p\\u0430y' (it holds U+0430 CYRILLIC SMALL LETTER A)"),
        ("PAY", "there is no tool 'PAY' ('pay' is another name)"),
        ("pay ", "there is no tool 'pay ' ('pay' is another name)"),
        ("nothing", "there is no tool 'nothing'"),
        (None, "there is no tool None"),
        ("x" * 1000, f"there is no tool '{'x' * 119}… (1002 characters)"),
    ],
    ids=ascii,
)
def test_why_a_name_is_refused(name: Any, said: str) -> None:
    assert unknown_name(name, ["pay"]) == said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pay", "PAY"),
        ("files.read", "files_read"),
        ("files.read", "files-read"),
        ("files.read", "files/read"),
        ("files.read", "files__read"),
        ("mcp__git__log", "mcp.git.log"),
        ("list_l", "list_1"),
        ("list_l", "list_I"),
        ("go", "g0"),
        ("learn", "leam"),
        ("wave", "vvave"),
    ],
)
def test_two_names_that_a_reader_takes_for_one(gate: Gate, one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)
    gate.wrap(lambda x: x, name=one)
    with pytest.raises(ConfigError, match=f"a reader may take '{other}' for the tool '{one}'"):
        gate.wrap(lambda x: x, name=other)
    assert gate.tools == (one,)


@pytest.mark.parametrize(("one", "other"), [("pay", "play"), ("get_item", "get_items"), ("a.b", "ab"), ("read", "write"), ("tool_2", "tool_3")])
def test_names_that_differ(gate: Gate, one: str, other: str) -> None:
    for name in (one, other):
        gate.wrap(lambda x: x, name=name)
    assert looks_like(one, [one, other]) == ""


def test_what_an_agent_calls_by_a_look_alike_is_refused_and_named(gate: Gate) -> None:
    gate.wrap(lambda x: x, name="files.read")
    with gate.acting(gate.grant("a", tools={"files.read": ANY})):
        for name, said in (
            ("files.re\u0430d", "U\\+0430 CYRILLIC SMALL LETTER A"),
            ("files.read\u200b", "U\\+200B ZERO WIDTH SPACE"),
            ("\uff46iles.read", "U\\+FF46 FULLWIDTH LATIN SMALL LETTER F"),
            ("files.read\x00", "U\\+0000"),
            ("files_read", "'files.read' is another name"),
            ("fi1es.read", "'files.read' is another name"),
        ):
            with pytest.raises(BadCall, match=said):
                gate.call(name, {"x": 1})


@pytest.mark.parametrize("name", ["p\u0430y", "pay\u200b", "\u202epay", "pay\n", "pa\u00ady", "pay\U000e0061"])
def test_a_rule_or_grant_with_such_a_name_is_refused_when_it_is_loaded(gate: Gate, name: str) -> None:
    with pytest.raises(ValueError, match=r"names no tool: it holds U\+[0-9A-F]{4}"):
        Grant.of(name, ANY)
    with pytest.raises((ConfigError, ValueError), match=r"holds U\+"):
        gate.grant("a", tools={name: ANY})
    written = "".join(f"\\U{ord(c):08x}" for c in name)
    with pytest.raises(RulesError, match=r"holds U\+"):
        parse(f'[[rule]]\nid = "a"\ndeny = {{ tool = "{written}" }}\n'.encode())


def test_characters_are_named_few_and_once() -> None:
    assert odd_characters("plain") == ""
    assert odd_characters("\u200b" * 9 + "\x07\u0430\u0435") == "U+200B ZERO WIDTH SPACE, U+0007, U+0430 CYRILLIC SMALL LETTER A"
    assert len(odd_characters("\u0430" * 10_000_000)) < 100
