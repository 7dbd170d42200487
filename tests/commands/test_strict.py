"""JSON that two readers could take for two things is no JSON here. Each case is one that Python's own reader lets through."""

from __future__ import annotations

import doctest
import json

import pytest

import gate.commands.strict
from gate.commands.strict import decode

ACCEPTED_BY_PYTHON = [
    (b'{"a": 1, "a": 2}', "appears twice"),
    (b'{"x": {"a": 1, "a": 2}}', "appears twice"),
    (b"NaN", "no JSON value"),
    (b"[Infinity]", "no JSON value"),
    (b"[-Infinity]", "no JSON value"),
    (b"1e999", "too large"),
    (b"1" * 401, "401 digits"),
]


def test_the_examples_of_the_docstring() -> None:
    assert doctest.testmod(gate.commands.strict).failed == 0


@pytest.mark.parametrize(("raw", "because"), ACCEPTED_BY_PYTHON)
def test_attack_what_python_lets_through(raw: bytes, because: str) -> None:
    json.loads(raw)
    with pytest.raises(ValueError, match=because):
        decode(raw)


@pytest.mark.parametrize("raw", [b"", b"{", b"{'a': 1}", b"\xff", b"\xef\xbb\xbf1", b"[" * 100_000, b'{"a": 1}x', b"\x00"])
def test_what_is_no_json(raw: bytes) -> None:
    with pytest.raises(ValueError, match="it is no JSON|no UTF-8|too deep"):
        decode(raw)


def test_what_is() -> None:
    assert decode(b' {"a": [1, 2.5, "x", null, true], "b": {}} ') == {"a": [1, 2.5, "x", None, True], "b": {}}
