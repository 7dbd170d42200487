"""Functions for frameworks that take any: gated, looking like themselves, and a refusal is their result."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import pytest

from gate import ANY, Gate
from gate.agents.wrapped import wrap_tool
from gate.errors import ConfigError
from tests.kit import ASK, intents, refusals, write_rules

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


def save(path: Annotated[str, "which"], count: int = 1) -> str:
    """Saves."""
    ran.append((path, count))
    return f"saved {path}"


async def asave(path: str) -> str:
    """Saves later."""
    await asyncio.sleep(0)
    ran.append(path)
    return f"saved {path}"


def grant(gate: Gate, **tools):
    return gate.grant("agent", tools=tools or {"save": {"path": ["a"], "count": ANY}, "asave": {"path": ["a"]}})


def test_it_looks_like_the_function_with_types_instead_of_their_names(gate: Gate) -> None:
    made = wrap_tool(gate, save)
    assert (made.__name__, made.__doc__, made.__module__) == ("save", "Saves.", __name__)
    signature = inspect.signature(made)
    assert list(signature.parameters) == ["path", "count"] and signature.parameters["count"].default == 1
    assert signature.parameters["count"].annotation is int and signature.return_annotation is str
    assert made.__annotations__["path"] == Annotated[str, "which"]
    assert inspect.iscoroutinefunction(wrap_tool(gate, asave))


def test_a_refusal_is_the_result_and_is_recorded(gate: Gate) -> None:
    made, later = wrap_tool(gate, save, effects="reads"), wrap_tool(gate, asave, effects="reads")
    with gate.acting(grant(gate)):
        assert made("a") == "saved a" and asyncio.run(later("a")) == "saved a"
        for said in (made("b"), made(path="a", count="x"), made(), made("a", 1, 2), asyncio.run(later("b"))):
            assert said.startswith("Refused by Gate, it did not run: ")
    assert ran == [("a", 1), "a"] and len(refusals(gate)) == 5


def test_nobody_acts(gate: Gate) -> None:
    made = wrap_tool(gate, save)
    assert "no capability" in made("a") and not ran and len(refusals(gate)) == 1


def test_a_thread_that_does_not_know_who_acts_is_told(gate: Gate) -> None:
    """The naive way: a framework's own thread has another context. With the capability it runs there, too."""
    ambient, own = wrap_tool(gate, save), wrap_tool(gate, save, name="save_too", capability=grant(gate, **{"save_too": ANY}), session="s")
    with gate.acting(grant(gate)), ThreadPoolExecutor(1) as pool:
        assert "no capability" in pool.submit(ambient, "a").result()
        assert pool.submit(own, "a").result() == "saved a"
    assert [(each["agent"], each["session"]) for each in intents(gate)] == [("agent", "s")]


def test_a_part_of_what_its_caller_has(gate: Gate) -> None:
    made = wrap_tool(gate, save, part={"agent": "child", "tools": ["save"]})
    with gate.acting(grant(gate)):
        assert made("a") == "saved a"
    assert intents(gate)[0]["agent"] == "child"


def test_what_the_function_raises_is_raised(gate: Gate) -> None:
    def fail() -> None:
        raise LookupError("mine")

    with gate.acting(gate.grant("agent", tools={"fail": ANY})), pytest.raises(LookupError, match="mine"):
        wrap_tool(gate, fail)()


def test_a_question_is_said_and_the_same_call_takes_up_its_answer(gate: Gate) -> None:
    from gate.approvers.callback import Callback

    write_rules(gate, ASK)
    made = wrap_tool(gate, save, capability=grant(gate), session="s")
    assert made("a").startswith("Refused by Gate for now")
    question = gate.home.desk.cases("open")[-1].question
    gate.home.desk.answer(question.id, Callback(gate, lambda _: True).ask(question))
    assert made("a") == "saved a"


@pytest.mark.parametrize("step", ["scope", "begin"])
def test_a_broken_gate_runs_nothing(gate: Gate, step: str, monkeypatch) -> None:
    made, later = wrap_tool(gate, save, capability=grant(gate)), wrap_tool(gate, asave, capability=grant(gate))

    def broken(*_, **__):
        raise RuntimeError("broke")

    monkeypatch.setattr(gate.home if step == "begin" else gate, "rules" if step == "begin" else step, broken)
    assert "the gate failed" in made("a") and "the gate failed" in asyncio.run(later("a")) and not ran


def test_a_generator_is_not_wrapped(gate: Gate) -> None:
    def several():
        yield 1

    with pytest.raises(ConfigError, match="yields"):
        wrap_tool(gate, several)


def test_the_page_shows_what_the_recipes_run() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "how-to" / "frameworks" / "recipes.md").read_text()
    modules = list((root / "tests" / "agents" / "recipes").glob("[a-z]*.py"))
    assert len(modules) == 8
    for module in modules:
        shown = module.read_text().partition("# recipe\n")[2].partition("    # end")[0]
        lines = inspect.cleandoc("\n" + shown)
        assert lines and lines in page, module.name
