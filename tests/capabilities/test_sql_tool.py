"""sql: the SQLite tool, its preview, parameters, and what is said of functions and the servers' own tables."""
# ruff: noqa: E501  # statements are read best in one line

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlglot", reason="the extra [sql] is not installed")

from capabilities import sql
from capabilities._sql import sqlite as database
from capabilities._sql.meaning import meaning
from gate.effect import Risk
from gate.frozen import freeze
from gate.kind import kind_tool

# ---- the SQLite tool ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of three users, a view over secrets, and a trigger."""
    made = tmp_path / "odd ? # % name.db"
    with closing(sqlite3.connect(made)) as db:
        db.executescript("""
            CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, photo BLOB);
            CREATE TABLE log (what TEXT);
            INSERT INTO users VALUES (1, 'ann', x'00ff'), (2, 'bob', NULL), (3, 'cy', NULL);
            CREATE VIEW seen AS SELECT name FROM users;
            CREATE TRIGGER told AFTER DELETE ON users BEGIN INSERT INTO log VALUES ('gone'); END;
        """)
    return made


def rows(path: Path, text: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(text).fetchall()


def test_queries(path: Path) -> None:
    query = sql.sqlite(path)
    assert query("SELECT id, name, photo FROM users WHERE id < ? ORDER BY id", [3]) == {
        "columns": ["id", "name", "photo"],
        "rows": [[1, "ann", "00ff"], [2, "bob", None]],
        "more": False,
        "changed": 0,
    }
    assert query("SELECT id FROM users WHERE name = :n", {"n": "cy"})["rows"] == [[3]]
    assert query("SELECT id FROM users ORDER BY id", rows=2) | {"columns": 0} == {"columns": 0, "rows": [[1], [2]], "more": True, "changed": 0}
    assert query("SELECT name FROM seen ORDER BY name LIMIT 1")["rows"] == [["ann"]]
    assert query("SELECT upper(name) || ifnull(photo, '-') FROM users WHERE name LIKE 'b%'")["rows"] == [["BOB-"]]
    with pytest.raises(ValueError, match="comment"):
        query("SELECT 1 -- x")


def test_changes_are_committed_with_what_they_return(path: Path) -> None:
    query = sql.sqlite(path)
    assert query("UPDATE users SET name = ? WHERE id = 1 RETURNING id, name", ["x"])["rows"] == [[1, "x"]]
    assert query("DELETE FROM users WHERE id IN (2, 3)")["changed"] == 2
    assert rows(path, "SELECT * FROM log") == [("gone",), ("gone",)]
    assert rows(path, "SELECT name FROM users") == [("x",)]
    query("CREATE TABLE more (id INT, name VARCHAR(10) DEFAULT 'x')")
    query("DROP TABLE more")


def test_time_is_limited_and_a_failure_changes_nothing(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        sql.sqlite(path, seconds=0.2)("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c")
    with pytest.raises(sqlite3.IntegrityError):
        sql.sqlite(path)("UPDATE users SET id = 3 WHERE id = 1")
    assert rows(path, "SELECT count(*) FROM users") == [(3,)]


def test_a_query_cannot_write_even_when_misread(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = meaning("SELECT name FROM users", "sqlite")
    monkeypatch.setattr(database, "meaning", lambda *_: harmless)
    for text in (
        "DELETE FROM users",
        "SELECT * FROM log",
        "ATTACH ':memory:' AS x",
        "PRAGMA query_only = 0",
        "SELECT load_extension('x')",
        "VACUUM",
        "COMMIT",
    ):
        with pytest.raises(sqlite3.DatabaseError):
            database.run(str(path), text, [], 10, 1.0)
    assert rows(path, "SELECT count(*) FROM users") == [(3,)]


def test_the_preview_is_a_dry_run_that_leaves_nothing(path: Path) -> None:
    tool = kind_tool(sql.sqlite(path))
    assert tool is not None and tool.preview is not None and tool.headline is not None

    def shown(statement: str, *parameters: object) -> str:
        arguments: Any = freeze({"statement": statement, "parameters": list(parameters)})
        assert tool is not None and tool.preview is not None
        return "\n".join(line for panel in tool.preview(arguments) for line in [panel.title, *panel.lines()])

    before = path.read_bytes()
    assert "rows changed: 2" in shown("DELETE FROM users WHERE id > ?", 1)
    assert "2 | bob" in shown("DELETE FROM users WHERE id = 2")
    assert "rows changed: 3" in (every := shown("UPDATE users SET name = 'returning'")) and "every row of: users" in every
    assert "how it is looked for" in shown("SELECT name FROM users WHERE id = 1")
    assert "select: users" in shown("SELECT name FROM users")
    shown("DROP TABLE users")
    assert rows(path, "SELECT * FROM log") == []
    assert path.read_bytes() == before
    assert tool.headline({"statement": "DELETE FROM users"}) == "delete users (sqlite, every row)"
    assert tool.headline({"statement": "SELECT name FROM users"}) == "read users (sqlite)"


def test_parameters() -> None:
    assert sql.PARAMETERS.parse(None) == ()
    assert sql.PARAMETERS.parse([1, "a", None, True, 1.5]) == (1, "a", None, True, 1.5)
    assert sql.PARAMETERS.parse({"a": 1}) == {"a": 1}
    for value in ("a", 5, [[1]], [{}], ["\0"], ["x" * 1_000_001], [float("nan")], [10**400], range(3), [1] * 201, ["\ud800"], {5: 1}):
        with pytest.raises(ValueError, match="."):
            sql.PARAMETERS.parse(value)


def test_functions_and_the_servers_own_tables_are_rated() -> None:
    rate = sql.STATEMENTS["postgres"].assess
    assert rate("SELECT lower(name) FROM users").risk == Risk.LOW and rate("SELECT name FROM users").pure_read
    assert rate("SELECT pg_read_file('x')").risk == Risk.CRITICAL and "T1005" in rate("SELECT pg_read_file('x')").techniques
    assert rate("SELECT pg_sleep(5)").risk == Risk.HIGH
    assert rate("SELECT own_function(5)").risk == Risk.HIGH
    assert rate("SELECT * FROM pg_shadow").techniques == {"T1003"}
    assert rate("DROP TABLE users").effects == {"writes", "irreversible"}
    assert rate("WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d").effects >= {"writes", "irreversible"}
    assert rate("SELECT by(1)").risk == Risk.HIGH, "a word that is a keyword elsewhere can be a function's name"
    assert "T1041" in rate("SELECT * FROM dblink('x', 'y')").techniques


def random_texts() -> Iterator[str]:
    made = random.Random(3)
    pieces = [
        "SELECT",
        "FROM",
        "users",
        "(",
        ")",
        "'",
        "--",
        "/*",
        "*/",
        ";",
        "\\",
        '"',
        "`",
        "1",
        ",",
        "*",
        "é",
        "\n",
        "$1",
        "?",
        ":a",
        "WHERE",
        "1=1",
    ]
    for _ in range(400):
        yield " ".join(made.choice(pieces) for _ in range(made.randint(1, 30)))


def test_no_text_makes_anything_but_a_value_or_a_reason() -> None:
    for text in random_texts():
        for kind in sql.STATEMENTS.values():
            try:
                kind.parse(text)
            except ValueError as error:
                assert str(error)
