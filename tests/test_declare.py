"""Tools that run elsewhere: what can be said of them, that two declarations in the same words are one, and that none can be called here."""

from __future__ import annotations

import asyncio
from types import MappingProxyType

import pytest

from gate import ANY, BadCall, Denied, Gate
from gate.declare import continuing, declared
from gate.effect import UNDECLARED
from gate.errors import ConfigError, GateError
from gate.kind import Kind, KindTool
from tests.kit import denied, intents, outcomes, using

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "head": {"type": "integer"}}, "required": ["path"]}


class Folder(Kind):
    """Paths under one folder."""

    name = "folder"

    def parse(self, value):
        if not isinstance(value, str) or ".." in value:
            raise ValueError("leaves the folder")
        return value.strip("/")

    def assess(self, value):
        return UNDECLARED


READ = KindTool("files.look", MappingProxyType({"path": Folder(), "head": Folder()}), optional=frozenset({"head"}))


def test_a_declared_tool_is_authorized_and_settled_with_the_checked_arguments(gate: Gate) -> None:
    gate.declare("look", SCHEMA, effects="reads")
    with using(gate, "look"):
        ticket = gate.authorize("look", {"path": "a", "head": "5"}, ref="c1")
        assert ticket.arguments == {"path": "a", "head": 5}
        assert gate.authorize("look", {"path": "a"}).arguments == {"path": "a"}, "what was not sent is no argument"
        assert gate.settle(ticket, value="x") and not gate.settle(ticket, value="y")
    assert outcomes(gate) == ["ok"]


def test_what_the_schema_does_not_have_is_refused(gate: Gate) -> None:
    gate.declare("look", SCHEMA)
    with using(gate, "look"):
        for arguments in ({}, {"path": "a", "more": 1}, {"path": 5}, {"path": "a", "head": True}, {"path": None}):
            denied(lambda a=arguments: gate.authorize("look", a))


def test_nobody_can_call_it_here_and_the_attempt_is_an_error_outcome(gate: Gate) -> None:
    gate.declare("look", SCHEMA, effects="reads")
    with using(gate, "look"):
        with pytest.raises(GateError, match="authorize it, run it where it is, and settle"):
            gate.call("look", {"path": "a"})
        with pytest.raises(GateError, match="not one of this process"):
            asyncio.run(gate.acall("look", {"path": "a"}))
    assert outcomes(gate) == ["error", "error"]


def test_a_continuation_is_for_the_calls_inside_and_gets_fresh_values(gate: Gate) -> None:
    gate.declare("look", None, effects="reads")
    got = []
    with using(gate, "look"), continuing(got.append):
        gate.call("look", {"deep": [{"x": 1}]})
        gate.call("look", {"deep": [{"x": 1}]})
    assert got == [{"deep": [{"x": 1}]}] * 2 and got[0]["deep"] is not got[1]["deep"]


def test_a_refused_call_is_not_continued(gate: Gate) -> None:
    gate.declare("look", SCHEMA)
    got = []
    with gate.acting(gate.grant("agent", tools={"look": {"path": "a"}})), continuing(got.append):
        denied(lambda: gate.call("look", {"path": "b"}))
        denied(lambda: gate.call("look", {"path": "a", "head": 1}))
    with continuing(got.append):
        denied(lambda: gate.call("look", {"path": "a"}))
    assert not got


def test_said_again_in_the_same_words_it_is_the_same_tool_and_in_others_its_name_is_taken(gate: Gate) -> None:
    first = gate.declare("look", SCHEMA, effects="reads")
    assert gate.declare("look", dict(SCHEMA), effects="reads") is first
    for schema, options in ((SCHEMA, {}), (None, {"effects": "reads"}), (SCHEMA, {"effects": "writes"})):
        with pytest.raises(ConfigError, match="already"):
            gate.declare("look", schema, **options)
    with pytest.raises(ConfigError, match="already"):
        gate.wrap(lambda: None, name="look")
    with pytest.raises(ConfigError, match="may take"):
        gate.declare("Iook", SCHEMA)


def test_what_is_forgotten_is_there_no_longer_and_can_be_declared_otherwise(gate: Gate) -> None:
    gate.declare("look", SCHEMA)
    gate.forget("look")
    assert "look" not in gate.tools
    with using(gate, "look"):
        with pytest.raises(BadCall, match="look"):
            gate.authorize("look", {"path": "a"})
        gate.declare("look", {"type": "object", "properties": {"n": {"type": "integer"}}})
        assert gate.authorize("look", {"n": 1}).arguments == {"n": 1}
    gate.forget("never there")


def test_a_function_is_not_forgotten(gate: Gate) -> None:
    gate.wrap(lambda: 1, name="one")
    gate.forget("one")
    assert "one" in gate.tools


def test_a_tool_of_a_kind_brings_its_kinds_and_what_may_be_left_out(gate: Gate) -> None:
    made = gate.declare("look", READ)
    assert made.plain.like is READ and made.plain.assessment is None, "what it would do depends on its arguments"
    with using(gate, "look"):
        assert gate.authorize("look", {"path": "/a/"}).arguments == {"path": "a"}
        denied(lambda: gate.authorize("look", {"path": "../a"}), "leaves the folder")
        denied(lambda: gate.authorize("look", {"head": "x"}), "missing")
        denied(lambda: gate.authorize("look", {"path": "a", "tail": 1}), "unknown")


@pytest.mark.parametrize("option", [{"name": "x"}, {"inject": ["path"]}, {"chunk_limit": 5}, {"colour": "red"}, {"timeout": -1}])
def test_what_cannot_be_said_of_a_tool_elsewhere(option) -> None:
    with pytest.raises(ConfigError):
        declared("look", SCHEMA, option)


@pytest.mark.parametrize("name", ["", " look", "lo\u202eok", "x" * 500, "a\nb"])
def test_a_name_that_cannot_be_one(name: str) -> None:
    with pytest.raises(ConfigError):
        declared(name, SCHEMA, {})


@pytest.mark.parametrize("schema", [{"properties": []}, {"properties": {}, "required": "path"}, {"properties": {}, "required": [1]}])
def test_a_schema_that_is_none(schema) -> None:
    with pytest.raises(ConfigError, match="an object with properties"):
        declared("look", schema, {})


def test_retries_and_limits_hold_for_a_tool_elsewhere(gate: Gate) -> None:
    gate.declare("look", SCHEMA, effects="reads", idempotent=True, retries=2, output_limit=10)
    tries = []

    def run(arguments):
        tries.append(arguments)
        if len(tries) < 3:
            raise ConnectionError
        return "x" * 11

    with using(gate, "look"), continuing(run), pytest.raises(GateError, match="11 bytes"):
        gate.call("look", {"path": "a"})
    assert tries == [{"path": "a"}] * 3 and len(intents(gate)) == 1


def test_the_permit_of_a_grant_of_anything_is_for_arguments_the_schema_has(gate: Gate) -> None:
    gate.declare("look", SCHEMA)
    with gate.acting(gate.grant("agent", tools={"look": {"path": ANY}})), pytest.raises(Denied, match="head"):
        gate.authorize("look", {"path": "a", "head": 5})
