"""`python -m tests.bench [--quick] [--json FILE]`: every figure of DESIGN that exists so far, as one table and one JSON file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.bench import agents, asking, calls, disk, inbox, kinds, kinds_sql
from tests.bench.log import long_log
from tests.bench.measure import Row, table


def measured(folder: Path, *, quick: bool) -> list[Row]:
    """All rows; quick takes a minute and is rough."""
    rounds = 7 if quick else 41
    rows = calls.overhead(folder / "overhead", rounds)
    rows += calls.audited(folder / "audited", rounds)
    rows += agents.adapters(folder / "agents", rounds)
    rows += disk.durable(folder / "durable", 1.5 if quick else 8)
    rows += calls.growth(folder / "growth", rounds, 20_000 if quick else 1_000_000)
    rows += disk.approval(folder / "approval", 50 if quick else 400)
    rows += asking.waiting(folder / "asking", 40 if quick else 200)
    rows += inbox.rows(folder / "inbox", 20 if quick else 200)
    rows += disk.starts(3 if quick else 15)
    rows += kinds.checks(folder / "kinds", rounds)
    rows += kinds_sql.rows(rounds)
    rows += long_log(folder / "log", 20_000 if quick else 1_000_000)
    return rows


def main() -> int:
    """Prints the table, writes the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a rough run of about a minute")
    parser.add_argument("--json", metavar="FILE", help="where to write the rows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("overhead", "audited", "agents", "durable", "growth", "approval", "asking", "inbox", "kinds", "log"):
            (Path(folder) / name).mkdir()
        rows = measured(Path(folder), quick=options.quick)
    print(f"python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(table(rows))
    if options.json:
        Path(options.json).write_text(json.dumps([row.to_json() for row in rows], indent=1) + "\n")
    missed = [row.name for row in rows if row.met is False]
    print(f"{sum(row.met is True for row in rows)} met, {len(missed)} not met{': ' if missed else ''}{', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
