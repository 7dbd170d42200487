"""Writes docs/explanation/comparison.md from a run of all peers."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.peers.neutral import READ_ONLY
from tests.peers.score import Heard, Score

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "comparison.md"

_HEAD = """\
# The attack list against other gates

{rows} rows, those of the [attack list](../attacks.md) and a few of `tests/peers/rows.jsonl` (tool names, numbers, hosts), run through other packages
that decide about an agent's tool calls, each in an environment of its own. Nothing of an attack is run: paths are only resolved, URLs and commands
only read. Measured {date}, Python {python}. This page is generated: `python -m tests.peers --write-docs` (needs a package index; some minutes).

**How to read it.** A cell is *attacks that passed / offered · ordinary calls allowed / offered*. Both belong together: to refuse all stops all.

- An attack *passed* when it ran without a person and led outside the grant. One that was let through and leads nowhere (a newline in a file's
  name, a URL that every client reads as the granted host) is counted apart and held against nobody. Gate refuses those too, so it has more rows.
- A dash means *not offered*: the package has no check of that sort, and its rows are neither a success nor a failure.
- Each is told the policy in its own words, the most careful line that these can say: see its file in `tests/peers/adapters`. Where it knows
  patterns but no paths, URLs or commands, it gets the same anchored pattern as the others (no `..`; nothing after the host that a parser could
  mistake; none of ``;&|`$<>(){{}}\\`` in a command). What their READMEs show is usually laxer.
- A check is measured only after it has let an ordinary call through and stopped a plainly forbidden one.

**What it does not say.** The list is ours and Gate is tested against it, so Gate's zeros say that its tests pass, not that it has no holes. The
packages do other things well that are not measured here: tokens, budgets, approvals, logs, containment, speed. Many never meant to judge commands.
Most shell rows are under Gate's profile `workstation`; the others get a list of {programs} programs that only read. Files that are secret wherever
they lie (classes *secrets*, *secret-tree*, *secret place*) are named by no grant and count as not offered. One policy per row, one call, no history.

## By kind

"""

_HOW = """
## Versions and words

| package | asked through | remarks |
|---|---|---|
"""


class Result(NamedTuple):
    """One peer's run."""

    title: str
    idiom: str
    offers: frozenset[str]
    scores: Mapping[str, Mapping[str, Score]]
    broken: str
    notes: str
    seconds: float
    heard: Heard | None = None

    def line(self) -> str:
        """One line for a terminal."""
        if self.broken:
            return f"{self.title}: did not work here: {self.broken}"
        cells = (f"{kind} {cell(groups[''])}" for kind, groups in sorted(self.scores.items()) if groups[""].attacks + groups[""].ordinary)
        return f"{self.title} ({self.seconds:.1f} s): {', '.join(cells)} {self.notes}"


def cell(score: Score) -> str:
    """Attacks passed / offered · ordinary calls allowed / offered; a dash for what is not offered."""
    if not score.attacks + score.ordinary:
        return "–"
    return f"{_share(score.passed, score.attacks)} · {_share(score.allowed, score.ordinary)}"


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" if whole else "–"


def page(found: Sequence[Result], rows: int) -> str:
    """The whole page. The first result is Gate's."""
    date, python = time.strftime("%Y-%m-%d", time.gmtime()), platform.python_version()
    head = _HEAD.format(rows=rows, date=date, python=python, programs=len(READ_ONLY))
    works = [result for result in found if not result.broken]
    kinds = [kind for kind in sorted(found[0].scores) if any(_offers(result, kind) for result in works[1:])]
    lines = [f"| package | {' | '.join(kinds)} |", f"|---|{'---|' * len(kinds)}"]
    lines += [f"| {result.title} | {' | '.join(cell(result.scores[kind]['']) for kind in kinds)} |" for result in works]
    lines += ["", *_apart(works, kinds), *(line for kind in kinds for line in _classes(works, kind))]
    lines += _HOW.strip("\n").splitlines()
    lines += [f"| {result.title} | {result.idiom} | {_remark(result)} |" for result in found[1:]]
    return head + "\n".join([*lines, "", *_LEFT_OUT.strip("\n").splitlines()]) + "\n"


_LEFT_OUT = """
Left out: Dippy, a gate for commands, which PyPI does not have (the `dippy` there is another program). Programs that only ask a person, language
models as judges, and gates that are servers in other languages are not compared here.
"""


def _remark(result: Result) -> str:
    return (f"did not work here: {result.broken}" if result.broken else result.notes).replace("|", "&#124;") or "–"


def _offers(result: Result, kind: str) -> bool:
    return bool(result.scores[kind][""].attacks)


def _apart(works: Sequence[Result], kinds: Sequence[str]) -> Iterator[str]:
    """What is counted beside the two numbers."""
    counts: tuple[tuple[str, Callable[[Score], int]], ...] = (
        ("ordinary calls asked or refused", lambda score: score.held),
        ("calls a person should see, run without", lambda score: score.alone),
        ("attacks let through that lead nowhere", lambda score: score.harmless),
        ("rows not offered", lambda score: score.not_offered),
    )
    yield from ("Counted beside that, over the kinds above:", "", f"| package | {' | '.join(name for name, _ in counts)} |", "|---|---|---|---|---|")
    for result in works:
        yield f"| {result.title} | {' | '.join(str(sum(count(result.scores[kind]['']) for kind in kinds)) for _, count in counts)} |"
    yield ""


def _classes(works: Sequence[Result], kind: str) -> Iterator[str]:
    """The attacks of one kind by class; only packages that offer it, those with the same numbers in one column."""
    shown = [result for result in works if _offers(result, kind)]
    groups = [group for group in works[0].scores[kind] if group and any(result.scores[kind][group].attacks for result in shown[1:])]
    columns: dict[tuple[str, ...], list[str]] = {}
    for result in shown:
        cells = tuple(_share(score.passed, score.attacks) for score in (result.scores[kind][group] for group in groups))
        columns.setdefault((result.title, *cells) if result is works[0] else ("", *cells), []).append(result.title.rpartition(" ")[0] or result.title)
    yield from (f"## {kind}: attacks passed / offered, by class", "")
    yield f"| class | {' | '.join(', '.join(titles) for titles in columns.values())} |"
    yield f"|---|{'---|' * len(columns)}"
    for place, group in enumerate(groups, 1):
        yield f"| {group} | {' | '.join(cells[place] for cells in columns)} |"
    yield ""
