"""The tutorial is run from its first command to its last, and prints what the page says; `…` stands for any text."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands.kit import ROOT, environment, on_terminal

PAGE = ROOT / "docs" / "tutorial" / "first-gate.md"
BLOCK = re.compile(r"(?:<!-- (file|append): (\S+) -->\n)?```(\w+)[^\n]*\n(.*?)```\n", re.DOTALL)


class Step(NamedTuple):
    """One thing to do: a file to write or extend, or a command with what it prints."""

    kind: str
    name: str
    text: str


def steps() -> list[Step]:
    """What the page says, in order."""
    found: list[Step] = []
    for kind, name, language, body in BLOCK.findall(PAGE.read_text()):
        if kind:
            found.append(Step(kind, name, body))
        elif language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, expected = part.partition("\n")
                found.append(Step("run", command, expected))
    return found


def pattern(expected: str) -> re.Pattern[str]:
    """What is expected, `…` for any text, also over several lines."""
    return re.compile(".*".join(re.escape(part) for part in expected.strip().split("…")), re.DOTALL)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment where `gate` and `python` are those of this test."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in (("gate", "-m gate "), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module}"$@"\n')
        (programs / name).chmod(0o755)
    return environment(PATH=f"{programs}:/usr/bin:/bin")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the reader works, empty."""
    made = tmp_path / "empty"
    made.mkdir()
    return made


def do(step: Step, folder: Path, env: dict[str, str]) -> str:
    """Does one step; what a command printed."""
    if step.kind != "run":
        with (folder / step.name).open("a" if step.kind == "append" else "x") as file:
            file.write(f"\n{step.text}" if step.kind == "append" else step.text)
        return ""
    done = subprocess.run(
        ["bash", "-c", step.name], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
    )
    return done.stdout


def test_the_tutorial_does_what_it_says(folder: Path, env: dict[str, str]) -> None:
    did = 0
    for step in steps():
        printed = do(step, folder, env)
        if step.kind == "run":
            assert pattern(step.text).fullmatch(printed.strip()), f"$ {step.name}\nprints\n{printed}\nwhere the page says\n{step.text}"
            did += 1
    assert did >= 20


def test_the_person_at_the_terminal_is_asked(folder: Path, env: dict[str, str]) -> None:
    asked = "draft.md"
    before = [step for step in steps() if step.kind != "run" or step.name.startswith(("gate init", "gate grant"))]
    for step in before:
        do(step, folder, env)
    (added,) = re.findall(r"```python[^\n]*\n(from gate\.approvers.*?)```", PAGE.read_text(), re.DOTALL)
    program = (folder / "agent.py").read_text()
    first, gate, rest = program.partition("# the log shows paths; other arguments appear as keyed hashes\n")
    (folder / "agent.py").write_text(first + gate + added + rest)
    command = [sys.executable, "agent.py", "token.json", "save", asked, "for the press"]
    no = on_terminal([*command[:-1], "for the bin"], folder, env, "denies: ", b"no\n")  # a no holds for that call in this session
    assert "owner refused it" in no.out
    assert not (folder / asked).exists()
    yes = on_terminal(command, folder, env, "denies: ", b"yes\n")
    assert 'text = "for the press"' in yes.out
    assert "saved 13 characters" in yes.out
    assert (folder / asked).read_text() == "for the press"


def test_the_pattern_is_not_satisfied_by_anything() -> None:
    assert pattern("a … c\n").fullmatch("a b\nb c")
    assert not pattern("a … c\n").fullmatch("a b")
    assert not pattern("made .gate\n").fullmatch("madeXgate")
    assert not pattern("").fullmatch("something")
