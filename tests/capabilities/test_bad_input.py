"""Whatever an agent sends, a kind gives a value or a ValueError with a reason, soon, and never another exception."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities import browser, compute, email, example, files, git, http, mcp, messages, payments, python, secrets, shell, sql
from gate.constraint import Constraint
from gate.effect import Assessment
from gate.frozen import freeze
from gate.kind import Kind

TOOLS = {**files.TOOLS, **shell.TOOLS, **http.TOOLS, **browser.TOOLS, **compute.TOOLS, **example.TOOLS}
TOOLS |= {**email.TOOLS, **messages.TOOLS, **mcp.TOOLS, **secrets.TOOLS, **git.TOOLS, **sql.TOOLS, **payments.TOOLS, **python.TOOLS}
KINDS: list[Any] = [pytest.param(kind, id=f"{tool.name}.{name}") for tool in TOOLS.values() for name, kind in tool.arguments.items()]
KINDS.append(pytest.param(shell.ARGV, id="argv"))
KINDS.append(pytest.param(secrets.TEXT, id="secrets.text"))


def deep(depth: int) -> object:
    """A list in a list in a list."""
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


class Odd(str):
    """Text of a subclass that lies about itself."""

    __slots__ = ()

    def __str__(self) -> str:
        return "ls"


BAD: dict[str, object] = {
    "null": None,
    "nothing": "",
    "blank": " ",
    "integer": 5,
    "negative": -1,
    "huge": 10**400,
    "boolean": True,
    "nan": float("nan"),
    "infinity": float("inf"),
    "10 MB": "x" * 10_000_000,
    "10 MB of spaces": " " * 10_000_000,
    "10 MB of quotes": "'" * 10_000_000,
    "10 MB of slashes": "/" * 10_000_000,
    "10 MB, not ASCII": "é" * 5_000_000,
    "10 MB word": ["x" * 10_000_000],
    "many words": ["x"] * 1_000_000,
    "deep list": deep(900),
    "deep object": {"a": {"a": {"a": deep(50)}}},
    "list": ["a", 5, None],
    "empty list": [],
    "empty object": {},
    "bytes": b"ls",
    "invalid UTF-8": b"\xff\xfe",
    "surrogate": "\ud800",
    "surrogate inside": "ls \udfff x",
    "NUL": "a\0b",
    "list with NUL": ["ls", "a\0b"],
    "control": "a\x1b[2Jb",
    "object": object(),
    "function": print,
    "set": {"a"},
    "bidi": "a\u202eb",
    "zero width": "a\u200bb",
    "subclass": Odd("rm -rf /"),
    "backslashes": "\\" * 10_000,
    "nested quotes": "\"'" * 5_000,
    "brackets": "[" * 10_000,
    "percent": "https://h.example/" + "%" * 5_000,
    "labels": "https://" + "a." * 3_000 + "example/",
    "idna": "https://" + "é" * 3_000 + ".example/",
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_a_value_or_a_refusal_with_a_reason(kind: Kind, value: object) -> None:
    began = time.thread_time()
    try:
        parsed = kind.parse(value)
    except ValueError as error:
        assert 5 < len(str(error)) < 500
        assert str(error).encode("utf-8")
    else:
        freeze(parsed)
        assert isinstance(kind.assess(parsed), Assessment)
    assert time.thread_time() - began < 1.0  # the bar is 10 ms; this only catches what grows with the square


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_assessing_never_raises(kind: Kind, value: object) -> None:
    assert isinstance(kind.assess(value), Assessment)


TAKEN = {  # `rm` is granted there; a list of nobody is mail to nobody; no headers are none that is not granted
    id(BAD["subclass"]): ("argv",),
    id(BAD["empty list"]): ("addresses",),
    id(BAD["empty object"]): ("headers",),
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize(
    "constraint",
    [
        shell.programs("rm"),
        files.below("/data"),
        http.hosts("a.example"),
        http.headers("accept"),
        browser.sites("b.example"),
        example.project("OPS"),
        email.to("ann@corp.example"),
        messages.channels("slack", "#a"),
        secrets.named("x"),
        mcp.tools_of("s", ["x"]),
        git.remotes("https://h.example/*"),
        git.refs("x/*"),
        sql.allow("sqlite", select=["*"]),
        payments.at_most("50 EUR"),
    ],
    ids=lambda one: one.type,
)
def test_a_constraint_refuses_it_and_says_why(constraint: Constraint, value: Any) -> None:
    began = time.thread_time()
    assert constraint.check(value) is (constraint.type in TAKEN.get(id(value), ()))
    assert 5 < len(constraint.explain(value)) < 700
    assert time.thread_time() - began < 1.0


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    )
)
def test_any_json_like_value(value: object) -> None:
    for tool in TOOLS.values():
        for kind in tool.arguments.values():
            try:
                parsed = kind.parse(value)
            except ValueError as error:
                assert str(error)
            else:
                freeze(parsed)


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_headlines_and_previews_are_made_of_what_was_parsed_only(value: object) -> None:
    """Whatever parses is said and shown without an error, and soon."""
    for tool in (*files.TOOLS.values(), *http.TOOLS.values(), *browser.TOOLS.values()):
        for name, kind in tool.arguments.items():
            arguments = {other: GOOD[other] for other in tool.arguments if other not in tool.optional}
            try:
                arguments[name] = kind.parse(value)
            except ValueError:
                continue
            began = time.thread_time()
            assert tool.headline is not None and 3 < len(tool.headline(arguments)) < 5000
            for panel in tool.preview(arguments) if tool.preview else []:
                assert panel.lines() or panel.title
            assert time.thread_time() - began < 2.0, (tool.name, name)


GOOD: dict[str, Any] = {"path": "/nowhere/a", "source": "/nowhere/a", "target": "/nowhere/b", "url": "https://a.example/"}


def test_text_of_a_subclass_is_taken_as_the_text_it_is() -> None:
    assert shell.COMMAND.parse(Odd("echo hi")) == "echo hi"
    assert type(shell.COMMAND.parse(Odd("echo hi"))) is str
    assert type(files.READ.parse(Odd("/a"))) is str
    assert type(http.URL.parse(Odd("https://h.example/"))) is str
