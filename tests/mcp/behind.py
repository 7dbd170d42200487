"""A client before a server, bare, behind the naive relay, or behind the gate."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gate import ANY, Gate
from tests.kit import SOURCES, write_rules
from tests.mcp.client import Client

ALL = """
    [[rule]]
    id = "all"
    allow = { tool = "*" }
    audit = "buffered"
"""


def tool(name: str, description: str = "", **more: Any) -> dict[str, Any]:
    """A definition."""
    return {"name": name, "description": description or name, "inputSchema": {"type": "object"}, **more}


@dataclass
class Place:
    """A folder with a gate, and servers before it. granted: what the capability grants of the server `s`."""

    folder: Path
    granted: Mapping[str, object] = field(default_factory=dict)
    rules: str = ALL

    @property
    def home(self) -> Path:
        """The gate's folder."""
        return self.folder / ".gate"

    @property
    def ran(self) -> list[dict[str, Any]]:
        """The calls that the scripted server ran."""
        log = self.folder / "ran.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [one["name"] for one in self.ran]

    def scripted(self, **script: Any) -> list[str]:
        """The command of a scripted server."""
        path = self.folder / "script.json"
        path.write_text(json.dumps(script))
        return [sys.executable, str(SOURCES / "tests/mcp/scripted.py"), str(path), str(self.folder / "ran.jsonl")]

    def grant(self, **more: Any) -> str:
        """A capability, as text."""
        with Gate(self.home) as gate:
            if self.rules:
                write_rules(gate, self.rules)
            tools = {f"s/{name}": arguments for name, arguments in (self.granted or {"none": ANY}).items()}
            return gate.grant("agent", tools=tools, **more).presentation

    def naive(self, server: Sequence[str], deny: str = "") -> Client:
        """Behind the naive relay."""
        return Client([sys.executable, "-m", "tests.mcp.naive", *server], cwd=SOURCES, env={"DENY": deny})

    def gated(self, server: Sequence[str], *options: str, token: str | None = None, **how: Any) -> Client:
        """Behind the gate."""
        capability = self.grant() if token is None else token
        command = [sys.executable, "-m", "gate", "mcp", "--name", "s", "--home", str(self.home), *options, "--", *server]
        return Client(command, cwd=SOURCES, env={"GATE_CAPABILITY": capability, **how.pop("env", {})}, **how)
