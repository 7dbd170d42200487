"""A folder of its own for every test of a command, and a gate in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.kit import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the test, empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATE_HOME", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def made(folder: Path) -> Path:
    """The same, with a gate made by `gate init`, and no rules."""
    assert run("init").code == 0
    (folder / "gate.toml").unlink()
    return folder
