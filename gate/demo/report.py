"""Report: what the demo showed, as a table for people and as one object for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from gate.commands.shared import bold, dim
from gate.demo.play import screen

if TYPE_CHECKING:
    from gate.demo.play import Play, Row

_SHARES: Final = (0.32, 0.30, 0.38)
_HEADINGS: Final = ("What was tried", "What Gate did", "How one can tell")


def table(play: Play) -> Iterator[str]:
    """The summary, as lines."""
    widths = tuple([int((screen() - 8) * share) for share in _SHARES])
    rule = "─" * (sum(widths) + 6)
    yield rule
    yield bold("  " + "  ".join([text.ljust(width) for text, width in zip(_HEADINGS, widths, strict=True)]).rstrip())
    yield rule
    for row in play.rows:
        yield from _cells(row, widths)
    yield rule
    yield from _totals(play)


def as_data(play: Play) -> dict[str, object]:
    """The one object of `--json`."""
    return {
        "ok": all(play.checks.values()),
        "checks": play.checks,
        "figures": play.figures,
        "summary": [row._asdict() for row in play.rows],
    }


def _cells(row: Row, widths: tuple[int, ...]) -> Iterator[str]:
    texts = (row.tried, row.did, row.proof)
    columns = [textwrap.wrap(text, width, break_on_hyphens=False) or [""] for text, width in zip(texts, widths, strict=True)]
    for line in range(max(map(len, columns))):
        parts = [(column[line] if line < len(column) else "").ljust(width) for column, width in zip(columns, widths, strict=True)]
        mark = " " if line else click.style("✓", fg="green") if row.holds else click.style("✗", fg="red")
        yield f"{mark} {'  '.join(parts)}".rstrip()


def _totals(play: Play) -> Iterator[str]:
    figures = play.figures
    yield (
        f"{figures.get('calls', 0)} calls, {figures.get('refused', 0)} refused; {figures.get('decision_us', 0)} µs to decide one; "
        f"{figures.get('records', 0)} records, verified in {figures.get('verify_ms', 0)} ms; {figures.get('seconds', 0)} s in all"
    )
    wrong = [name for name, holds in play.checks.items() if not holds]
    if wrong:
        yield click.style(f"not as it should be: {', '.join(wrong)}", fg="red", bold=True)
    else:
        yield click.style(f"all {len(play.checks)} checks hold", fg="green", bold=True) + dim("  (gate demo --json lists them)")
