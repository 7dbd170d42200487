"""What a function says about itself: its parameters, where its values come from, and how it runs."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, NamedTuple

import pytest

from gate import Assessment, Risk
from gate.describe.parameter import MISSING
from gate.describe.signature import flavour_of, has_receiver, schema_of
from gate.errors import BadCall, ConfigError
from tests.kit import label


class Path:
    """A kind."""

    name = "path"

    def parse(self, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("must be a path")
        return value.rstrip("/")

    def assess(self, value: object) -> Assessment:
        return Assessment(frozenset({"reads"}), Risk.LOW)


def plain() -> None: ...
async def later() -> None: ...
def stream() -> Iterator[None]:
    yield


async def astream() -> AsyncIterator[None]:
    yield


class Objects:
    """Callables in a class."""

    def method(self, x: int) -> None: ...

    @classmethod
    def of_class(cls, x: int) -> None: ...

    @staticmethod
    def of_nobody(x: int) -> None: ...

    def without(this, x: int) -> None:  # noqa: N805  # another name
        ...

    async def __call__(self, x: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "flavour"),
    [
        (plain, "plain"),
        (later, "async"),
        (stream, "stream"),
        (astream, "astream"),
        (functools.partial(later), "async"),
        (functools.partial(functools.partial(stream)), "stream"),
        (Objects(), "async"),
        (Objects().method, "plain"),
        (Objects, "plain"),
        (len, "plain"),
        (lambda: later(), "plain"),  # noqa: PLW0108  # what it returns is found out when it runs, and refused
    ],
    ids=lambda value: getattr(value, "__name__", str(value))[:20],
)
def test_how_it_runs(function: Any, flavour: str) -> None:
    assert flavour_of(function) == flavour


@pytest.mark.parametrize(
    ("function", "receiver"),
    [
        (Objects.method, True),
        (Objects.__dict__["of_class"].__func__, True),
        (Objects().method, False),
        (Objects.of_class, False),
        (Objects.of_nobody, False),
        (Objects.without, False),
        (Objects(), False),
        (plain, False),
        (lambda self: None, False),
    ],
)
def test_whether_python_hands_over_the_object(function: Any, receiver: bool) -> None:
    assert has_receiver(function) == receiver


def test_a_function_inside_a_function_has_no_receiver() -> None:
    def save(self: str, path: str) -> None: ...

    assert not has_receiver(save)
    assert schema_of(save).positional == ("self", "path")


def test_parameters_by_kind() -> None:
    def all_kinds(a: int, /, b: int, *rest: int, c: int = 3, **more: int) -> None: ...

    schema = schema_of(all_kinds)
    assert list(schema.parameters) == ["a", "b", "rest", "c"]
    assert schema.positional == ("a", "b")
    assert (schema.rest, schema.spread) == ("rest", ("a", "b"))
    assert schema.extra is not None
    assert schema.parameters["c"].default == 3
    assert schema.parameters["a"].default is MISSING
    assert schema.load({"a": 1, "b": 2, "rest": (3, 4), "c": 5, "d": 6}) == ((1, 2, 3, 4), {"c": 5, "d": 6})
    assert schema.values({"a": 1, "b": 2, "rest": (3, 4), "c": 5, "d": 6}) == {"a": 1, "b": 2, "rest": [3, 4], "c": 5, "d": 6}


def test_a_kind_in_the_annotation_or_beside_it() -> None:
    def read(path: Annotated[str, Path()], other: str) -> None: ...

    schema = schema_of(read, kinds={"other": Path()})
    assert schema.bind(("a/", "b/"), {})[0] == {"path": "a", "other": "b"}
    assert schema.assess({"path": "a", "other": "b"}).effects == {"reads"}


def test_what_is_injected_is_no_argument() -> None:
    def query(text: str, db: object, limit: int = 5) -> None: ...

    schema = schema_of(query, inject=frozenset({"db"}))
    assert schema.positional == ("text", "limit")
    with pytest.raises(BadCall, match="db"):
        schema.bind((), {"text": "x", "db": 1})


def test_a_type_of_the_program_need_not_be_described_when_it_is_injected() -> None:
    class Connection:
        pass

    def query(text: str, db: Connection) -> None: ...

    with pytest.raises(ConfigError, match="'db'.*inject="):
        schema_of(query)
    assert list(schema_of(query, inject=frozenset({"db"})).parameters) == ["text"]


@pytest.mark.parametrize("options", [{"kinds": {"nothing": Path()}}, {"inject": frozenset({"nothing"})}], ids=label)
def test_options_name_arguments_that_exist(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no argument nothing"):
        schema_of(plain, **options)


def test_annotations_as_text_and_of_local_classes() -> None:
    class Point(NamedTuple):
        x: int
        y: int

    def move(to: "Point", by: "int" = 1) -> None: ...  # noqa: UP037

    assert schema_of(move).bind(([1, 2],), {})[0] == {"to": (1, 2), "by": 1}


def test_an_annotation_that_names_nothing() -> None:
    def broken(x: "Nothing") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigError, match="Nothing"):
        schema_of(broken)


def test_a_default_that_cannot_be_carried() -> None:
    def broken(x: int = 2**60, y: Any = object) -> None: ...

    with pytest.raises(ConfigError, match="default of argument 'x'"):
        schema_of(broken)


def test_a_partial_keeps_what_is_set_out_of_reach_or_overridable_as_python_does() -> None:
    def pay(to: str, eur: int, currency: str) -> None: ...

    assert list(schema_of(functools.partial(pay, "bob")).parameters) == ["eur", "currency"]
    schema = schema_of(functools.partial(pay, currency="EUR"))
    assert schema.bind(("bob", 5), {})[0] == {"to": "bob", "eur": 5, "currency": "EUR"}


def test_a_built_in_function() -> None:
    schema = schema_of(divmod)
    assert schema.bind((7, 2), {}) == ({"x": 7, "y": 2}, frozenset())
    assert schema.load({"x": 7, "y": 2}) == ((7, 2), {})
