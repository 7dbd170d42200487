"""`gate rules check`: a file that is wrong is named with its line; what cannot be meant is reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gate import Gate
from tests.commands.kit import run

GOOD = '[[rule]]\nid = "a"\ndeny = { tool = "pay" }\nmatch = ["pay eur=1"]\n'


def test_a_good_file(folder: Path) -> None:
    (folder / "r.toml").write_text('[[rule]]\nid = "a"\ndeny = { tool = "shell.run" }\nmatch = ["shell.run command=ls"]\n')
    result = run("rules", "check", "r.toml")
    assert (result.code, result.out) == (0, "r.toml: 1 rule, 1 example as written, 0 findings\n")


def test_what_cannot_be_meant_is_a_finding(folder: Path) -> None:
    (folder / "r.toml").write_text('[[rule]]\nid = "a"\nallow = { tool = "*" }\n')
    result = run("rules", "check", "r.toml")
    assert result.code == 1
    assert "r.toml:" in result.out
    assert "1 rule" in result.out
    assert run("rules", "check", "r.toml", "--json").data["findings"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[rule", "r.toml:"),
        ('[[rule]]\nid = "a"\ndeny = { tol = "x" }\n', "r.toml:3: rule 'a'"),
        ('[[rule]]\nid = "a"\ndeny = { tool = "shell.run" }\nmatch = ["files.read path=x"]\n', "r.toml:4: rule 'a'"),
    ],
)
def test_a_wrong_file_is_one_line_with_its_place(folder: Path, text: str, place: str) -> None:
    (folder / "r.toml").write_text(text)
    result = run("rules", "check", "r.toml")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert place in result.err


def test_no_file(folder: Path) -> None:
    assert run("rules", "check").code == 2
    assert run("rules", "check", "missing.toml").code == 2


def test_approvers_whom_nobody_is_are_a_finding(made: Path) -> None:
    (made / "r.toml").write_text('[[rule]]\nid = "a"\nask = { tool = "*", approvers = ["@oncall"] }\nmatch = ["shell.run command=ls"]\n')
    assert "nobody may answer: '@oncall'" in run("rules", "check", "r.toml").out
    (made / "approvers.toml").write_text('[[person]]\nname = "ann"\ngroups = ["oncall"]\n')
    (made / "approvers.toml").chmod(0o600)
    assert run("rules", "check", "r.toml").code == 0


# ---- names that no tool has ---------------------------------------------------------------------------------------------------------------


def findings(folder: Path, rule: str, *more: str) -> list[tuple[str, str]]:
    """What is found about one rule that has an example which says nothing of it."""
    (folder / "r.toml").write_text(f'[[rule]]\nid = "a"\ndeny = {{ {rule} }}\nnot_match = ["other.tool x=1"]\n')
    result = run("rules", "check", "r.toml", "--json", *more)
    assert result.code == bool(result.data["findings"])
    return [(one["problem"], one["text"]) for one in result.data["findings"]]


@pytest.mark.parametrize("name", ["shel.run", "shell.ran", "files.remove", "file.read"])
def test_a_name_that_is_nearly_one_of_the_kinds_is_reported(folder: Path, name: str) -> None:
    (problem, text), *more = findings(folder, f'tool = "{name}"')
    assert (problem, name in text, more) == ("never-matches", True, [])


def test_a_tool_of_the_program_alone_is_none_of_our_business_until_the_tools_are_named(folder: Path) -> None:
    assert findings(folder, 'tool = ["save", "pay.*"]') == []
    assert findings(folder, 'tool = "*", arguments = { eur = 5 }') == []
    assert findings(folder, 'tool = "save"', "--tools", "save,load") == []
    assert findings(folder, 'tool = "save"', "--tools", "load safe")[0] == ("never-matches", "no tool is called 'save'; did you mean 'safe'?")
    assert findings(folder, 'tool = ["save", "load"]', "--tools", "load")[0][0] == "unreachable-tool"
    assert findings(folder, 'tool = "shell.run"', "--tools", "load") == []


def test_an_argument_that_the_tool_does_not_have_is_reported(folder: Path) -> None:
    wrong = 'tool = "shell.run", arguments = { cmd = "ls" }'
    assert findings(folder, wrong) == [("never-matches", "no 'shell.run' has an argument 'cmd'")]
    (folder / "tools.json").write_text('{"save": ["path", "text"], "load": null, "pay": {"eur": {}}}')
    for tool, argument, expected in (("save", "txt", 1), ("save", "text", 0), ("load", "anything", 0), ("pay", "euro", 1)):
        found = findings(folder, f'tool = "{tool}", arguments = {{ {argument} = "x" }}', "--tools", "tools.json")
        assert len(found) == expected, (tool, argument, found)


def test_a_list_of_tools_is_what_a_gate_prints(folder: Path) -> None:
    with Gate(folder / "other") as gate:
        gate.wrap(lambda path: path, name="save")
        (folder / "tools.json").write_text(json.dumps(gate.tools))
    assert findings(folder, 'tool = "save"', "--tools", "tools.json") == []
    assert findings(folder, 'tool = "load"', "--tools", "tools.json")[0][0] == "never-matches"


@pytest.mark.parametrize("text", ["[1]", '"save"', "{", '{"save": 5}', '{"save": [5]}', '["sa ve"]', '[["save"]]'])
def test_a_file_that_holds_no_tools_is_one_line(folder: Path, text: str) -> None:
    (folder / "r.toml").write_text(GOOD)
    (folder / "tools.json").write_text(text)
    result = run("rules", "check", "r.toml", "--tools", "tools.json")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
