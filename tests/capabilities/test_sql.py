"""sql: what a statement is read to do is what the server does; everything that servers read differently is refused."""
# ruff: noqa: E501  # statements are read best in one line

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sqlglot", reason="the extra [sql] is not installed")

from capabilities import sql
from capabilities._sql import sqlite as database
from capabilities._sql.constraint import Statements
from capabilities._sql.lexical import DIALECTS, words
from capabilities._sql.meaning import VERBS, meaning
from gate.constraint import AllOf, AnyOf, Exact, OneOf, parse
from gate.effect import Risk
from gate.kind import Kind
from tests.capabilities.sql_oracle import Statements as Random
from tests.capabilities.sql_oracle import oracle

OPERATORS = {"like", "glob", "->", "->>"}

# ---- against SQLite's own parser ------------------------------------------------------------------------------------------------------


def missed(text: str) -> str:
    """What SQLite would do beyond what the statement was read to do; "" when nothing, or when one of the two refuses it."""
    try:
        found = meaning(text, "sqlite")
    except ValueError:
        return ""
    said = oracle(text)
    if said is None:
        return ""
    touches = {(verb, table.rpartition(".")[2]) for verb, table in found.touches}
    changed = {table for verb, table in touches if verb != "select"}
    columns = {(table.rpartition(".")[2], column) for table, column in found.columns}
    columns |= {(table, "id") for table, column in columns if column == "rowid"}
    more = {(verb, table) for verb, table in said.touches if (verb, table) not in touches and not (verb == "select" and table in changed)}
    read = {(table, column) for table, column in said.columns if not {(table, column), ("", column), (table, "*"), ("", "*")} & columns}
    called = said.functions - OPERATORS - found.functions - {other for name in found.functions for other in database._NAMES.get(name, ())}
    return f"{more or ''}{read or ''}{called or ''}{said.other or ''}"


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_sqlite_does_was_missed(seed: int) -> None:
    made = Random(seed)
    for _ in range(250):
        text = made.one()
        assert not missed(text), text


def test_the_generator_makes_what_both_take() -> None:
    made = Random(9)
    both = 0
    for _ in range(400):
        text = made.one()
        try:
            meaning(text, "sqlite")
        except ValueError:
            continue
        both += oracle(text) is not None
    assert both > 20


@pytest.mark.parametrize("seed", range(2))
def test_the_second_line_permits_what_was_read_and_no_more(tmp_path: Path, seed: int) -> None:
    """A statement that passed runs under its authorizer; one read as another does not."""
    from tests.capabilities.sql_oracle import SCHEMA

    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA)
    made, ran, held = Random(100 + seed), 0, 0
    nothing = meaning("SELECT 1", "sqlite")
    for _ in range(300):
        text = made.one()
        try:
            found = meaning(text, "sqlite")
        except ValueError:
            continue
        said = oracle(text)
        if said is None or not all(sql.allow("sqlite", **dict.fromkeys(VERBS, ["*"]), whole=True).check(text) for _ in "x"):
            continue
        parameters = [None] * text.count("?")
        with database.opened(str(path), found, 5) as db:
            try:
                db.execute(text, parameters).fetchall()
                ran += 1
            except sqlite3.DatabaseError as error:
                assert "authorized" not in str(error) and "prohibited" not in str(error), text
        if said.touches or said.functions - OPERATORS:
            with pytest.raises(sqlite3.DatabaseError), database.opened(str(path), nothing, 5) as db:
                db.execute(text, parameters).fetchall()
            held += 1
    assert ran > 5 and held > 5


# ---- what is refused ------------------------------------------------------------------------------------------------------------------

SPELLINGS = [
    "SELECT 1 /* x */",
    "SELECT 1 /*!50000 + 1 */",
    "SELECT 1 -- x",
    "SELECT 5--3",
    "SELECT 1 # x",
    "SELECT 'a\\' OR 1=1",
    "SELECT E'x'",
    "SELECT U&'x'",
    "SELECT N'x'",
    "SELECT x'00'",
    "SELECT _utf8'x'",
    "SELECT _utf8 'x'",
    "SELECT 'a' 'b'",
    "SELECT $$a$$",
    "SELECT $a$x$a$",
    "SELECT [a] FROM t",
    "SELECT @@version",
    "SELECT @a",
    "SELECT 1union SELECT 2",
    "SELECT 1.e1x",
    "SELECT 0x10",
    "SELECT a.1",
    "SELECT 1; SELECT 2",
    "SELECT 1;;DROP TABLE t",
    ";",
    "",
    " ",
    "SELECT 'a",
    'SELECT "a',
    "SELECT é",
    "SELECT id FROM us\u0435rs",
    "SELECT\u00a01",
    "SELECT\u20281",
    "SELECT\x0b1",
    "SELECT 'a\0b'",
    "SELECT a @> b",
    "SELECT a !~ b",
    "SELECT a #> b",
    "SELECT ( SELECT",
    "SELECT " + "(" * 41 + "1" + ")" * 41,
    "SELECT " + ", ".join(["1"] * 2000),
    "SELECT " + "1" * 20_000,
    "EXPLAIN ANALYZE SELECT 1",
    "PRAGMA user_version",
    "ATTACH 'x' AS y",
    "VACUUM INTO 'x'",
    "COPY t TO PROGRAM 'id'",
    "COPY (SELECT 1) TO '/tmp/x'",
    "DO 'x'",
    "CALL f()",
    "SET ROLE x",
    "SHOW TABLES",
    "LOAD DATA INFILE 'x' INTO TABLE t",
    "HANDLER t OPEN",
    "SELECT 1 INTO OUTFILE '/x'",
    "SELECT 1 INTO DUMPFILE '/x'",
    "SELECT * INTO b FROM a",
    "SELECT 1 FROM a FOR UPDATE",
    "SELECT 1 FROM a LOCK IN SHARE MODE",
    "SELECT a FROM t PROCEDURE ANALYSE()",
    "SELECT 1 IN secrets",
    "SELECT * FROM ROWS FROM (pg_ls_dir('.')) AS x",
    "TABLE a",
    "MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE",
    "GRANT ALL ON t TO public",
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END",
    "CREATE VIEW v AS SELECT * FROM secrets",
    "CREATE FUNCTION f() RETURNS int AS 'x' LANGUAGE c",
    "CREATE EXTENSION dblink",
    "CREATE TABLE t AS SELECT * FROM secrets",
    "SELECT CAST('x' AS evil)",
    "SELECT a::regclass FROM t",
    "SELECT pg_catalog.pg_sleep(1)",
    "UPDATE a JOIN b ON a.x = b.x SET b.y = 1",
    "DELETE a FROM a JOIN b ON a.x = b.x",
    "DELETE FROM t LIMIT 1",
    "UPDATE t SET 'password' = 1 WHERE id = 1",
    "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET 'password' = 1",
]


@pytest.mark.parametrize("text", SPELLINGS, ids=lambda text: text[:40])
@pytest.mark.parametrize("kind", sql.STATEMENTS.values(), ids=lambda kind: kind.name)
def test_what_servers_could_read_differently_is_refused(kind: sql.StatementKind, text: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        kind.parse(text)
    assert 5 < len(str(caught.value)) < 300
    assert kind.assess(text).risk >= Risk.HIGH


@pytest.mark.parametrize("kind", sql.STATEMENTS.values(), ids=lambda kind: kind.name)
def test_the_value_is_the_text_itself(kind: sql.StatementKind) -> None:
    assert isinstance(kind, Kind)
    for text in ("SELECT  a\n FROM t", "\t select a from T where b = 'it''s; -- /* #' ;\n", "SELECT 'é'"):
        once = kind.parse(text)
        assert once in text and kind.parse(once) == once
    assert kind.parse(" SELECT 1 ; ; ") == "SELECT 1"


@given(st.text(alphabet="SELECTfromxy '\"`()*,;.-/#$@[]\\%?:=0123456789é\n_", max_size=60), st.sampled_from(DIALECTS))
def test_any_text_is_cut_into_words_that_cover_it_or_refused(text: str, dialect: Any) -> None:
    try:
        found = words(text, dialect)
    except ValueError as error:
        assert str(error)
        return
    kept = "".join(text[word.start : word.end] for word in found)
    assert "".join(kept.split()) == "".join(text.split()).rstrip(";") or ";" in text or "'" in text


def test_without_the_parser_everything_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sqlglot.dialects.dialect", None)
    with pytest.raises(ValueError, match=r"pip install"):
        sql.STATEMENTS["sqlite"].parse("SELECT 42424242")
    assert not sql.allow("sqlite", select=["*"]).check("SELECT 42424243")


# ---- conditions that pick nothing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    """1=1|1|true|'a'|id = id|users.id = id|id >= id|id IS id|id > 0|id >= 0|id > -1|0 < id|id <> 0|id != -5|id IS NOT NULL|NOT id IS NULL|name LIKE '%'
    id = 1 OR 1 = 1|id = 1 OR true|(id = 1) OR (id <> 1)|id IN (id)|id IN (SELECT id FROM users)|1 = (1)|id = (id)|id + 0 = id|NOT (id <> id)
    id = 1 OR id > 0|coalesce(id, 1) = coalesce(id, 1)|? = ?|? = 1|length(name) >= 0|name <> ''|name >= ''|id BETWEEN id AND id|EXISTS (SELECT 1)
    id < 99999999999|id * 0 = 0 * id|abs(id) = abs(id)|name LIKE '%%'|name LIKE '_%'|name GLOB '*'|random() > 0|active""".replace("\n", "|").split(
        "|"
    ),
)
def test_a_condition_that_lets_all_through_is_none(condition: str) -> None:
    found = meaning(f"DELETE FROM users WHERE {condition.strip()}", "sqlite")
    assert found.whole == ("users",)
    assert sql.STATEMENTS["sqlite"].assess(f"UPDATE users SET a = 1 WHERE {condition.strip()}").risk >= Risk.HIGH


@pytest.mark.parametrize(
    "condition",
    """id = 1|id = ?|id IN (1, 2)|name LIKE 'a%'|at < '2024-01-01'|id = 1 AND 1 = 1|(id = 1 OR id = 2) AND active|deleted IS NULL|lower(name) = 'x'
    id BETWEEN 5 AND 9|id IN (SELECT uid FROM orders WHERE total = 5)|id = 1 OR name = 'x'|total > 100""".replace("\n", "|").split("|"),
)
def test_a_condition_that_picks_rows(condition: str) -> None:
    text = f"DELETE FROM users WHERE {condition.strip()}"
    assert meaning(text, "sqlite").whole == ()
    assert sql.STATEMENTS["sqlite"].assess(text).risk == Risk.MEDIUM


# ---- the constraint -------------------------------------------------------------------------------------------------------------------

NAMES = st.lists(st.sampled_from(["users", "secrets", "main.users", "main.*", "*", "sqlite_master", "log"]), max_size=3, unique=True)


@st.composite
def constraints(draw: st.DrawFn) -> Statements:
    """Random ones, of few names."""
    columns = draw(
        st.dictionaries(st.sampled_from(["users", "main.users", "log"]), st.lists(st.sampled_from(["id", "name", "*"]), max_size=3), max_size=2)
    )
    return sql.allow(
        "sqlite",
        columns=columns,
        functions=draw(st.lists(st.sampled_from(["f", "g"]), max_size=2)),
        rows=draw(st.none() | st.sampled_from([1, 5])),
        whole=draw(st.booleans()),
        **{verb: draw(NAMES) for verb in VERBS if draw(st.booleans())},
    )


STATEMENTS = [
    "SELECT id FROM users",
    "SELECT * FROM users LIMIT 1",
    "SELECT id FROM main.users LIMIT 5",
    "SELECT name, f(id) FROM users, log LIMIT 1",
    "SELECT g(k) FROM secrets",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM main.sqlite_master",
    "INSERT INTO log (id) VALUES (1)",
    "INSERT INTO log SELECT * FROM users",
    "UPDATE users SET name = 'x' WHERE id = 1",
    "UPDATE main.users SET name = 'x'",
    "DELETE FROM log WHERE id = 5 RETURNING id",
    "DELETE FROM log",
    "CREATE TABLE log (id INT)",
    "SELECT 1",
    "SELECT count(*) FROM other.users LIMIT 1",
]


@settings(max_examples=100)
@given(constraints(), constraints())
def test_subsumes_is_sound(one: Statements, other: Statements) -> None:
    assert parse(one.to_json()) == one
    assert one.subsumes(one)
    if one.subsumes(other):
        for text in STATEMENTS:
            assert one.check(text) or not other.check(text), text


@given(constraints())
def test_an_explanation_for_each_refusal(one: Statements) -> None:
    for text in STATEMENTS:
        assert one.check(text) is not bool(one.explain(text))


def test_subsumes_other_sorts() -> None:
    one = sql.allow("sqlite", select=["users"])
    assert one.subsumes(Exact("SELECT id FROM users")) and not one.subsumes(Exact("SELECT id FROM secrets"))
    assert one.subsumes(OneOf(["SELECT 1", "SELECT 2"])) and not one.subsumes(OneOf(["SELECT 1", "DELETE FROM users"]))
    assert one.subsumes(AllOf([sql.allow("sqlite", select=["*"]), one])) and not one.subsumes(AnyOf([sql.allow("sqlite", select=["*"]), one]))
    assert not one.subsumes(sql.allow("postgres", select=["users"]))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"dialect": "oracle"},
        {"dialect": "sqlite", "select": "users"},
        {"dialect": "sqlite", "select": [5]},
        {"dialect": "sqlite", "select": [""]},
        {"dialect": "sqlite", "drop": ["x"]},
        {"dialect": "sqlite", "rows": -1},
        {"dialect": "sqlite", "rows": True},
        {"dialect": "sqlite", "whole": 1},
        {"dialect": "sqlite", "columns": ["a"]},
        {"dialect": "sqlite", "columns": {"a": "b"}},
    ],
    ids=str,
)
def test_what_is_no_constraint(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="."):
        parse({"constraint_type": "sql", **data})


def test_columns_hold_under_every_name_of_the_table() -> None:
    some = sql.allow("postgres", select=["*"], columns={"users": ["id", "name"]})
    assert some.check("SELECT u.id, name FROM users u WHERE u.id = 5")
    for text in (
        "SELECT password FROM users",
        "SELECT u.password FROM users u",
        "SELECT password FROM public.users",
        "SELECT * FROM users",
        "SELECT u FROM users u",
        "SELECT c FROM users u(a, b, c)",
        "SELECT id FROM users u(x, y, id)",
        "SELECT id FROM users NATURAL JOIN orders",
        "SELECT id FROM users JOIN orders USING (password)",
        "SELECT id FROM users ORDER BY password",
        "SELECT x.password FROM users AS x, orders AS x",
        "WITH w AS (SELECT * FROM users) SELECT w.id FROM w",
        "INSERT INTO users VALUES (1)",
        "INSERT INTO users (password) VALUES ('x')",
        "UPDATE users SET password = 'x' WHERE id = 1",
        "DELETE FROM users WHERE id = 1 RETURNING *",
    ):
        assert not sql.allow("postgres", **dict.fromkeys(VERBS, ["*"]), columns={"users": ["id", "name"]}).check(text), text
