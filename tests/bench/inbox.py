"""The page: how long it takes to render with 1,000 questions waiting, and until a new question has reached an open page."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from starlette.requests import Request

from gate import ANY, Gate, NeedsApproval, Question
from gate.approvers.inbox import pages
from gate.approvers.inbox.app import app
from gate.approvers.inbox.identity import Identity
from gate.approvers.inbox.site import Site
from gate.posing import row_of
from gate.store import questions
from tests.bench.measure import Row, below

WAITING = 1000
ANN = Identity("ann", "bench")


def rows(folder: Path, times: int) -> list[Row]:
    """Rendering the list and a question, and the way of a new question to an open page."""
    (folder / "approvers.toml").write_text('[[person]]\nname = "ann"\nper_hour = 1000\n')  # one agent asks more than two thirds of the usual
    gate = Gate(folder / ".gate")
    asked = _filled(gate)
    site = Site(gate.home, lambda _: ANN, lambda _: pages.PlainTextResponse(""))
    found = [
        _rendering("the list of 1,000 waiting questions renders", lambda: pages.waiting(site, _request("/"), ANN), times),
        _rendering(
            "a question with 1,000 waiting renders", lambda: pages.question(site, _request(f"/questions/{asked.id}", id=asked.id), ANN), times
        ),
        _arrival(gate, 25),
    ]
    gate.close()
    return found


def _filled(gate: Gate) -> Question:
    @gate.tool(effects=["writes", "irreversible"], risk="high")
    def remove(path: str, why: str = "") -> str:
        return path

    with gate.acting(gate.grant("agent", principal="dana", tools={"remove": ANY}), session="s", task="tidy"):
        try:
            remove("/a", "x\n" * 40)
        except NeedsApproval as needs:
            asked = needs.question
    assert asked is not None
    for number in range(WAITING - 1):
        one = replace(asked, id=f"q{number:04}", created=asked.created - 7200, expires=asked.expires + number)  # so that more may be asked
        gate.home.ledger.do(questions.Pose(row_of(one, one.id), b""))
    return asked


def _request(path: str, **params: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": path,
            "headers": [],
            "query_string": b"",
            "path_params": params,
            "scheme": "http",
            "server": ("localhost", 80),
        }
    )


def _rendering(name: str, render: Any, times: int) -> Row:
    render()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        reply = render()
        taken.append((time.perf_counter() - start) * 1e3)
        assert reply.status_code == 200, reply.body
    return below(name, median(taken), "ms", 5)


def _arrival(gate: Gate, times: int) -> Row:
    """From the call of an agent to the list with it at a page that is open: over a real connection, with the page's own second request."""
    import httpx
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app(gate.home, identify=lambda _: ANN), log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        base, taken = f"http://127.0.0.1:{listening.getsockname()[1]}", []
        granted = gate.grant("agent", principal="dana", tools={"remove": ANY})
        with httpx.Client(base_url=base, timeout=30) as client, client.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            _turn(lines)
            for number in range(times):
                start = time.perf_counter()
                with gate.acting(granted, session=f"a{number}", task="tidy"):
                    with suppress(NeedsApproval):
                        gate.call("remove", {"path": f"/new/{number}"})
                _turn(lines)
                assert client.get("/", headers={"x-inbox": "list"}).status_code == 200
                taken.append((time.perf_counter() - start) * 1e3)
        server.should_exit = True
        thread.join(10)
    return below("a new question at an open page, p95, the agent's call included", sorted(taken)[int(len(taken) * 0.95)], "ms", 300)


def _turn(lines: Any) -> None:
    for line in lines:
        if line.startswith("data:"):
            return
