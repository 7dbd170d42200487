"""Meaning: what a statement does to which tables, by sqlglot's tree of it, checked against our own words of the same text.

The text itself is the value: what runs is, to the character, what was read here.  Text that sqlglot would write for the tree is never run,
so a mistake in its writer cannot change a statement.  Each word of the text must be a known keyword or be found in the tree, so that nothing
was dropped on the way.

Names are as the server folds them: lower case in PostgreSQL unless quoted, always in SQLite, as written in MySQL.  A name counts as that of a
common table expression only where all servers agree; otherwise it is a table (too), so that a grant has to name it.

>>> sorted(meaning("WITH d AS (DELETE FROM a WHERE b = 1 RETURNING *) SELECT * FROM d", "postgres").touches)
[('delete', 'a'), ('select', 'a')]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import import_module
from itertools import pairwise
from typing import Any, Final, NamedTuple

from capabilities._sql.lexical import Dialect, Word, words
from capabilities._sql.selective import Node, selective
from capabilities._sql.shape import DEFINING, FLAGS, KEYWORDS, MEMBERS, TYPES

VERBS: Final = ("select", "insert", "update", "delete", "ddl")
_NOT_CALLS: Final = frozenset(
    "in values as and or not on using from where join by set select union all except intersect distinct having like between is returning "
    "lateral any some when then else case limit offset with into table only recursive default check unique over filter conflict key group".split()
)
_AFTER: Final = {"over": {")"}, "group": {"within"}, "filter": {")"}, "conflict": {"on"}, "key": {"primary", "foreign"}}
INSTALL: Final = "SQL can only be checked with a parser: pip install 'capgate[sql]'"


class Meaning(NamedTuple):
    """One statement.

    verb: what it is at the outside.  touches: (verb, table) of everything it reads or changes.  columns: (table, column), "" for a table
    that cannot be told, and "*" for all columns.  functions: names as called.  whole: tables all of whose rows a condition does not keep
    it from changing.  limit: rows at most that a query gives, where the text says so.  drops: it is DROP
    or TRUNCATE.  returns: it changes rows and gives some (RETURNING).
    """

    verb: str
    touches: frozenset[tuple[str, str]]
    columns: frozenset[tuple[str, str]]
    functions: frozenset[str]
    whole: tuple[str, ...]
    limit: int | None
    drops: bool
    returns: bool = False

    @property
    def reads_only(self) -> bool:
        """Whether it changes nothing, as far as the functions it calls don't."""
        return all(verb == "select" for verb, _ in self.touches)


@lru_cache(maxsize=1024)
def meaning(text: str, dialect: Dialect) -> Meaning:
    """What a statement means; ValueError says why it is not understood."""
    found = words(text, dialect)
    tree = _parsed(text, dialect, found)
    try:
        return _Reader(dialect).read(tree, found)
    except ValueError:
        raise
    except Exception as error:  # a tree of another form than expected is one that is not understood
        raise ValueError(f"its tree cannot be inspected ({type(error).__name__})") from None


def _parsed(text: str, dialect: Dialect, found: tuple[Word, ...]) -> Node:
    """The one tree of the same words."""
    try:
        from sqlglot.dialects.dialect import Dialect as Parser
        from sqlglot.errors import ErrorLevel, SqlglotError
    except ImportError:
        raise ValueError(INSTALL) from None
    parser = Parser.get_or_raise(dialect)
    try:
        tokens = parser.tokenize(text)
        _same_words(tokens, found)
        trees: list[Any] = parser.parser(error_level=ErrorLevel.RAISE).parse([t for t in tokens if t.text != ";" or t.start < found[-1].end], text)
    except (SqlglotError, RecursionError) as error:
        raise ValueError(
            f"it cannot be parsed as {dialect}: {ascii(str(error).splitlines()[0] if str(error) else 'nested too deep')[1:-1][:120]}"
        ) from None
    if len(trees) != 1 or trees[0] is None:
        raise ValueError("it is not one statement")
    tree: Node = trees[0]
    if type(tree).__name__ not in _ROOTS:
        raise ValueError(f"{found[0].text.upper()} is no statement that can be inspected; there are SELECT, INSERT, UPDATE, DELETE and simple DDL")
    return tree


def _same_words(tokens: list[Any], found: tuple[Word, ...]) -> None:
    """ValueError unless sqlglot cut the text where we did (it may take several words as one, `GROUP BY`)."""
    at = 0
    for token in tokens:
        if token.start >= found[-1].end:
            break
        if at and found[at - 1].sort == "parameter" and (token.start, token.end) == (found[at - 1].start + 1, found[at - 1].end - 1):
            continue  # `$1` and `:name` are two tokens there
        cut = at < len(found) and found[at].start == token.start and not token.comments
        while at < len(found) and found[at].end <= token.end:
            at += 1
        cut = cut and at < len(found) and (found[at].end - 1 == token.end or (found[at].sort == "parameter" and token.end == token.start))
        if not cut:
            raise ValueError(f"{token.text[:20]!a} is cut differently by two readers")
        at += 1
    if at != len(found):
        raise ValueError("its end is cut differently by two readers")


_ROOTS: Final = {
    "Select": "select",
    "Union": "select",
    "Except": "select",
    "Intersect": "select",
    "Insert": "insert",
    "Update": "update",
    "Delete": "delete",
    "TruncateTable": "delete",
    "Create": "ddl",
    "Drop": "ddl",
    "Alter": "ddl",
}


class _Reader:
    """Walks one tree without recursion, and notes what it does."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect: Dialect = dialect
        self.touches = set[tuple[str, str]]()
        self.columns = set[tuple[str, str]]()
        self.aliases = dict[str, set[str]]()
        self.whole = list[str]()
        self.structural = Counter[str]()
        self.used = list[Node]()
        self.names = set[str]()
        self.called = set[str]()

    def read(self, tree: Node, found: tuple[Word, ...]) -> Meaning:
        todo: list[tuple[Node, frozenset[str]]] = [(tree, frozenset())]
        while todo:
            node, inside = todo.pop()
            self.check(node)
            inside = self.common(node, inside, todo)
            self.note(node, inside)
            for key, value in node.args.items():
                children: list[Node] = [*value] if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]  # a foreign tree
                if key != "with_":
                    todo += [(child, inside) for child in children if _is_node(child)]
        for node in self.used:
            self.column(node)
        verb = _ROOTS[type(tree).__name__]
        self.left_out(found, defines=verb == "ddl" or type(tree).__name__ == "TruncateTable")
        if verb == "ddl":
            self.touches = {("ddl", table) for _, table in self.touches}
        functions = frozenset(self.called.union(self.calls(found, defines=verb == "ddl")))
        limit = _limit(tree) if verb == "select" else None
        return Meaning(
            verb,
            frozenset(self.touches),
            frozenset(self.columns),
            functions,
            tuple(self.whole),
            limit,
            type(tree).__name__ in _GONE,
            bool(tree.args.get("returning")),
        )

    def check(self, node: Node) -> None:
        """ValueError for a sort of node, or a member of one, that is not known to be understood."""
        name = type(node).__name__
        members = MEMBERS.get(name)
        if members is None and not isinstance(node, _sort("Func")):
            raise ValueError(f"{_plain(name)} cannot be inspected")
        if members is not None and (odd := [key for key, value in node.args.items() if value and key not in members and key not in FLAGS]):
            raise ValueError(f"{_plain(odd[0])} in {_plain(name)} cannot be inspected")
        if name == "DataType" and node.this.name not in TYPES:
            raise ValueError(f"the type {node.this.name} is not known")
        if name in {"Create", "Drop", "Alter"} and str(node.args.get("kind")).upper() not in {"TABLE", "INDEX"}:
            raise ValueError(f"{name.upper()} {ascii(str(node.args.get('kind')))[1:-1][:20]} cannot be inspected")

    def common(self, node: Node, inside: frozenset[str], todo: list[tuple[Node, frozenset[str]]]) -> frozenset[str]:
        """The names of common table expressions that `node` sees; each one's own query sees those before it, and itself if RECURSIVE."""
        given = node.args.get("with_")
        if given is None:
            return inside
        self.check(given)
        for each in given.expressions:
            self.check(each)
            name = self.name(each.args["alias"].this)
            if each.args["alias"].args.get("columns"):
                self.structural[name.lower()] += 1
            todo.append((each.this, inside | {name} if given.args.get("recursive") else inside))
            inside |= {name}
            self.aliases.setdefault(name, set())
        return inside

    def note(self, node: Node, inside: frozenset[str]) -> None:  # noqa: PLR0912  # one case per sort of node, read one after the other
        """What one node touches."""
        match type(node).__name__:
            case "Anonymous":
                self.called.add(str(node.name).lower())
            case "Identifier" | "Var":
                self.names.add(str(node.name).lower())
            case "Table":
                self.table(node, inside)
            case "Column":
                self.used.append(node)
            case "Star":
                if type(node.parent).__name__ != "Count":
                    self.columns.add(("", "*"))
            case "Insert" | "Update" | "Delete":
                self.change(node)
            case "TruncateTable":
                for each in node.expressions:
                    self.changed("delete", each)
                    self.whole.append(self.full(each))
            case "Create" | "Drop" | "Alter":
                for each in node.find_all(_sort("Table")):
                    self.changed("ddl", each)
            case "Join":
                if str(node.args.get("method") or "").upper() == "NATURAL":
                    self.columns.add(("", "*"))
                self.columns |= {("", self.name(each)) for each in node.args.get("using") or ()}
            case "TableAlias" if node.this is not None:
                self.structural[self.name(node.this).lower()] += bool(node.args.get("columns"))
                if type(node.parent).__name__ != "Table":
                    self.aliases.setdefault(self.name(node.this), set())
            case _:
                return

    def table(self, node: Node, inside: frozenset[str]) -> None:
        """A table that is read, unless it is a function or surely a common table expression."""
        if type(node.this).__name__ != "Identifier":
            if isinstance(node.this, _sort("Func")):
                return
            raise ValueError("what it reads from cannot be inspected")
        full = self.full(node)
        alias = node.args.get("alias")
        known = self.aliases.setdefault(self.name(alias.this) if alias is not None and alias.this is not None else self.name(node.this), set())
        if node.args.get("db") is None and full in inside and not _is_target(node):
            return
        known.add(full)
        if alias is not None and alias.args.get("columns"):
            self.columns.add((full, "*"))  # `users AS u(a, b, c)` gives its columns other names
        if not _is_target(node):
            self.touches.add(("select", full))

    def change(self, node: Node) -> None:
        """INSERT, UPDATE or DELETE, at the outside or in a common table expression."""
        verb, target = type(node).__name__.lower(), node.this
        if type(target).__name__ == "Schema":
            listed: list[Any] = target.expressions
            target = target.this
            self.structural[self.name(target.this).lower()] += 1
            self.columns |= {(self.full(target), self.name(each)) for each in listed}
        elif verb == "insert":
            self.columns.add((self.full(target), "*"))
        if target.args.get("joins"):
            raise ValueError("a change of joined tables cannot be inspected")
        self.changed(verb, target)
        if str(node.args.get("alternative") or "").upper() == "REPLACE":
            self.changed("delete", target)
        conflict = node.args.get("conflict")
        if conflict is not None and (conflict.args.get("duplicate") or conflict.expressions):
            self.changed("update", target)
        _check_set([*(node.expressions if verb == "update" else ()), *(conflict.expressions if conflict is not None else ())])
        where = node.args.get("where")
        if where is not None or conflict is not None or node.args.get("returning") or (verb == "update" and _reads(node)):
            self.touches.add(("select", self.full(target)))
        if verb in {"update", "delete"} and not (where is not None and selective(where.this)):
            self.whole.append(self.full(target))

    def changed(self, verb: str, target: Node) -> None:
        """A table that is changed; common table expressions cannot be."""
        if type(target).__name__ != "Table" or type(target.this).__name__ != "Identifier":
            raise ValueError("what it changes cannot be inspected")
        if verb == "ddl" and type(target.parent).__name__ in {"Schema", "Index"}:
            self.structural[self.name(target.this).lower()] += 1
        self.touches.add((verb, self.full(target)))

    def column(self, node: Node) -> None:
        """A column of the tables its qualifier may mean; of any, when it has none or one that nothing here is called."""
        column = "*" if type(node.this).__name__ == "Star" else self.name(node.this)
        qualifier = node.args.get("table")
        tables = self.aliases.get(self.name(qualifier)) if qualifier is not None else None
        self.columns |= {("", column)} if tables is None else {(table, column) for table in tables}

    def calls(self, found: tuple[Word, ...], *, defines: bool) -> Iterator[str]:
        """The functions that are called: what stands before a parenthesis, by our own words, and is neither keyword nor list of columns."""
        called = Counter[str]()
        for number, (word, after) in enumerate(pairwise(found)):
            if after.text != "(" or word.sort not in {"word", "quoted"}:
                continue
            before = found[number - 1].text.lower() if number else ""
            name = word.name.lower()
            if word.sort == "word" and name in _NOT_CALLS and before != "." and (name not in _AFTER or before in _AFTER[name]):
                continue
            if word.sort == "word" and name in _LONG and (defines or before in {"::", "as"}):
                continue  # the length of a type
            called[f"{found[number - 2].name.lower()}.{name}" if before == "." and number > 1 else name] += 1
        for name, count in called.items():
            if count > self.structural[name.rpartition(".")[2]]:
                yield name

    def left_out(self, found: tuple[Word, ...], *, defines: bool) -> None:
        """ValueError when the tree holds no trace of a word of the text that is no keyword whose meaning its shape keeps."""
        for number, word in enumerate(found):
            name = word.name.lower()
            if (
                word.sort not in {"word", "quoted"}
                or name in self.names
                or (word.sort == "word" and (name in KEYWORDS or (defines and name in DEFINING)))
            ):
                continue
            if number + 1 == len(found) or found[number + 1].text != "(":  # a function's name is looked at by itself
                raise ValueError(f"{word.text[:40]!a} has no meaning to the parser here")

    def name(self, node: Any) -> str:
        """An identifier as the server folds it."""
        text = str(node.name)
        return text if self.dialect == "mysql" or (self.dialect == "postgres" and node.args.get("quoted")) else text.lower()

    def full(self, node: Node) -> str:
        """A table's name with the schema it was written with."""
        schema = node.args.get("db")
        return self.name(node.this) if schema is None else f"{self.name(schema)}.{self.name(node.this)}"


_GONE: Final = frozenset({"Drop", "TruncateTable"})
_LONG: Final = frozenset("varchar char character numeric decimal float bit nchar nvarchar varbinary binary timestamp time double int bigint".split())


@cache
def _sort(name: str) -> type[Any]:
    """A class of sqlglot's; it is imported when the first statement is read, because that takes a fifth of a second."""
    return getattr(import_module("sqlglot.expressions"), name)  # type: ignore[no-any-return]  # by name, as its modules move


def _is_node(value: object) -> bool:
    return isinstance(value, _sort("Expression"))


def _is_target(node: Node) -> bool:
    """Whether a table is what a statement changes and not what it reads."""
    holder = node.parent.parent if type(node.parent).__name__ == "Schema" and node.parent is not None else node.parent
    return type(holder).__name__ in {"Insert", "Update", "Delete", "TruncateTable"} and node.arg_key in {"this", "expressions"}


def _check_set(changes: list[Node]) -> None:
    """ValueError unless each change sets columns by their names; SQLite takes `SET 'name' = 1` as one, too."""
    for each in changes:
        left: Node = each.this if type(each).__name__ == "EQ" else None
        names: list[Node] = list(left.expressions) if type(left).__name__ == "Tuple" else [left]
        if any(type(name).__name__ != "Column" for name in names):
            raise ValueError("what it sets cannot be inspected")


def _reads(node: Node) -> bool:
    """Whether an UPDATE sets a column from columns."""
    return any(each.expression.find(_sort("Column")) is not None for each in node.expressions if isinstance(each, _sort("EQ")))


def _limit(tree: Node) -> int | None:
    limit = tree.args.get("limit")
    count: Node = limit.expression if limit is not None else None
    return int(count.name) if type(count).__name__ == "Literal" and count.name.isdigit() and len(count.name) < 16 else None


def _plain(name: str) -> str:
    return f"'{name.strip('_').upper() if name.islower() else name}'"
