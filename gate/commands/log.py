"""`gate log`: reads the log, also while a gate is running."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from gate.commands.entries import Entry, Wanted, line
from gate.commands.reading import reading
from gate.commands.shared import existing, home_option, moment
from gate.commands.strict import JSON
from gate.constraints.value import is_object

POLL: Final = 0.2
TERMINAL_LIMIT: Final = 100
_LATE: Final = 3600.0  # a record may be written after its time, never so long after


@click.command("log", short_help="Read the log: filter, follow, look a value up.")
@click.option("--follow", "-f", is_flag=True, help="Go on as records are written; end with Ctrl-C.")
@click.option("--agent", default="", metavar="NAME", help="Only of this agent.")
@click.option("--tool", default="", metavar="NAME", help="Only of this tool.")
@click.option("--session", default="", metavar="NAME", help="Only of this session.")
@click.option("--call", default="", metavar="ID", help="Only of this call.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only of this type, such as call, refusal, grant, stop; may be repeated.")
@click.option("--decision", default="", type=click.Choice(["", "allow", "ask", "deny"]), metavar="WORD", help="Only allow, ask or deny.")
@click.option("--since", metavar="TIME", help="Only from this time on, or the last such as 10m, 2h, 1d.")
@click.option("--appears", metavar="VALUE", help="Only calls with an argument of this value, also where the log hides it.")
@click.option("--limit", type=click.IntRange(0), metavar="N", help=f"Only the last N; 0 for all. {TERMINAL_LIMIT} on a terminal, else all.")
@home_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def command(
    follow: bool,  # noqa: FBT001  # a flag, given by name
    agent: str,
    tool: str,
    session: str,
    call: str,
    types: tuple[str, ...],
    decision: str,
    since: str | None,
    appears: str | None,
    limit: int | None,
    home: str,
    *,
    as_json: bool,
) -> None:
    """Read the log, oldest record first. Nothing is written, and a gate may be running meanwhile.

    The number before each record is the one that gate prove takes.
    """
    path, now = existing(home), time.time()
    most = (TERMINAL_LIMIT if sys.stdout.isatty() else 0) if limit is None else limit
    with reading(path) as db:
        values = _values(path, appears) if appears is not None else ()
        wanted = Wanted(agent, tool, session, call, types, decision, moment(since, now, before=True) if since else None, values)
        last = _end(db)
        for entry in reversed(list(_backwards(db, wanted, most))) if most or wanted.since is not None else _forwards(db, wanted, 0, last):
            _say(entry, as_json=as_json)
        db.execute("COMMIT")  # from here on each reading is of its own moment; a moment held on to would keep the writers' journal growing
        while follow:
            sys.stdout.flush()
            time.sleep(POLL)
            start, last = last, _end(db)
            for entry in _forwards(db, wanted, start, last):
                _say(entry, as_json=as_json)


def _values(home: Path, text: str) -> tuple[object, ...]:
    """What stands in the log for a value: itself or its keyed hash; for the text as it is and, where it is JSON, for that value."""
    from gate.keys import KeyRing
    from gate.log.redact import Redactor

    found: list[object] = [text]
    try:
        found.append(JSON.decode(text))
    except ValueError:
        found = [text]
    redactor = Redactor(KeyRing(home / "keys").secret("log-hmac"))
    return (*found, *[redactor.commitment(value) for value in found])


def _end(db: sqlite3.Connection) -> int:
    (last,) = db.execute("SELECT max(seq) FROM record").fetchone()
    return 0 if last is None else int(last) + 1


def _forwards(db: sqlite3.Connection, wanted: Wanted, start: int, stop: int) -> Iterator[Entry]:
    for seq, body in db.execute("SELECT seq, body FROM record WHERE seq >= ? AND seq < ? ORDER BY seq", (start, stop)):
        if wanted.matches(entry := _entry(seq, body)):
            yield entry


def _backwards(db: sqlite3.Connection, wanted: Wanted, most: int) -> Iterator[Entry]:
    """The last ones, newest first; it stops looking where nothing wanted can come any more."""
    from gate.commands.entries import moment_of

    left = most or None
    for seq, body in db.execute("SELECT seq, body FROM record ORDER BY seq DESC"):
        entry = _entry(seq, body)
        if wanted.matches(entry):
            yield entry
            left = None if left is None else left - 1
        if left == 0 or (wanted.since is not None and moment_of(entry) < wanted.since - _LATE):
            return


def _entry(seq: int, body: bytes) -> Entry:
    try:
        data: object = json.loads(body)
    except ValueError:
        data = None
    return {"index": seq, **data} if is_object(data) else {"index": seq, "type": "unreadable", "bytes": body.decode("utf-8", "replace")}


def _say(entry: Entry, *, as_json: bool) -> None:
    click.echo(json.dumps(entry) if as_json else line(entry))
