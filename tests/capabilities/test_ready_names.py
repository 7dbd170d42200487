"""Every ready-made function is behind a gate the tool that the reference says, so that rules written for that name reach it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock  # a page is only held here, never gone to

import pytest

from capabilities import browser, compute, email, files, git, http, mcp, messages, payments, python, secrets, shell, sql
from gate import ANY, Gate
from gate.errors import Denied

_REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "kinds.md"
_NAMES = re.compile(r"^\| (`[a-z_]+\.[a-z_]+`(?:, `[a-z_]+\.[a-z_]+`)*) \|", re.MULTILINE)
_MADE_ELSEWHERE = {"sql.mysql"}  # a kind for checking calls; there is no ready-made function for it


def _functions(folder: Path) -> list[Callable[..., Any]]:
    """One of every function that a kind makes."""
    (folder / "app.db").touch()

    def nothing(*_: object) -> Any:
        return None

    sqlite, postgres = sql.sqlite(folder / "app.db"), sql.postgres(nothing)
    page = browser.tool(MagicMock(), within=browser.sites("site.example"))
    single = [shell.tool(folder), shell.bash_tool(folder, None), http.tool(), page, compute.tool(folder), sqlite, postgres]
    single += [payments.tool(nothing), python.tool(), python.tool(unconfined=True), email.tool(nothing, sender="a@corp.example")]
    single += [messages.tool(nothing, "slack"), mcp.tool(mcp.Servers({}), nothing), secrets.tool(secrets.Bound(secrets.Memory({}), {}))]
    return [*single, *files.tools(folder).values(), *git.tools(folder).values()]


def test_each_function_registers_under_the_name_of_the_reference(gate: Gate, tmp_path: Path) -> None:
    for function in _functions(tmp_path):
        gate.wrap(function)
    documented = {name.strip("`") for line in _NAMES.findall(_REFERENCE.read_text()) for name in line.split(", ")}
    assert documented - _MADE_ELSEWHERE == set(gate.tools)


def test_module_level_functions_are_named_too(gate: Gate) -> None:
    for function in (shell.run, compute.run):
        gate.wrap(function)
    assert gate.tools == ("shell.run", "compute.run")


def test_a_rule_against_all_of_shell_reaches_its_tools(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text('[[rule]]\nid = "no-shell"\ndeny = { tool = "shell.*" }\nreason = "no commands here"\n')
    gate = Gate(tmp_path / ".gate")
    run, bash = gate.wrap(shell.tool(tmp_path)), gate.wrap(shell.bash_tool(tmp_path, None))
    with gate.acting(gate.grant("worker", minutes=5, tools={"shell.run": {"command": ANY}, "shell.bash": {"text": ANY}})):
        for call in (lambda: run("ls"), lambda: bash("ls")):
            with pytest.raises(Denied, match="no commands here"):
                call()
    gate.close()
