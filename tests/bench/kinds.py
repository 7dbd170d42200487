"""The cost of a check of each kind: the value is parsed, and the constraint that a grant names checks it.

A thousand different values take turns, so that nothing is found parsed that a call would have to parse.  Measured in processor time, since a
check waits for nothing.  A kind adds its rows to `runs`, `BARS` and `GROWTH`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from capabilities import browser, files, http
from gate.constraint import Constraint
from gate.kind import Kind
from tests.bench.measure import Row, Run, below, interleaved, table

FLAT = 1.2
MANY = 1000


def checked(kind: Kind, constraint: Constraint, values: Sequence[str]) -> Run:
    """Parses a value and checks it, as a call does, one after the other; all must be admitted, or nothing would be measured."""
    parse, check = kind.parse, constraint.compile()
    assert all(check(str(parse(value))) for value in values), f"{values[0]!r} is not admitted"
    turn = cycle(values)

    def run(times: int) -> None:
        for value in islice(turn, times):
            check(parse(value))  # type: ignore[arg-type]  # text, which is frozen already

    return run


def runs(folder: Path) -> dict[str, Run]:
    """name → what is measured; each kind with one root or host, and with a thousand."""
    deep, root = folder / "src" / "package", str(folder.resolve())
    deep.mkdir(parents=True)
    names = [f"src/package/module{number}.py" for number in range(MANY)]
    for name in names:
        (folder / name).write_text("")
    paths, roots = [f"{root}/{name}" for name in names], [f"/srv/{number}" for number in range(MANY - 1)]
    absent = [f"{root}/src/package/new{number}.py" for number in range(MANY)]
    hosts = [f"h{number}.example.net" for number in range(MANY - 1)]
    wild = [f"*.w{number}.example.net" for number in range(MANY - 1)]
    urls = [f"https://api.example.com/v1/items?page={number}" for number in range(MANY)]
    reads, grant = files.Path("reads", root), http.hosts("*.example.com", paths="/v1/*", methods="GET")
    return {
        "path": checked(reads, files.below(root), paths),
        f"path, {MANY} roots": checked(reads, files.below(root, *roots), paths),
        "relative path": checked(reads, files.below(root), names),
        "path of a new file": checked(reads, files.below(root), absent),
        "URL": checked(http.URL, http.hosts("api.example.com"), urls),
        f"URL, {MANY} hosts": checked(http.URL, http.hosts("api.example.com", *hosts), urls),
        "URL, wildcard and paths": checked(http.URL, grant, urls),
        f"URL, {MANY} wildcards": checked(http.URL, http.hosts("*.example.com", *wild, paths="/v1/*", methods="GET"), urls),
        "page": checked(browser.URL, browser.sites("api.example.com"), urls),
    }


BARS = {"path": 15.0, "relative path": 15.0, "path of a new file": 15.0, "URL": 10.0, "URL, wildcard and paths": 10.0, "page": 10.0}
"""Microseconds of one check."""
GROWTH = {
    f"path, {MANY} roots": "path",
    f"URL, {MANY} hosts": "URL",
    f"URL, {MANY} wildcards": "URL, wildcard and paths",
}
"""What must cost no more than what it is compared with."""


def checks(folder: Path, rounds: int) -> list[Row]:
    """All rows."""
    found = interleaved(runs(folder), rounds=rounds, clock=time.thread_time)
    rows = [below(f"check of a {name}", found[name] * 1e6, "us", bar) for name, bar in BARS.items()]
    for name, base in GROWTH.items():
        ratio = found[name] / found[base]
        rows.append(Row(f"check of a {name}", found[name] * 1e6, "us", base, ratio, f"<= {FLAT} x", ratio <= FLAT))
    return rows


def main() -> int:
    """Prints the table, and writes the rows as JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kinds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--json", metavar="FILE", help="where to write the rows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = checks(Path(folder), options.rounds)
    print(f"load {os.getloadavg()[0]:.1f}")
    print(table(rows))
    if options.json:
        Path(options.json).write_text(json.dumps([row.to_json() for row in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
