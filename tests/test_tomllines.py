"""Lines of a TOML document, found by walking it, never by judging it."""

from __future__ import annotations

import doctest
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

import gate.policy.tomllines
from gate.policy.tomllines import Lines
from tests.rules_data import document, files

HARD = '''
"default" = { low = "ask" } # [[rule]]
text = """
[[rule]]
id = 'no' \\"""
""""
raw = \'\'\'
[[rule]] # '' not
\'\'\'

[[ rule ]]
"id" = "a\\"]#"
deny.technique = "T1"      # dotted
deny.arguments."x.y" = [ [1, 2],
  { a = "}", b = [
     3 ] },
]
[rule.extra.'deep']
key = 2027-01-01T00:00:00Z
[[rule]]
[[rule.part]]
a = 1
[[rule.part]]
a = 2
[other]
a = -inf
'''


def test_the_examples_of_the_module_hold() -> None:
    result = doctest.testmod(gate.policy.tomllines)
    assert result.attempted and not result.failed


def test_a_hard_document() -> None:
    data, lines = tomllib.loads(HARD), Lines(HARD)
    assert len(data["rule"]) == 2
    rows = HARD.split("\n")
    expected: dict[tuple[str | int, ...], str] = {
        ("default",): '"default"',
        ("default", "low"): '"default"',
        ("text",): "text",
        ("raw",): "raw",
        ("rule", 0): "[[ rule ]]",
        ("rule", 0, "id"): '"id"',
        ("rule", 0, "deny", "technique"): "deny.technique",
        ("rule", 0, "deny", "arguments", "x.y"): "deny.arguments",
        ("rule", 0, "deny", "arguments", "x.y", 1): "  { a",
        ("rule", 0, "deny", "arguments", "x.y", 1, "b", 0): "     3",
        ("rule", 0, "extra", "deep"): "[rule.extra",
        ("rule", 0, "extra", "deep", "key"): "key",
        ("rule", 1): "[[rule]]",
        ("rule", 1, "part", 1, "a"): "a = 2",
        ("other", "a"): "a = -inf",
        ("rule", 0, "nothing"): "[[ rule ]]",
    }
    for path, start in expected.items():
        assert rows[lines.of(*path) - 1].startswith(start), path
    assert lines.of("nothing") == 0


def paths(data: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else []
    return [path, *[found for key, item in items for found in paths(item, (*path, key))]]


@settings(max_examples=100, deadline=None)
@given(files())
def test_every_value_of_a_rules_file_has_a_line_of_its_own(file: dict[str, object]) -> None:
    text = document(file)
    lines = Lines(text)
    for path in paths(tomllib.loads(text))[1:]:
        assert lines._found.get(path) == lines.of(*path) > 0


@given(st.text() | st.lists(st.sampled_from(["[", "]", "{", "}", "=", '"', "'''", '"""', "a", ".", ",", "\n", "#", "\\"])).map("".join))
def test_a_text_that_is_no_toml_does_no_harm(text: str) -> None:
    assert Lines(text).of("a", 0) >= 0
