"""What SQLite itself says a statement touches, by its authorizer; and a generator of statements, plain and nasty."""
# ruff: noqa: E501  # statements are read best in one line

from __future__ import annotations

import random
import sqlite3
from typing import NamedTuple

_COLUMNS = "(id INTEGER PRIMARY KEY, name TEXT UNIQUE, password TEXT, k TEXT, v TEXT, total INT, what TEXT)"
SCHEMA = "".join(f"CREATE TABLE {table} {_COLUMNS};" for table in ("users", "orders", "secrets", '"Odd Name"', "log", '"select"'))
_db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=0)
_db.executescript(SCHEMA)
VERBS = {sqlite3.SQLITE_READ: "select", sqlite3.SQLITE_INSERT: "insert", sqlite3.SQLITE_UPDATE: "update", sqlite3.SQLITE_DELETE: "delete"}
OTHER = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT}


class Touched(NamedTuple):
    """What SQLite would do."""

    touches: set[tuple[str, str]]
    columns: set[tuple[str, str]]
    functions: set[str]
    other: set[int]


def oracle(text: str) -> Touched | None:
    """What SQLite's own parser says; None when it takes no such statement."""
    said = Touched(set(), set(), set(), set())

    def ask(action: int, first: str | None, second: str | None, database: str | None, _inner: str | None) -> int:
        if action == sqlite3.SQLITE_READ and database is None and not second:
            return sqlite3.SQLITE_OK  # rows of a query in FROM
        if action in VERBS:
            said.touches.add((VERBS[action], (first or "").lower()))
            if action in {sqlite3.SQLITE_READ, sqlite3.SQLITE_UPDATE} and second:
                said.columns.add(((first or "").lower(), second.lower()))
        elif action == sqlite3.SQLITE_FUNCTION:
            said.functions.add((second or "").lower())
        elif action not in {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE}:
            said.other.add(action)
        return sqlite3.SQLITE_OK

    _db.set_authorizer(ask)
    try:
        _db.execute(f"EXPLAIN {text}", [None] * text.count("?")).close()
    except (sqlite3.Error, sqlite3.Warning):
        return None
    return said


TABLES = ["users", "orders", "secrets", '"Odd Name"', "log", "main.users", "USERS", '"users"', "main.secrets", '"select"', "x", "y", "sqlite_master"]
COLUMNS = ["id", "name", "password", "id", "name", "k", "v", "u.id", "o.total", "users.name", "rowid", "x.name", '"name"', "secrets.k", "what", "*"]
PIECES = """SELECT FROM WHERE AND OR NOT IN ( ) , * = < > 1 'a' ? NULL AS x y users orders secrets log id name k v UNION ALL EXISTS JOIN LEFT NATURAL USING
ON WITH RECURSIVE INSERT INTO VALUES UPDATE SET DELETE RETURNING CASE WHEN THEN ELSE END LIKE BETWEEN IS LIMIT ORDER BY GROUP HAVING DISTINCT
INDEXED ESCAPE OVER FILTER WINDOW PARTITION CAST count max lower abs random load_extension main . "users" CROSS INTERSECT EXCEPT OFFSET DEFAULT REPLACE
CONFLICT DO NOTHING COLLATE NOCASE GLOB ROWS EXPLAIN PRAGMA ATTACH TABLE CREATE DROP INDEX ALTER -> || + - % ISNULL NOTNULL MATERIALIZED ( ) ( )""".split()


class Statements:
    """Random statements."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def some(self, make: object, most: int = 3) -> str:
        return ", ".join(make() for _ in range(self.random.randint(1, most)))  # type: ignore[operator]  # a method

    def value(self, deep: int = 2) -> str:
        if deep == 0 or self.random.random() < 0.5:
            return self.pick(*COLUMNS[:-1], "1", "'it''s'", "NULL", "?", "2.5e3", "'--'", "'/*'")
        return self.pick(
            f"({self.select(deep - 1)})",
            f"EXISTS ({self.select(deep - 1)})",
            f"{self.pick('lower', 'abs', 'coalesce', 'count', 'max', 'length', 'load_extension', 'printf')}({self.value(deep - 1)})",
            f"CASE WHEN {self.value(deep - 1)} THEN {self.value(deep - 1)} ELSE {self.value(deep - 1)} END",
            f"{self.value(deep - 1)} IN ({self.select(deep - 1)})",
            f"{self.value(deep - 1)} IN {self.pick('users', 'secrets', '(1, 2)', 'main.secrets')}",
            f"{self.value(deep - 1)} {self.pick('=', '<', '||', 'AND', 'OR', 'LIKE', 'IS', '+', '->', 'GLOB', 'IS NOT', '-', 'NOT IN')} {self.value(deep - 1)}",
            f"{self.value(deep - 1)} BETWEEN 1 AND {self.value(deep - 1)}",
            f"CAST({self.value(deep - 1)} AS {self.pick('TEXT', 'INTEGER', 'users')})",
            f"row_number() OVER (PARTITION BY {self.value(deep - 1)} ORDER BY {self.value(deep - 1)})",
        )

    def source(self, deep: int) -> str:
        one = self.pick(*TABLES) if deep == 0 or self.random.random() < 0.7 else f"({self.select(deep - 1)})"
        alias = self.pick("", "", "", "", " AS u", " o", " AS x", " AS secrets", " users")
        more = self.pick(
            "",
            "",
            "",
            "",
            "",
            f", {self.pick(*TABLES)}",
            f" LEFT JOIN {self.pick(*TABLES)} o ON u.id = o.id",
            f" NATURAL JOIN {self.pick(*TABLES)}",
            f" JOIN {self.pick(*TABLES)} USING (id)",
        )
        return f"{one}{alias}{more}"

    def select(self, deep: int = 2) -> str:
        made = f"SELECT {self.pick('', '', 'DISTINCT ')}{self.some(lambda: self.pick('*', self.value(max(deep, 1) - 1), 'count(*)', 'u.*'))}"
        if self.random.random() < 0.85:
            made += f" FROM {self.source(deep)}"
            made += self.pick(
                "", f" WHERE {self.value(deep)}", f" GROUP BY {self.value(0)}", f" WHERE {self.value(deep)} ORDER BY {self.value(0)} LIMIT 3"
            )
        if deep and self.random.random() < 0.15:
            made += f" {self.pick('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT')} {self.select(deep - 1)}"
        return self.within(made, deep) if self.random.random() < 0.25 else made

    def within(self, body: str, deep: int) -> str:
        if not deep:
            return body
        names = ["x", "y", "users", "secrets", "USERS", '"users"']
        one = lambda: f"{self.pick(*names)}{self.pick('', '', '(id)', '(id, name)')} AS ({self.select(deep - 1)})"
        return f"WITH {self.pick('', 'RECURSIVE ')}{self.some(one, 2)} {body}"

    def change(self) -> str:
        table, value, ending = (
            self.pick(*TABLES),
            self.value(),
            self.pick("", "", f" RETURNING {self.some(lambda: self.pick('*', 'id', self.value(1)))}"),
        )
        made = self.pick(
            f"INSERT {self.pick('', 'OR REPLACE ', 'OR IGNORE ')}INTO {table}{self.pick('', ' (id)', ' (id, name)')} {self.pick('VALUES (1)', f'VALUES (1, {value})', self.select())}",
            f"INSERT INTO {table} (id, what) VALUES (1, 'a') ON CONFLICT (id) DO {self.pick('NOTHING', f'UPDATE SET what = {value}')}",
            f"INSERT INTO {table} DEFAULT VALUES",
            f"REPLACE INTO {table} VALUES (1, 2)",
            f"UPDATE {table}{self.pick('', ' AS u')} SET name = {value}{self.pick('', f' FROM {self.pick(*TABLES)} o')} WHERE {self.value()}",
            f"UPDATE {table} SET (id, name) = ({self.select(1)})",
            f"DELETE FROM {table}{self.pick('', f' WHERE {value}')}",
        )
        return self.within(made + ending, 2) if self.random.random() < 0.2 else made + ending

    def shuffled(self) -> str:
        words = (self.select() if self.random.random() < 0.7 else self.change()).split(" ")
        for _ in range(self.random.randint(1, 4)):
            at = self.random.randrange(len(words) + 1)
            match self.random.randrange(3):
                case 0:
                    words.insert(at, self.pick(*PIECES))
                case 1 if len(words) > 1:
                    del words[at % len(words)]
                case _:
                    words[at % len(words)] = self.pick(*PIECES)
        return " ".join(words)

    def one(self) -> str:
        return [self.select, self.change, self.shuffled, self.shuffled][self.random.randrange(4)]()
