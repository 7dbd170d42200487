"""Arguments that the program supplies by a function: the tool gets them however it is called, and nobody who calls can set them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from gate import ANY, BadCall, ConfigError, Gate
from tests.kit import ASK, log, outcomes, refusals, using, write_rules


class Database:
    """What the program has and the agent has not."""

    def __init__(self, name: str) -> None:
        self.name = name


REAL, FORGED = Database("real"), Database("forged")


def plain(text: str, db: Database) -> str:
    return f"{text} from {db.name}"


async def later(text: str, db: Database) -> str:
    return f"{text} from {db.name}"


def chunks(text: str, db: Database) -> Iterator[str]:
    yield f"{text} from {db.name}"


async def achunks(text: str, db: Database) -> AsyncIterator[str]:
    yield f"{text} from {db.name}"


def rest(text: str, *, db: Database, **more: str) -> str:
    return f"{text} from {db.name}"


TOOLS: list[Callable[..., Any]] = [plain, later, chunks, achunks, rest]
OPTIONS: list[dict[str, Any]] = [{}, {"effects": "reads"}, {"timeout": 20}, {"idempotent": True}, {"cost": {"usd": 1}}]


def result(value: Any) -> Any:
    """What a call of any flavour gives in the end."""

    async def collected() -> list[Any]:
        return [chunk async for chunk in value]

    if inspect.isawaitable(value):
        return asyncio.run(_awaited(value))
    if hasattr(value, "__aiter__"):
        return asyncio.run(collected())[0]
    return next(iter(list(value))) if inspect.isgenerator(value) else value


async def _awaited(value: Any) -> Any:
    return await value


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_the_tool_gets_it_however_it_is_called(gate: Gate, tool: Callable[..., Any], options: dict[str, Any]) -> None:
    gated = gate.wrap(tool, name="t", inject={"db": lambda: REAL}, **options)
    with using(gate, "t"):
        for _ in range(3):
            assert result(gated("rows")) == result(gated(text="rows")) == result(gate.call("t", {"text": "rows"})) == "rows from real"
    assert "db" not in inspect.signature(gated).parameters and "db" not in gated.__annotations__
    assert all("db" not in record["args"] for record in log(gate, "intent", "call"))


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_nobody_who_calls_can_set_it(gate: Gate, tool: Callable[..., Any]) -> None:
    gated = gate.wrap(tool, name="t", inject={"db": lambda: REAL})
    arguments = {"text": "rows", "db": FORGED}
    with using(gate, "t"):
        for attack in (
            lambda: result(gated("rows", db=FORGED)),
            lambda: result(gated(**arguments)),
            lambda: result(gate.call("t", arguments)),
            lambda: gate.authorize("t", arguments),
            lambda: gate.check("t", arguments),
        ):
            with pytest.raises(BadCall, match="argument 'db' is supplied by the program, not by the agent"):
                attack()
        with pytest.raises(BadCall):
            result(gated("rows", FORGED))
    assert outcomes(gate) == []
    assert len(refusals(gate)) >= 5


def test_it_is_supplied_when_the_tool_runs_and_for_every_try_anew(gate: Gate) -> None:
    supplied: list[str] = []

    def supply() -> Database:
        supplied.append("now")
        return Database(str(len(supplied)))

    def flaky(text: str, db: Database) -> str:
        if db.name == "1":
            raise OSError("gone")
        return db.name

    write_rules(gate, ASK)
    gated = gate.wrap(flaky, inject={"db": supply}, idempotent=True, retries=2)
    with using(gate, "flaky"):
        with pytest.raises(Exception, match="nobody has answered"):
            gated("x")
        assert supplied == []
        write_rules(gate, "")
        gate.home.rules.__self__._next = 0.0  # type: ignore[attr-defined]
        assert gated("x") == "2"
    assert supplied == ["now", "now"]


def test_a_function_that_cannot_supply_it_is_an_error_of_the_tool(gate: Gate) -> None:
    def supply() -> Database:
        raise LookupError("no database")

    gated = gate.wrap(plain, inject={"db": supply})
    with using(gate, "plain"), pytest.raises(LookupError, match="no database"):
        gated("x")
    assert outcomes(gate) == ["error"]


def test_a_method_keeps_its_object(gate: Gate) -> None:
    class Shop:
        name = "shop"

        @gate.tool(inject={"db": lambda: REAL})
        def find(self, text: str, db: Database) -> str:
            return f"{self.name}: {text} from {db.name}"

    with gate.acting(gate.grant("a", tools={"find": ANY})):
        assert Shop().find("rows") == "shop: rows from real"
        with pytest.raises(BadCall):
            Shop().find("rows", db=FORGED)


@pytest.mark.parametrize(
    "inject", [{"db": REAL}, {"db": None}, {1: lambda: REAL}, {"nothing": lambda: REAL}], ids=["value", "none", "number", "name"]
)
def test_what_supplies_nothing_is_refused_at_once(gate: Gate, inject: Any) -> None:
    with pytest.raises(ConfigError):
        gate.wrap(plain, inject=inject)


def test_as_names_alone_whoever_holds_the_function_supplies_it(gate: Gate) -> None:
    """The documented limit of the older form: the program calls the wrapped function itself."""
    gated = gate.wrap(plain, inject=["db"])
    with using(gate, "plain"):
        assert gated("rows", db=FORGED) == "rows from forged"
        with pytest.raises(BadCall):
            gate.call("plain", {"text": "rows", "db": FORGED})


def early(text: str, db: str = "real", note: str = "none") -> str:
    return f"{text}, {note} from {db}"


async def early_later(text: str, db: str = "real", note: str = "none") -> str:
    return f"{text}, {note} from {db}"


def first(db: str = "real", text: str = "none") -> str:
    return f"{text} from {db}"


@pytest.mark.parametrize("tool", [early, early_later], ids=lambda tool: tool.__name__)
def test_no_argument_of_the_agent_comes_in_its_place(gate: Gate, tool: Callable[..., Any]) -> None:
    """The arguments after it were passed by position: the tool ran with the agent's `note` as its `db`."""
    gated = gate.wrap(tool, name="t", inject=["db"])
    gate.wrap(first, inject=["db"])
    with gate.acting(gate.grant("a", tools={"t": ANY, "first": ANY})):
        for _ in range(3):  # on the path, and the short way
            assert result(gated("rows", note="forged")) == "rows, forged from real"
            assert result(gated("rows", "forged")) == "rows, forged from real"
            assert gate.call("first", {"text": "forged"}) == "forged from real"
        assert result(gated("rows", note="x", db="other")) == "rows, x from other"
        if tool is early:
            assert gate.call("t", {"text": "rows", "note": "forged"}) == "rows, forged from real"


def spread(text: str, db: str = "real", *more: str) -> str:
    return f"{text}{more} from {db}"


def placed(db: str = "real", /, text: str = "") -> str:
    return f"{text} from {db}"


@pytest.mark.parametrize("inject", [["db"], {"db": lambda: "real"}], ids=["names", "functions"])
@pytest.mark.parametrize("tool", [spread, placed], ids=lambda tool: tool.__name__)
def test_what_cannot_be_supplied_by_name_is_refused_at_once(gate: Gate, tool: Callable[..., Any], inject: Any) -> None:
    """Before `*more`, the agent's next value comes in its place; by position only, nothing can be supplied by name."""
    with pytest.raises(ConfigError, match="keyword-only"):
        gate.wrap(tool, inject=inject)
