"""Grants: the closed world of one call's arguments, and that a narrower grant never allows more."""

from __future__ import annotations

import doctest
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate.capability
from gate.capability import Grant
from gate.constraint import ANY, Check, Constraint, Entry, Exact, OneOf, Range, optional
from gate.frozen import Frozen, freeze
from gate.limits import Limits
from tests import reference
from tests.strategies import ARGUMENTS, NAMES, maps, narrower_maps

NOTHING: frozenset[str] = frozenset()


def frozen(arguments: Mapping[str, Any]) -> Mapping[str, Frozen]:
    """Arguments as a call carries them."""
    made = freeze(arguments)
    assert isinstance(made, Mapping)
    return made


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.capability)
    assert outcome.attempted
    assert not outcome.failed


# Laws, against the reference


@settings(max_examples=300)
@given(maps(), ARGUMENTS, st.frozensets(NAMES))
def test_covers_is_the_reference_and_refusals_are_its_reasons(entries: dict[str, Any], arguments: dict[str, Any], defaulted: frozenset[str]) -> None:
    grant = Grant.from_json("t", entries)
    covered = reference.covers(entries, arguments, defaulted)
    assert grant.covers(frozen(arguments), defaulted) is covered
    assert (grant.refusals(frozen(arguments), defaulted) == ()) is covered


@settings(max_examples=300)
@given(maps(), ARGUMENTS)
def test_the_checks_of_given_names_are_the_reference(entries: dict[str, Any], arguments: dict[str, Any]) -> None:
    given_values = frozen(arguments)
    checks = Grant.from_json("t", entries).checks(given_values)
    covered = checks is not None and all(admits(given_values[name]) for name, admits in checks)
    assert covered is reference.covers(entries, arguments, NOTHING)


@settings(max_examples=500)
@given(st.data(), maps(), st.lists(ARGUMENTS, min_size=1, max_size=8))
def test_an_attenuation_never_widens(data: st.DataObject, parent: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    child = data.draw(narrower_maps(parent))
    if not Grant.from_json("t", parent).widenings(Grant.from_json("t", child)):
        escaped = [call for call in calls if reference.covers(child, call) and not reference.covers(parent, call)]
        assert not escaped


@given(maps())
def test_a_grant_is_within_itself_and_survives_the_wire(entries: dict[str, Any]) -> None:
    grant = Grant.from_json("t", entries)
    assert grant.widenings(grant) == ()
    assert Grant.from_json("t", grant.to_json()).arguments == grant.arguments


# The closed world


GRANT = Grant.of("save", {"path": OneOf(["a", "b"]), "text": ANY, "mode": optional("w")})


DEFAULT = " (the tool's default, since it was left out; pass another value, or ask for a grant that admits it)"


@pytest.mark.parametrize(
    ("arguments", "defaulted", "reasons"),
    [
        ({"path": "a", "text": ""}, (), ()),
        ({"path": "a", "text": "", "mode": "w"}, (), ()),
        ({"path": "a", "text": "", "sync": True}, ("sync",), ()),
        ({"path": "a", "text": "", "mode": "w"}, ("mode",), ()),
        ({"path": "c", "text": ""}, (), ("argument 'path': 'c' is not one of 'a' or 'b'",)),
        ({"text": ""}, (), ("argument 'path' is missing",)),
        ({}, (), ("argument 'path' is missing", "argument 'text' is missing")),
        ({"path": "a", "text": "", "sync": True}, (), ("argument 'sync' is not in the grant, which names 'path', 'text' and 'mode'",)),
        # a named argument is checked even where the tool's own default stands in for it
        ({"path": "a", "text": "", "mode": "r"}, ("mode",), (f"argument 'mode': 'r' is not 'w'{DEFAULT}",)),
        ({"path": "c", "text": ""}, ("path",), (f"argument 'path': 'c' is not one of 'a' or 'b'{DEFAULT}",)),
        # leaving an argument out and naming it as left out doesn't make it present
        ({"text": ""}, ("path",), ("argument 'path' is missing",)),
        ({"path": None, "x": 1, "mode": "r"}, (), None),
    ],
)
def test_reasons(arguments: dict[str, Any], defaulted: tuple[str, ...], reasons: tuple[str, ...] | None) -> None:
    found = GRANT.refusals(frozen(arguments), frozenset(defaulted))
    assert GRANT.covers(frozen(arguments), frozenset(defaulted)) is (found == ())
    if reasons is None:
        assert len(found) == 4  # all reasons at once: wrong value, missing, wrong value, not named
    else:
        assert found == reasons


@pytest.mark.parametrize("name", ["p\u0430th", "path\u200b", "Path", "path ", "*"])
def test_look_alike_argument_names_are_other_arguments(name: str) -> None:
    grant = Grant.of("read", {"path": ANY})
    assert not grant.covers(frozen({"path": "x", name: 1}), NOTHING)
    assert not grant.covers(frozen({name: "x"}), NOTHING)


def test_the_star_admits_what_nobody_named_and_only_that() -> None:
    grant = Grant.of("read", {"path": "a", "*": ANY})
    assert grant.covers(frozen({"path": "a", "deep": True, "*": 1}), NOTHING)
    assert not grant.covers(frozen({"path": "b"}), NOTHING)
    assert not grant.covers(frozen({"deep": True}), NOTHING)
    for wrong in ("x", optional(ANY), Range()):
        with pytest.raises(ValueError, match=r"tool 'read': '\*' stands for"):
            Grant.of("read", {"*": wrong})


def test_an_empty_mapping_is_refused_in_python_and_means_anything_on_the_wire() -> None:
    with pytest.raises(ValueError, match="write ANY if that is meant"):
        Grant.of("read", {})
    assert Grant.from_json("read", {}).covers(frozen({"x": 1}), NOTHING)
    assert Grant.of("read", ANY).covers(frozen({"x": 1}), NOTHING)


@settings(max_examples=300)
@given(st.one_of(ARGUMENTS, st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers(-1, 1) | st.text(max_size=3), max_size=3)))
def test_a_grant_of_no_arguments_admits_none_whatever_it_is_called(arguments: dict[str, Any]) -> None:
    grant = Grant.of("read", ())
    wire = grant.to_json()
    assert wire  # an empty map would admit any
    for one in (grant, Grant.of("read", []), Grant.from_json("read", wire)):
        assert one.covers(frozen(arguments), NOTHING) is (not arguments)
        assert (one.checks(arguments) is not None and not one.refusals(frozen(arguments), NOTHING)) is (not arguments)
    assert reference.covers(wire, arguments) is (not arguments)  # nor with whoever else reads the token


@pytest.mark.parametrize("name", ["", "*", "()", "x", "\u200b", "__proto__"])
@pytest.mark.parametrize("value", [True, False, None, 0, 1, 1.0, "", "true", [], [True, False], {}, {"constraint_type": "wildcard"}])
def test_no_argument_passes_a_grant_of_none(name: str, value: Any) -> None:
    grant = Grant.of("read", ())
    assert not grant.covers(frozen({name: value}), NOTHING)
    assert grant.refusals(frozen({name: value}), NOTHING)
    assert grant.covers(frozen({}), NOTHING)


def test_a_grant_of_no_arguments_is_derived_from_an_open_one_and_widens_to_nothing() -> None:
    none = Grant.of("read", ())
    assert not Grant.of("read", ANY).widenings(none)
    assert not none.widenings(none)
    for child in (Grant.of("read", ANY), Grant.of("read", {"x": "a"}), Grant.of("read", {"": optional(True)}), Grant.of("read", {"": optional(ANY)})):
        assert none.widenings(child)
    assert none.refusals(frozen({"x": 1}), NOTHING) == ("argument 'x' is not in the grant, which names no arguments",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("path", "write a mapping of argument names"),
        (None, "write a mapping of argument names"),
        ({"path": object()}, "tool 'read', argument 'path': a object is no constraint"),
        ({"path": {}}, "tool 'read', argument 'path': a constraint is an object"),
        ({"limit": float("nan")}, "tool 'read', argument 'limit': nan is not a finite number"),
    ],
)
def test_what_is_not_understood_names_tool_and_argument(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Grant.of("read", arguments)


# Narrowing, case by case


@pytest.mark.parametrize(
    ("parent", "child", "reasons"),
    [
        ({"a": ANY}, {"a": "x"}, ()),
        ({"a": "x"}, {"a": ANY}, ("argument 'a': wildcard is not within exact value=\"x\"",)),
        ({"a": ANY}, {"b": ANY}, ("argument 'a' is required and would be dropped", "argument 'b' is not granted")),
        ({"a": ANY}, {"a": optional(ANY)}, ("argument 'a' is required and would be optional",)),
        ({"a": optional(ANY), "b": ANY}, {"b": ANY}, ()),
        ({"a": optional("x"), "*": ANY}, {"*": ANY}, ("argument 'a' would be admitted with any value by '*'",)),
        ({"a": ANY}, {"a": ANY, "*": ANY}, ("arguments that nobody named would be admitted",)),
        ({"*": ANY}, {"a": "x"}, ()),
    ],
)
def test_widenings(parent: dict[str, Any], child: dict[str, Any], reasons: tuple[str, ...]) -> None:
    assert Grant.of("t", parent).widenings(Grant.of("t", child)) == reasons


def test_limits_of_a_tool_belong_to_its_grant() -> None:
    parent = Grant.of("t", ANY, Limits(calls=5))
    assert parent.widenings(Grant.of("t", ANY, Limits(calls=6))) == ("calls: 6 is over 5",)
    assert parent.widenings(Grant.of("t", ANY)) == ()


# Constraints that break their promise


class Broken(Constraint):
    """A type whose check raises, and whose explanation too."""

    __slots__ = ()
    type: ClassVar[str] = "broken"

    def compile(self) -> Check:
        def check(_: Frozen) -> bool:
            raise RuntimeError("a bug")

        return check

    def explain(self, value: Frozen) -> str:
        raise RuntimeError("another")

    def subsumes(self, other: Constraint) -> bool:
        return False

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": "broken"}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls()


@pytest.mark.parametrize("entry", [Entry(Broken()), Entry(Broken(), optional=True)])
def test_a_check_that_raises_refuses(entry: Entry) -> None:
    grant = Grant("t", {"a": entry})
    assert not grant.covers(frozen({"a": 1}), NOTHING)
    assert grant.refusals(frozen({"a": 1}), NOTHING) == ("argument 'a': 1 could not be checked against broken",)


def test_a_grant_cannot_be_changed() -> None:
    entries = {"path": Entry(Exact("a"))}
    grant = Grant("read", entries)
    entries["path"] = Entry(ANY)
    with pytest.raises(TypeError):
        grant.arguments["path"] = Entry(ANY)  # type: ignore[index]  # the point of the test
    with pytest.raises(AttributeError):
        grant.tool = "write"  # type: ignore[misc]  # the point of the test
    assert not grant.covers(frozen({"path": "b"}), NOTHING)


def test_threads_that_compile_at_once_agree() -> None:
    arguments = MappingProxyType({"path": "a", "text": "", "mode": "r"})
    for _ in range(50):
        grant, answers = Grant.of("save", {"path": "a", "text": ANY, "mode": optional("w")}), list[bool]()
        threads = [threading.Thread(target=lambda grant=grant, answers=answers: answers.append(grant.covers(arguments, NOTHING))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [False] * 4
