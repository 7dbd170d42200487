"""A tool that only a program has is judged by its name and its arguments; one that no tool can be called is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.call import NOBODY
from gate.commands.tools import AnyTool
from gate.effect import UNDECLARED
from gate.errors import BadCall
from tests.commands.kit import run


def test_a_tool_nobody_knows() -> None:
    call = AnyTool().describe("pay", {"eur": [1, {"x": None}]}, NOBODY)
    assert (call.tool, call.assessment) == ("pay", UNDECLARED)
    assert call.digest()


def test_a_tool_of_a_kind_is_judged_by_its_kind() -> None:
    assert "T1572" in AnyTool().describe("shell.run", {"command": "ssh -R 1:localhost:2 gw"}, NOBODY).assessment.techniques
    with pytest.raises(BadCall):
        AnyTool().describe("shell.run", {"cmd": "ls"}, NOBODY)


@pytest.mark.parametrize(
    ("tool", "arguments"), [("p\u0430y", {}), ("", {}), ("pay", {"n": float("nan")}), ("pay", {"n": 10**400}), ("pay", {"s": "\ud800"})]
)
def test_what_is_no_call(tool: str, arguments: dict[str, object]) -> None:
    with pytest.raises(BadCall):
        AnyTool().describe(tool, arguments, NOBODY)


def test_examples_of_a_rules_file_may_name_tools_of_a_program(folder: Path) -> None:
    (folder / "r.toml").write_text('[[rule]]\nid = "a"\ndeny = { tool = "pay" }\nmatch = ["pay eur=1"]\nnot_match = ["paint eur=1"]\n')
    assert run("rules", "check", "r.toml").out == "r.toml: 1 rule, 2 examples as written, 0 findings\n"
    assert run("check", "--rules", "r.toml", "-", stdin=b'{"tool": "pay", "args": {}}').lines[0]["rules"] == ["a"]
    (folder / "r.toml").write_text('[[rule]]\nid = "a"\ndeny = { tool = "pay" }\nmatch = ["paint eur=1"]\n')
    assert run("rules", "check", "r.toml").code == 2
