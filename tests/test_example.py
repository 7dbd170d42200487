"""Examples of calls as people write them beside a rule."""

from __future__ import annotations

import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.policy.example
from gate.policy.example import minutes, moment, parse_example
from tests.strategies import VALUES


def test_the_examples_of_the_module_hold() -> None:
    result = doctest.testmod(gate.policy.example)
    assert result.attempted and not result.failed


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_.-]{0,5}", fullmatch=True), VALUES, max_size=4))
def test_json_values_come_out_as_they_went_in(arguments: dict[str, object]) -> None:
    text = "  ".join(["tool", *[f"{name}={json.dumps(value)}" for name, value in arguments.items()]])
    found = parse_example(text)
    assert found.tool == "tool" and json.dumps(found.arguments) == json.dumps(arguments)


@given(st.text(max_size=30))
def test_any_text_is_a_call_or_refused(text: str) -> None:
    try:
        assert parse_example(text).tool
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("5", 5),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("git", "git"),
        ("a=b", "a=b"),
        ("NaN", "NaN"),
        ("01", "01"),
        ("5kg", "5kg"),
        ("/etc/x", "/etc/x"),
    ],
)
def test_bare_words(word: str, value: object) -> None:
    found = parse_example(f"t a={word}").arguments["a"]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the name of a tool is expected at the end"),
        ("@agent=a", "the name of a tool is expected at the end"),
        ("a=5 t", "the tool comes first"),
        ("t 'x y'", "the name of an argument is expected at"),
        ("t a", "'a' needs a value: a=…"),
        ("t a=", "a value is expected at the end"),
        ("t a='x y'", "a value is expected at"),
        ('t a="x', "is no JSON value: unterminated string"),
        ('t a="x"b=5', "a space is expected before"),
        ('t a=it"s', "a space is expected before"),
        ('t a={"x": 1, "x": 2}', "is no JSON value: a member is given twice"),
        ("t a=[NaN]", "is no JSON value: nan is no json value"),
        ("t a=" + "[" * 99999, "nested too deep"),
        ("@who=a t", "there is no option '@who'; the options are @agent and @time"),
        ("@agent=a @agent=b t", "'@agent' is given twice"),
        ("@time=25:00 t", "'25:00' is no time such as 22:30"),
        ("@time=2027-01-01T10:00 t", "needs an offset"),
        ("@time=noon t", "is no time"),
    ],
)
def test_what_is_no_call(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_example(text)
    assert said in str(caught.value)


def test_options_are_text_whatever_they_look_like() -> None:
    found = parse_example('@agent=007 @time="08:30" t')
    assert (found.agent, found.time) == ("007", "08:30")


def test_times() -> None:
    assert minutes("08:30") == 510 and moment("08:30") is None
    assert moment("1970-01-01T02:00:00+01:00") == 3600.0 == moment("1970-01-01T01:00:00Z")
    with pytest.raises(ValueError, match="no time of day"):
        minutes("8:30")
