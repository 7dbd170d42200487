"""Members: what a record says of the ledger, and the bytes of a record that is about to be kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from gate.errors import Unavailable
from gate.store import Charge, Record

Row: TypeAlias = tuple[object, ...]
MOST_MEMBERS: Final = 10_000


def record_bytes(record: Record, call_id: str, kind: str, *, strict: bool = False) -> bytes:
    """The bytes of a record. One that cannot be written refuses its work when strict; otherwise the call has run, and that is told instead."""
    try:
        body = record if isinstance(record, bytes) else record()
        if body[:1] != b"{" or body[-1:] != b"}":
            raise ValueError("it is not an object")
    except Exception as error:
        if strict:
            raise Unavailable(f"the record of the call cannot be written: {error}") from error
        return fallback(call_id, kind, error)
    return body


def fallback(call_id: str, kind: str, error: Exception) -> bytes:
    """What stands in the log for a record that could not be written."""
    text = f"the record could not be written: {error}"[:500]
    return json.dumps({"v": 1, "type": kind, "call": call_id, "fault": text}, separators=(",", ":")).encode()


def open_row(call: str, process: str, session: str, ref: str, digest: str, until: float, time: float, charges: tuple[Charge, ...]) -> Row:
    """The row of a call that is open for an after-hook."""
    return (call, process, session, ref, digest, until, time, json.dumps(sums(charges)))


def until(charges: tuple[Charge, ...]) -> dict[str, float]:
    """When each budget that ends does so."""
    return {charge.key: charge.expires for charge in charges if charge.expires}


def keep(known: dict[object, bytes], charges: tuple[Charge, ...], member: bytes) -> None:
    """Remembers a member for the next call that charges the same."""
    if len(known) > MOST_MEMBERS:
        known.clear()
    known[charges] = member


def sums(charges: tuple[Charge, ...]) -> dict[str, int]:
    """Amounts by budget."""
    total: dict[str, int] = {}
    for charge in charges:
        total[charge.key] = total.get(charge.key, 0) + charge.amount
    return total


def member_of(ledger: Mapping[str, object]) -> bytes:
    """The member "ledger" of a record."""
    kept = {name: value for name, value in ledger.items() if value}
    return b'"ledger":' + json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace") if kept else b""
