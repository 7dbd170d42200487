"""Patterns that are compiled late: what each does, and that every one of them is a pattern."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import gate.regex
from gate.regex import regex
from tests.kit import SOURCES


def test_the_examples() -> None:
    assert not doctest.testmod(gate.regex).failed


def test_it_does_what_the_pattern_does() -> None:
    late, pattern = regex(r"(a)|(?P<b>b)", re.IGNORECASE), re.compile(r"(a)|(?P<b>b)", re.IGNORECASE)
    for text in ("a", "B", "ab", "", "xAx"):
        for name in ("match", "fullmatch", "search", "findall", "split"):
            assert str(getattr(late, name)(text)) == str(getattr(pattern, name)(text)), (name, text)
    assert (late.sub("-", "xAb"), late.flags, late.groups, late.pattern) == ("x--", pattern.flags, 2, pattern.pattern)


def test_what_is_no_pattern_fails_where_it_is_used() -> None:
    late = regex("(")
    for _ in range(2):
        with pytest.raises(re.error):
            late.match("(")


def _late(path: Path) -> list[ast.Call]:
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [call for call in found if isinstance(call.func, ast.Name) and call.func.id == "regex"]


def test_every_pattern_of_ours_is_one() -> None:
    places = [path for folder in ("gate", "capabilities") for path in sorted((SOURCES / folder).rglob("*.py"))]
    seen = 0
    for path in places:
        if calls := _late(path):
            names = vars(importlib.import_module(".".join(path.relative_to(SOURCES).with_suffix("").parts)))
            for call in calls:
                made = eval(compile(ast.Expression(call), str(path), "eval"), dict(names))
                assert re.compile(made.pattern, made.flags), ast.unparse(call)
                seen += 1
    assert seen > 100
