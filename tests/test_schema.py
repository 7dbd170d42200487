"""Binding and coercion: the holes of peers where a value is checked as one thing and run as another."""

from __future__ import annotations

import dataclasses
import datetime
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, field_validator

from gate.describe.schema import Schema, of_kind_tool
from gate.describe.signature import schema_of
from gate.effect import Assessment, Risk, declared
from gate.errors import BadCall, ConfigError
from gate.frozen import thaw
from gate.kind import KindTool


def bound(function: Callable[..., Any], *args: object, **kwargs: object) -> dict[str, object]:
    """The arguments of a call as plain data."""
    return {name: thaw(value) for name, value in schema_of(function).bind(args, kwargs)[0].items()}


def refused(function: Callable[..., Any], *args: object, **kwargs: object) -> str:
    """Why a call is none."""
    with pytest.raises(BadCall) as caught:
        schema_of(function).bind(args, kwargs)
    return "; ".join(caught.value.reasons)


def pay(to: str, amount: int, note: str = "-") -> None: ...


def test_positional_arguments_get_their_names() -> None:
    assert bound(pay, "bob", 5) == bound(pay, "bob", amount=5) == bound(pay, to="bob", amount=5) == {"to": "bob", "amount": 5, "note": "-"}


def test_what_was_left_out_is_told_apart() -> None:
    assert schema_of(pay).bind(("bob", 5), {})[1] == {"note"}
    assert schema_of(pay).bind(("bob", 5, "-"), {})[1] == frozenset()


@pytest.mark.parametrize(
    ("args", "kwargs", "reason"),
    [
        ((), {}, "'to' is missing; argument 'amount' is missing"),
        (("bob",), {"to": "eve", "amount": 1}, "'to' is given twice"),
        (("bob", 1, "n", "more"), {}, "4 positional arguments"),
        (("bob", 1), {"extra": 1}, "unknown argument 'extra'"),
        (("bob", 1), {"nоte": "cyrillic"}, r"unknown argument 'n\u043ete'"),
        (("bob", 1), {"note\u200b": "invisible"}, r"unknown argument 'note\u200b'"),
        (("bob", True), {}, "boolean is not a number"),
        (("bob", 10**400), {}, "2^53"),
        (("bob", 2**53), {}, "2^53"),
        (("bob", math.nan), {}, "must be a whole number"),
        (("bob", 5.5), {}, "must be a whole number"),
        (("bob", "abc"), {}, "must be a whole number"),
        (("bob", "٥"), {}, "must be a whole number"),
        (("bob", "1_000"), {}, "must be a whole number"),
        (("bob", [500]), {}, "must be a whole number"),
        (("bob", {"value": 5}), {}, "must be a whole number"),
        (("bob", None), {}, "not null"),
        ((None, 5), {}, "not null"),
        ((b"bob", 5), {}, "must be text"),
        (("\ud800", 5), {}, "surrogate"),
    ],
    ids=str,
)
def test_what_is_no_call_is_refused_with_every_reason(args: tuple[object, ...], kwargs: dict[str, object], reason: str) -> None:
    assert reason in refused(pay, *args, **kwargs)


def test_numbers_as_text_are_coerced_before_they_are_checked() -> None:
    assert bound(pay, "bob", "500")["amount"] == 500
    assert bound(pay, "bob", 500.0)["amount"] == 500
    assert type(schema_of(pay).bind(("bob", 500.0), {})[0]["amount"]) is int


@pytest.mark.parametrize("value", [math.nan, math.inf, "nan", "inf", "-Infinity", True, None, "1_0", " 1", "１", 10**400, "1e999"], ids=repr)
def test_what_is_no_real_number(value: object) -> None:
    def f(x: float) -> None: ...

    assert "argument 'x'" in refused(f, value)


def test_a_flag_is_only_true_or_false() -> None:
    def f(x: bool) -> None: ...

    assert bound(f, True) == {"x": True}
    for value in (1, 0, "true", "yes", None):
        assert "true or false" in refused(f, value)


def test_null_is_taken_where_the_author_says_so() -> None:
    def f(a: str | None, b: int = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013  # common in tools in the wild

    assert bound(f, None) == {"a": None, "b": None}
    assert bound(f, None, None) == {"a": None, "b": None}


class Item(BaseModel):
    name: str
    count: int = Field(ge=0)
    tags: list[str] = []


class Colour(Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: int


def rich(
    item: Item, when: datetime.datetime, where: Path, amounts: list[Decimal], colour: Colour, point: Point, mode: Literal["a", "b"] = "a"
) -> None: ...


RICH: dict[str, object] = {
    "item": {"name": "n", "count": 1},
    "when": "2026-01-02T03:04:05Z",
    "where": "/tmp/x",
    "amounts": ["1.10"],
    "colour": "red",
    "point": {"x": 1, "y": 2},
}


def test_rich_types_are_carried_as_data_and_made_again_for_the_tool() -> None:
    schema = schema_of(rich)
    made = schema.bind((), RICH)[0]
    assert thaw(made["item"]) == {"name": "n", "count": 1, "tags": []}
    _, kwargs = schema.load(made)
    assert kwargs["item"] == Item(name="n", count=1)
    assert kwargs["when"] == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert kwargs["where"] == Path("/tmp/x")
    assert kwargs["amounts"] == [Decimal("1.10")]
    assert kwargs["colour"] is Colour.RED
    assert kwargs["point"] == Point(1, 2)


def test_the_tool_never_gets_the_callers_objects() -> None:
    schema, item = schema_of(rich), Item(name="n", count=1)
    made = schema.bind((), {**RICH, "item": item})[0]
    item.name = "changed"
    first, second = schema.load(made)[1], schema.load(made)[1]
    assert first["item"].name == "n"  # type: ignore[attr-defined]  # an Item
    assert first["item"] is not second["item"]
    assert first["amounts"] is not second["amounts"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("item", {"name": "n", "count": True}),
        ("item", {"name": "n", "count": -1}),
        ("amounts", ["NaN"]),
        ("point", {"x": True, "y": 1}),
        ("colour", "blue"),
        ("mode", "c"),
    ],
)
def test_rich_types_are_validated(name: str, value: object) -> None:
    assert f"argument '{name}'" in refused(rich, **{**RICH, name: value})


def test_a_value_that_changes_when_it_is_carried_is_refused() -> None:
    class Counted(BaseModel):
        n: str

        @field_validator("n")
        @classmethod
        def longer(cls, value: str) -> str:
            return value + "!"

    class Unique(BaseModel):
        id: uuid.UUID = Field(default_factory=uuid.uuid4)
        n: int = 0

    def f(x: Counted) -> None: ...
    def g(x: SecretStr) -> None: ...
    def h(x: Unique) -> None: ...

    for function, value in ((f, {"n": "a"}), (g, "s3cret")):
        schema = schema_of(function, **{"kinds": {}})
        with pytest.raises(BadCall, match="changes when it is carried"):
            schema.bind((value,), {})
    made = schema_of(h).bind(({},), {})[0]["x"]  # the default is made once, then carried
    assert schema_of(h).load({"x": made})[1]["x"].model_dump(mode="json") == thaw(made)  # type: ignore[attr-defined]  # a Unique


def test_a_callable_without_annotations_takes_plain_data() -> None:
    def f(a, b=2):  # type: ignore[no-untyped-def]
        return a, b

    assert bound(f, [1, {"x": None}]) == {"a": [1, {"x": None}], "b": 2}
    assert "not plain data" in refused(f, object())
    assert "not a finite number" in refused(f, math.nan)


def test_var_arguments_are_named_too() -> None:
    def f(a: int, *rest: str, **extra: int) -> None: ...

    assert bound(f, 1, "x", "y", k=3) == {"a": 1, "rest": ["x", "y"], "k": 3}
    schema = schema_of(f)
    args, kwargs = schema.load(schema.bind((1, "x", "y"), {"k": 3})[0])
    assert (args, kwargs) == ((1, "x", "y"), {"k": 3})
    assert "argument 'k'" in refused(f, 1, k=True)
    assert "unknown argument" in refused(f, 1, **{"not a name": 1})


def test_positional_only_arguments_can_be_named_by_an_agent() -> None:
    def f(a: int, /, b: int) -> tuple[int, int]:
        return a, b

    schema = schema_of(f)
    args, kwargs = schema.load(schema.bind((), {"b": 2, "a": 1})[0])
    assert f(*args, **kwargs) == (1, 2)


def test_a_type_that_cannot_be_described_is_an_error_at_once() -> None:
    class Client: ...

    def f(client: Client, url: str) -> None: ...

    with pytest.raises(ConfigError, match="argument 'client'.*inject"):
        schema_of(f)
    assert set(schema_of(f, inject=frozenset({"client"})).parameters) == {"url"}


class Even:
    name = "even"

    def parse(self, value: object) -> object:
        if not isinstance(value, int):
            raise TypeError("a crash, not a refusal")
        if value % 2:
            raise ValueError("odd")
        return value

    def assess(self, value: object) -> Assessment:
        return Assessment(frozenset({"reads"}), Risk.HIGH if value == 4 else Risk.LOW, (f"reads {value}",))


def test_a_kind_parses_and_assesses() -> None:
    def f(x: Annotated[int, Even()]) -> None: ...

    schema = schema_of(f)
    assert schema.assess(schema.bind((4,), {})[0]).risk is Risk.HIGH
    assert schema.assess(schema.bind((2,), {})[0]).reasons == ("reads 2",)
    with pytest.raises(BadCall, match="odd"):
        schema.bind((3,), {})
    with pytest.raises(BadCall, match=r"could not be parsed \(TypeError\)"):
        schema.bind(("x",), {})


def test_a_kind_tool_describes_calls_without_the_tool() -> None:
    schema = of_kind_tool(KindTool("t", {"x": Even(), "y": Even()}, frozenset({"y"})))
    assert dict(schema.bind((), {"x": 2})[0]) == {"x": 2, "y": None}
    assert schema.bind((), {"x": 2})[1] == {"y"}
    assert isinstance(schema, Schema)


@given(
    st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.text() | st.floats() | st.booleans() | st.lists(st.integers()), max_size=4)
)
def test_whatever_is_sent_is_bound_or_refused(kwargs: dict[str, Any]) -> None:
    try:
        made = schema_of(pay).bind((), kwargs)
    except BadCall as refusal:
        assert refusal.reasons
    else:
        assert set(made[0]) == {"to", "amount", "note"}
        assert type(made[0]["amount"]) is int


def test_declared_effects_do_not_stand_in_for_what_the_kind_says() -> None:
    """The hole: a tool that declares `reads` and takes a command would have been a pure read whatever the command."""

    def f(x: Annotated[int, Even()]) -> None: ...

    schema = schema_of(f, assessment=declared("reads"))
    assert schema.assessment is None
    assert schema.assess(schema.bind((4,), {})[0]).risk is Risk.HIGH
    assert schema.assess(schema.bind((2,), {})[0]).reasons == ("declared: reads", "reads 2")


def test_what_can_be_read_only_once_is_refused() -> None:
    """A call is bound twice where the short way does not take it: the second time nothing was left, and the tool ran with that."""

    def remove(names: list[str], groups: list[list[str]] = [], keep: str = "") -> None:  # noqa: B006  # never changed
        raise AssertionError

    for names in (iter(["a"]), (each for each in ["a"]), map(str, [1]), zip("a", "b", strict=True)):
        with pytest.raises(BadCall, match="only once"):
            bound(remove, names)
    with pytest.raises(BadCall, match="only once"):
        bound(remove, ["a"], [iter(["b"])])
    assert bound(remove, ("a",), [["b"]]) == {"names": ["a"], "groups": [["b"]], "keep": ""}
