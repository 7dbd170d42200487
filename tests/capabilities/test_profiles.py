"""The profiles: what runs without a question, what asks, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capabilities.profiles import NAMES, profile, workstation
from gate.capability import Grant
from gate.rules import parse
from tests.attacks.verdict import CATALOGUE, verdict


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The workspace: the current folder."""
    monkeypatch.chdir(tmp_path)
    return str(tmp_path.resolve())


@pytest.mark.parametrize(
    ("tool", "args", "expected"),
    [
        ("shell.run", {"command": "git status"}, {"workstation": "allowed", "workspace": "allowed"}),
        ("shell.run", {"command": "cat /usr/share/dict/words"}, {"workstation": "allowed", "workspace": "asked"}),
        ("shell.run", {"command": "cat /etc/shadow"}, {"workstation": "asked", "workspace": "asked"}),
        ("shell.run", {"command": "rm x"}, {"workstation": "asked", "workspace": "asked"}),
        ("shell.run", {"command": "frobnicate"}, {"workstation": "asked", "workspace": "asked"}),
        ("shell.run", {"command": "ssh -R 1:a:2 h"}, {"workstation": "refused", "workspace": "refused"}),
        ("shell.run", {"command": "./xmrig"}, {"workstation": "refused", "workspace": "refused"}),
        ("shell.run", {"command": "eval id"}, {"workstation": "refused", "workspace": "refused"}),
        ("shell.run", {"command": "echo $(id)"}, {"workstation": "allowed", "workspace": "allowed"}),
        ("shell.run", {"command": "gh pr list"}, {"workstation": "allowed", "workspace": "asked"}),
        ("shell.bash", {"text": "ls"}, {"workstation": "asked", "workspace": "asked"}),
        ("shell.bash", {"text": "ssh -R 1:a:2 h"}, {"workstation": "refused", "workspace": "refused"}),
        ("files.read", {"path": "a"}, {"workstation": "allowed", "workspace": "allowed"}),
        ("files.list", {"path": "."}, {"workstation": "allowed", "workspace": "allowed"}),
        ("files.read", {"path": "/usr/share/dict/words"}, {"workstation": "asked", "workspace": "asked"}),
        ("files.read", {"path": ".env"}, {"workstation": "asked", "workspace": "asked"}),
        ("files.write", {"path": "a"}, {"workstation": "asked", "workspace": "asked"}),
        ("http.request", {"method": "GET", "url": "https://example.com/"}, {"workstation": "asked", "workspace": "asked"}),
        ("http.request", {"url": "http://127.1/"}, {"workstation": "refused", "workspace": "refused"}),
        ("compute.run", {"argv": ["ls"]}, {"workstation": "asked", "workspace": "asked"}),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_each_call_gets_its_verdict(name: str, tool: str, args: dict[str, Any], expected: dict[str, str], here: str) -> None:
    got, reasons = verdict(tool, args, name, here)
    assert got == expected[name], reasons


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_load_with_their_examples_and_the_grants_are_grants(name: str, tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s "odd" \\ é'
    odd.mkdir()
    made = profile(name, odd)
    assert parse(made.rules.encode(), catalogue=CATALOGUE)
    for tool, arguments in made.grants.items():
        assert Grant.of(tool, arguments).tool == tool


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(ValueError, match="there is no profile 'x'; there are workstation, workspace"):
        profile("x")
    assert workstation() == profile("workstation")
