"""Runs a checked statement in PostgreSQL through psycopg 3: in one transaction, READ ONLY where it only reads, with a time-out.

Parameters are bound by the server (`$1`, psycopg's RawCursor), so the text that runs is the text that was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from typing import Any

from capabilities._sql.functions import computes
from capabilities._sql.meaning import Meaning, meaning
from gate.frozen import Frozen
from gate.preview import Panel, text

Connect = Callable[[], Any]


def run(connect: Connect, statement: str, parameters: Sequence[object], rows: int, seconds: float) -> dict[str, object]:
    """Columns, at most `rows` rows, whether there were more, how many rows it changed; what the server refuses is raised."""
    found = meaning(statement, "postgres")
    with closing(connect()) as connection:
        cursor = _begun(connection, found, seconds)
        cursor.execute(statement, list(parameters) or None)
        columns = [each[0] for each in cursor.description or ()]
        given: list[Any] = cursor.fetchmany(rows + 1) if columns else []
        changed = 0 if found.reads_only else max(cursor.rowcount, 0)
        connection.rollback() if found.reads_only else connection.commit()
    return {"columns": columns, "rows": [[plain(value) for value in row] for row in given[:rows]], "more": len(given) > rows, "changed": changed}


def preview(connect: Connect, arguments: Mapping[str, Frozen], seconds: float) -> list[Panel]:
    """How the server would do it, and how many rows it expects. Not run: a sequence or a trigger may do what no rollback takes back."""
    statement, given = str(arguments["statement"]), arguments.get("parameters") or ()
    found = meaning(statement, "postgres")
    if found.verb == "ddl" or not all(computes(name, "postgres") for name in found.functions):
        return []
    with closing(connect()) as connection:
        cursor = _begun(connection, found._replace(touches=frozenset()), seconds)
        cursor.execute(f"EXPLAIN {statement}", list(given) if isinstance(given, tuple) and given else None)
        plan = "\n".join(str(row[0]) for row in cursor.fetchall())
        connection.rollback()
    return [text("the server's plan, with the rows it expects", plan)]


def _begun(connection: Any, found: Meaning, seconds: float) -> Any:
    """A cursor in a transaction of its own, with the settings that the check of the text rests on."""
    driver: Any = import_module("psycopg")
    if not isinstance(connection, driver.Connection):
        raise TypeError("this takes a connection of psycopg 3")
    connection.rollback()  # whatever was begun on it
    connection.autocommit = False
    cursor = driver.RawCursor(connection)
    cursor.execute(f"SET TRANSACTION READ {'ONLY' if found.reads_only else 'WRITE'}")
    cursor.execute("SET LOCAL standard_conforming_strings = on")
    cursor.execute(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}")
    return cursor


def plain(value: Any) -> object:
    """A value of the database as plain data: binary ones as hexadecimal text, what JSON has no form for as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]  # whatever the database holds
        return [plain(each) for each in items]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
