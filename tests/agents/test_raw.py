"""The loop without a framework: calls and results in the forms of the providers, as their objects and as plain data."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from gate import ANY, ConfigError, Gate
from gate.agents.raw import Tools
from tests.kit import intents, refusals

PARAMETERS = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
CHAT = {"type": "function", "function": {"name": "read", "description": "Reads.", "parameters": PARAMETERS}}
RESPONSES = {"type": "function", "name": "read", "parameters": PARAMETERS, "strict": True}
ANTHROPIC = {"name": "read", "description": "Reads.", "input_schema": PARAMETERS}
DEFINITIONS = {"chat": CHAT, "responses": RESPONSES, "anthropic": ANTHROPIC, "object": SimpleNamespace(name="read", input_schema=PARAMETERS)}


def read(path: str) -> str:
    ran.append(path)
    return f"data:{path}"


async def aread(path: str) -> str:
    await asyncio.sleep(0)
    return read(path)


ran: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


def test_what_is_said_of_a_tool_that_is_not_there_is_refused(gate: Gate) -> None:
    """A slip in the name, and the tool that was meant has nothing declared: it is of medium risk, and never asks."""
    with pytest.raises(ConfigError, match="says what 'raed' does, and no definition has that name; there are read"):
        tools(gate, tools={"raed": {"effects": ["egress"], "risk": "high"}})
    with pytest.raises(ConfigError, match="'efects' cannot be said of a tool that runs elsewhere; there are cost, effects"):
        tools(gate, tools={"read": {"efects": ["egress"]}})


def test_arguments_that_are_no_json_are_said_to_be_none(gate: Gate) -> None:
    said = tools(gate, capability=gate.grant("a", tools={"read": ANY})).openai_chat(
        {"id": "c", "function": {"name": "read", "arguments": '{"path": '}}
    )
    assert "the arguments must be a JSON object" in str(said["content"])
    assert not ran


def tools(gate: Gate, definition=CHAT, function=read, **around) -> Tools:
    capability = gate.grant("root", tools={"read": {"path": ["a", "b"]}})
    return Tools(gate, [definition], {"read": function}, **{"capability": capability, "tools": {"read": {"effects": "reads"}}, **around})


def chat(arguments: object, name: object = "read", call_id: object = "call_1"):
    return SimpleNamespace(id=call_id, type="function", function=SimpleNamespace(name=name, arguments=arguments))


def responses(arguments: object):
    return SimpleNamespace(type="function_call", id="fc_1", call_id="call_1", name="read", arguments=arguments)


def anthropic(arguments: object):
    return SimpleNamespace(type="tool_use", id="toolu_1", name="read", input=arguments)


def plain(native):
    """The same as mappings, as LiteLLM and stored conversations have it."""
    return {name: plain(value) if isinstance(value, SimpleNamespace) else value for name, value in vars(native).items()}


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_definitions_of_any_provider(gate: Gate, definition) -> None:
    made = tools(gate, definition)
    assert made.openai_chat(chat('{"path": "a"}'))["content"] == "data:a"
    assert "missing" in made.openai_chat(chat("{}"))["content"]
    assert "unknown" in made.openai_chat(chat('{"path": "a", "mode": "rw"}'))["content"]
    assert ran == ["a"]


@pytest.mark.parametrize("form", [lambda native: native, plain], ids=["object", "mapping"])
def test_each_provider_gets_its_own_form_of_result(gate: Gate, form) -> None:
    made = tools(gate)
    assert made.openai_chat(form(chat('{"path": "a"}'))) == {"role": "tool", "tool_call_id": "call_1", "content": "data:a"}
    assert made.openai_responses(form(responses('{"path": "a"}'))) == {"type": "function_call_output", "call_id": "call_1", "output": "data:a"}
    assert made.anthropic(form(anthropic({"path": "a"}))) == {"type": "tool_result", "tool_use_id": "toolu_1", "content": "data:a"}
    assert [each["ref"] for each in intents(gate)] == ["call_1", "call_1", "toolu_1"]


def test_a_refusal_is_a_result_in_the_same_form(gate: Gate) -> None:
    made = tools(gate)
    message = made.openai_chat(chat('{"path": "c"}'))
    assert message.keys() == {"role", "tool_call_id", "content"} and message["content"].startswith("Refused by Gate, it did not run: ")
    assert made.openai_responses(responses('{"path": "c"}'))["output"].startswith("Refused by Gate")
    block = made.anthropic(anthropic({"path": "c"}))
    assert block["is_error"] is True and block["content"].startswith("Refused by Gate")
    assert not ran and len(refusals(gate)) == 3


def test_the_async_twins(gate: Gate) -> None:
    for function in (aread, read):
        made = tools(gate, function=function)
        calls = (
            made.aopenai_chat(chat('{"path": "a"}')),
            made.aopenai_responses(responses('{"path": "b"}')),
            made.aanthropic(anthropic({"path": "c"})),
        )

        async def together(calls=calls):
            return await asyncio.gather(*calls)

        first, second, third = asyncio.run(together())
        assert (first["content"], second["output"], third["is_error"]) == ("data:a", "data:b", True)
        ran.clear()


ATTACKS = {
    "two of one name": '{"path": "a", "path": "c"}',
    "two of one name, the other way round": '{"path": "c", "path": "a"}',
    "an escaped second": '{"path": "a", "p\\u0061th": "c"}',
    "a list": '["a"]',
    "a text": '"a"',
    "null": "null",
    "a number": "5",
    "no JSON": "{path: 'a'}",
    "two objects": '{"path": "a"} {"path": "c"}',
    "something after": '{"path": "a"}x',
    "NaN": '{"path": NaN}',
    "a lone surrogate": '{"path": "\\ud800"}',
    "a raw one": '{"path": "\ud800"}',
    "too deep": "[" * 100_000,
    "a deep object": '{"path": ' * 5_000 + "1" + "}" * 5_000,
    "a long number": '{"path": ' + "9" * 5_000 + "}",
    "a mark of byte order": '\ufeff{"path": "a"}',
    "bytes": b'{"path": "a"}',
    "an object": object(),
    "a list of pairs": [("path", "a")],
    "nothing": None,
}


@pytest.mark.parametrize("arguments", ATTACKS.values(), ids=ATTACKS)
def test_arguments_that_are_no_object_of_names_are_refused(gate: Gate, arguments) -> None:
    """The naive way, `json.loads`, takes the last of two members of one name; another parser takes the first, and shows that."""
    made = tools(gate)
    for message in (made.openai_chat(chat(arguments)), made.openai_responses(responses(arguments)), made.anthropic(anthropic(arguments))):
        assert "Refused by Gate" in json.dumps(message)
    assert not ran and len(refusals(gate)) == 3


def test_the_naive_reading_takes_the_last_of_two() -> None:
    assert json.loads(ATTACKS["two of one name"]) == {"path": "c"}


@pytest.mark.parametrize("text", ["", "  ", "{}"])
def test_no_arguments_are_an_empty_object(gate: Gate, text: str) -> None:
    made = Tools(
        gate,
        [{"name": "now", "input_schema": {"type": "object", "properties": {}}}],
        {"now": lambda: "noon"},
        capability=gate.grant("a", tools={"now": ANY}),
    )
    assert made.openai_chat(chat(text, "now"))["content"] == "noon"


@pytest.mark.parametrize("native", [None, 5, "read", {}, SimpleNamespace(), {"function": None}, {"function": {"name": ["read"]}}])
def test_what_is_no_call_is_refused(gate: Gate, native) -> None:
    made = tools(gate)
    for message in (made.openai_chat(native), made.openai_responses(native), made.anthropic(native)):
        assert "Refused by Gate" in json.dumps(message)
    assert not ran


def test_an_id_that_is_missing_is_empty(gate: Gate) -> None:
    assert tools(gate).openai_chat(chat('{"path": "a"}', call_id=None)) == {"role": "tool", "tool_call_id": "", "content": "data:a"}


def test_a_result_that_is_no_text_is_json(gate: Gate) -> None:
    made = tools(gate, function=lambda path: {"path": path, "n": [1, None]})
    assert json.loads(made.openai_chat(chat('{"path": "a"}'))["content"]) == {"path": "a", "n": [1, None]}


def test_what_a_tool_raises_is_raised(gate: Gate) -> None:
    def fail(path: str) -> str:
        raise LookupError(path)

    made = tools(gate, function=fail)
    with pytest.raises(LookupError):
        made.openai_chat(chat('{"path": "a"}'))
    with pytest.raises(LookupError):
        asyncio.run(made.aopenai_chat(chat('{"path": "a"}')))


def test_a_function_that_was_not_defined_cannot_be_called(gate: Gate) -> None:
    """The model may name any function that the loop happens to hold."""
    capability = gate.grant("root", tools={"read": ANY, "remove": ANY})
    made = Tools(gate, [CHAT], {"read": read, "remove": ran.append}, capability=capability)
    assert "Refused by Gate" in made.openai_chat(chat('{"path": "a"}', "remove"))["content"]
    assert not ran


def test_an_async_tool_in_the_plain_way_is_refused_its_result(gate: Gate) -> None:
    made = tools(gate, function=aread)
    assert made.openai_chat(chat('{"path": "a"}'))["content"].startswith("Gate: ")
