"""`gate demo`: the whole of it in half a minute, with nothing to set up."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("demo", short_help="See it work: an agent that opens a tunnel and mines, and a gate.")
@click.option("--keep", default="", metavar="DIR", help="Play in DIR, a new folder, and leave everything there: programs, gate, log.")
@click.option("--json", "as_json", is_flag=True, help="Print one object: checks, figures, summary.")
def command(keep: str, *, as_json: bool) -> int:
    """Play the ROME incident: an agent with a useful task opens a reverse SSH tunnel and mines, first without a gate, then behind one.

    Files, processes, the listener on loopback, keys and log are real. It needs no key, no network and no root, takes a few seconds, and leaves
    nothing behind. Exit code 1 when anything is not as it should be.
    """
    from gate.demo.report import as_data, table
    from gate.demo.run import run

    play = run(keep, quiet=as_json)
    if as_json:
        click.echo(json.dumps(as_data(play), indent=2))
    else:
        click.echo("")
        for line in table(play):
            click.echo(f"  {line}")
        if keep:
            home = Path(keep) / "gate" / ".gate"
            click.echo(f"\n  Look around: gate log --home {home}   gate verify --home {home}")
    return 0 if all(play.checks.values()) else 1
