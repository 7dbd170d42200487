"""Reading a gate's ledger file without opening the gate: nothing is written, and a gate may be running meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gate.decision import Standing
from gate.errors import ConfigError

DATABASE: Final = "gate.db"


@contextmanager
def reading(home: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection; ConfigError when there is no log yet, or it cannot be read."""
    path = home / DATABASE
    if not path.exists():
        raise ConfigError(f"the gate in '{home}' has recorded nothing yet")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=5.0)) as db:
            yield db
    except sqlite3.Error as error:
        raise ConfigError(f"'{path}' cannot be read: {error}") from error


def standing(home: Path) -> Standing:
    """What is revoked and stopped now."""
    if not (home / DATABASE).exists():
        return Standing()
    with reading(home) as db:
        rows: list[tuple[str, str]] = db.execute("SELECT subject, name FROM standing").fetchall()
    named = {subject: frozenset([name for each, name in rows if each == subject]) for subject in ("capability", "agent", "session", "all")}
    return Standing(named["capability"], named["agent"], named["session"], bool(named["all"]))
