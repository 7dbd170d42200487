"""The public conformance suite against a server of ours: direct, through the gate, and through the gate where it leaves things out.

Not a scenario and not a check less than direct.  The suite drives HTTP; the gate runs as people run it, `gate mcp --http URL --listen ADDRESS`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from gate import ANY, Gate, optional
from gate.mcp.methods import TOOLS as METHODS
from tests.commands.kit import environment
from tests.mcp.kit import OPEN, free_port, mcp_python, suite

SERVER = Path(__file__).with_name("server.py")
SCORED = {"2025-11-25": 30, "2026-07-28": 37}
BESIDE = {"2025-11-25": 3, "2026-07-28": 3}
CHECKS = {"2025-11-25": 84, "2026-07-28": 152}
NAMES = re.findall(r'^    "([a-z0-9_]+)": \(', SERVER.read_text(), re.MULTILINE)
NAMES_OF_PROMPTS = re.findall(r'^    "([a-z0-9_]+)": \[', SERVER.read_text(), re.MULTILINE)
HIDDEN = {"get_env", "secret_prompt"}


@contextmanager
def process(words: list[str], port: int, **more):
    """A server process, once it listens."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more) as running:
        try:
            end = time.monotonic() + 60
            while not _listens(port):
                assert running.poll() is None and time.monotonic() < end, running.stderr.read()
                time.sleep(0.05)
            yield running
        finally:
            running.terminate()
            running.communicate(timeout=20)


def _listens(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/nothing", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def conformance(url: str, revision: str, folder: Path) -> dict[str, Counter]:
    """Scenario → how many of its checks ended how."""
    words = [*suite(), "server", "--url", url, "--requirements", revision, "-o", str(folder)]
    subprocess.run(words, check=False, capture_output=True, timeout=300)
    found = {}
    for checks in folder.glob("server-*/checks.json"):
        name = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT.*", checks.parent.name)[1]
        found[name] = Counter(check["status"] for check in json.loads(checks.read_text()))
    return found


@pytest.fixture(scope="module")
def fixture_server():
    suite()
    port = free_port()
    with process([mcp_python(), str(SERVER), "--http", str(port)], port):
        yield port


@pytest.fixture(scope="module")
def direct(fixture_server, tmp_path_factory):
    return {revision: conformance(f"http://127.0.0.1:{fixture_server}/mcp", revision, tmp_path_factory.mktemp("direct")) for revision in SCORED}


@pytest.fixture(scope="module")
def gated(fixture_server, tmp_path_factory):
    """Starts the gate before it, with a capability for some tools, prompts and resources."""
    with ExitStack() as running:

        def start(tools: dict[str, object]) -> int:
            folder, port = tmp_path_factory.mktemp("gate"), free_port()
            (folder / "gate.toml").write_text(OPEN)
            with Gate(folder / ".gate") as gate:
                (folder / "cap.json").write_text(gate.grant("suite", tools=tools, minutes=60).presentation)
            words = ["mcp", "--name", "fix", "--http", f"http://127.0.0.1:{fixture_server}/mcp", "--listen", f"127.0.0.1:{port}"]
            words += ["--capability", "cap.json"]
            running.enter_context(process([sys.executable, "-m", "gate", *words], port, cwd=folder, env=environment()))
            return port

        yield start


EVERYTHING = {f"fix/{name}": ANY for name in [*NAMES, *METHODS]}
PROMPTS = [name for name in NAMES_OF_PROMPTS if name not in HIDDEN]
LESS = {name: rule for name, rule in EVERYTHING.items() if name.removeprefix("fix/") not in HIDDEN}
LESS |= {"fix/prompts/get": {"name": PROMPTS, "arguments": optional(ANY)}}


def test_direct_nothing_is_missing(direct):
    for revision, scenarios in direct.items():
        counted = {name: checks for name, checks in scenarios.items() if not name.startswith("tasks-")}
        assert len(counted) == SCORED[revision] + BESIDE[revision]
        assert not {name: checks for name, checks in counted.items() if checks["FAILURE"]}
        assert sum(checks["SUCCESS"] for checks in counted.values()) == CHECKS[revision]


@pytest.mark.parametrize(("tools", "hidden"), [(EVERYTHING, False), (LESS, True)], ids=["filter off", "filter on"])
def test_through_the_gate_nothing_is_lost(direct, gated, tmp_path, tools, hidden):
    port = gated(tools)
    for revision in SCORED:
        assert conformance(f"http://127.0.0.1:{port}/mcp", revision, tmp_path / revision) == direct[revision]
    for method, name in (("tools/list", "get_env"), ("prompts/list", "secret_prompt")):
        assert (name in modern(port, method)) is not hidden


def modern(port: int, method: str) -> str:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META}}
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": method}
    return httpx.post(f"http://127.0.0.1:{port}/mcp", json=body, headers=headers, trust_env=False).text


META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
