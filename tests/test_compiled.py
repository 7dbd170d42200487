"""The compiled way of binding agrees with the slow one wherever it has an opinion, and neither lets anything else through."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.describe.compiled import compile_bind, compile_invoke
from gate.describe.parameter import parameter
from gate.describe.signature import schema_of
from gate.errors import BadCall
from gate.frozen import MAX_INT


def plain(a: str, b: int, c: float = 1.5, *, d: bool = False, e: Any = None) -> None: ...


def shadowing(type: str, str: int, int: float, float: bool, KeyError: Any) -> Any:  # noqa: A002
    return type, str, int, float, KeyError


def underscores(_: str, __: str, ___: str) -> tuple[str, str, str]:
    return _, __, ___


SENT = st.one_of(
    st.text(max_size=4),
    st.integers(-(2**54), 2**54),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(0, 3), max_size=2),
    st.sampled_from(["1", "-1", "1.5", "true", "nan", " 1", "１", "\ud800"]),
)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types."""
    return repr(one) == repr(other)


@given(st.lists(SENT, max_size=4), st.dictionaries(st.sampled_from("abcdef"), SENT, max_size=5))
def test_both_ways_give_the_same_or_both_refuse(args: list[Any], kwargs: dict[str, Any]) -> None:
    schema = schema_of(plain)
    try:
        slow = schema._bind_slowly(tuple(args), kwargs)
    except BadCall:
        with pytest.raises(BadCall):
            schema.bind(tuple(args), kwargs)
        return
    quick = schema.bind(tuple(args), kwargs)
    assert same(sorted(quick[0].items(), key=lambda item: item[0]), sorted(slow[0].items(), key=lambda item: item[0]))
    assert quick[1] == slow[1]


@pytest.mark.parametrize("function", [plain, underscores, shadowing], ids=lambda function: function.__name__)
def test_ordinary_tools_have_the_quick_way(function: Callable[..., Any]) -> None:
    assert schema_of(function).quick is not None
    assert schema_of(function).invoke is not None


class Posing:
    """Not text, whatever it is asked."""

    def __call__(self, _: object) -> type:
        return str

    def isascii(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def test_parameters_with_the_names_of_what_checks_them() -> None:
    """The naive text `type(type) is str` asks the argument what it is."""
    schema = schema_of(shadowing)
    good = {"type": "a", "str": 1, "int": 1.5, "float": True, "KeyError": [1]}
    assert schema.quick is not None
    assert schema.quick(**good) == {**good, "KeyError": (1,)}, "and the quick way works for them"
    for name in good:
        with pytest.raises(BadCall, match=f"'{name}'"):
            schema.bind((), {**good, name: Posing()})
    with pytest.raises(BadCall, match="missing"):
        schema.bind((), {"type": "a"})


def test_names_made_of_underscores_do_not_meet_the_compilers_own() -> None:
    schema = schema_of(underscores)
    assert schema.bind(("a", "b"), {"___": "c"})[0] == {"_": "a", "__": "b", "___": "c"}
    assert schema.invoke is not None
    assert schema.invoke(underscores, {"_": "a", "__": "b", "___": "c"}) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, MAX_INT + 1),
        (int, -MAX_INT - 1),
        (int, True),
        (float, math.nan),
        (float, math.inf),
        (float, True),
        (str, b"x"),
        (bool, 1),
        (bool, "true"),
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_never_let_through_in_place(annotation: Any, value: Any) -> None:
    bind = compile_bind({"x": parameter("x", annotation)}, ("x",))
    with pytest.raises(ValueError):
        bind(value)


@pytest.mark.parametrize(("annotation", "value"), [(int, MAX_INT), (int, -MAX_INT), (float, -0.0), (str, ""), (str, "ä"), (bool, False)], ids=str)
def test_what_is_in_bounds_is_the_value_itself(annotation: Any, value: Any) -> None:
    assert same(compile_bind({"x": parameter("x", annotation)}, ("x",))(value), {"x": value})


def test_named_only_parameters_are_not_taken_by_position() -> None:
    bind = compile_bind({"a": parameter("a", str), "b": parameter("b", str)}, ("a",))
    with pytest.raises(TypeError):
        bind("x", "y")
    assert bind("x", b="y") == {"a": "x", "b": "y"}


def test_the_tool_is_called_as_it_wants_to_be() -> None:
    def tool(a: str, *, b: list[int]) -> tuple[str, list[int]]:
        return a, b

    parameters = {"a": parameter("a", str), "b": parameter("b", list[int])}
    frozen = {"a": "x", "b": (1, 2)}
    made = compile_invoke(parameters, ("a",))
    assert made(tool, frozen) == ("x", [1, 2])
    assert made(tool, frozen)[1] is not made(tool, frozen)[1]
