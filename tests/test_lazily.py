"""What is loaded when: names, not times. Whoever imports one module does not load all, and nobody can tell the difference otherwise."""

from __future__ import annotations

import ast
import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import gate

HEAVY = {"asyncio", "ssl", "joserfc", "cryptography.x509", "pydantic", "pydantic_core", "httpx", "tenacity", "importlib.metadata", "email", "uuid"}
"""What no process loads that only decides one call."""


def loaded(program: str) -> set[str]:
    """The modules that a fresh interpreter has after a program."""
    done = subprocess.run([sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def imported() -> dict[str, str]:
    """The public names and their modules, as type checkers see them."""
    block = next(node for node in ast.parse(Path(gate.__file__).read_text()).body if isinstance(node, ast.If))
    return {alias.name: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_the_package_alone_loads_nothing() -> None:
    assert not [name for name in loaded("import gate") if name.startswith("gate.")]


@pytest.mark.parametrize(
    "program", ["from gate import Gate", "from gate import *", "import gate.hooks.worker, gate.hooks.path, gate.ledger, gate.token"]
)
def test_the_engine_loads_nothing_that_deciding_a_call_does_not_need(program: str) -> None:
    assert not loaded(program) & HEAVY


def test_what_is_about_files_loads_no_shell() -> None:
    assert not [name for name in loaded("import capabilities.coding") if name in {"capabilities._shell.flow", "capabilities._shell.judge"}]


def test_every_public_name_is_the_one_that_type_checkers_see() -> None:
    names = imported()
    assert set(names) == set(gate.__all__)
    for name, module in names.items():
        assert getattr(gate, name) is getattr(importlib.import_module(module), name), name


def test_all_of_it_is_listed_and_can_be_imported_by_star() -> None:
    assert set(gate.__all__) <= set(dir(gate))
    names: dict[str, object] = {}
    exec("from gate import *", names)
    assert set(gate.__all__) <= names.keys()


def test_modules_are_attributes_as_before() -> None:
    assert "gate.trace" in loaded("import gate; gate.trace; gate.errors.Denied")


@pytest.mark.parametrize("name", ["nothing", "_nothing", "__path__x", "no.such"])
def test_what_is_not_there_is_an_attribute_error(name: str) -> None:
    assert not hasattr(gate, name)


def test_a_refusal_can_be_pickled() -> None:
    assert isinstance(pickle.loads(pickle.dumps(gate.Denied("no", tool="t"))), gate.Denied)


def test_attack_a_module_that_cannot_be_loaded_is_no_missing_name() -> None:
    program = "import sys; sys.modules['gate.gate'] = None\nimport gate\ntry:\n    gate.Gate\nexcept ImportError:\n    print('import error')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["import", "error"]
