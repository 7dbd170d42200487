"""Law "one value": what is frozen cannot change, and nothing that JSON would change gets in."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gate.frozen import MAX_DEPTH, MAX_INT, freeze, number, thaw
from tests.kit import label

DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(DATA)
def test_thawing_gives_back_what_was_frozen(value: object) -> None:
    assert thaw(freeze(value)) == value


@given(DATA)
def test_every_frozen_value_can_be_canonicalised(value: object) -> None:
    assert json.loads(rfc8785.dumps(thaw(freeze(value))), parse_int=float) == value  # type: ignore[arg-type]  # plain data


def test_changing_the_source_changes_nothing() -> None:
    source = {"to": ["a"], "deep": {"x": [1]}}
    frozen = freeze(source)
    source["to"].append("b")  # type: ignore[attr-defined]  # a list
    source["deep"]["x"].append(2)  # type: ignore[call-overload]  # as above
    assert thaw(frozen) == {"to": ["a"], "deep": {"x": [1]}}


def test_a_frozen_value_cannot_be_changed() -> None:
    frozen = freeze({"a": {"b": [1]}})
    assert isinstance(frozen, MappingProxyType)
    with pytest.raises(TypeError):
        frozen["a"] = 1  # type: ignore[index]  # that is the point
    with pytest.raises(TypeError):
        frozen["a"]["b"][0] = 2  # type: ignore[index]  # as above


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**53,
        -(2**53),
        10**400,
        "\ud800",
        {"\udfff": 1},
        {1: 2},
        {None: 2},
        b"bytes",
        {1, 2},
        object(),
        [object()],
        1j,
        range(3),
    ],
    ids=label,
)
def test_what_json_would_change_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        freeze(value)


def test_nesting_is_limited() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(ValueError, match="nested deeper"):
        freeze(value)


def test_a_structure_that_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested deeper"):
        freeze(loop)


def test_booleans_are_no_numbers() -> None:
    with pytest.raises(ValueError, match="boolean"):
        number(True)
    assert freeze(True) is True


def test_subclasses_become_plain() -> None:
    class Text(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "something else"

    class Number(int):
        pass

    frozen = freeze(OrderedDict(t=Text("real"), n=Number(3)))
    assert thaw(frozen) == {"t": "real", "n": 3}
    assert isinstance(frozen, MappingProxyType)
    assert type(frozen["t"]) is str
    assert type(frozen["n"]) is int
