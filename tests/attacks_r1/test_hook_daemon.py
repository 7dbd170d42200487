"""One daemon for several agents, and tools whose names an agent chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

from capabilities import coding
from gate import Gate
from gate.hooks.path import Hook
from gate.hooks.registry import dialect
from gate.hooks.who import Settings, installed
from tests.hooks.kit import before, make_gate


def word(gate: Gate, agent: str, tool: str, arguments: dict, call: str, cwd: Path) -> str:
    spoken = dialect(agent)
    event = spoken.read(before(tool, arguments, call=call, cwd=str(cwd)))
    return Hook(gate, spoken, Settings(agent, str(gate.home.path), nonce=call)).answer(event).word


def test_two_agents_of_one_gate_have_tools_of_the_same_name(tmp_path: Path) -> None:
    """`Bash` of Claude Code and of Codex are described differently; whoever comes second is refused for as long as the daemon runs."""
    home = make_gate(tmp_path)
    with Gate(home) as gate:
        installed(gate.home.path, "codex").write_text(gate.grant("codex-agent", tools=coding.everything("codex"), minutes=5).presentation)
        installed(gate.home.path, "codex").chmod(0o600)
        assert word(gate, "claude", "Bash", {"command": "ls"}, "t1", tmp_path) == "allow"
        assert word(gate, "codex", "Bash", {"command": "ls"}, "t2", tmp_path) == "allow"


@pytest.mark.parametrize("name", ["Eԁit", "EDIT", "edit"])
def test_a_name_that_looks_like_a_tool_does_not_take_its_place(tmp_path: Path, name: str) -> None:
    """Called once, it is refused; and in a daemon the tool it looks like is refused from then on."""
    with Gate(make_gate(tmp_path)) as gate:
        try:
            assert word(gate, "claude", name, {}, "t1", tmp_path) != "allow"
        except Exception:
            pass
        assert word(gate, "claude", "Edit", {"file_path": str(tmp_path / "a"), "old_string": "a", "new_string": "b"}, "t2", tmp_path) == "allow"
