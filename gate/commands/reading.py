"""Reading a gate's ledger file without opening the gate: nothing is written, and a gate may be running meanwhile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gate.audit import reading as reading_file
from gate.errors import ConfigError
from gate.log.note import verifier_key
from gate.policy.decision import Standing

DATABASE: Final = "gate.db"


@contextmanager
def reading(home: Path) -> Generator[sqlite3.Connection]:
    """A connection that reads one moment of the log; ConfigError when there is none yet, or it cannot be read."""
    if not (home / DATABASE).exists():
        raise ConfigError(f"the gate in '{home}' has recorded nothing yet")
    with reading_file(home / DATABASE) as db:
        yield db


def mentions(home: Path, text: str) -> Iterator[Mapping[str, object]]:
    """The records in which the text stands as a whole value, wherever that is; nothing but a JSON text without escapes is found."""
    with reading(home) as db:
        for (body,) in db.execute("SELECT body FROM record WHERE instr(body, ?) > 0", (f'"{text}"'.encode(),)):
            yield json.loads(body)


def standing(home: Path) -> Standing:
    """What is revoked and stopped now."""
    if not (home / DATABASE).exists():
        return Standing()
    with reading(home) as db:
        rows: list[tuple[str, str]] = db.execute("SELECT subject, name FROM standing").fetchall()
    named = {subject: frozenset([name for each, name in rows if each == subject]) for subject in ("capability", "agent", "session", "all")}
    return Standing(named["capability"], named["agent"], named["session"], bool(named["all"]))


def log_key(home: Path) -> str:
    """The verifier key of the gate's own log; ConfigError when the gate has none yet."""
    from gate.keys import KeyRing

    if not (home / "keys" / "log.jwk").exists():
        raise ConfigError(f"the gate in '{home}' has no key for its log yet")
    return verifier_key((home / "origin").read_text().strip(), KeyRing(home / "keys").signing("log").public.raw)
