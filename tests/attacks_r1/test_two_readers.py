"""Two readers of one call: where an agent's tool takes the folder from one argument and the gate judges by the other; and other gaps of words."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate import ANY, Gate
from gate.agents.around import Around, Sent
from gate.errors import Denied, NeedsApproval
from gate.hooks.path import Hook
from gate.hooks.registry import dialect
from gate.hooks.who import Settings
from gate.mcp.results import secret_field
from tests.hooks.kit import make_gate


@pytest.mark.parametrize(
    ("agent", "event", "tool", "judged", "other"),
    [("gemini", "BeforeTool", "run_shell_command", "directory", "dir_path"), ("cursor", "preToolUse", "Shell", "cwd", "working_directory")],
)
@pytest.mark.parametrize("where", [".gate", "/etc"])
def test_a_command_with_two_folders_does_not_run(tmp_path: Path, agent: str, event: str, tool: str, judged: str, other: str, where: str) -> None:
    """`cat origin` in `sub` is harmless; in the other folder, which the agent takes, it reads the gate's own files."""
    home = make_gate(tmp_path, agent)
    (tmp_path / "sub").mkdir()
    data = {"session_id": "s", "conversation_id": "s", "cwd": str(tmp_path), "hook_event_name": event, "tool_name": tool, "tool_use_id": "t1"}
    sent = {"command": "cat origin", judged: str(tmp_path / "sub"), other: str(tmp_path / where)}
    with Gate(home) as gate:
        spoken = dialect(agent)
        verdict = Hook(gate, spoken, Settings(agent, str(home), nonce="1")).answer(spoken.read({**data, "tool_input": sent}))
    assert verdict.word != "allow"


def test_a_plain_yes_of_a_framework_is_none_to_a_grave_question(gate: Gate) -> None:
    """`gate.ask`: from high risk on "nothing but the page and the terminal may take a yes"; over MCP that holds, in the adapters it does not."""
    made = Around(gate, capability=gate.grant("root", tools={"wipe": ANY}), session="s", answers="owner", tools={"wipe": {"risk": "critical"}})
    made.declare("wipe")
    ran: list[object] = []
    with pytest.raises(NeedsApproval) as asked:
        made.run(Sent("wipe", {"x": 1}, "c1"), ran.append)
    assert asked.value.question is not None and asked.value.question.grave
    with pytest.raises(Denied), made.answered(asked.value.question, True):
        made.run(Sent("wipe", {"x": 1}, "c1"), ran.append)
    assert not ran


@pytest.mark.parametrize("name", ["pwd", "otp", "p\u0430ssword", "pass\u200bword", "credit_card", "2fa_code", "passwort", "cvv2", "PIN2"])
def test_a_form_asks_for_no_secret_however_it_is_spelled(name: str) -> None:
    assert secret_field({"message": "Who are you?", "requestedSchema": {"properties": {name: {"type": "string"}}}})
