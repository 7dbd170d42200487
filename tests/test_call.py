"""The call: its canonical bytes, its digest, its id."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gate.call import NOBODY, Call, canonical, next_serial
from gate.effect import UNDECLARED
from gate.frozen import MAX_INT
from tests.kit import label

ANY_TEXT = st.text(st.characters(codec="utf-8")) | st.text('\x00\x01\x08\t\n\x0b\x0c\r\x1f "\\/\x7f\x80\u2028\u2029é\ufffd😀', max_size=6)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(DATA)
def test_the_canonical_bytes_are_those_of_rfc8785(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # plain data


@pytest.mark.parametrize("code", range(0x100))
def test_every_low_character_is_escaped_as_the_standard_says(code: int) -> None:
    text = f"a{chr(code)}b"
    assert canonical({text: text}) == rfc8785.dumps({text: text})


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), 10**400, float("nan"), float("inf"), b"x", {1: 2}, {"a": {1}}, "\ud800", ["\udfff"], {"\ud800": 1}, object()],
    ids=label,
)
def test_what_the_standard_cannot_carry_is_an_error(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical(value)


def test_subclasses_do_not_take_the_short_way() -> None:
    class Sly(str):
        __slots__ = ()

    assert canonical({"a": Sly("x")}) == b'{"a":"x"}'
    assert canonical(True) == b"true"


def _call(**arguments: object) -> Call:
    return Call("pay", MappingProxyType(arguments), frozenset(), NOBODY, UNDECLARED, next_serial())  # type: ignore[arg-type]  # plain values


def test_the_digest_can_be_recomputed_by_anyone() -> None:
    call = _call(to="bob", amount=5, note="é")
    expected = json.dumps({"arguments": {"amount": 5, "note": "é", "to": "bob"}, "tool": "pay"}, ensure_ascii=False, separators=(",", ":")).encode()
    assert call.digest() == urlsafe_b64encode(hashlib.sha256(expected).digest()).rstrip(b"=").decode()


def test_other_arguments_or_another_tool_have_another_digest() -> None:
    digests = {_call(a=1).digest(), _call(a="1").digest(), _call(a=True).digest(), _call(a=None).digest(), _call(b=1).digest(), _call().digest()}
    assert len(digests) == 6
    assert _call(a=1)._replace(tool="Pay").digest() not in digests


def test_ids_are_unique_also_after_a_fork() -> None:
    mine = {_call().id for _ in range(100)}
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, "\n".join(_call().id for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as file:
        theirs = set(file.read().split())
    assert len(mine | theirs) == 200


def test_a_call_keeps_its_id_in_every_child() -> None:
    """It had another id there, so a child's outcome was that of a call which nobody knew."""
    call = _call()
    first = call.id
    child = os.fork()
    if child == 0:
        later = _call()
        second = later.id
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if (call.id, later.id) == (first, second) else 1)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) or (0 if call.id == first else 1))
    assert os.waitpid(child, 0)[1] == 0
    assert call.id == first


def test_a_call_made_elsewhere_keeps_its_id() -> None:
    assert _call()._replace(serial="there.7").id == "there.7"
