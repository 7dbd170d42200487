"""sql: the constraint "statements that do only this to these tables".

    {"constraint_type": "sql", "dialect": "postgres", "select": ["users", "public.*"], "update": ["users"],
     "columns": {"users": ["id", "name"]}, "functions": ["my_rank"], "rows": 100, "whole": false}

For each of `select`, `insert`, `update`, `delete` and `ddl` the tables, by the name that the statement writes: `users` is not `public.users`,
because the server's search path decides what it is.  `public.*` is every table of a schema, `*` every table; neither stands for those of the
system (`pg_…`, `sqlite_…`, `information_schema` …), which have to be named.  A changing statement that also reads what it changes (WHERE,
RETURNING, SET x = y) needs `select` too, as in PostgreSQL.  Columns of a table in `columns` are the only ones that may appear, and `*` may not.
Functions that are known to only compute may be called, others when they are named.  rows: a query must say LIMIT, of at most that.  whole:
UPDATE and DELETE without a condition that picks rows, and TRUNCATE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final, Self

from capabilities._sql.functions import computes
from capabilities._sql.lexical import DIALECTS, Dialect
from capabilities._sql.meaning import VERBS, Meaning, meaning
from gate.constraint import Check, Constraint, by_parts, members, register, show, show_some
from gate.constraints.value import is_array, is_object
from gate.frozen import Frozen

_SYSTEM: Final = ("pg_", "sqlite_", "pragma_", "information_schema", "mysql.", "performance_schema", "sys.", "fsdir", "dbstat", "zipfile", "temp.")
_SYSTEM_NAMES: Final = frozenset({"bytecode", "tables_used", "generate_series", "completion", "sqlite_schema"})


def of_system(table: str) -> bool:
    """Whether a table is the server's own, so that no `*` stands for it."""
    name = table.lower()
    return name.startswith(_SYSTEM) or name.rpartition(".")[2].startswith(("pg_", "sqlite_", "pragma_")) or name in _SYSTEM_NAMES


@register
@dataclass(frozen=True, slots=True, eq=False)
class Statements(Constraint):
    """Statements that do no more than this; made by `sql.allow`."""

    type: ClassVar[str] = "sql"
    dialect: Dialect
    tables: Mapping[str, frozenset[str]]
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    functions: frozenset[str] = frozenset()
    rows: int | None = None
    whole: bool = False

    def compile(self) -> Check:
        def check(value: Frozen) -> bool:
            try:
                return isinstance(value, str) and next(self.refusals(meaning(value, self.dialect)), None) is None
            except ValueError:
                return False

        return check

    def explain(self, value: Frozen) -> str:
        if not isinstance(value, str):
            return "it is no text, and so no statement"
        try:
            return "; ".join([*self.refusals(meaning(value, self.dialect))][:5])
        except ValueError as error:
            return str(error)

    def refusals(self, found: Meaning) -> Iterator[str]:
        """Every way in which a statement does more."""
        for verb, table in sorted(found.touches):
            if not _among(table, self.tables.get(verb, frozenset())):
                known = show_some(sorted(self.tables.get(verb, ()))) or "nothing"
                yield f"it needs {verb} on {show(table)}, and what is granted is {known}"
        yield from self._columns(found)
        for name in sorted(found.functions):
            if name not in self.functions and not computes(name, self.dialect):
                yield f"the function {show(name)} is not known to only compute, and is not granted"
        if self.rows is not None and found.verb == "select" and (found.limit is None or found.limit > self.rows):
            yield f"it must end in LIMIT {self.rows} or less"
        if self.rows is not None and found.returns:
            yield "how many rows it returns is not bounded"
        if found.whole and not self.whole:
            yield f"it changes every row of {show_some(found.whole)}: no condition of it picks rows"

    def _columns(self, found: Meaning) -> Iterator[str]:
        for table in sorted({table for _, table in found.touches}):
            for allowed in [names for key, names in self.columns.items() if _may_be(table, key)]:
                for column in sorted({column for where, column in found.columns if where in ("", table)} - allowed):
                    yield f"column {show(column)} of {show(table)} is not granted"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other)) is not None:
            return known
        return isinstance(other, Statements) and self._wider(other)

    def _wider(self, other: Statements) -> bool:
        return (
            self.dialect == other.dialect
            and all(_includes(self.tables.get(verb, frozenset()), tables) for verb, tables in other.tables.items())
            and other.functions <= self.functions | {name for name in other.functions if computes(name, self.dialect)}
            and (self.rows is None or (other.rows is not None and other.rows <= self.rows))
            and (self.whole or not other.whole)
            and all(self._narrower_columns(table, other) for table in self.columns)
        )

    def _narrower_columns(self, table: str, other: Statements) -> bool:
        if table in other.columns:
            return other.columns[table] <= self.columns[table]
        return not any(name.endswith("*") or _may_be(name, table) for tables in other.tables.values() for name in tables)

    def to_json(self) -> dict[str, object]:
        data: dict[str, object] = {"constraint_type": self.type, "dialect": self.dialect}
        data |= {verb: sorted(tables) for verb, tables in self.tables.items() if tables}
        data |= {"columns": {table: sorted(names) for table, names in self.columns.items()}} if self.columns else {}
        data |= {"functions": sorted(self.functions)} if self.functions else {}
        data |= {} if self.rows is None else {"rows": self.rows}
        return data | ({"whole": True} if self.whole else {})

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        dialect, *given = members(data, cls.type, ("dialect",), (*VERBS, "columns", "functions", "rows", "whole"))
        *tables, columns, functions, rows, whole = given
        known: Dialect | None = next((each for each in DIALECTS if each == dialect), None)
        if known is None:
            raise ValueError(f"'dialect' is one of {', '.join(DIALECTS)}")
        if not (columns is None or is_object(columns)) or not (rows is None or (type(rows) is int and 0 <= rows < 2**53)):
            raise ValueError("'columns' maps tables to lists of columns, and 'rows' is a whole number")
        if not (whole is None or isinstance(whole, bool)):
            raise ValueError("'whole' is true or false")
        return cls(
            known,
            MappingProxyType({verb: _names(names, verb) for verb, names in zip(VERBS, tables, strict=True) if names is not None}),
            MappingProxyType({_name(table, "columns"): _names(names, "columns") for table, names in (columns or {}).items()}),
            frozenset() if functions is None else _names(functions, "functions"),
            rows,
            whole is True,
        )


def _among(table: str, granted: frozenset[str]) -> bool:
    """Whether a table is one of those granted: by name, or by a `*` that stands for it."""
    if table in granted:
        return True
    schema, dot, _ = table.rpartition(".")
    return not of_system(table) and ("*" in granted or (dot != "" and f"{schema}.*" in granted))


def _may_be(table: str, other: str) -> bool:
    """Whether two names may be those of one table, for one of them leaves its schema out."""
    (schema, _, name), (its_schema, _, its_name) = table.lower().rpartition("."), other.lower().rpartition(".")
    return name == its_name and (schema == its_schema or not schema or not its_schema)


def _includes(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    """Whether every table of one list is of the other."""
    return all(name in wide or ("*" in wide and not of_system(name)) or (not name.endswith("*") and _among(name, wide)) for name in narrow)


def _names(value: object, member: str) -> frozenset[str]:
    if not is_array(value) or len(value) > 10_000:
        raise ValueError(f"'{member}' is a list of names")
    return frozenset(_name(each, member) for each in value)


def _name(value: object, member: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200 or not value.isprintable():
        raise ValueError(f"'{member}' holds {show(value)}, which is no name")
    return value
