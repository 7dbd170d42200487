"""The MCP relay over pipes, against the server without it: the same calls in turns, in one run.

`python -m tests.bench.mcp [--rounds N]` prints the rows by itself.  A relay of bytes stands beside them: no relay in Python takes less.  The server
is the reference server under node where it is installed (see `tests.mcp.official`), and the scripted one of the tests where it is not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from gate import ANY
from tests.bench.measure import Row, below, ratio_below, table
from tests.mcp.behind import Place, tool
from tests.mcp.client import Client
from tests.mcp.official import cache

CALL = ("echo", {"message": "hello"})
CONCURRENT = 500
DEFINITION = tool("echo", inputSchema={"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]})


def server(place: Place) -> tuple[list[str], str]:
    """The command of the server and what it is called in the rows."""
    script = cache() / "node/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
    return (["node", str(script)], "server-everything") if script.exists() else (place.scripted(lists=[[DEFINITION]]), "a scripted server")


def rows(folder: Path, rounds: int) -> list[Row]:
    """Latency of a call, memory of the gate, time until the first answer, and many calls at once."""
    place = Place(folder)
    command, name = server(place)
    bare = [sys.executable, "-I", "-S", str(Path(__file__).with_name("relay.py")), *command]
    clients = {"direct": _started(Client(command, cwd=folder)), "bare": _started(Client(bare, cwd=folder))}
    for audit in ("buffered", "durable"):
        clients[audit] = _started(_gated(folder / audit, command, audit))
    try:
        times = _in_turns(clients, rounds)
        memory = _pss(clients["buffered"].process.pid)
        lost = CONCURRENT - _at_once(clients["buffered"], CONCURRENT)
    finally:
        for client in clients.values():
            client.close()
    p50 = {which: statistics.median(found) for which, found in times.items()}
    p99 = {which: sorted(found)[int(len(found) * 0.99)] for which, found in times.items()}
    return [
        Row(f"call of {name}, direct, p50", p50["direct"], "ms"),
        Row("call through a relay of bytes that reads nothing, p50", p50["bare"], "ms", "direct", p50["bare"] / p50["direct"]),
        ratio_below("call through gate mcp, p50", p50["buffered"], "ms", "direct", p50["direct"], 1.3),
        ratio_below("call through gate mcp, p99", p99["buffered"], "ms", "direct", p99["direct"], 2.0),
        Row("call through gate mcp, on disk first, p50", p50["durable"], "ms", "direct", p50["durable"] / p50["direct"]),
        below("memory of gate mcp (PSS)", memory, "MiB", 20),
        below("start of gate mcp, over the server's own", _starts(folder, command, 3 if rounds < 200 else 9), "s", 0.3),
        below(f"lost of {CONCURRENT} calls at once", lost, "calls", 0),
    ]


def _gated(folder: Path, command: Sequence[str], audit: str) -> Client:
    folder.mkdir(exist_ok=True)
    rules = f'[[rule]]\nid = "all"\nallow = {{ tool = "*" }}\naudit = "{audit}"\n'
    place = Place(folder, {"echo": ANY}, rules)
    return place.gated(command)


def _started(client: Client) -> Client:
    client.initialize()
    client.tools()
    return client


def _in_turns(clients: dict[str, Client], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call, after some to warm up."""
    found: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(rounds + 20):
        for name, client in clients.items():
            start = time.perf_counter()
            answer = client.call(*CALL)
            taken = (time.perf_counter() - start) * 1e3
            if "result" not in answer or answer["result"].get("isError"):
                raise RuntimeError(f"{name}: {answer}")
            if number >= 20:
                found[name].append(taken)
    return found


def _at_once(client: Client, count: int) -> int:
    """How many of so many calls, sent without waiting, are answered with a result."""
    for number in range(count):
        client.send(id=f"c{number}", method="tools/call", params={"name": CALL[0], "arguments": CALL[1]})
    answered: set[object] = set()
    while len(answered) < count and (message := client.read(30)) is not None:
        if "result" in message:
            answered.add(message.get("id"))
    return len(answered)


def _starts(folder: Path, command: Sequence[str], times: int) -> float:
    """Median seconds from start to the first answer, over the server's own."""
    direct: list[float] = []
    gated: list[float] = []
    place = Place(folder / "buffered", {"echo": ANY}, "")
    token = place.grant()
    for _ in range(times):
        for found, through in ((direct, False), (gated, True)):
            start = time.perf_counter()
            client = place.gated(command, token=token) if through else Client(command, cwd=folder)
            client.initialize()
            found.append(time.perf_counter() - start)
            client.close()
    return statistics.median(gated) - statistics.median(direct)


def _pss(pid: int) -> float:
    """MiB of one process; shared pages count in parts."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def main() -> int:
    """Prints the rows."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mcp", description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = rows(Path(folder), options.rounds)
    sys.stdout.write(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n{table(made)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
