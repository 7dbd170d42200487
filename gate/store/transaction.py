"""One transaction of the embedded store: a batch of works, applied in order to rows and records.

Rows that many works touch (budgets, open calls) are read once, changed in memory and written once at the end, so that a batch of a thousand
calls on one budget costs one row.  A work that is refused has changed nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from gate.errors import Unavailable
from gate.merkle import Growing, leaf_hash
from gate.store import (
    Append,
    Barrier,
    Burn,
    Burned,
    Change,
    Charge,
    Expire,
    Finding,
    Late,
    Leave,
    Prune,
    Reap,
    Record,
    Refill,
    Refused,
    Result,
    Return,
    Settlement,
    Short,
    Sign,
    Spend,
    Work,
)
from gate.store import tree as tiles

Event = Callable[..., bytes]
"""Writes a record of the ledger's own: event(type, **fields) -> bytes."""

DAY: Final = 86_400.0
HOUR: Final = 3_600.0
LATE_WINDOW: Final = 60.0
MOST_AT_ONCE: Final = 256
MOST_MEMBERS: Final = 10_000
NOTHING: Final[Mapping[str, Mapping[str, int]]] = {}


class Budget:
    """A budget row in memory."""

    __slots__ = ("dirty", "expires", "leased", "limit", "spent")

    def __init__(self, spent: int, leased: int, limit: int, expires: float) -> None:
        self.spent, self.leased, self.limit, self.expires = spent, leased, limit, expires
        self.dirty = False


class Transaction:
    """Applies works between BEGIN and COMMIT. `changed`: something was revoked, stopped or resumed. `finished`: all is written."""

    def __init__(self, db: sqlite3.Connection, tree: Growing, process: str, now: float, event: Event, ledger_members: dict[object, bytes]) -> None:
        self._db, self._tree, self._process, self._now, self._event = db, tree, process, now, event
        self._members = ledger_members
        self._bodies: list[tuple[int, bytes]] = []
        self._tiles: list[tuple[int, bytes, bytes]] = []
        self._budgets: dict[str, Budget] = {}
        self._opened: list[tuple[object, ...]] = []
        self._closed: list[tuple[str]] = []
        self._recorded: dict[str, int] = {}
        self._unrecorded: dict[str, int] = {}
        self.changed = self.finished = False

    def do(self, work: Work) -> Result:
        """What the work gives; the exception when it is refused."""
        try:
            return _APPLY[type(work)](self, work)
        except (Refused, Unavailable) as refusal:
            return refusal

    # ---- calls --------------------------------------------------------------------------------------------------------------------

    def spend(self, work: Spend) -> None:
        if work.settlement is not None:
            return self._spend_and_settle(work, work.settlement)
        body = _bytes(work.record, work.call_id, "intent", strict=work.durability == "durable")
        self._reserve(work)
        self._append(body, self._ledger(work))
        waiting = work.open
        where = (waiting.session, waiting.ref, waiting.digest, waiting.until or self._now + DAY) if waiting else ("", "", "", 0.0)
        charges = json.dumps(_sums(work.charges)) if work.charges else "{}"
        self._opened.append((work.call_id, self._process, *where, self._now, charges))
        return None

    def _reserve(self, work: Spend) -> None:
        """Charges and burns, after everything that could refuse them."""
        if work.burns:
            self._check_burns(work.burns)
        if work.leased:
            for key, amount, _, _ in work.charges:
                self._recorded[key] = self._recorded.get(key, 0) + amount
        elif work.charges:
            self._check(work.charges)
            for charge in work.charges:
                row = self._budget(charge.key)
                row.spent, row.dirty = row.spent + charge.amount, True
        if work.burns:
            self._db.executemany("INSERT INTO burned VALUES (?, ?, ?)", [(burn.jti, burn.expires, work.call_id) for burn in work.burns])

    def _spend_and_settle(self, work: Spend, settlement: Settlement) -> None:
        """A call that ended before its intent was written: one record where both sides allow it."""
        self._reserve(work)
        differs = self._true_up(settlement, _sums(work.charges)) if settlement.actual else {}
        merged, fragment = getattr(work.record, "merged", None), getattr(settlement.record, "fragment", None)
        if merged is None or fragment is None:
            self._append(_bytes(work.record, work.call_id, "intent"), self._ledger(work))
            return self._append(_bytes(settlement.record, work.call_id, "outcome"), _member(differs))
        try:
            body = merged(fragment())
        except Exception as error:
            body = _fallback(work.call_id, "call", error)
        return self._append(body, self._ledger(work, differs))

    def settle(self, work: Settlement) -> bool:
        if work.spend is not None:
            self._closed.append((work.call_id,))
            reserved: Mapping[str, int] = _sums(work.spend.charges) if work.actual else {}
        else:
            found = self._close(work.call_id)
            if found is None:
                return False
            reserved = json.loads(found)
        differs = self._true_up(work, reserved) if work.actual else {}
        self._append(_bytes(work.record, work.call_id, "outcome"), _member(differs))
        return True

    def _true_up(self, work: Settlement, reserved: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """Replaces what was reserved by what was used; the parts of the member "ledger" that tell so."""
        differs = {key: amount for key, amount in work.actual.items() if key in reserved and amount != reserved[key]}
        for key, amount in differs.items():
            row = self._budget(key)
            row.spent, row.dirty = row.spent + amount - reserved[key], True
        over = {key: amount - reserved[key] for key, amount in differs.items() if amount > reserved[key]}
        return {"charges": differs, "overrun": over} if differs else {}

    def _close(self, call_id: str) -> str | None:
        self._flush_open()
        found = self._db.execute("DELETE FROM open WHERE call = ? RETURNING charges", (call_id,)).fetchone()
        return str(found[0]) if found else None

    def _check_burns(self, burns: tuple[Burn, ...]) -> None:
        pruned = self._db.execute("SELECT value FROM meta WHERE name = 'pruned'").fetchone()[0]
        seen: set[str] = set()
        for jti, expires in burns:
            if expires <= max(self._now, pruned):
                raise Late(f"the approval '{jti}' has expired")
            if jti in seen or self._db.execute("SELECT 1 FROM burned WHERE jti = ?", (jti,)).fetchone():
                raise Burned(f"the approval '{jti}' was used before")
            seen.add(jti)

    # ---- budgets ------------------------------------------------------------------------------------------------------------------

    def _budget(self, key: str, limit: int = 0, expires: float = 0.0) -> Budget:
        row = self._budgets.get(key)
        if row is None:
            found = self._db.execute('SELECT spent, leased, "limit", expires FROM budget WHERE key = ?', (key,)).fetchone()
            row = self._budgets[key] = Budget(*found) if found else Budget(0, 0, limit, expires)
        return row

    def _check(self, charges: tuple[Charge, ...]) -> None:
        wanted: dict[str, int] = {}
        short: list[str] = []
        for key, amount, limit, expires in charges:
            row, wanted[key] = self._budget(key, limit, expires), wanted.get(key, 0) + amount
            over = 0 < expires < self._now - LATE_WINDOW  # its row may be forgotten already, and must not start anew
            if over or amount < 0 or row.spent + row.leased + wanted[key] > limit:
                short.append(key)
        if short:
            raise Short(tuple(short), tuple([key for key in short if self._budget(key).leased > self._own(key)]))

    def _own(self, key: str) -> int:
        """Units that this process holds of the budget."""
        found = self._db.execute("SELECT granted FROM lease WHERE process = ? AND key = ?", (self._process, key)).fetchone()
        return int(found[0]) if found else 0

    def refill(self, work: Refill) -> int:
        key, need, limit, expires = work.charge
        self._check((work.charge,))
        row = self._budget(key, limit, expires)
        free = limit - row.spent - row.leased
        processes: int = self._db.execute("SELECT count(*) FROM process").fetchone()[0]
        units: int = max(need, min(free // (2 * max(processes, 1)), MOST_AT_ONCE * need))
        known = self._db.execute(
            "INSERT INTO lease VALUES (?, ?, ?, ?, 0) ON CONFLICT (process, key) DO UPDATE SET granted = granted + excluded.granted"
            " WHERE slot = excluded.slot RETURNING 1",
            (self._process, key, work.slot, units),
        ).fetchone()
        if not known:  # its old slice is being given back just now
            raise Short((key,), (key,))
        row.leased, row.dirty = row.leased + units, True
        return units

    def give_back(self, work: Return) -> None:
        self._flush_recorded()
        found = self._db.execute("DELETE FROM lease WHERE process = ? AND key = ? RETURNING granted, recorded", (self._process, work.key)).fetchone()
        granted, recorded = found or (0, 0)
        used = work.used if found else 0
        self._end_lease(work.key, granted=granted, used=used, recorded=recorded, adjust=work.adjust, into=self._unrecorded)

    def _end_lease(self, key: str, *, granted: int, used: int, recorded: int, adjust: int, into: dict[str, int]) -> None:
        row = self._budget(key)
        row.leased, row.spent, row.dirty = row.leased - granted, row.spent + used + adjust, True
        if unrecorded := used + adjust - recorded:
            into[key] = into.get(key, 0) + unrecorded

    # ---- records ------------------------------------------------------------------------------------------------------------------

    def append(self, work: Append) -> None:
        self._append(_bytes(work.record, "", "event"), b"")

    def _append(self, body: bytes, member: bytes) -> None:
        if member:
            body = b"%b,%b}" % (body[:-1], member)
        self._bodies.append((self._tree.size, body))
        for tile in self._tree.append(leaf_hash(body)):
            self._tiles.append(tiles.row(tile))

    def _ledger(self, work: Spend, differs: Mapping[str, Mapping[str, int]] = NOTHING) -> bytes:
        """The member "ledger" of an intent; the same for every call that charges the same and burns nothing."""
        if not (work.burns or differs or any([charge[3] for charge in work.charges])):
            member = self._members.get(work.charges)
            if member is None:
                if len(self._members) > MOST_MEMBERS:
                    self._members.clear()
                member = self._members[work.charges] = _member({"charges": _sums(work.charges)})
            return member
        return _member(
            {
                "charges": {**_sums(work.charges), **differs.get("charges", {})},
                "overrun": differs.get("overrun", {}),
                "until": {charge.key: charge.expires for charge in work.charges if charge.expires},
                "burns": {burn.jti: burn.expires for burn in work.burns},
            },
        )

    def sign(self, work: Sign) -> str:
        note = work.sign(self._tree.size, self._tree.root())
        self._db.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?)", (self._tree.size, note))
        return note

    # ---- standing -----------------------------------------------------------------------------------------------------------------

    def change(self, work: Change) -> None:
        if work.on:
            self._db.execute("INSERT OR IGNORE INTO standing VALUES (?, ?)", (work.subject, work.name))
        else:
            self._db.execute("DELETE FROM standing WHERE subject = ? AND name = ?", (work.subject, work.name))
        self._append(_bytes(work.record, "", "stop"), _member({"stop" if work.on else "resume": [work.subject, work.name]}))
        self.changed = True

    # ---- cleaning up --------------------------------------------------------------------------------------------------------------

    def prune(self, work: Prune) -> None:
        self._flush_budgets()
        burned = self._db.execute("DELETE FROM burned WHERE expires < ?", (work.until,)).rowcount
        windows = self._db.execute("DELETE FROM budget WHERE expires > 0 AND expires < ? AND leased = 0", (work.until,)).rowcount
        if burned or windows:
            self._budgets = {}
            self._db.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'pruned'", (float(work.until),))

    def reap(self, work: Reap) -> list[Finding]:
        if not self._db.execute("DELETE FROM process WHERE id = ? RETURNING 1", (work.process,)).fetchone():
            return []
        lost: dict[str, int] = {}
        found: list[Finding] = []
        self._flush_recorded()
        rows = self._db.execute("DELETE FROM lease WHERE process = ? RETURNING key, slot, granted, recorded", (work.process,)).fetchall()
        for key, slot, granted, recorded in rows:
            used = work.used[slot] if work.used is not None and slot < len(work.used) else granted
            if used < recorded:
                found.append(Finding("tampered", key, f"the counter of process {work.process} says {used} units, the log has {recorded}"))
            self._end_lease(key, granted=granted, used=max(used, recorded), recorded=recorded, adjust=0, into=lost)
        self._flush_open()
        calls = self._db.execute("DELETE FROM open WHERE process = ? RETURNING call, session, ref", (work.process,)).fetchall()
        found += [self._unknown(call, session, ref, "the process that ran it ended without saying how") for call, session, ref in calls]
        body = self._event("recovery", process=work.process, calls=[call for call, _, _ in calls])
        self._append(body, _member({"lost": lost}) if lost else b"")
        return found + [
            Finding("lost-budget", key, f"{units} units were used by calls whose records the crash of process {work.process} took with it")
            for key, units in lost.items()
        ]

    def expire(self, work: Expire) -> list[Finding]:
        self._flush_open()
        calls = self._db.execute("DELETE FROM open WHERE until > 0 AND until < ? RETURNING call, session, ref", (work.now,)).fetchall()
        return [self._unknown(call, session, ref, "nobody said in time how it ended") for call, session, ref in calls]

    def _unknown(self, call: str, session: str, ref: str, why: str) -> Finding:
        self._append(self._event("outcome", call=call, session=session, ref=ref, outcome={"status": "unknown", "reason": why}), b"")
        return Finding("unknown-outcome", call, f"call {call} may have taken effect: {why}")

    def leave(self, work: Leave) -> bool:
        """True when nothing is left that somebody must settle."""
        self._flush_open()
        self._flush_recorded()
        self._db.execute("UPDATE open SET process = '' WHERE process = ? AND until > 0", (self._process,))
        running = "SELECT 1 FROM open WHERE process = ?1 UNION ALL SELECT 1 FROM lease WHERE process = ?1 LIMIT 1"
        left = self._db.execute(running, (self._process,)).fetchone()
        if not left:
            self._db.execute("DELETE FROM process WHERE id = ?", (self._process,))
        self._tell_usage()
        self._append(_bytes(work.record, "", "close"), b"")
        if work.sign:
            self.sign(Sign(work.sign))
        return not left

    # ---- writing it all -----------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Writes what was gathered."""
        self._flush_recorded()
        self._flush_open()
        self._tell_usage()
        self._flush_budgets()
        self._db.executemany("INSERT INTO record VALUES (?, ?)", self._bodies)
        if self._tiles:
            self._db.executemany("INSERT INTO tile VALUES (?, ?, ?)", self._tiles)
        self.finished = True

    def _tell_usage(self) -> None:
        """What was used without a record of its own."""
        if self._unrecorded:
            self._append(self._event("usage"), _member({"charges": self._unrecorded}))
            self._unrecorded = {}

    def _flush_open(self) -> None:
        if self._opened:
            self._db.executemany("INSERT INTO open VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._opened)
            self._opened = []
        if self._closed:
            self._db.executemany("DELETE FROM open WHERE call = ?", self._closed)
            self._closed = []

    def _flush_budgets(self) -> None:
        if rows := [(key, row.spent, row.leased, row.limit, row.expires) for key, row in self._budgets.items() if row.dirty]:
            self._db.executemany("INSERT OR REPLACE INTO budget VALUES (?, ?, ?, ?, ?)", rows)

    def _flush_recorded(self) -> None:
        if self._recorded:
            rows = [(units, self._process, key) for key, units in self._recorded.items()]
            self._db.executemany("UPDATE lease SET recorded = recorded + ? WHERE process = ? AND key = ?", rows)
            self._recorded = {}


_APPLY: Final[dict[type[object], Callable[..., Result]]] = {
    Spend: Transaction.spend,
    Settlement: Transaction.settle,
    Append: Transaction.append,
    Barrier: lambda _, __: None,
    Refill: Transaction.refill,
    Return: Transaction.give_back,
    Change: Transaction.change,
    Sign: Transaction.sign,
    Prune: Transaction.prune,
    Reap: Transaction.reap,
    Expire: Transaction.expire,
    Leave: Transaction.leave,
}


def _bytes(record: Record, call_id: str, kind: str, *, strict: bool = False) -> bytes:
    """The bytes of a record. One that cannot be written refuses its work when strict; otherwise the call has run, and that is told instead."""
    try:
        body = record if isinstance(record, bytes) else record()
        if body[:1] != b"{" or body[-1:] != b"}":
            raise ValueError("it is not an object")
    except Exception as error:
        if strict:
            raise Unavailable(f"the record of the call cannot be written: {error}") from error
        return _fallback(call_id, kind, error)
    return body


def _fallback(call_id: str, kind: str, error: Exception) -> bytes:
    text = f"the record could not be written: {error}"[:500]
    return json.dumps({"v": 1, "type": kind, "call": call_id, "fault": text}, separators=(",", ":")).encode()


def _sums(charges: tuple[Charge, ...]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for charge in charges:
        sums[charge.key] = sums.get(charge.key, 0) + charge.amount
    return sums


def _member(ledger: Mapping[str, object]) -> bytes:
    kept = {name: value for name, value in ledger.items() if value}
    return b'"ledger":' + json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace") if kept else b""
