"""Evidence: the log of the demo, verified with its public key alone, and one byte of a copy changed."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from gate.audit import verify
from gate.commands.reading import DATABASE, log_key
from gate.decide import decide

if TYPE_CHECKING:
    from pathlib import Path

    from gate.audit import Report
    from gate.capability import Capability
    from gate.demo.play import Play

_DECISIONS = 5000


def decisions(play: Play, capability: Capability) -> None:
    """How long a decision takes: the same call, decided many times."""
    from gate.call import Acting
    from gate.policy.catalogue import KindCatalogue

    home = play.gate.home
    acting = Acting(capability.agent, "timing", "", capability.principal, capability)
    call = KindCatalogue().describe("files.read", {"path": str(play.scene.folder / "notes" / "summary.md")}, acting)
    rules, standing, now = home.rules(), home.standing(), home.now()
    start = time.perf_counter()
    for _ in range(_DECISIONS):
        decide(call, capability, rules, standing, now)
    play.figures["decision_us"] = round((time.perf_counter() - start) / _DECISIONS * 1e6, 2)


def log(play: Play) -> None:
    """The gate is closed; its log is read by somebody who has a copy of the file and the public key, and nothing else."""
    play.act("The log: read by somebody who has only a copy and the public key")
    play.gate.close()
    key, original = log_key(play.gate.home.path), play.gate.home.path / DATABASE
    copy = _copied(original, play.scene.root / "auditor")
    start = time.perf_counter()
    report = verify(copy, key)
    play.figures["verify_ms"] = round((time.perf_counter() - start) * 1000, 2)
    play.figures["records"] = report.records
    play.say(f"key {key}", f"{report.records} records, {report.checkpoints} checkpoints: {_found(report)}")
    play.check("log_verified_offline", holds=report.ok and report.checkpoints > 0 and not report.unsigned)
    play.check("every_call_has_an_outcome", holds=not report.unsettled)
    changed = _copied(original, play.scene.root / "forger")
    number = _change_one_byte(changed)
    forged = verify(changed, key)
    play.say(f"one byte of record {number} changed in a copy: {_found(forged)}")
    play.check("one_changed_byte_found", holds=not forged.ok)
    place = forged.problems[0].text if forged.problems else ""
    play.row("one byte of the log changed", "found by verifying", place, "log_verified_offline", "one_changed_byte_found")


def _copied(original: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in original.parent.glob(f"{original.name}*"):
        shutil.copy(path, folder)
    return folder / original.name


def _change_one_byte(database: Path) -> int:
    """Makes the tunnel of the log another one; the number of the record."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        number, body = db.execute("SELECT seq, body FROM record WHERE instr(body, ?) > 0 ORDER BY seq LIMIT 1", (b"-fNR 2222",)).fetchone()
        db.execute("UPDATE record SET body = ? WHERE seq = ?", (body.replace(b"-fNR 2222", b"-fNR 2223", 1), number))
    return int(number)


def _found(report: Report) -> str:
    return "nobody changed it" if report.ok else report.problems[0].text
