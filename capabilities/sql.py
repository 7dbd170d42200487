"""sql: one statement of SQL, in the dialect that the tool's name says.

    sql.sqlite    statement="SELECT name FROM users WHERE id = ?"   parameters=[7]   rows=100
    sql.postgres  statement="SELECT name FROM users WHERE id = $1"  parameters=[7]
    sql.mysql     (checked only; bring a tool of your own)

The value is the text itself, without blanks and `;` at its ends: what is checked, shown and run is the same to the character.  It is read by
sqlglot and by a stricter lexer of our own (`_sql.lexical`); where servers could read it in another way, it is refused.  So are statements
whose tree holds anything that is not known (`_sql.shape`).  Values belong in `parameters`.

Not seen in a text: what a view or a trigger does, which schema an unqualified name is found in, what a condition finds.  The ready-made
tools have a second line: SQLite's authorizer, a read-only transaction, time and row limits.

>>> kind = StatementKind("sqlite")
>>> kind.parse(" SELECT 1; ")
'SELECT 1'
>>> allow("sqlite", select=["users"]).check("SELECT name FROM users")
True
>>> print(allow("sqlite", select=["users"]).explain("DELETE FROM users"))
it needs delete on 'users', and what is granted is nothing; it changes every row of 'users': no condition of it picks rows
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias

from capabilities._plain import Number
from capabilities._sql import judge
from capabilities._sql.constraint import Statements
from capabilities._sql.lexical import Dialect, words
from capabilities._sql.meaning import VERBS
from capabilities._sql.parameters import ParametersKind
from gate.effect import Assessment
from gate.frozen import Frozen
from gate.kind import Kind, KindTool, ready
from gate.preview import Panel


class StatementKind:
    """One statement in a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.name = f"sql.{dialect}"
        self.dialect: Dialect = dialect

    def parse(self, value: object) -> str:
        """The text without what surrounds it; ValueError says what servers could read differently, or why it cannot be parsed."""
        from capabilities._sql.meaning import meaning

        if not isinstance(value, str):
            raise ValueError("a statement is text")
        text = str.__str__(value)
        last = words(text, self.dialect)[-1]
        text = text[: last.end].lstrip(" \t\r\n")
        meaning(text, self.dialect)
        return text

    def assess(self, value: object) -> Assessment:
        """What it does, by its verbs, tables, functions and condition."""
        return judge.assess(value, self.dialect)


STATEMENTS: Final[Mapping[Dialect, StatementKind]] = MappingProxyType(
    {"sqlite": StatementKind("sqlite"), "postgres": StatementKind("postgres"), "mysql": StatementKind("mysql")}
)
PARAMETERS: Final = ParametersKind()
ROWS: Final = Number("rows", 0, 100_000, whole=True)
Sqlite: TypeAlias = Annotated[str, STATEMENTS["sqlite"]]
Postgres: TypeAlias = Annotated[str, STATEMENTS["postgres"]]
MySQL: TypeAlias = Annotated[str, STATEMENTS["mysql"]]
_NO_COLUMNS: Final[Mapping[str, Iterable[str]]] = MappingProxyType({})


def allow(
    dialect: Dialect,
    *,
    columns: Mapping[str, Iterable[str]] = _NO_COLUMNS,
    functions: Iterable[str] = (),
    rows: int | None = None,
    whole: bool = False,
    **tables: Iterable[str],
) -> Statements:
    """Statements that only do this: `allow("postgres", select=["users", "public.*"], columns={"users": ["id", "name"]}, rows=100)`.

    Tables for each of select, insert, update, delete and ddl; `*` stands for all but the server's own.
    """
    data: dict[str, object] = {"constraint_type": "sql", "dialect": dialect, "functions": list(functions), "whole": whole}
    if unknown := sorted(set(tables) - set(VERBS)):
        raise ValueError(f"there is no '{unknown[0]}'; there are {', '.join(VERBS)}")
    data |= {verb: list(names) for verb, names in tables.items()} | ({} if rows is None else {"rows": rows})
    return Statements.from_json(data | {"columns": {table: list(names) for table, names in columns.items()}})


def _described(dialect: Dialect, look: Callable[[Mapping[str, Frozen]], Sequence[Panel]] | None = None) -> KindTool:
    def preview(arguments: Mapping[str, Frozen]) -> list[Panel]:
        return [*judge.preview(arguments, dialect), *(look(arguments) if look else ())]

    kinds: dict[str, Kind] = {"statement": STATEMENTS[dialect], "parameters": PARAMETERS, "rows": ROWS}
    said = partial(judge.headline, dialect=dialect)
    return KindTool(f"sql.{dialect}", kinds, frozenset({"parameters", "rows"}), headline=said, preview=preview)


def sqlite(path: str | os.PathLike[str], *, seconds: float = 10.0) -> Callable[..., dict[str, object]]:
    """A tool `sql.sqlite(statement, parameters=None, rows=100)` for one database; `seconds` at most for a statement. For `gate.wrap`."""
    from capabilities._sql import sqlite as database

    place = database.located(path)

    def query(statement: str, parameters: Any = None, rows: int = 100) -> dict[str, object]:
        """Runs one statement of SQL: its columns, rows (at most `rows`; `more` says that there were more) and how many rows it changed."""
        return database.run(place, statement, parameters or [], rows, seconds)

    return ready(_described("sqlite", lambda arguments: database.preview(place, arguments, seconds)), query)


def postgres(connect: Callable[[], Any], *, seconds: float = 10.0) -> Callable[..., dict[str, object]]:
    """A tool `sql.postgres(statement, parameters=None, rows=100)`; `connect` gives a new connection of psycopg 3. For `gate.wrap`."""
    from capabilities._sql import postgres as database

    def query(statement: str, parameters: Any = None, rows: int = 100) -> dict[str, object]:
        """Runs one statement of SQL: its columns, rows (at most `rows`; `more` says that there were more) and how many rows it changed."""
        return database.run(connect, statement, parameters or [], rows, seconds)

    return ready(_described("postgres", lambda arguments: database.preview(connect, arguments, seconds)), query)


TOOLS: Final[dict[str, KindTool]] = {tool.name: tool for tool in (_described("sqlite"), _described("postgres"), _described("mysql"))}
