"""Every example in a docstring of the kinds runs, and the reference names what there is."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import capabilities
from capabilities import browser, compute, email, files, git, http, mcp, messages, payments, python, secrets, shell, sql

MODULES = [module.name for module in pkgutil.walk_packages(capabilities.__path__, "capabilities.")]
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_reference_names_every_tool_and_argument() -> None:
    text = (DOCS / "reference" / "kinds.md").read_text()
    for kind in (files, shell, http, browser, compute, sql, payments, python, email, messages, mcp, secrets, git):
        for tool in kind.TOOLS.values():
            assert f"`{tool.name}`" in text
            assert all(f"`{argument}`" in text for argument in tool.arguments), tool.name


def test_the_how_to_shows_the_example_as_it_is() -> None:
    text = (DOCS / "how-to" / "add-a-kind.md").read_text()
    assert "capabilities/example.py" in text and "tests/capabilities/test_example.py" in text
