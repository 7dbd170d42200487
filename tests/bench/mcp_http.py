"""The MCP gate over HTTP, against the server without it: the same calls in turns, in one run.

`python -m tests.bench.mcp_http [--rounds N]` prints the rows by itself.  The server is the tests' own, on the official SDK (see `tests.mcp.kit`).
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from gate import ANY, Gate
from tests.bench.measure import Row, ratio_below, table
from tests.commands.kit import environment
from tests.mcp.conformance.test_conformance import META, SERVER, process
from tests.mcp.kit import free_port
from tests.mcp.official import cache

NAME = "test_simple_text"


class Caller:
    """A client with one connection that is kept, of one era."""

    def __init__(self, port: int, *, modern: bool) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._modern, self._id = modern, 0
        self._headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        if modern:
            self._headers |= {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": NAME}
        else:
            greeting = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "b", "version": "1"}}
            answer = self._post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": greeting})
            answer.read()
            self._headers |= {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
            self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}).read()

    def _post(self, body: dict[str, object]) -> http.client.HTTPResponse:
        try:
            self._connection.request("POST", "/mcp", json.dumps(body), self._headers)
            return self._connection.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):  # it was idle for too long
            self._connection.close()
            self._connection.request("POST", "/mcp", json.dumps(body), self._headers)
            return self._connection.getresponse()

    def call(self) -> None:
        """One call; RuntimeError unless it was done."""
        self._id += 1
        params = {"name": NAME, "arguments": {}} | ({"_meta": META} if self._modern else {})
        said = self._post({"jsonrpc": "2.0", "id": self._id, "method": "tools/call", "params": params}).read()
        if b"simple text response" not in said:
            raise RuntimeError(said[:200])


def rows(folder: Path, rounds: int) -> list[Row]:
    """Latency of a call in both eras; nothing where the SDK is not there."""
    python = cache() / "sdk" / "bin" / "python"
    if not python.exists():
        return []
    with ExitStack() as running:
        direct = free_port()
        running.enter_context(process([str(python), str(SERVER), "--http", str(direct)], direct))
        ports = {"direct": direct} | {audit: _gated(folder / audit, direct, audit, running) for audit in ("buffered", "durable")}
        callers = {(era, which): Caller(port, modern=era == "modern") for era in ("modern", "legacy") for which, port in ports.items()}
        times = _in_turns(callers, rounds)
    found: list[Row] = []
    for era, bar in (("modern", 1.8), ("legacy", 1.8)):
        p50 = {which: statistics.median(times[era, which]) for which in ports}
        found += [
            Row(f"call over HTTP, {era} era, direct, p50", p50["direct"], "ms"),
            ratio_below(f"call over HTTP through the gate, {era} era, p50", p50["buffered"], "ms", "direct", p50["direct"], bar),
            Row(f"call over HTTP, {era} era, on disk first, p50", p50["durable"], "ms", "direct", p50["durable"] / p50["direct"]),
        ]
    return found


def _gated(folder: Path, upstream: int, audit: str, running: ExitStack) -> int:
    folder.mkdir(exist_ok=True)
    (folder / "gate.toml").write_text(f'[[rule]]\nid = "all"\nallow = {{ tool = "*" }}\naudit = "{audit}"\n')
    with Gate(folder / ".gate") as gate:
        (folder / "cap.json").write_text(gate.grant("bench", tools={f"fix/{NAME}": ANY}, minutes=600).presentation)
    port = free_port()
    words = ["--name", "fix", "--http", f"http://127.0.0.1:{upstream}/mcp", "--listen", f"127.0.0.1:{port}", "--capability", "cap.json"]
    running.enter_context(process([sys.executable, "-m", "gate", "mcp", *words], port, cwd=folder, env=environment()))
    return port


def _in_turns(callers: dict[tuple[str, str], Caller], rounds: int) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {name: [] for name in callers}
    for number in range(rounds + 20):
        for name, caller in callers.items():
            start = time.perf_counter()
            caller.call()
            if number >= 20:
                found[name].append((time.perf_counter() - start) * 1e3)
    return found


def main() -> int:
    """Prints the rows."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mcp_http", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = rows(Path(folder), options.rounds)
    sys.stdout.write(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n{table(made)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
