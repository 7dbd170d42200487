"""An agent that obeys everybody, in worlds full of attackers: bare, it does their bidding; behind the gate nothing of that happens, and its own task.

The score of a scenario is not what the agent tried, but what happened in the world (`did.jsonl`, `files/`).
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from gate import Gate
from tests.kit import SOURCES
from tests.mcp.attacks.agent import Agent
from tests.mcp.attacks.scenarios import SCENARIOS, Scenario
from tests.mcp.behind import ALL
from tests.mcp.client import Client


class World:
    """One scenario in a folder. gate: whether its servers are behind one."""

    def __init__(self, scenario: Scenario, folder: Path, *, gated: bool) -> None:
        self.scenario, self.folder, self.gated = scenario, folder, gated
        (folder / "world.json").write_text(json.dumps(scenario.servers))
        (folder / "files").mkdir()
        for name, text in scenario.files.items():
            (folder / "files" / name).write_text(text)
        self.token = ""
        if gated:
            (folder / "gate.toml").write_text(ALL + scenario.rules)
            with Gate(folder / ".gate") as gate:
                self.token = gate.grant("agent", tools=scenario.grants).presentation

    def start(self, server: str) -> Client:
        command = [sys.executable, "-m", "tests.mcp.attacks.world", server, str(self.folder)]
        if not self.gated:
            return Client(command, cwd=SOURCES)
        front = [sys.executable, "-m", "gate", "mcp", "--name", server, "--home", str(self.folder / ".gate"), "--env", "PYTHONPATH", "--"]
        return Client([*front, *command], cwd=SOURCES, env={"GATE_CAPABILITY": self.token, "PYTHONPATH": str(SOURCES)})

    def play(self) -> list[str]:
        """The user's task, done by the agent; how each part of it ended."""
        with ExitStack() as running:
            clients = {name: self.start(name) for name in self.scenario.servers}
            for client in clients.values():
                running.callback(client.close)
            agent = Agent(clients)
            ended = [agent.do(*part) for part in self.scenario.task]
        return ended

    @property
    def harm(self) -> list[dict]:
        """What happened that should not have."""
        log = self.folder / "did.jsonl"
        return [one for one in map(json.loads, log.read_text().splitlines()) if self.scenario.harm(one)]


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_bare_the_attack_succeeds(scenario, tmp_path):
    world = World(scenario, tmp_path, gated=False)
    world.play()
    assert world.harm


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_behind_the_gate_nothing_happens_and_the_work_is_done(scenario, tmp_path):
    world = World(scenario, tmp_path, gated=True)
    ended = world.play()
    assert world.harm == []
    assert "refused" not in ended
