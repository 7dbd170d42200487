"""Writes docs/attacks.md from the rows: `python -m tests.attacks.make_table`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.attacks.verdict import Row, rows

TABLE = Path(__file__).parents[2] / "docs" / "attacks.md"
_HEAD = """\
# Attacks

Each row below is a test (`tests/attacks`), in both directions: attacks that must not run without a person, and ordinary calls that must run
without a question. This page is generated: `python -m tests.attacks.make_table`.

- *refused*: the call is no valid one, the grant does not cover it, or a rule of the profile denies it.
- *asked*: a person decides. An unknown program, option or place always is.
- *allowed*: it runs without a question.

"Under" is what the agent was granted: constraints on the arguments, or the rules of the profile `workstation`.

| kind | rows | refused | asked | allowed |
|---|---|---|---|---|
"""


def table() -> str:
    """The whole page."""
    found = list(rows())
    kinds = sorted({row.kind for row in found})
    lines = [_HEAD.rstrip("\n")]
    for kind in kinds:
        count = Counter(row.expected for row in found if row.kind == kind)
        lines.append(f"| {kind} | {sum(count.values())} | {count['refused']} | {count['asked']} | {count['allowed']} |")
    for kind in kinds:
        lines += ["", f"## {kind}", "", "| class | source | call | under | must be |", "|---|---|---|---|---|"]
        lines += [_line(row) for row in found if row.kind == kind]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    call = " ".join(f"{name}={_value(value)}" for name, value in row.args.items())
    return f"| {row.group} | {row.source} | {_code(f'{row.tool} {call}')} | {_code(_grant(row))} | {row.expected} |"


def _value(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 110 else f"{text[:100]}… ({len(text)} characters)"


def _grant(row: Row) -> str:
    if isinstance(row.grant, str):
        return row.grant
    return "; ".join(f"{name}: {constraint['constraint_type']}" for name, constraint in row.grant.items())


def _code(text: str) -> str:
    """Text as a cell of a table: escaped, so that it cannot end the cell or the code."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "&#124;").replace("*", "&#42;").replace("_", "&#95;")
    return f"<code>{text.replace('`', '&#96;').replace('[', '&#91;').replace('~', '&#126;')}</code>"


if __name__ == "__main__":
    TABLE.write_text(table())
