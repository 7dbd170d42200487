"""The tutorial is run from its first command to its last, and prints what the page says; `…` stands for any text."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands.kit import ROOT, environment

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


def test_the_tutorial_does_what_it_says(tmp_path: Path, env: dict[str, str]) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    did = 0
    for step in steps():
        if step.kind != "run":
            with (folder / step.name).open("a" if step.kind == "append" else "x") as file:
                file.write(f"\n{step.text}" if step.kind == "append" else step.text)
            continue
        done = subprocess.run(
            ["bash", "-c", step.name], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
        )
        assert pattern(step.text).fullmatch(done.stdout.strip()), f"$ {step.name}\nprints\n{done.stdout}\nwhere the page says\n{step.text}"
        did += 1
    assert did >= 20


def test_the_pattern_is_not_satisfied_by_anything() -> None:
    assert pattern("a … c\n").fullmatch("a b\nb c")
    assert not pattern("a … c\n").fullmatch("a b")
    assert not pattern("made .gate\n").fullmatch("madeXgate")
    assert not pattern("").fullmatch("something")
