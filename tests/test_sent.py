"""The schema of a tool elsewhere: what was sent is what is checked and what is passed on; whatever was not said is refused."""

from __future__ import annotations

import doctest
import math
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.describe.sent
import gate.inside
from gate.describe.sent import sent_schema
from gate.errors import BadCall, ConfigError
from gate.frozen import MAX_INT, freeze, thaw

OPEN = sent_schema(None)
SCHEMA = sent_schema(
    {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "whole": {"type": "integer"},
            "real": {"type": "number"},
            "flag": {"type": "boolean"},
            "list": {"type": "array"},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "class": {"type": "string"},
        },
        "required": ["text"],
    }
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INT, MAX_INT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aä\U0001f600 \n", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abß", max_size=3), inner, max_size=3),
    max_leaves=8,
)


def passed_on(schema, arguments):
    """What the tool gets."""
    got = {}
    schema.invoke(lambda **kwargs: got.update(kwargs), schema.bind((), arguments)[0])
    return got


def same(one, other) -> bool:
    """Equal in value and in type all the way down; 1 is not 1.0 and not true."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@given(st.dictionaries(st.text(max_size=6).filter(lambda name: name.isidentifier()), PLAIN, max_size=4))
def test_plain_data_reaches_the_tool_as_it_was_sent(arguments) -> None:
    assert same(passed_on(OPEN, arguments), arguments)


@given(st.fixed_dictionaries({"text": st.text("aä", max_size=4)}, optional={"list": PLAIN, "real": st.floats(-1e9, 1e9) | st.integers(-99, 99)}))
def test_what_was_left_out_stays_out_and_a_number_keeps_its_form(arguments) -> None:
    values, defaulted = SCHEMA.bind((), arguments)
    assert values.keys() == arguments.keys() and not defaulted
    assert same(passed_on(SCHEMA, arguments), arguments)


@given(st.dictionaries(st.sampled_from(["text", "whole", "real", "flag", "list", "either", "class", "more", "text "]), PLAIN))
def test_the_quick_way_never_takes_what_the_slow_way_refuses(arguments) -> None:
    try:
        quick = SCHEMA.quick(**arguments)
    except Exception:
        return
    assert SCHEMA.bind((), arguments)[0] == quick


@given(st.dictionaries(st.sampled_from(["text", "whole", "flag"]), PLAIN, min_size=1))
def test_frozen_twice_is_frozen_once(arguments) -> None:
    """An approval, another process or a restart binds what was bound before."""
    try:
        values, _ = SCHEMA.bind((), arguments)
    except BadCall:
        return
    again, _ = SCHEMA.bind((), {name: thaw(value) for name, value in values.items()})
    assert again == values


def test_scalars_are_coerced_as_those_of_a_python_tool() -> None:
    sent = {"text": "t", "whole": "5", "real": "1.5", "flag": False}
    assert same(passed_on(SCHEMA, sent), {"text": "t", "whole": 5, "real": 1.5, "flag": False})


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("text", 5),
        ("text", None),
        ("text", "\ud800"),
        ("whole", True),
        ("whole", 1.5),
        ("whole", 2**53),
        ("whole", "5x"),
        ("whole", "٥"),
        ("real", math.nan),
        ("real", math.inf),
        ("real", "nan"),
        ("real", "1_0"),
        ("real", True),
        ("real", None),
        ("real", [1]),
        ("flag", 1),
        ("flag", "true"),
        ("flag", None),
        ("list", [math.nan]),
        ("list", {1: "x"}),
        ("list", {"x": {1, 2}}),
        ("list", b"bytes"),
        ("either", object()),
        ("more", 1),
        ("Text", "x"),
        ("text\x00", "x"),
    ],
)
def test_what_cannot_be_carried_or_was_not_said_is_refused(argument: str, value: object) -> None:
    with pytest.raises(BadCall) as caught:
        SCHEMA.bind((), {"text": "t", argument: value})
    assert argument.encode("unicode_escape").decode() in str(caught.value)


def test_every_reason_is_said() -> None:
    with pytest.raises(BadCall) as caught:
        SCHEMA.bind((1,), {"whole": "x", "more": 1})
    assert len(caught.value.reasons) == 4, caught.value.reasons


def test_a_list_that_changes_later_is_not_what_was_checked() -> None:
    sent = {"text": "t", "list": [1]}
    values, _ = SCHEMA.bind((), sent)
    sent["list"].append(2)
    assert values["list"] == (1,)


def test_a_deep_value_is_refused_and_no_crash() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(BadCall, match="nested"):
        OPEN.bind((), {"x": deep})


@pytest.mark.parametrize(
    ("said", "takes"),
    [
        (None, True),
        ({}, True),
        ({"type": "object"}, True),
        ({"properties": {}}, True),
        ({"properties": {}, "additionalProperties": False}, False),
        ({"properties": {"a": {}}}, False),
        ({"properties": {"a": {}}, "additionalProperties": True}, True),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, True),
        ({"properties": {"a": {}}, "additionalProperties": False}, False),
    ],
)
def test_other_names_are_taken_where_the_schema_says_so(said, takes: bool) -> None:
    schema = sent_schema(said)
    if takes:
        assert schema.bind((), {"other": 1})[0] == {"other": 1}
    else:
        with pytest.raises(BadCall, match="unknown"):
            schema.bind((), {"other": 1})


def test_what_is_required_without_a_property_is_required() -> None:
    schema = sent_schema({"properties": {"a": {}}, "required": ["b"]})
    assert schema.bind((), {"b": [1]})[0] == {"b": (1,)}
    with pytest.raises(BadCall, match="'b' is missing"):
        schema.bind((), {"a": 1})


@given(PLAIN)
def test_any_schema_is_taken_or_is_a_config_error(properties) -> None:
    for said in (properties, {"properties": properties}, {"properties": {"a": properties}}, {"required": properties}):
        if isinstance(said, dict):
            try:
                schema = sent_schema(MappingProxyType(said))
            except ConfigError:
                continue
            try:
                schema.bind((), {"a": 1})
            except BadCall:
                pass


@given(PLAIN)
def test_what_is_frozen_can_be_carried(value) -> None:
    assert freeze(thaw(freeze(value))) == freeze(value)


def test_the_examples_of_the_documentation() -> None:
    for module in (gate.describe.sent, gate.inside):
        outcome = doctest.testmod(module)
        assert outcome.attempted and not outcome.failed
