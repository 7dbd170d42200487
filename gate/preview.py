r"""Preview: what an approver sees of a call's consequences, beside its exact arguments: a diff, rows, recipients, costs, hosts.

A kind makes it from the frozen call when a person is about to be asked, and only then; nothing is decided by it.  It is a list of panels of
plain text, so that a terminal, a page and a chat message show the same.  A cell is escaped and cut by whoever makes a `Panel` here, so
nothing in it can forge or hide a line.

>>> change = diff("out/a.txt", "one\ntwo\n", "one\nthree\n")
>>> change.form, [row[0] for row in change.rows]
('diff', ['  one', '- two', '+ three'])
>>> facts("cost", [("amount", "12.50 EUR"), ("can be undone", "no")]).rows
(('amount', '12.50 EUR'), ('can be undone', 'no'))
>>> listing("recipients", [f"{n}@example.com" for n in range(1000)]).total
1000
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from gate.shown import visible

MOST_ROWS: Final = 200
MOST_CELL: Final = 1000
MOST_DIFFED: Final = 5000
MOST_PAIRS: Final = 20_000
CONTEXT: Final = 3

Form: TypeAlias = Literal["text", "diff", "list", "facts", "table"]


class Panel(NamedTuple):
    """One part of a preview.

    form: "text", "list" and "diff" have one cell a row (a diff's begins with "  ", "- ", "+ " or "@@"); "facts" have two, name and value;
    a "table" as many as its first row, which holds the names of the columns.  total: how many rows there are, shown or not.
    """

    title: str
    form: Form
    rows: tuple[tuple[str, ...], ...]
    total: int

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {"title": self.title, "form": self.form, "rows": [list(row) for row in self.rows], "total": self.total}

    @classmethod
    def of(cls, data: Mapping[str, object]) -> Panel:
        """The panel that `to_json` gave."""
        rows = cast("list[list[str]]", data["rows"])
        return cls(str(data["title"]), cast("Form", data["form"]), tuple([tuple(row) for row in rows]), cast("int", data["total"]))

    def lines(self) -> list[str]:
        """The panel as lines of text; the last one says what was left out."""
        shown = [f"{row[0]}: {row[1]}" if self.form == "facts" else " | ".join(row) for row in self.rows]
        left = self.total - len(self.rows)
        return [*shown, f"… and {left} more, not shown"] if left > 0 else shown


def panel(title: str, form: Form, rows: Iterable[Sequence[str]], total: int | None = None) -> Panel:
    """A panel of at most 200 rows of cells of at most 1,000 characters. total: how many rows there are, when `rows` are not all."""
    kept = list(islice(rows, MOST_ROWS + 1))
    cells = tuple([tuple([cell(one) for one in row]) for row in kept[:MOST_ROWS]])
    count = len(kept) if total is None else total
    if total is None and len(kept) > MOST_ROWS:
        count += sum(1 for _ in rows) if not isinstance(rows, Sequence) else len(rows) - len(kept)
    return Panel(cell(title), form, cells, count)


def text(title: str, value: str) -> Panel:
    """A text with its real lines."""
    return panel(title, "text", [(line,) for line in value.splitlines()])


def listing(title: str, items: Sequence[str]) -> Panel:
    """One item a row."""
    return panel(title, "list", [(item,) for item in items])


def facts(title: str, pairs: Iterable[tuple[str, str]]) -> Panel:
    """Names with values."""
    return panel(title, "facts", list(pairs))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], total: int | None = None) -> Panel:
    """Rows under the names of their columns. total: how many rows there are, when these are not all of them."""
    made = [list(columns), *[["" if value is None else str(value) for value in row] for row in rows[:MOST_ROWS]]]
    return panel(title, "table", made, (len(rows) if total is None else total) + 1)


def diff(title: str, before: str, after: str) -> Panel:
    """What changes from one text to another, with three lines around each change.

    Of long texts the first 5,000 lines are compared.  Texts with so many equal lines that comparing would take long are shown as one change
    between what they begin and what they end with alike.
    """
    old, new = before.splitlines(), after.splitlines()
    rows = list[tuple[str]]()
    for number, group in enumerate(_changes(old[:MOST_DIFFED], new[:MOST_DIFFED])):
        if number or group[0][1] or group[0][3]:
            rows.append((f"@@ line {group[0][3] + 1}",))
        for tag, i, j, k, m in group:
            if tag == "equal":
                rows += [(f"  {line}",) for line in old[i:j]]
            else:
                rows += [(f"- {line}",) for line in old[i:j]] + [(f"+ {line}",) for line in new[k:m]]
    unseen = max(len(old) - MOST_DIFFED, len(new) - MOST_DIFFED, 0)
    if not rows and before != after:
        rows.append(("@@ only what no line shows differs: line ends, or the end of the last line",) if not unseen else ("@@ not compared",))
    return panel(title, "diff", rows, len(rows) + unseen)


def _changes(old: list[str], new: list[str]) -> Iterable[list[tuple[str, int, int, int, int]]]:
    """Groups of operations as `difflib` gives them; comparing takes at least a step for each pair of equal lines, so there is a bound."""
    counts = Counter(new)
    if sum([counts[line] for line in old]) <= MOST_PAIRS:
        return SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT)
    least = min(len(old), len(new))
    start = next((n for n in range(least) if old[n] != new[n]), least)
    end = next((n for n in range(least - start) if old[-1 - n] != new[-1 - n]), least - start)
    if start == len(old) == len(new):
        return []
    before, after = max(start - CONTEXT, 0), min(end, CONTEXT)
    last, final = len(old) - end, len(new) - end
    return [
        [
            ("equal", before, start, before, start),
            ("replace", start, last, start, final),
            ("equal", last, last + after, final, final + after),
        ]
    ]


def cell(value: str) -> str:
    """A text with everything unprintable escaped, cut at 1,000 characters; a tab stays as spaces."""
    shown = visible(value[: MOST_CELL + 1].replace("\t", "    "))
    return shown if len(value) <= MOST_CELL else f"{shown[:MOST_CELL]}… ({len(value)} characters)"
