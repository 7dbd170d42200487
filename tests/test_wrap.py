"""Any callable goes behind the gate in one line, looks like itself there, and cannot be reached around it."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import pickle
import types
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from gate import ANY, BadCall, Denied, Gate, GateError
from gate.errors import ConfigError
from gate.tool import make_tool
from tests.kit import denied, intents, log, outcomes


def double(x: int, note: str = "-") -> int:
    """Twice as much."""
    return 2 * x


def bare_of_annotations(x, note="-"):
    return 2 * x


def rest(x: int, *more: int, **named: int) -> int:
    return 2 * x


async def adouble(x: int, note: str = "-") -> int:
    """Twice as much, later."""
    await asyncio.sleep(0)
    return 2 * x


def count(x: int) -> Iterator[int]:
    """As many as asked for."""
    yield from range(x)


async def acount(x: int) -> AsyncIterator[int]:
    """As many as asked for, later."""
    for i in range(x):
        await asyncio.sleep(0)
        yield i


class Calculator:
    """Every sort of thing in a class that can be called."""

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    def __call__(self, x: int) -> int:
        return self.factor * x

    def method(self, x: int) -> int:
        return self.factor * x

    @classmethod
    def of_class(cls, x: int) -> int:
        return cls().factor * x

    @staticmethod
    def of_nobody(x: int) -> int:
        return 2 * x

    async def amethod(self, x: int) -> int:
        return self.factor * x

    def stream(self, x: int) -> Iterator[int]:
        yield from range(x * self.factor // 2)


class Later:
    """An object whose call is async."""

    async def __call__(self, x: int) -> int:
        return 2 * x


class Chunks:
    """An object whose call is a generator function."""

    def __call__(self, x: int) -> Iterator[int]:
        yield from range(x)


PLAIN: dict[str, Callable[..., Any]] = {
    "function": double,
    "without annotations": bare_of_annotations,
    "any arguments": rest,
    "lambda": lambda x: 2 * x,
    "partial": functools.partial(double, note="set"),
    "callable object": Calculator(),
    "bound method": Calculator().method,
    "class method": Calculator.of_class,
    "static method": Calculator.of_nobody,
}
ASYNC: dict[str, Callable[..., Any]] = {
    "function": adouble,
    "partial": functools.partial(adouble, note="set"),
    "bound method": Calculator().amethod,
    "callable object": Later(),
}
STREAMS: dict[str, Callable[..., Any]] = {"function": count, "bound method": Calculator().stream, "callable object": Chunks()}
EVERY = [*PLAIN.values(), *ASYNC.values(), *STREAMS.values(), acount]


def using(gate: Gate, *tools: str) -> Any:
    """Acts with every argument of these tools allowed."""
    return gate.acting(gate.grant("tester", tools=dict.fromkeys(tools, ANY)))


# ---- any tool in one line ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", PLAIN)
def test_a_plain_callable_runs_behind_the_gate(gate: Gate, sort: str) -> None:
    gated = gate.wrap(PLAIN[sort], name="t")
    denied(lambda: gated(4), "no capability")
    with using(gate, "t"):
        assert gated(4) == gated(x=4) == 8
    assert [record["args"]["x"] for record in intents(gate)] == [4, 4]
    assert outcomes(gate) == ["ok", "ok"]


@pytest.mark.parametrize("sort", ASYNC)
def test_an_async_callable_runs_behind_the_gate(gate: Gate, sort: str) -> None:
    gated = gate.wrap(ASYNC[sort], name="t")

    async def main() -> None:
        with pytest.raises(Denied):
            await gated(4)
        with using(gate, "t"):
            assert await gated(4) == await gated(x=4) == 8

    asyncio.run(main())
    assert outcomes(gate) == ["ok", "ok"]


@pytest.mark.parametrize("sort", STREAMS)
def test_a_generator_runs_behind_the_gate(gate: Gate, sort: str) -> None:
    gated = gate.wrap(STREAMS[sort], name="t")
    denied(lambda: list(gated(3)), "no capability")
    with using(gate, "t"):
        assert list(gated(3)) == list(gated(x=3)) == [0, 1, 2]
    assert outcomes(gate) == ["ok", "ok"]


def test_an_async_generator_runs_behind_the_gate(gate: Gate) -> None:
    gated = gate.wrap(acount)

    async def main() -> None:
        with pytest.raises(Denied):
            _ = [chunk async for chunk in gated(3)]
        with using(gate, "acount"):
            assert [chunk async for chunk in gated(3)] == [0, 1, 2]

    asyncio.run(main())
    assert outcomes(gate) == ["ok"]


def test_everything_in_a_class_body_can_be_decorated(gate: Gate) -> None:
    class Store:
        def __init__(self, name: str) -> None:
            self.name = name

        @gate.tool
        def save(self, path: str) -> str:
            return f"{self.name}/{path}"

        @classmethod
        @gate.tool
        def open(cls, path: str) -> str:
            return f"{cls.__name__}/{path}"

        @staticmethod
        @gate.tool
        def stat(path: str) -> str:
            return path

        @gate.tool
        @staticmethod
        def size(path: str) -> int:
            return len(path)

        @gate.tool
        @classmethod
        def kind(cls, path: str) -> str:
            return cls.__name__

        @gate.tool
        async def fetch(self, path: str) -> str:
            return f"{self.name}/{path}"

        @gate.tool
        def lines(self, path: str) -> Iterator[str]:
            yield self.name
            yield path

    one = Store("one")
    with using(gate, "save", "open", "stat", "size", "kind", "fetch", "lines"):
        assert one.save("a") == Store.save(one, "a") == one.save(path="a") == "one/a"
        assert one.open("a") == Store.open("a") == "Store/a"
        assert one.stat("a") == Store.stat("a") == "a"
        assert one.size("abc") == Store.size("abc") == 3
        assert one.kind("a") == Store.kind("a") == "Store"
        assert asyncio.run(one.fetch("a")) == "one/a"
        assert list(one.lines("a")) == ["one", "a"]
    assert all(set(record["args"]) == {"path"} for record in intents(gate)), "the object is no argument of the call"


def test_a_method_never_runs_without_its_object(gate: Gate) -> None:
    """The naive way calls the function with the checked arguments alone, and the first of them becomes the object."""
    seen: list[object] = []

    class Store:
        @gate.tool
        def save(self, path: str = "default") -> None:
            seen.append((self, path))

        @gate.tool
        def lines(self, path: str = "default") -> Iterator[object]:
            seen.append((self, path))
            yield path

    with using(gate, "save", "lines"):
        denied(lambda: gate.call("save", {"path": "a"}), "needs its object")
        denied(lambda: gate.call("lines", {"path": "a"}), "needs its object")
        denied(lambda: asyncio.run(gate.acall("save", {"path": "a"})), "needs its object")
        with pytest.raises(GateError, match="without its object"):
            Store.save()
        with pytest.raises(GateError, match="without its object"):
            list(Store.lines())
        bound = gate.wrap(Store().save, name="bound")
    assert seen == []
    with using(gate, "bound", "save"):
        gate.call("bound", {"path": "a"})
    assert [path for _, path in seen] == ["a"]
    assert type(seen[0][0]) is Store
    assert callable(bound)


def test_names_are_unique_and_plain(gate: Gate) -> None:
    gate.wrap(double)
    for wrong, because in [
        ({}, "already"),
        ({"name": "dоuble"}, "CYRILLIC SMALL LETTER O"),
        ({"name": "double\u200b"}, "ZERO WIDTH SPACE"),
        ({"name": "double "}, "no tool name"),
        ({"name": "x" * 129}, "no tool name"),
    ]:
        with pytest.raises(ConfigError, match=because):
            gate.wrap(double, **wrong)
    with pytest.raises(ConfigError, match="no tool name"):
        gate.wrap(lambda x: x)
    assert gate.tools == ("double",)


def test_what_the_program_supplies_is_out_of_the_agents_reach(gate: Gate) -> None:
    @gate.tool(inject="db")
    def query(text: str, db: object = None) -> object:
        return db

    database = object()
    with using(gate, "query"):
        assert query("x", db=database) is database
        assert gate.call("query", {"text": "x"}) is None
        denied(lambda: gate.call("query", {"text": "x", "db": "evil"}), "supplied by the program")
    assert all(set(record["args"]) == {"text"} for record in intents(gate))


def test_gated_tools_call_gated_tools(gate: Gate) -> None:
    @gate.tool
    def inner(x: int) -> int:
        return x + 1

    @gate.tool
    def outer(x: int) -> int:
        return inner(x) * 2

    with gate.acting(gate.grant("tester", tools={"outer": ANY})):
        denied(lambda: outer(1), "inner")
    with using(gate, "outer", "inner"):
        assert outer(1) == 4


# ---- it looks like itself ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bare", EVERY, ids=lambda bare: getattr(bare, "__qualname__", type(bare).__name__))
def test_inspection_sees_the_same(gate: Gate, bare: Callable[..., Any]) -> None:
    gated = gate.wrap(bare, name="t")
    assert inspect.signature(gated) == inspect.signature(bare)
    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        if isinstance(said := getattr(bare, name, None), str):
            assert getattr(gated, name) == said
    called = bare if inspect.isroutine(bare) or isinstance(bare, functools.partial) else type(bare).__call__
    for same in (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction):
        assert same(gated) == same(called), same.__name__
    assert gated.__annotations__ == getattr(bare, "__annotations__", {})


# ---- no way around ----------------------------------------------------------------------------------------------------------------------

MODULES = (types.ModuleType, type)


def neighbours(thing: object) -> list[object]:
    """What one hop leads to: attributes, members of containers, closure cells. Not what anybody can import anyway: modules, classes, globals."""
    found: list[object] = []
    if isinstance(thing, dict | types.MappingProxyType):
        found += [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        found += list(thing)
    for name in dir(thing):
        if name in ("__globals__", "__builtins__"):
            continue
        try:
            value = inspect.getattr_static(thing, name)
            found.append(value)
            found.append(getattr(thing, name))
        except Exception:
            continue
    found += [cell.cell_contents for cell in getattr(thing, "__closure__", None) or () if cell != types.CellType()]
    return [one for one in found if not isinstance(one, MODULES) and not isinstance(one, str | int | float | bool | None | types.CodeType)]


def reaches(start: object, goal: object, hops: int) -> bool:
    """Whether so many hops lead from one object to the other."""
    seen, edge = {id(start)}, [start]
    alive: list[object] = [start]  # so that no id is used twice
    for _ in range(hops):
        following: list[object] = []
        for thing in edge:
            for one in neighbours(thing):
                if one is goal or getattr(one, "__func__", None) is goal:
                    return True
                if id(one) not in seen:
                    seen.add(id(one))
                    alive.append(one)
                    following.append(one)
        edge = following
    return False


def naive(bare: Callable[..., Any]) -> Callable[..., Any]:
    """What every other gate does."""

    @functools.wraps(bare)
    def gated(*args: Any, **kwargs: Any) -> Any:
        return bare(*args, **kwargs)

    return gated


def hidden(bare: Callable[..., Any]) -> Callable[..., Any]:
    """The same without __wrapped__: the closure still holds it."""
    gated = naive(bare)
    del gated.__wrapped__  # type: ignore[attr-defined]
    return gated


@pytest.mark.parametrize("gating", [naive, hidden])
def test_the_search_finds_the_function_in_an_ordinary_wrapper(gating: Callable[..., Any]) -> None:
    assert reaches(gating(double), double, hops=1)


@pytest.mark.parametrize("bare", [double, adouble, count, acount], ids=lambda bare: bare.__name__)
def test_nothing_near_a_gated_function_is_the_bare_one(gate: Gate, bare: Callable[..., Any]) -> None:
    own = types.FunctionType(bare.__code__, globals(), bare.__name__)  # not the one this module holds under its name
    own.__annotations__ = bare.__annotations__
    gated = gate.wrap(own)
    assert not hasattr(gated, "__wrapped__")
    assert inspect.unwrap(gated) is gated
    assert not reaches(gated, own, hops=3)


def test_nothing_near_a_gated_method_is_the_bare_one(gate: Gate) -> None:
    def save(self: object, path: str) -> str:
        return path

    save.__qualname__ = "Store.save"
    store_type = type("Store", (), {"save": gate.wrap(save)})
    store = store_type()
    with using(gate, "save"):
        assert store.save("a") == "a"
    assert not reaches(store.save, save, hops=3)
    assert not reaches(store_type.__dict__["save"], save, hops=3)


def test_copies_of_a_gated_function_are_gated(gate: Gate) -> None:
    gated = gate.wrap(double)
    for other in (copy.copy(gated), copy.deepcopy(gated)):
        denied(lambda other=other: other(1), "no capability")
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(gated)  # its name leads to the bare function, and pickle notices that it is another one
    with pytest.raises((pickle.PicklingError, TypeError, AttributeError)):
        pickle.dumps(gate)


def test_what_raised_holds_no_way_around(gate: Gate) -> None:
    """A refusal is handed to the agent; its traceback must not hold the function either."""

    def secret(x: int) -> int:
        return x

    refusal = denied(lambda: gate.wrap(secret)(1))
    frame = refusal.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename != __file__:
            assert all(value is not secret for value in frame.tb_frame.f_locals.values()), frame.tb_frame.f_code
        frame = frame.tb_next


def test_a_tool_that_is_gone_takes_its_function_along() -> None:
    def made() -> tuple[Any, weakref.ref[Callable[..., Any]]]:
        def fleeting(x: int) -> int:
            return x

        return make_tool(fleeting, {}), weakref.ref(fleeting)

    tool, function = made()
    gc.collect()
    assert function() is not None
    del tool
    gc.collect()
    assert function() is None


# ---- streams through the wrapper --------------------------------------------------------------------------------------------------------


def test_an_async_stream_takes_values_and_exceptions(gate: Gate) -> None:
    @gate.tool
    async def echo(first: str) -> Any:
        said: Any = first
        while True:
            try:
                said = yield said
            except LookupError as error:
                said = f"caught {error}"

    async def main() -> list[Any]:
        with using(gate, "echo"):
            stream = echo("a")
            heard = [await anext(stream), await stream.asend("b"), await stream.athrow(LookupError("c"))]
            await stream.aclose()
        return heard

    assert asyncio.run(main()) == ["a", "b", "caught c"]
    assert outcomes(gate) == ["cancelled"]


def test_a_stream_that_nobody_starts_is_no_call(gate: Gate) -> None:
    gated = gate.wrap(count)
    with using(gate, "count"):
        gated(3)
        gated(3).close()
    assert log(gate, "intent", "refusal") == []


def test_a_stream_runs_under_the_authority_of_whoever_reads_it(gate: Gate) -> None:
    gated = gate.wrap(count)
    with using(gate, "count"):
        stream = gated(3)
    denied(lambda: next(stream), "no capability")


@pytest.mark.parametrize("arguments", [None, [], "x", [("x", 1)], {1: 2}])
def test_arguments_by_name_are_an_object(gate: Gate, arguments: Any) -> None:
    gate.wrap(double)
    with using(gate, "double"), pytest.raises(BadCall, match="JSON object, name → value"):
        gate.call("double", arguments)
