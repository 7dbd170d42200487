"""`gate verify`: proves with the public key alone that nobody changed the log, or says where somebody did."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.commands.reading import DATABASE, log_key
from gate.commands.shared import count, existing, home_option, json_option, plain, put, read_text
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.audit import Report


@click.command("verify", short_help="Prove that nobody changed the log.")
@click.argument("log", metavar="[LOG]", required=False)
@click.option("--key", metavar="FILE|KEY", help="The log's public key (name+id+key), kept elsewhere; the gate's own by default.")
@click.option("--checkpoint", metavar="FILE", help="A checkpoint kept elsewhere: shows also what somebody with the log's key changed or cut off.")
@click.option("--keep", metavar="FILE", help="Write the newest checkpoint to FILE, to be kept elsewhere.")
@click.option("--proof", metavar="FILE", help="Check a proof that gate prove made, instead of a log; needs --record.")
@click.option("--record", metavar="FILE", help="The record of the proof.")
@home_option
@json_option
def command(
    log: str | None, key: str | None, checkpoint: str | None, keep: str | None, proof: str | None, record: str | None, home: str, *, as_json: bool
) -> int:
    """Read the whole LOG (the gate's own by default, or a copy of gate.db) and prove that nobody changed it.

    It needs nothing but the log's public key, and works while a gate is running. Exit code 1 when something was changed.
    """
    trusted = _key(key) if key else log_key(existing(home))
    if proof or record:
        return _proof(proof, record, trusted, as_json=as_json)
    from gate.audit import verify

    path = Path(log) if log else existing(home) / DATABASE
    start = time.perf_counter()
    report = verify(path, trusted, checkpoint=read_text(checkpoint, "the checkpoint") if checkpoint else "")
    seconds = time.perf_counter() - start
    kept = _keep(path, Path(keep)) if keep and report.ok else ""
    put(_data(report, seconds), [*_lines(report, path, seconds), *([kept] if kept else [])], as_json=as_json)
    return 0 if report.ok else 1


def _key(text: str) -> str:
    """The verifier key itself, or from a file."""
    from gate.log.note import read_verifier_key

    found = text if text.count("+") >= 2 and not Path(text).exists() else read_text(text, "the key")
    read_verifier_key(found.strip())
    return found.strip()


def _keep(log: Path, file: Path) -> str:
    from gate.audit import reading

    with reading(log) as db:
        found = db.execute("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    if found is None:
        raise ConfigError("the log has no checkpoint yet; one is signed at least every minute, and when the gate closes")
    file.write_text(found[1], encoding="utf-8")
    return f"the checkpoint of {found[0]} records is in '{file}'; keep it where whoever runs the gate cannot change it"


def _lines(report: Report, path: Path, seconds: float) -> Iterator[str]:
    for problem in report.problems:
        yield click.style(plain(problem.text), fg="red")
    if report.ok:
        signed = report.checkpoints or not report.records
        word = click.style("nobody changed it", fg="green") if signed else click.style("nothing is signed yet, so nothing is proved", fg="yellow")
        yield f"{word}: {path}, {count(report.records, 'record')}, {count(report.checkpoints, 'checkpoint')}, in {seconds:.2f} s"
    else:
        yield f"{click.style('somebody changed it', fg='red')}: {path}; keep a copy as evidence"
    if report.ok and report.unsigned:
        yield f"{count(report.unsigned, 'record')} after the last checkpoint; the next one will protect them"
    for call, unsettled in list(report.unsettled.items())[:10]:
        yield f"no outcome yet: call {plain(call)}, record {unsettled.record}"
    if len(report.unsettled) > 10:
        yield f"and {len(report.unsettled) - 10} more calls without an outcome"


def _data(report: Report, seconds: float) -> dict[str, object]:
    return {
        "ok": report.ok,
        "records": report.records,
        "root": report.root.hex(),
        "checkpoints": report.checkpoints,
        "unsigned": report.unsigned,
        "problems": [{"record": problem.record, "text": problem.text} for problem in report.problems],
        "unsettled": sorted(report.unsettled),
        "seconds": round(seconds, 6),
    }


def _proof(proof: str | None, record: str | None, key: str, *, as_json: bool) -> int:
    from gate.audit import check_proof

    if not (proof and record):
        raise click.UsageError("--proof and --record belong together", click.get_current_context())
    found = check_proof(read_text(proof, "the proof"), read_text(record, "the record").encode(), key)
    data = {"ok": True, "origin": found.origin, "size": found.size}
    put(
        data,
        [f"{click.style('the record is in the log', fg='green')} of '{plain(found.origin)}' when it had {found.size:,} records"],
        as_json=as_json,
    )
    return 0
