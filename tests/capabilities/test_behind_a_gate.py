"""The ready-made tools behind a real gate: what is granted runs, what is not does not, and a person is asked where the risk is high."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capabilities import compute, files, http, shell
from gate import ANY, Denied, Gate
from gate.constraint import Range
from gate.errors import NeedsApproval


@pytest.fixture
def tools(gate: Gate, tmp_path: Path) -> dict[str, Callable[..., Any]]:
    """Every ready-made tool for one folder, wrapped."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "notes.md").write_text("hello\n")
    ready = (shell.tool(folder), compute.tool(folder), http.tool(seconds=1))
    wrapped = [gate.wrap(function) for function in (*files.tools(folder).values(), *ready)]  # they say what they are
    return dict(zip([*files.tools(folder), "shell.run", "compute.run", "http.request"], wrapped, strict=True))


def test_what_is_granted_runs_and_nothing_else(gate: Gate, tools: dict[str, Callable[..., Any]], tmp_path: Path) -> None:
    root = files.below(tmp_path / "work")
    capability = gate.grant(
        "worker",
        minutes=5,
        tools={
            "files.read": {"path": root},
            "files.write": {"path": root, "text": ANY},
            "shell.run": {"command": shell.programs("wc", "cat", "git status")},
            "compute.run": {"argv": shell.programs("sh", "echo"), "cpu_seconds": Range(max=5)},
            "http.request": http.requests("api.example.com"),
        },
    )
    with gate.acting(capability):
        assert tools["files.read"]("notes.md") == "hello\n"
        tools["files.write"]("out.txt", "x")
        assert tools["shell.run"]("cat notes.md | wc -l")["stdout"].strip() == "1"
        assert tools["shell.run"](["cat", "notes.md"])["stdout"] == "hello\n"
        assert tools["compute.run"](["echo", "hi"], cpu_seconds=5)["stdout"] == "hi\n"
        for call in (
            lambda: tools["files.read"]("../secret"),
            lambda: tools["files.read"]("/etc/passwd"),
            lambda: tools["files.write"]("notes.md", "x", overwrite=True),
            lambda: tools["files.delete"]("notes.md"),
            lambda: tools["shell.run"]("rm notes.md"),
            lambda: tools["shell.run"]("cat notes.md; rm notes.md"),
            lambda: tools["shell.run"]("cat $(id)"),
            lambda: tools["compute.run"](["echo", "hi"], cpu_seconds=6),
            lambda: tools["http.request"]("https://evil.example/"),
            lambda: tools["http.request"]("https://api.example.com/", method="POST"),
        ):
            with pytest.raises(Denied):
                call()  # type: ignore[no-untyped-call]  # a lambda
    assert (tmp_path / "work" / "notes.md").read_text() == "hello\n"


def test_a_high_risk_asks_although_it_is_granted(gate: Gate, tools: dict[str, Callable[..., Any]]) -> None:
    capability = gate.grant("worker", minutes=5, tools={"shell.run": {"command": ANY}, "files.delete": {"path": ANY}})
    with gate.acting(capability):
        for call in (
            lambda: tools["shell.run"]("ssh -fNR 2222:localhost:22 gw"),
            lambda: tools["shell.run"]("yes"),
            lambda: tools["files.delete"]("notes.md"),
        ):
            with pytest.raises(NeedsApproval):
                call()  # type: ignore[no-untyped-call]  # a lambda
        assert tools["shell.run"]("cat notes.md")["stdout"] == "hello\n"
