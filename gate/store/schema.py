"""The tables of the embedded store, and opening its file.

record      the log: the exact bytes of record `seq` (0-based), which is also its leaf number
tile        complete Merkle tiles (gate.log.merkle): id = level·2^48 + index
checkpoint  signed tree heads by size
budget      spent and leased units by key; what is left is the limit, which the signed capability carries, minus both
lease       slices that processes hold: granted units, the slot of the counter in the process file, and how many of the used units
            are in the log
burned      approvals that were used, until well after they expired
standing    what is revoked or stopped
open        calls that were spent and not settled; `until` > 0 when an after-hook in another process may settle them
process     who has leases or open calls here
question, answer, lasting   see gate.store.questions
meta        origin (the log's name), pruned (burns that expired before this are refused for good)
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Final

from gate.errors import ConfigError, Unavailable
from gate.store import questions
from gate.store.files import check_private

APPLICATION_ID: Final = 0x47415445  # "GATE"
VERSION: Final = 2
LEAST_SQLITE: Final = (3, 37, 0)  # STRICT tables; RETURNING came with 3.35

TABLES: Final = """
CREATE TABLE record (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE tile (id INTEGER PRIMARY KEY, root BLOB NOT NULL, hashes BLOB NOT NULL) STRICT;
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TABLE budget (key TEXT PRIMARY KEY, spent INTEGER NOT NULL, leased INTEGER NOT NULL, "limit" INTEGER NOT NULL, expires REAL NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE lease (process TEXT NOT NULL, key TEXT NOT NULL, slot INTEGER NOT NULL, granted INTEGER NOT NULL, recorded INTEGER NOT NULL,
    PRIMARY KEY (process, key)) STRICT, WITHOUT ROWID;
CREATE TABLE burned (jti TEXT PRIMARY KEY, expires REAL NOT NULL, call TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE standing (subject TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (subject, name)) STRICT, WITHOUT ROWID;
CREATE TABLE open (call TEXT PRIMARY KEY, process TEXT NOT NULL, session TEXT NOT NULL, ref TEXT NOT NULL, digest TEXT NOT NULL,
    until REAL NOT NULL, time REAL NOT NULL, charges TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX open_waiting ON open (session, digest) WHERE until > 0;
CREATE TABLE process (id TEXT PRIMARY KEY, horizon INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
"""

MOST_LONE: Final = 4
LONE: Final = [f"INSERT INTO lone{many} VALUES ({', '.join('?' * (2 + 2 * many))})" for many in range(MOST_LONE + 1)]
"""A record and so many budgets (key, spent) in one statement, which is its own transaction: half the cost of several statements in one."""


def _lone(many: int) -> str:
    columns = "".join([f", '' AS key{each}, 0 AS spent{each}" for each in range(many)])
    updates = "".join([f" UPDATE budget SET spent = new.spent{each} WHERE key = new.key{each};" for each in range(many)])
    return (
        f"CREATE TEMP VIEW lone{many} AS SELECT 0 AS seq, x'' AS body{columns};"
        f"CREATE TEMP TRIGGER lone{many}_do INSTEAD OF INSERT ON lone{many} BEGIN INSERT INTO record VALUES (new.seq, new.body);{updates} END;"
    )


def connect(path: Path, origin: str) -> sqlite3.Connection:
    """A connection that commits durably, with the tables made when they are missing.

    ConfigError when the file is not ours alone, is something else, or is the log of another gate; Unavailable when it cannot be used now.
    """
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} is too old; the ledger needs 3.37")
    for suffix in ("", "-wal", "-shm"):
        check_private(path.with_name(path.name + suffix))
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return _prepared(path, origin)
    except (sqlite3.Error, OSError) as error:
        raise unavailable(error, path) from error


def reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, while a writer of this process is open."""
    db = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
    db.execute("PRAGMA query_only = ON")
    return db


def _prepared(path: Path, origin: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False, cached_statements=64)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 250")
        if sys.platform == "darwin":
            db.execute("PRAGMA fullfsync = ON")  # fsync alone leaves the data in the drive's cache there
        _check_tables(db, path, origin)
        db.execute("PRAGMA temp_store = MEMORY")
        db.executescript("".join([_lone(many) for many in range(MOST_LONE + 1)]))
    except BaseException:
        db.close()
        raise
    return db


def _check_tables(db: sqlite3.Connection, path: Path, origin: str) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and not db.execute("SELECT 1 FROM sqlite_schema").fetchone():
        _create(db, origin)
    elif db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ConfigError(f"'{path}' is not a ledger")
    elif version == 1:
        _add_questions(db)
    elif version != VERSION:
        raise ConfigError(f"'{path}' was written by another version of the gate (format {version}; this one reads {VERSION})")
    found = db.execute("SELECT value FROM meta WHERE name = 'origin'").fetchone()
    if not found or found[0] != origin:
        raise ConfigError(f"'{path}' is the log of '{found[0] if found else ''}', not of '{origin}'")


def _create(db: sqlite3.Connection, origin: str) -> None:
    db.execute("BEGIN EXCLUSIVE")
    try:
        if not db.execute("SELECT 1 FROM sqlite_schema").fetchone():  # nobody was faster
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
            for statement in [*TABLES.split(";\n")[:-1], *questions.TABLES.split(";\n")[:-1]]:
                db.execute(statement)
            db.executemany("INSERT INTO meta VALUES (?, ?)", [("origin", origin), ("pruned", 0.0)])
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _add_questions(db: sqlite3.Connection) -> None:
    """Version 1 had no questions; nothing else is different."""
    db.execute("BEGIN EXCLUSIVE")
    try:
        for statement in questions.TABLES.split(";\n")[:-1]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def unavailable(error: Exception, path: Path) -> Unavailable:
    """What a failing store means to a caller: the call does not run, and what to do."""
    text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    remedy = next((cure for sign, cure in _CURES.items() if sign in text.lower()), "see the cause above")
    return Unavailable(f"the ledger '{path}' cannot be written: {text}", remedy=remedy)


DAMAGED: Final = (
    "the file is damaged: keep it as evidence and put a copy from before in its place; without one, move the whole folder away and run "
    "`gate init`, because a new log in the old folder would have forgotten what is spent and revoked"
)
_CURES: Final = {
    "full": "free some space and try again; nothing was let through",
    "space": "free some space and try again; nothing was let through",
    "disk i/o": "check the disk and the space left on it; nothing was let through",
    "too large": "raise the limit on file sizes and try again; nothing was let through",
    "readonly": "make the file writable for this user again",
    "read-only": "make the file writable for this user again",
    "permission": "make the folder writable for this user again",
    "locked": "another program holds the file open; close it and try again",
    "malformed": DAMAGED,
    "not a database": DAMAGED,
    "unable to open": "check that the folder exists and belongs to this user",
}
