"""What people type as a grant means exactly that, and can be shown and typed again."""

from __future__ import annotations

import doctest
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.commands.typed
import gate.commands.words
from gate.capability import Grant, Limits
from gate.commands.typed import parse_costs, parse_limits, parse_rate, parse_tool, parse_tools
from gate.commands.words import constraint_words, limit_words, tool_words
from gate.constraint import ANY, AllOf, Entry, Exact, NotOneOf, OneOf, Range


def test_the_examples_of_the_docstrings() -> None:
    assert doctest.testmod(gate.commands.typed).failed == 0
    assert doctest.testmod(gate.commands.words).failed == 0


@pytest.mark.parametrize("text", ["mem/read_graph ()", "mem/read_graph()", " mem/read_graph  () "])
def test_no_arguments_are_typed_as_in_a_call(text: str) -> None:
    tool, arguments = parse_tool(text)
    assert (tool, arguments) == ("mem/read_graph", ())
    grant = Grant.of(tool, arguments)
    assert tool_words(tool, grant.arguments) == "mem/read_graph ()"
    assert grant.covers({}, frozenset())
    assert not grant.covers({"x": 1}, frozenset())


def constraint(text: str) -> object:
    """The constraint that is typed after `a=`."""
    tool, arguments = parse_tool(f"tool a={text}")
    assert tool == "tool"
    assert isinstance(arguments, dict)
    return arguments["a"].constraint


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("*", ANY),
        ('"*"', Exact("*")),
        ("out/notes.md", Exact("out/notes.md")),
        ("../up", Exact("../up")),
        ("..", Exact("..")),
        ("7", Exact(7)),
        ('"7"', Exact("7")),
        ("1.5", Exact(1.5)),
        ("true", Exact(value=True)),
        ('"true"', Exact("true")),
        ("null", Exact(None)),
        ("NaN", Exact("NaN")),
        ('"two words"', Exact("two words")),
        ("GET|HEAD", OneOf(["GET", "HEAD"])),
        ('1|"a b"|null', OneOf([1, "a b", None])),
        ('["GET","HEAD"]', OneOf(["GET", "HEAD"])),
        ("1..100", Range(min=1, max=100)),
        ("-1.5..", Range(min=-1.5)),
        ("..100", Range(max=100)),
        ('"1..100"', Exact("1..100")),
        ("1..5b", Exact("1..5b")),
        ('{"constraint_type":"not_one_of","excluded":["x"]}', NotOneOf(["x"])),
    ],
)
def test_what_each_form_means(text: str, meant: object) -> None:
    assert constraint(text) == meant


def test_kinds_are_typed_as_in_python() -> None:
    from capabilities import files, http, shell

    assert constraint("files.below(out)") == files.below("out")
    assert constraint('files.below("out", "in")') == files.below("out", "in")
    assert constraint('shell.programs("git log",ls)') == shell.programs("git log", "ls")
    assert constraint('http.hosts(api.example.com, methods="GET")') == http.hosts("api.example.com", methods="GET")


def test_optional_arguments_and_any_arguments() -> None:
    assert parse_tool("t a?=1..2 *=*")[1] == {"a": Entry(Range(min=1, max=2), optional=True), "*": Entry(ANY)}
    assert parse_tool("t *") == ("t", ANY)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("save", "say which arguments"),
        ("", "does not begin with the name"),
        ("save b", "an argument such as"),
        ("save b=", "a value is expected"),
        ("save b=c d", "an argument such as"),
        ("save b=1 b=2", "typed twice"),
        ('save b="a"c', "an argument such as"),
        ('save b="a', "no JSON value"),
        ("save b=[1,2", "no JSON value"),
        ('save b={"a":1,"a":2}', "no JSON value|appears twice"),
        ("save b=|", "a value is expected"),
        ("save b=1|", "a value is expected"),
        ("save b=nobody.knows(1)", "no kind 'nobody'"),
        ("save b=files.nope(1)", "has no constraint 'nope'"),
        ("save b=files.tools(out)", "has no constraint 'tools'"),
        ("save b=files._below(out)", "has no constraint"),
        ("save b=files.below(out", "a value is expected"),
        ("save b=files.below(out,root=1)", "unexpected keyword"),
        ("save b='single quotes'", "double quotes"),
        ('save b={"constraint_type":"range","mxa":1}', "mxa"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, because: str) -> None:
    with pytest.raises(ValueError, match=because):
        parse_tool(text)


def test_a_tool_typed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="typed twice"):
        parse_tools(["save a=1", "save b=2"])


texts = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False), texts)
constraints = st.one_of(
    st.just(ANY),
    st.builds(Exact, scalars),
    st.builds(OneOf, st.lists(scalars, min_size=2, max_size=4)),
    st.builds(lambda low, span: Range(min=low, max=low + span), st.integers(-1000, 1000), st.integers(0, 1000)),
    st.builds(lambda low: Range(min=low, min_inclusive=False), st.integers(-1000, 1000)),
    st.builds(lambda a, b: AllOf([Exact(a), Exact(b)]), texts, texts),
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


@given(tool=names, arguments=st.dictionaries(names, st.builds(Entry, constraints, st.booleans()), min_size=1, max_size=4))
def test_law_what_is_shown_can_be_typed_again_and_means_the_same(tool: str, arguments: dict[str, Entry]) -> None:
    assert parse_tool(tool_words(tool, arguments)) == (tool, arguments)


@given(text=st.text(max_size=40))
def test_law_no_text_breaks_the_reader(text: str) -> None:
    try:
        parse_tool(f"t {text}")
    except ValueError:
        return


@pytest.mark.parametrize("value", ["a\x1b[2Jb", "a\u202eb", "a\u200bb", "a\nb"])
def test_attack_shown_constraints_cannot_steer_the_terminal(value: str) -> None:
    assert constraint_words(Exact(value)).isprintable()


def test_limits_of_one_tool() -> None:
    limits = parse_limits(["save calls=10 rate=5/60 wall=30 cost.usd=1.50"])["save"]
    assert limits == Limits(10, (5, 60), 30.0, {"usd": Decimal("1.50")})
    assert limit_words(limits) == "calls=10 rate=5/60 wall=30 cost.usd=1.50"


@pytest.mark.parametrize(
    "text", ["save", "save calls=", "save calls=x", "save calls=1 calls=2", "save clals=1", "save calls=-1", "save cost.usd=lots", "save rate=5"]
)
def test_limits_that_are_not_understood_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the limits of 'save'|limits 'save'|no rate"):
        parse_limits([text])


def test_rates_and_costs() -> None:
    assert parse_rate("10/60") == (10, 60)
    assert parse_costs(["usd=1.50", "gpu=3"]) == {"usd": "1.50", "gpu": "3"}
    for wrong in ("10", "10/x", "/60", "1/2/3"):
        with pytest.raises(ValueError, match="no rate"):
            parse_rate(wrong)
    for costs in (["usd"], ["usd=1", "usd=2"]):
        with pytest.raises(ValueError, match="no cost"):
            parse_costs(costs)
