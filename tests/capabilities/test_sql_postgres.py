"""sql against a real PostgreSQL of this test's own: what is refused by us, and what the server refuses behind us."""
# ruff: noqa: E501  # statements are read best in one line

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlglot", reason="the extra [sql] is not installed")
psycopg = pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from capabilities import sql
from capabilities._sql import postgres as database
from capabilities._sql.meaning import meaning
from gate.frozen import freeze
from gate.kind import kind_tool

PLACES = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.environ.get("PATH", "").split(":"))]
INITDB = next((str(place / "initdb") for place in PLACES if (place / "initdb").exists()), "")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not INITDB, reason="PostgreSQL (initdb, pg_ctl) is not installed")]
SCHEMA = """
CREATE TABLE users (id int PRIMARY KEY, name text, password text, data jsonb);
CREATE TABLE secrets (k text);
CREATE TABLE log (id serial PRIMARY KEY, what text);
INSERT INTO users VALUES (1, 'ann', 'p', '{"age": 5}'), (2, 'bob', 'q', NULL), (3, 'cy', 'r', NULL);
INSERT INTO secrets VALUES ('hidden');
CREATE FUNCTION sly() RETURNS int AS $$ DELETE FROM users; SELECT 1 $$ LANGUAGE sql;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server on a socket in a folder of its own; how to connect to it."""
    folder = Path(tempfile.mkdtemp(prefix="gate-pg-"))
    who: dict[str, Any] = {}
    if os.getuid() == 0:  # the server does not run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    data, tools = str(folder / "data"), os.path.realpath(INITDB).rpartition("/")[0]
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    run = {"check": True, "capture_output": True, "env": environment, "cwd": folder, "timeout": 120, **who}
    try:
        subprocess.run([f"{tools}/initdb", "-D", data, "-U", "gate", "-A", "trust", "-E", "UTF8", "--no-sync"], **run)
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        subprocess.run([f"{tools}/pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start"], **{**run, "capture_output": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL})  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {error}")
    yield f"host={folder} user=gate dbname=postgres"
    subprocess.run([f"{tools}/pg_ctl", "-D", data, "-m", "immediate", "stop"], **run)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def connect(server: str) -> Any:
    """Makes connections to a database of known contents."""
    with psycopg.connect(server, autocommit=True) as fresh:
        fresh.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        fresh.execute(SCHEMA)
    return lambda: psycopg.connect(server)


def count(connect: Any, table: str = "users") -> int:
    with connect() as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_queries_and_changes(connect: Any) -> None:
    query = sql.postgres(connect)
    assert query("SELECT id, name FROM users WHERE name = $1", ["bob"]) == {
        "columns": ["id", "name"],
        "rows": [[2, "bob"]],
        "more": False,
        "changed": 0,
    }
    assert query("SELECT data->>'age' AS age, (data->>'age')::int + 1 FROM users WHERE id = 1")["rows"] == [["5", 6]]
    assert query("SELECT id FROM users WHERE name LIKE '%n%' ORDER BY id", rows=1)["rows"] == [[1]]
    assert query("SELECT id FROM users ORDER BY id", rows=2)["more"] is True
    assert query("UPDATE users SET name = $1 WHERE id = $2 RETURNING name", ["it's %s -- $1", 1])["rows"] == [["it's %s -- $1"]]
    assert query("INSERT INTO log (what) VALUES ($1) RETURNING id", ["x"])["rows"] == [[1]]
    assert query("DELETE FROM users WHERE id IN (2, 3)")["changed"] == 2
    assert count(connect) == 1
    query("CREATE TABLE more (id int, at timestamp DEFAULT now())")
    query("DROP TABLE more")


def test_a_query_is_read_only_for_the_server(connect: Any) -> None:
    query = sql.postgres(connect)
    for text in ("SELECT sly()", "SELECT nextval('log_id_seq')"):
        with pytest.raises(psycopg.Error, match="read-only"):
            query(text)
    assert count(connect) == 3
    with pytest.raises(psycopg.Error, match="timeout"):
        sql.postgres(connect, seconds=0.3)("SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 1000) b")


def test_misread_as_a_query_it_still_cannot_write(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = meaning("SELECT name FROM users", "postgres")
    monkeypatch.setattr(database, "meaning", lambda *_: harmless)
    for text in ("DELETE FROM users", "WITH d AS (DELETE FROM users RETURNING *) SELECT * FROM d", "DROP TABLE users", "CREATE TABLE x (a int)"):
        with pytest.raises(psycopg.Error, match="read-only"):
            database.run(connect, text, [], 10, 5)
    with pytest.raises(psycopg.Error):  # the server itself takes one statement where parameters are bound
        database.run(connect, "COMMIT; DELETE FROM users", ["x"], 10, 5)
    assert count(connect) == 3


def test_the_setting_of_strings_does_not_matter(connect: Any, server: str) -> None:
    """A backslash never reaches the server; a quote is what both read."""

    def loose() -> Any:
        made = psycopg.connect(server)
        made.execute("SET standard_conforming_strings = off")
        return made

    assert sql.postgres(loose)("SELECT 'it''s'")["rows"] == [["it's"]]
    assert sql.postgres(loose)("SELECT name FROM users WHERE name = $1", ["a\\' OR 1=1"])["rows"] == []


def test_what_the_server_reads_is_what_was_read(connect: Any) -> None:
    """The tables that the server locks for a statement are those it was read to touch."""
    texts = [
        "SELECT id FROM users",
        "SELECT u.id FROM users u JOIN secrets s ON s.k = u.name",
        "SELECT id FROM users WHERE EXISTS (SELECT 1 FROM secrets)",
        "WITH secrets AS (SELECT 1 AS k) SELECT k FROM secrets",
        "WITH a AS (SELECT k FROM secrets), secrets AS (SELECT 1 AS k) SELECT k FROM a",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t",
        "WITH users AS (SELECT * FROM users) SELECT id FROM users",
        "SELECT 1 FROM users, LATERAL (SELECT k FROM secrets WHERE k = users.name) s",
        "UPDATE users SET name = (SELECT max(k) FROM secrets) WHERE id = 1",
        "DELETE FROM users USING secrets WHERE users.name = secrets.k",
        "INSERT INTO log (what) SELECT k FROM secrets",
        "INSERT INTO users (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
        'SELECT "id" FROM "users"',
        "SELECT id FROM USERS",
        "SELECT id FROM public.users",
        "SELECT count(*) FILTER (WHERE id > 1), string_agg(name, ',' ORDER BY name) FROM users GROUP BY GROUPING SETS ((id), ())",
        "SELECT id FROM users UNION SELECT length(k) FROM secrets",
    ]
    locked = "SELECT DISTINCT relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN ('users'::regclass, 'secrets'::regclass, 'log'::regclass)"
    read = 0
    for text in texts:
        try:
            found = meaning(text, "postgres")
        except ValueError:
            continue
        read += 1
        with connect() as connection:
            psycopg.RawCursor(connection).execute(text)
            tables = {row[0] for row in connection.execute(locked)}
            connection.rollback()
        assert tables <= {table.rpartition(".")[2] for _, table in found.touches}, text
    assert read >= len(texts) - 2


def test_the_preview_runs_nothing(connect: Any) -> None:
    tool = kind_tool(sql.postgres(connect))
    assert tool is not None and tool.preview is not None
    arguments: Any = freeze({"statement": "DELETE FROM users WHERE id > $1", "parameters": [1]})
    shown = "\n".join(line for panel in tool.preview(arguments) for line in panel.lines())
    assert "delete: users" in shown and "Delete on users" in shown
    assert len(tool.preview({"statement": "SELECT sly()"})) == 1, "a function that may do anything is not even planned"
    assert count(connect) == 3


def test_another_driver_is_refused() -> None:
    import sqlite3

    with pytest.raises(TypeError, match="psycopg"):
        sql.postgres(lambda: sqlite3.connect(":memory:"))("SELECT 1")
