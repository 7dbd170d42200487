"""One message, strictly read and written anew."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.mcp.wire import DEEPEST, BadMessage, dump, parse

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=12)


def message(**more: Any) -> bytes:
    """A call."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x"}, **more}).encode()


@given(st.dictionaries(st.text(max_size=8).map(lambda name: f"x-{name}"), VALUES, max_size=4))
def test_what_is_written_says_what_was_read(arguments: dict[str, Any]) -> None:
    line = message(params={"name": "x", "arguments": arguments})
    assert json.loads(dump(parse(line).body)) == json.loads(line)
    assert b"\n" not in dump(parse(line).body)
    assert dump(parse(dump(parse(line).body)).body) == dump(parse(line).body)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?", fullmatch=True))
def test_a_number_keeps_its_form(number: str) -> None:
    line = b'{"jsonrpc":"2.0","method":"m","params":{"n":[%s,{"a":%s}],"t":"\\u00e9"}}' % (number.encode(), number.encode())
    again = dump(parse(line).body)
    if "." in number or "e" in number.lower():
        assert f"[{number},".encode() in again
        assert f":{number}}}".encode() in again
    else:
        assert json.loads(again)["params"]["n"][0] == int(number)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        found = parse(data)
    except BadMessage:
        return
    assert found.body["jsonrpc"] == "2.0"


@given(VALUES)
def test_any_value_is_a_message_or_refused(value: Any) -> None:
    with pytest.raises(BadMessage):
        parse(json.dumps(value).encode())


@pytest.mark.parametrize("ident", [None, True, 1.0, 1.5, [], {}, [1]])
def test_an_id_is_a_whole_number_or_a_text(ident: object) -> None:
    with pytest.raises(BadMessage, match="'id' must be"):
        parse(message(id=ident))


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"[" + message() + b"]",
        b"\xef\xbb\xbf" + message(),
        message() + message(),
        message().decode().encode("utf-16"),
        message(jsonrpc="1.0"),
        message(method=1),
        message(method=["tools/call"]),
        message(params=[1]),
        message(params=None),
        message(result={}),
        message(extra=1),
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","id":1,"result":[]}',
        b'{"jsonrpc":"2.0","id":1,"error":"x"}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":""}}',
        b'{"jsonrpc":"2.0","id":null,"method":"x"}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":NaN}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1e999}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":{"b":1,"b":2}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"Name":"a"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"\\u004eame":"a"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"_Meta":{}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"ProgressToken":1}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"ref":{"Uri":"a"}}}',
        '{"jsonrpc":"2.0","id":1,"method":"x","param\u017f":{}}'.encode(),
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"n":' + b"9" * 500 + b"}}",
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"n":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"n":' + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1) + b"}}",
    ],
)
def test_what_two_readers_may_take_otherwise_is_refused(line: bytes) -> None:
    with pytest.raises(BadMessage):
        parse(line)


def test_arguments_may_have_any_names() -> None:
    assert parse(message(params={"name": "x", "arguments": {"Name": 1, "METHOD": 2, "name": 3}})).params["arguments"] == {
        "Name": 1,
        "METHOD": 2,
        "name": 3,
    }


def test_a_text_that_is_no_unicode_keeps_its_escape() -> None:
    assert b"\\ud800" in dump(parse(b'{"jsonrpc":"2.0","id":1,"result":{"text":"\\ud800"}}').body)


def test_a_line_has_a_longest_length() -> None:
    with pytest.raises(BadMessage, match="at most 100"):
        parse(message(params={"x": "y" * 100}), 100)
