"""The official servers, in a cache folder: found there or installed once, and skipped visibly where they cannot be.

`GATE_MCP_SERVERS` names the folder; `~/.cache/capgate/mcp` without it.  Node comes from this machine, and so does npm.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

NPM = {
    "filesystem": "@modelcontextprotocol/server-filesystem@2026.8.31",
    "everything": "@modelcontextprotocol/server-everything@2026.8.31",
    "memory": "@modelcontextprotocol/server-memory@2026.8.31",
    "sequential-thinking": "@modelcontextprotocol/server-sequential-thinking@2026.8.31",
}
PYPI = {"git": "mcp-server-git==2026.10.19", "time": "mcp-server-time==2026.10.19"}


def cache() -> Path:
    """Where they are."""
    return Path(os.environ.get("GATE_MCP_SERVERS") or Path.home() / ".cache/capgate/mcp")


def node_server(name: str) -> list[str]:
    """The command of one that is written for node."""
    node, npm, folder = shutil.which("node"), shutil.which("npm"), cache() / "node"
    script = folder / "node_modules/@modelcontextprotocol" / f"server-{name}" / "dist/index.js"
    if node is None or (npm is None and not script.exists()):
        pytest.skip("node and npm are not on this machine")
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _installed([str(npm), "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *NPM.values()])
    return [node, str(script)]


def python_server(name: str) -> list[str]:
    """The command of one that is written in Python, in an environment of its own."""
    folder = cache() / "python"
    script = folder / "bin" / f"mcp-server-{name}"
    if not script.exists():
        venv.create(folder, with_pip=True)
        _installed([str(folder / "bin/python"), "-m", "pip", "install", "--quiet", *PYPI.values()])
    return [str(script)]


def _installed(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        pytest.skip(f"the servers cannot be installed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")


if __name__ == "__main__":
    sys.stdout.write(f"{node_server('everything')}\n{python_server('git')}\n")
