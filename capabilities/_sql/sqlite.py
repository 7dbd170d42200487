"""Runs a checked statement in SQLite, behind a second line: SQLite's own authorizer permits only what the statement was read to do.

The authorizer is asked by SQLite's parser for every table, column and function of a statement (https://sqlite.org/c3ref/set_authorizer.html),
so should we have misread one, it does not run.  What a view or a trigger does on behalf of a granted table is let through.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Final

from capabilities._sql.lexical import words
from capabilities._sql.meaning import Meaning, meaning
from gate.frozen import Frozen
from gate.preview import Panel, facts, table

_OPERATORS: Final = frozenset({"like", "glob", "->", "->>", "match", "regexp"})
_NAMES: Final = {"ifnull": {"coalesce", "ifnull"}, "iif": {"iif", "if"}, "if": {"iif", "if"}}
_ALWAYS: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT})
_VERBS: Final = {
    sqlite3.SQLITE_READ: "select",
    sqlite3.SQLITE_INSERT: "insert",
    sqlite3.SQLITE_UPDATE: "update",
    sqlite3.SQLITE_DELETE: "delete",
}
_DDL: Final = frozenset(
    {
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_ALTER_TABLE,
        sqlite3.SQLITE_REINDEX,
    }
)
_STEPS: Final = 1000

Parameters = Sequence[object] | Mapping[str, object]


def authorizer(found: Meaning) -> Callable[[int, str | None, str | None, str | None, str | None], int]:
    """SQLite's question about each action, answered by what the statement was read to do."""
    touches = {(verb, name.rpartition(".")[2]) for verb, name in found.touches}
    tables = {name for _, name in touches}
    columns = {(name.rpartition(".")[2], column) for name, column in found.columns}
    rowid = not _ROWID.isdisjoint(column for _, column in columns)  # another name of a table's key, and so the name of a column
    functions = _OPERATORS | found.functions | {other for name in found.functions for other in _NAMES.get(name, ())}

    def ask(action: int, first: str | None, second: str | None, database: str | None, inner: str | None) -> int:
        name = (first or "").lower()
        if action in _ALWAYS:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION:
            return sqlite3.SQLITE_OK if inner or (second or "").lower() in functions else sqlite3.SQLITE_DENY
        if found.verb == "ddl":
            its = {name, (second or "").lower()} & tables
            return (
                sqlite3.SQLITE_OK if (action in _DDL and its) or (action in _VERBS and (its or name.startswith("sqlite_"))) else sqlite3.SQLITE_DENY
            )
        if inner and action in _VERBS and (action == sqlite3.SQLITE_READ or not found.reads_only):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and database is None and not second:
            return sqlite3.SQLITE_OK  # the rows of a common table expression or a query in FROM, which belong to no database
        if second and action in _COLUMNS and not rowid and columns.isdisjoint({(name, second.lower()), ("", second.lower()), (name, "*"), ("", "*")}):
            return sqlite3.SQLITE_DENY
        verb = _VERBS.get(action)
        # an empty column is asked for when only the presence of rows matters, as in count(*); a changed table is read to find its rows
        fine = verb is not None and ((verb, name) in touches or (verb == "select" and (name in tables or name in _ROWS)))
        return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY

    return ask


_COLUMNS: Final = frozenset({sqlite3.SQLITE_READ, sqlite3.SQLITE_UPDATE})
_ROWID: Final = frozenset({"rowid", "_rowid_", "oid"})
_ROWS: Final = frozenset({"json_each", "json_tree", "generate_series"})  # functions that SQLite keeps as tables; they only compute


@contextmanager
def opened(path: str, found: Meaning, seconds: float) -> Generator[sqlite3.Connection]:
    """A connection that does no more than the statement, for so many seconds; a statement that only reads cannot write at all."""
    mode = "ro" if found.reads_only else "rw"
    address = f"file:{path.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?mode={mode}"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=seconds, cached_statements=0)) as db:
        if hasattr(db, "enable_load_extension"):
            db.enable_load_extension(False)
        db.execute(f"PRAGMA query_only = {int(found.reads_only)}")
        db.execute("PRAGMA trusted_schema = OFF")
        end = time.monotonic() + seconds
        db.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        db.execute("BEGIN" if found.reads_only else "BEGIN IMMEDIATE")
        db.set_authorizer(authorizer(found))
        try:
            yield db
        finally:
            db.set_progress_handler(None, 0)
            if db.in_transaction:
                db.execute("ROLLBACK")


def run(path: str, statement: str, parameters: Parameters, rows: int, seconds: float) -> dict[str, object]:
    """Runs it in one transaction: columns, at most `rows` rows, whether there were more, how many rows it changed."""
    found = meaning(statement, "sqlite")
    with opened(path, found, seconds) as db:
        cursor = db.execute(statement, parameters)
        columns = [each[0] for each in cursor.description or ()]
        given = cursor.fetchmany(rows + 1) if columns else []
        if not found.reads_only:
            cursor.fetchall()  # all of a RETURNING, before its statement may be committed
        changed = 0 if found.reads_only else max(cursor.rowcount, 0)
        cursor.close()
        db.execute("COMMIT")
    return {"columns": columns, "rows": [list(map(plain, row)) for row in given[:rows]], "more": len(given) > rows, "changed": changed}


def preview(path: str, arguments: Mapping[str, Frozen], seconds: float) -> list[Panel]:
    """What a change would do, done and rolled back: how many rows, and the first of them. For a query, how SQLite would look for it."""
    statement, given = str(arguments["statement"]), arguments.get("parameters") or ()
    found = meaning(statement, "sqlite")
    parameters: Parameters = dict(given) if isinstance(given, Mapping) else list(given) if isinstance(given, tuple) else []
    if found.verb == "ddl":
        return []
    with opened(path, found, seconds) as db:
        if found.reads_only:
            plan = db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            return [table("how it is looked for", ["step"], [[row[3]] for row in plan])]
        returns = any(word.sort == "word" and word.name == "returning" for word in words(statement, "sqlite"))
        db.set_authorizer(
            authorizer(found._replace(columns=found.columns | {("", "*")}, touches=found.touches | {("select", name) for _, name in found.touches}))
        )
        cursor = db.execute(statement + ("" if returns else " RETURNING *"), parameters)
        columns = [each[0] for each in cursor.description or ()]
        changed = cursor.fetchall()
    count = facts("dry run, rolled back", [("rows changed", str(len(changed)))])
    return [count, table("rows as they would be", columns, changed[:20], len(changed))] if changed else [count]


def plain(value: object) -> object:
    """A value of the database as plain data: binary ones as hexadecimal text."""
    return value.hex() if isinstance(value, bytes) else value


def located(path: str | os.PathLike[str]) -> str:
    """The absolute path of a database."""
    return os.path.realpath(path)
