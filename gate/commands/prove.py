"""`gate prove`: a proof that one record is in the log, which others can check without having the log."""

from __future__ import annotations

from pathlib import Path

import click

from gate.commands.reading import DATABASE
from gate.commands.shared import existing, home_option, json_option, put


@click.command("prove", short_help="Prove that one record is in the log.")
@click.argument("index", type=click.IntRange(0))
@click.option("--record", metavar="FILE", help="Write the exact bytes of the record to FILE; the proof is about them.")
@home_option
@json_option
def command(index: int, record: str | None, home: str, *, as_json: bool) -> None:
    """Print the proof that record INDEX is in the log: its number, hashes, and a signed checkpoint (C2SP tlog-proof).

    Whoever has the record, the proof and the log's public key can check it: gate verify --proof FILE --record FILE --key KEY
    """
    from gate.audit import prove

    found = prove(existing(home) / DATABASE, index)
    if record:
        Path(record).write_bytes(found.record)
    data = {"index": index, "record": found.record.decode("utf-8", "replace"), "proof": found.text}
    put(data, [found.text.rstrip("\n")], as_json=as_json)
