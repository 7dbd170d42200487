"""What the tests of the ledger and the log share: calls, ledgers, and a signed log with a bit of everything in it."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gate.call import Acting, Call
from gate.decide import Allow, Durability
from gate.effect import Assessment, Risk
from gate.frozen import Frozen
from gate.ledger import Ledger
from gate.log.note import NoteKey, verifier_key
from gate.store import Burn, Charge, Open, Settlement, Spend, Status
from gate.testing import FakeClock
from gate.tokens.jwk import SigningKey

ORIGIN = "example.com/agents"
SIGNER = NoteKey(ORIGIN, SigningKey(b"l" * 32))
KEY = verifier_key(ORIGIN, SIGNER.public)
READS = Assessment(frozenset({"reads"}), Risk.LOW, ("reads a file",))
ALLOWED = Allow(("the grant covers it",), (), ("save",), Risk.LOW, "buffered")
ACTING = Acting("researcher", "session-1", "summarise the notes", "ann")
_ids = itertools.count()


def ledger(folder: Path, **options: Any) -> Ledger:
    """A ledger that signs."""
    return Ledger(folder / "gate", **{"origin": ORIGIN, "signer": SIGNER, **options})


def call(tool: str = "save", arguments: Mapping[str, Frozen] | None = None, call_id: str = "") -> Call:
    """A call as the gate makes it."""
    given = MappingProxyType(dict(arguments or {"path": "notes.md"}))
    return Call(tool, given, frozenset(), ACTING, READS, call_id or f"c{os.getpid()}-{next(_ids)}")


def spend(
    book: Ledger,
    call_id: str = "",
    *charges: Charge,
    durability: Durability = "durable",
    burns: tuple[Burn, ...] = (),
    waiting: Open | None = None,
    what: Call | None = None,
) -> Spend:
    """A spend of one call with its intent record."""
    made = what or call(call_id=call_id)
    intent = book.recorder.intent(made, ALLOWED, durability=durability, rules_version="sha256:0")
    return Spend(made.id, charges, burns, intent, durability, waiting)


def end(book: Ledger, call_id: str, actual: Mapping[str, int] | None = None, status: Status = "ok", *, durable: bool = False) -> Settlement:
    """The settlement of a call with its outcome record."""
    return Settlement(call_id, actual or {}, book.recorder.outcome(call_id, status=status, duration_us=7), status, durable)


def run(book: Ledger, *charges: Charge, durability: Durability = "durable", actual: Mapping[str, int] | None = None) -> str:
    """One whole call; its id."""
    made = spend(book, "", *charges, durability=durability)
    book.spend(made)
    assert book.settle(end(book, made.call_id, actual))
    return made.call_id


def calls(limit: int, key: str = "cap/calls", amount: int = 1) -> Charge:
    """A charge on a budget of calls."""
    return Charge(key, amount, limit)


@contextmanager
def database(folder: Path) -> Iterator[sqlite3.Connection]:
    """The file itself, as an attacker or an auditor opens it; what is changed is kept."""
    with closing(sqlite3.connect(folder / "gate" / "gate.db", isolation_level=None)) as db:
        yield db


def records(folder: Path) -> list[dict[str, Any]]:
    """Everything in the log."""
    with database(folder) as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a query gives."""
    with database(folder) as db:
        return db.execute(sql).fetchall()


def busy_log(folder: Path, count: int = 600) -> None:
    """A log with every kind of record, several tiles, budgets, used approvals, stops, and checkpoints on the way."""
    clock = FakeClock()
    with closing(ledger(folder, clock=clock)) as book:
        for number in range(count):
            clock.advance(0.5)
            run(book, calls(10_000), Charge("cap/wall", 60, 10**6), durability="buffered" if number % 3 else "durable", actual={"cap/wall": 5})
            if number % 200 == 50:
                book.checkpoint()
        for number in range(3):
            made = spend(book, f"approved-{number}", calls(10_000), burns=(Burn(f"approval-{number}", clock.now() + 300),))
            book.spend(made)
            assert book.settle(end(book, made.call_id))
        book.revoke("cap-9", by="ann", reason="lost")
        book.stop(agent="rogue", by="ann", reason="mines")
        book.stop(session="s-9")
        book.resume(session="s-9")
        book.spend(spend(book, "waiting", calls(10_000), waiting=Open("s-1", "ref-1", "digest-1")))
