"""What the tests of the page share: a gate whose calls are asked about, and a browser without a browser."""

from __future__ import annotations

import asyncio
import html
import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from gate import ANY, Gate, NeedsApproval, Question
from gate.approvers.inbox.app import app
from gate.approvers.inbox.identity import Identity
from gate.ask import binding_of, bound, hashed
from gate.posing import row_of
from gate.store import questions
from tests.kit import write_rules

BASE = "http://127.0.0.1:8790"
RULES = """
    [[rule]]
    id = "two-people"
    ask = { tool = "wire", approvers = ["ann", "bob", "cleo"], quorum = 2, expires = "10m" }

    [[rule]]
    id = "a-person"
    ask = { tool = "*", expires = "10m" }
"""


def wrap(gate: Gate) -> None:
    """Tools of every risk; each has to be asked about."""
    write_rules(gate, RULES)

    def note(text: str, place: str = "notes.md") -> str:
        return text

    def send(to: str, text: str) -> str:
        return text

    def remove(path: str, force: bool = False) -> str:
        return path

    def wire(eur: int, to: str) -> int:
        return eur

    gate.tool(note, effects="writes", risk="low")
    gate.tool(send, effects="egress", risk="medium")
    gate.tool(remove, effects=["writes", "irreversible"], risk="high")
    gate.tool(wire, effects=["spends", "irreversible"], risk="critical")
    for name in ("ann", "bob", "cleo", "owner"):
        gate.home.keys.signing(f"approver-{name}")


def ask(
    gate: Gate, tool: str, arguments: Mapping[str, Any], *, agent: str = "agent-7", session: str = "s1", task: str = "tidy up", words: str = ""
) -> Question:
    """The question that a call of an agent leads to."""
    granted = gate.grant(agent, principal="dana", tools={"note": ANY, "send": ANY, "remove": ANY, "wire": ANY})
    with gate.acting(granted, session=session, task=task), gate.saying(words), pytest.raises(NeedsApproval) as caught:
        gate.call(tool, arguments)
    assert caught.value.question is not None
    return caught.value.question


def put(gate: Gate, asked: Question) -> Question:
    """A question as another version of the engine, or another kind, might ask it: kept as it is."""
    gate.home.ledger.do(questions.Pose(row_of(asked, asked.id), b""))
    return asked


def like(asked: Question, **changes: Any) -> Question:
    """Another question, about whatever call it then names."""
    made = replace(asked, **changes)
    return replace(made, binding_hash=hashed(binding_of(made)))


def swap(gate: Gate, asked: Question, **changes: Any) -> None:
    """Puts another question in the place of one, as whoever can write the gate's file can."""
    other = like(asked, **changes)
    gate.home.ledger.flush()
    with sqlite3.connect(gate.home.path / "gate.db") as db:
        row = (json.dumps(other.to_json()).encode(), bound(other), asked.id)
        db.execute("UPDATE question SET body = ?, binding = ? WHERE id = ?", row)
    db.close()


def who(request: Request) -> Identity | None:
    """A sign-in for tests: whoever the cookie names. What sign-ins prove is tested where they are."""
    name = request.cookies.get("who", "")
    return Identity(name, f"session-of-{name}") if name else None


class Browser:
    """One person's browser, without a window: keeps the cookie, says what browsers say."""

    def __init__(self, gate: Gate, name: str = "ann", **options: Any) -> None:
        self.app = app(gate.home, identify=who, **options)
        self.cookies = {"who": name} if name else {}
        self.raising = True

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; headers may be overridden."""
        headers = {"sec-fetch-site": "same-origin"} | options.pop("headers", {})

        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=self.raising)
            async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=self.cookies) as client:
                return await client.request(method, path, headers={name: value for name, value in headers.items() if value is not None}, **options)

        return asyncio.run(one())

    def raw(self, method: str, path: str, headers: list[tuple[str, str]]) -> httpx.Response:
        """One request with exactly these headers, and a Host where they have none."""

        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                request = client.build_request(method, path)
                request.headers = httpx.Headers([*headers, *([] if any(name == "host" for name, _ in headers) else [("host", "127.0.0.1")])])
                return await client.send(request)

        return asyncio.run(one())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, data: Mapping[str, str], **options: Any) -> httpx.Response:
        return self.send("POST", path, data=dict(data), **options)

    def seal(self, question: Question, page: str = "") -> str:
        """The seal of the question's page, as this person is shown it now."""
        found = re.search(r'name="seal" value="([^"]+)"', self.get(f"/questions/{question.id}{page}").text)
        assert found
        return html.unescape(found[1])

    def answer(self, question: Question, verb: str, seal: str | None = None, **fields: str) -> httpx.Response:
        """Posts the form of an answer."""
        return self.post(f"/questions/{question.id}/{verb}", {"seal": self.seal(question) if seal is None else seal, **fields})

    def approve(self, question: Question, **fields: str) -> httpx.Response:
        return self.answer(question, "approve", **({"number": question.number} if question.grave else {}), **fields)


def states(gate: Gate) -> Callable[[Question], str]:
    """The state of a question now."""
    return lambda question: gate.home.desk.case(question.id).state  # type: ignore[union-attr]
