"""Clients of the HTTP API: an approver's program and an agent's process, each with a key, at the API of a real gate."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from gate import Capability, Gate, Question
from gate.approval import sign as sign_approval
from gate.approvers.inbox.app import app
from gate.approvers.inbox.arap import routes
from gate.approvers.inbox.identity import Identity
from gate.desk import Desk
from gate.token import format_presentation
from gate.tokens.jwk import SigningKey
from gate.tokens.request import sign

BASE = "http://gate.example"


class Api:
    """The API of one gate, called in process. whole: with the page around it.  signed_in: who is signed in there."""

    def __init__(self, gate: Gate, *, whole: bool = False) -> None:
        self.gate, self.desk = gate, Desk(gate.home)
        self.signed_in = ""
        found = routes(self.desk, self.identify)
        made = app(gate.home, identify=self.identify, routes=found, hosts={"gate.example"}) if whole else Starlette(routes=found)
        self.transport = httpx.ASGITransport(made)

    def identify(self, _: Request) -> Identity | None:
        return Identity(self.signed_in, "s") if self.signed_in else None

    def send(self, method: str, path: str, *, body: bytes = b"", headers: Any = ()) -> httpx.Response:
        return asyncio.run(self.asend(method, path, body=body, headers=headers))

    async def asend(self, method: str, path: str, *, body: bytes = b"", headers: Any = ()) -> httpx.Response:
        async with httpx.AsyncClient(transport=self.transport, base_url=BASE) as client:
            return await client.request(method, path, content=body, headers=[*dict(headers).items()] if isinstance(headers, dict) else list(headers))


class Client:
    """Somebody with a key. capability: of whoever holds one, else it is an approver called `who`."""

    def __init__(self, api: Api, key: SigningKey, who: str, capability: Capability | None = None) -> None:
        self.api, self.key, self.who, self.capability = api, key, who, capability

    def headers(self, method: str, path: str, body: bytes = b"", /, **changes: Any) -> dict[str, str]:
        home = self.api.gate.home
        about = {"who": self.who, "audience": home.origin, "method": method, "url": BASE + path, "now": home.now(), "body": body, **changes}
        made = {"Authorization": f"Gate-Proof {sign(self.key, **about)}"}
        return made | ({"Gate-Capability": format_presentation(self.capability.chain)} if self.capability else {})

    def get(self, path: str) -> httpx.Response:
        return self.api.send("GET", path, headers=self.headers("GET", path))

    def post(self, path: str, data: Any) -> httpx.Response:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return self.api.send("POST", path, body=body, headers=self.headers("POST", path, body) | {"Content-Type": "application/json"})

    def answer(self, question: str, **said: Any) -> httpx.Response:
        return self.post(f"/access/v1/questions/{question}/answers", said)

    def approval(self, question: Question, **changes: Any) -> str:
        home = self.api.gate.home
        return sign_approval(question, self.key, **{"approver": self.who, "audience": home.origin, "now": home.now(), **changes})


def approver(api: Api, who: str) -> Client:
    """A person whose key is not on this machine: the gate trusts its public half."""
    key = SigningKey.generate()
    api.gate.home.keys.trust("approver", who, key.public)
    api.gate.home.anchors("approver", fresh=True)
    return Client(api, key, who)


def holder(api: Api, capability: Capability) -> Client:
    """The agent's process, which has the capability and its key."""
    return Client(api, api.gate.home.keys.holder(capability.jti), capability.agent, capability)


def problem(response: httpx.Response, status: int, kind: str = "") -> dict[str, Any]:
    """The problem that a request must end in."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status and told["type"].endswith(kind), told
    return told


@pytest.fixture
def api(gate: Gate) -> Api:
    return Api(gate)
