"""The cost of a check of each kind: the value is parsed, and the constraint that a grant names checks it; a command is assessed too.

Many different values take turns, so that nothing is found parsed that a call would have to parse.  What a command may hold again in the next
one (the line of data of its program, the name of a folder) is found again, and where it leads is looked up anew.  Measured in processor time, since a
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

from capabilities import browser, files, http, shell
from gate.constraint import Constraint
from gate.kind import Kind
from tests.bench.measure import Row, Run, below, interleaved, table

FLAT = 1.2
MANY = 1000
TEXTS = 3000  # more than any cache of what was made of a command holds


def checked(kind: Kind, constraint: Constraint, values: Sequence[str]) -> Run:
    """Parses a value and checks it, as a call does, one after the other; all must be admitted, or nothing would be measured."""
    parse, check = kind.parse, constraint.compile()
    assert all(check(str(parse(value))) for value in values), f"{values[0]!r} is not admitted"
    turn = cycle(values)

    def run(times: int) -> None:
        for value in islice(turn, times):
            check(parse(value))  # type: ignore[arg-type]  # text, which is frozen already

    return run


def assessed(kind: Kind, constraint: Constraint, values: Sequence[str | tuple[str, ...]]) -> Run:
    """As `checked`, with the assessment of each value between the two."""
    parse, assess, check = kind.parse, kind.assess, constraint.compile()
    assert all(check(frozen(parse(value))) for value in values), f"{values[0]!r} is not admitted"
    turn = cycle(values)

    def run(times: int) -> None:
        for value in islice(turn, times):
            made = frozen(parse(value))
            assess(made)
            check(made)

    return run


def frozen(value: object) -> str | tuple[str, ...]:
    """A parsed command as a call holds it."""
    return value if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]  # a list of words


def commands(folder: Path) -> dict[str, Run]:
    """name → what is measured of the shell kind, with the programs that it starts granted, and with a thousand more."""
    command, argv = shell.CommandKind(str(folder)), shell.ArgvKind(str(folder))
    names = ("git status", "git log", "grep", "head", "cd", "ls")
    few, many = shell.programs(*names), shell.programs(*[f"program{number}" for number in range(MANY - len(names))], *names)
    turn = range(1, TEXTS + 1)
    status, listing = [("git", "status", f"m{number}") for number in turn], [("ls", "-la", "-w", str(number), "src") for number in turn]
    cd = [f"cd src && ls -la | head -{number}" for number in turn]
    return {
        "list of words, git status NAME": assessed(argv, few, status),
        "list of words, git status, again": assessed(argv, few, [("git", "status")]),
        "list of words, ls -la -w N src": assessed(argv, few, listing),
        "list of words, ls -la src, again": assessed(argv, few, [("ls", "-la", "src")]),
        "command, git status NAME": assessed(command, few, [f"git status m{number}" for number in turn]),
        "command, git log --oneline -N": assessed(command, few, [f"git log --oneline -{number}" for number in turn]),
        "command, grep -rn TEXT src | head": assessed(command, few, [f"grep -rn foo{number} src | head" for number in turn]),
        "command, cd src && ls -la | head -N": assessed(command, few, cd),
        f"command, {MANY} programs": assessed(command, many, cd),
    }


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
        **commands(folder.resolve()),
    }


BARS = {
    "path": 15.0,
    "relative path": 15.0,
    "path of a new file": 15.0,
    "URL": 10.0,
    "URL, wildcard and paths": 10.0,
    "page": 10.0,
    "list of words, git status NAME": 15.0,
    "list of words, git status, again": 15.0,
    "list of words, ls -la -w N src": 15.0,
    "list of words, ls -la src, again": 15.0,
    "command, git status NAME": 60.0,
    "command, git log --oneline -N": 60.0,
    "command, grep -rn TEXT src | head": 60.0,
    "command, cd src && ls -la | head -N": 60.0,
}
"""Microseconds of one check; of a command, with its assessment."""
GROWTH = {
    f"path, {MANY} roots": "path",
    f"URL, {MANY} hosts": "URL",
    f"command, {MANY} programs": "command, cd src && ls -la | head -N",
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
