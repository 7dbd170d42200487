"""The public conformance suite over pipes: the fixture server of stdio, started by itself and by `gate mcp --`, each behind the same front of HTTP.

The suite speaks HTTP only, so `tests.mcp.bridge` stands before both.  Not a check less through the gate than without it, in both eras.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from gate import Gate
from tests.commands.kit import environment
from tests.mcp.bridge import Bridge
from tests.mcp.conformance.test_conformance import EVERYTHING, SERVER
from tests.mcp.kit import OPEN, mcp_python, serving, suite

JOINED = SERVER.with_name("joined.py")
COUNTED = {"2025-11-25": 33, "2026-07-28": 40}
LOST = {
    "2025-11-25": {"localhost-host-rebinding-rejected"},
    "2026-07-28": {
        "localhost-host-rebinding-rejected",
        "sep-2243-server-reject-invalid-headers",
        "sep-2243-server-reject-invalid-param-chars",
        "sep-2243-server-reject-param-mismatch",
        "sep-2243-server-validate-param-match",
        "sep-2575-http-server-header-mismatch-400",
        "sep-2575-http-server-method-not-found-404-initialize",
    },
}
"""Checks of HTTP itself, which the front leaves out: Host and Origin, headers that repeat the message, the era of each request by itself."""
GAINED = {"2025-11-25": set(), "2026-07-28": {"sep-2663-tasks-get-invalid-task-id-32602"}}
"""Checks of the extension of tasks that the fixture server, which has none, fails: the gate knows that there is no such task."""


def checks(url: str, revision: str, folder: Path) -> dict[str, Counter]:
    """Scenario → how often which of its checks ended how."""
    patient = ["--timeout", "120000"]  # milliseconds for a scenario: each legacy one starts a gate, and the machine may have much else to do
    words = [*suite(), "server", "--url", f"{url}/mcp", "--requirements", revision, "-o", str(folder), *patient]
    subprocess.run(words, check=False, capture_output=True, timeout=1800)
    found = {}
    for file in folder.glob("server-*/checks.json"):
        name = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT.*", file.parent.name)[1]
        found[name] = Counter((check["id"], check["status"]) for check in json.loads(file.read_text()))
    return found


def counted(scenarios: dict[str, Counter]) -> dict[str, Counter]:
    """Without the extension of tasks, which the fixture server does not have."""
    return {name: ended for name, ended in scenarios.items() if not name.startswith("tasks-")}


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """How the fixture server is started, without loading the SDK each time."""
    suite()
    path = tmp_path_factory.mktemp("fixture") / "socket"
    with subprocess.Popen([mcp_python(), str(SERVER), "--fork", str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        try:
            end = time.monotonic() + 60
            while not path.exists():
                assert running.poll() is None and time.monotonic() < end
                time.sleep(0.05)
            yield [sys.executable, "-I", "-S", str(JOINED), str(path)]
        finally:
            running.terminate()


@pytest.fixture(scope="module")
def direct(command, tmp_path_factory):
    with serving(Bridge(command)) as url:
        yield {revision: checks(url, revision, tmp_path_factory.mktemp("direct")) for revision in COUNTED}


def gated(command: list[str], folder: Path) -> Bridge:
    (folder / "gate.toml").write_text(OPEN)
    with Gate(folder / ".gate") as gate:
        (folder / "cap.json").write_text(gate.grant("suite", tools=EVERYTHING, minutes=60).presentation)
    words = ["--name", "fix", "--home", str(folder / ".gate"), "--capability", str(folder / "cap.json"), "--", *command]
    return Bridge([sys.executable, "-m", "gate", "mcp", *words], where=folder, env=environment())


def test_the_front_loses_only_what_is_of_http(direct):
    for revision, scenarios in direct.items():
        assert len(counted(scenarios)) == COUNTED[revision]
        assert {check for ended in counted(scenarios).values() for check, status in ended if status == "FAILURE"} == LOST[revision]


@pytest.mark.parametrize("revision", COUNTED)
def test_through_the_gate_nothing_is_lost(command, direct, tmp_path, revision):
    with serving(gated(command, tmp_path)) as url:
        through = checks(url, revision, tmp_path / "checks")
    assert through.keys() == direct[revision].keys()
    fewer = Counter[tuple[str, str]]()
    more = Counter[tuple[str, str]]()
    for name, ended in direct[revision].items():
        fewer += ended - through[name]
        more += through[name] - ended
    assert set(fewer) == {(check, "FAILURE") for check in GAINED[revision]}
    assert set(more) == {(check, "SUCCESS") for check in GAINED[revision]}
