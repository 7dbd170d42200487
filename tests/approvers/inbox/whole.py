"""The whole inbox of a gate, with its real sign-in and passkeys."""

from __future__ import annotations

import json
from typing import Any

from gate import Gate, Question
from gate.approvers.inbox.app import app
from gate.approvers.inbox.login import Links
from gate.approvers.inbox.passkeys import Passkeys
from gate.approvers.inbox.sessions import Sessions
from gate.approvers.inbox.signin import SignIn, TrustedHeader
from gate.tokens import passkey
from gate.tokens.assertion import Credential
from tests.approvers.inbox.kit import ask, like, put

ORIGIN = "http://localhost:8766"


class Inbox:
    """What `gate inbox` serves."""

    def __init__(self, gate: Gate, origin: str = ORIGIN, header: TrustedHeader | None = None) -> None:
        home = gate.home
        self.gate, self.origin, self.links = gate, origin, Links(home.path, home.now)
        self.signin = SignIn(home.people, home.now, sessions=Sessions(secure=False), links=None if header else self.links, header=header)
        self.passkeys = Passkeys(home, self.signin.identify, origin=origin, links=self.links)
        routes = [*self.signin.routes, *self.passkeys.routes]
        self.app = app(home, identify=self.signin.identify, routes=routes, door=self.signin.door)

    def question(self, name: str, eur: int = 5, **changes: Any) -> Question:
        """A question whose yes needs a passkey."""
        asked = ask(self.gate, "wire", {"eur": eur, "to": "acme"}, session=name)
        return put(self.gate, like(asked, **({"id": name, "passkey": True, "approvers": (), "quorum": 1} | changes)))


def state(inbox: Inbox, question: Question) -> str:
    case = inbox.gate.home.desk.case(question.id)
    assert case
    return case.state


def held(inbox: Inbox, name: str = "ann") -> tuple[Credential, ...]:
    return passkey.credentials(inbox.gate.home.keys.directory, name)


def records(inbox: Inbox, kind: str) -> list[dict[str, Any]]:
    """The records of a type; what `put` keeps has none."""
    inbox.gate.home.ledger.flush()
    bodies = [json.loads(body) for body in inbox.gate.home.ledger.records() if body.startswith(b"{")]
    return [body for body in bodies if body["type"] == kind]
