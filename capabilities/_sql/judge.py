"""What a statement does, in effects and risk, and in words for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from capabilities._sql.constraint import of_system
from capabilities._sql.functions import computes, reaches
from capabilities._sql.lexical import Dialect
from capabilities._sql.meaning import Meaning, meaning
from gate.effect import Assessment, Risk, join
from gate.frozen import Frozen
from gate.preview import Panel, facts

_SECRET: Final = frozenset(
    {"pg_shadow", "pg_authid", "pg_user_mapping", "pg_user_mappings", "mysql.user", "pg_catalog.pg_authid", "pg_catalog.pg_shadow"}
)
_UNKNOWN: Final = frozenset({"reads", "writes", "executes", "egress"})


def assess(value: object, dialect: Dialect) -> Assessment:
    """Effects and risk of a statement; what is not understood is high."""
    try:
        found = meaning(value, dialect) if isinstance(value, str) else None
    except ValueError as error:
        return Assessment(_UNKNOWN, Risk.HIGH, (f"the statement cannot be inspected: {error}",))
    if found is None:
        return Assessment(_UNKNOWN, Risk.HIGH, ("the statement cannot be inspected: it is no text",))
    return join([*_tables(found), *(_call(name) for name in sorted(found.functions) if not computes(name, dialect))])


def _tables(found: Meaning) -> list[Assessment]:
    parts = [Assessment(frozenset(["reads"]), Risk.LOW, (f"queries {_some(found, 'select')}",))] if found.reads_only else []
    for verb in ("insert", "update", "delete"):
        if any(each == verb for each, _ in found.touches):
            parts.append(Assessment(frozenset(["writes"]), Risk.MEDIUM, (f"{verb}s rows of {_some(found, verb)}",)))
    if any(verb == "select" for verb, _ in found.touches) and not found.reads_only:
        parts.append(Assessment(frozenset(["reads"]), Risk.LOW))
    if found.whole:
        why = f"changes every row of {', '.join(found.whole)}: no condition of it picks rows"
        parts.append(Assessment(frozenset(["writes", "irreversible"]), Risk.HIGH, (why,), frozenset(["T1485"])))
    if found.verb == "ddl":
        gone = frozenset(["irreversible"]) if found.drops else frozenset[str]()
        words = f"{'drops' if found.drops else 'changes the definition of'} {_some(found, 'ddl')}"
        parts.append(Assessment(frozenset(["writes"]) | gone, Risk.HIGH, (words,), frozenset(["T1485"]) if gone else frozenset()))
    parts += [_system(table) for _, table in sorted(found.touches) if of_system(table)]
    return parts


def _system(table: str) -> Assessment:
    if table in _SECRET:
        return Assessment(frozenset(["reads"]), Risk.CRITICAL, (f"touches the server's passwords, {table}",), frozenset(["T1003"]))
    return Assessment(frozenset(["reads"]), Risk.MEDIUM, (f"touches a table of the server's own, {table}",))


def _call(name: str) -> Assessment:
    what = reaches(name)
    if not what:
        return Assessment(_UNKNOWN, Risk.HIGH, (f"calls {name}(), which cannot be inspected",))
    runs = "runs code" in what
    risk = Risk.CRITICAL if runs or "files" in what or "connects" in what else Risk.HIGH
    effects = {"runs code outside the database": {"executes"}, "connects to another server": {"egress"}}.get(what, {"reads", "writes"})
    techniques = {"runs": "T1059", "connects": "T1041", "reads": "T1005", "can": "T1499"}
    fitting = techniques.get(what.split()[0])
    return Assessment(frozenset(effects), risk, (f"{name}() {what}",), frozenset([fitting]) if fitting else frozenset())


def _some(found: Meaning, verb: str) -> str:
    tables = sorted(table for each, table in found.touches if each == verb)
    return ", ".join(tables[:5]) + (f" and {len(tables) - 5} more" if len(tables) > 5 else "") or "no table"


def headline(arguments: Mapping[str, Frozen], dialect: Dialect) -> str:
    """What it does to which tables, as words after "wants to"."""
    text = arguments["statement"]
    found = meaning(text if isinstance(text, str) else "", dialect)
    if found.reads_only:
        return f"read {_some(found, 'select')} ({dialect})"
    changed = [f"{verb} {_some(found, verb)}" for verb in ("insert", "update", "delete", "ddl") if any(each == verb for each, _ in found.touches)]
    return f"{' and '.join(changed)} ({dialect}{', every row' if found.whole else ''})"


def preview(arguments: Mapping[str, Frozen], dialect: Dialect) -> list[Panel]:
    """What the text alone says."""
    text = arguments["statement"]
    found = meaning(text if isinstance(text, str) else "", dialect)
    rows = [(verb, _some(found, verb)) for verb in ("select", "insert", "update", "delete", "ddl") if any(each == verb for each, _ in found.touches)]
    rows += [("every row of", ", ".join(found.whole))] if found.whole else []
    rows += [("calls", ", ".join(sorted(found.functions)))] if found.functions else []
    return [facts("statement", rows or [("does", "touches no table")])]
