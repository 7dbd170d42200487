"""`gate rules check`: a file that is wrong is named with its line; what cannot be meant is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

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
