"""One transaction of the embedded store: a batch of works, applied in order to rows and records.

Rows that many works touch (budgets, open calls) are read once, changed in memory and written once at the end, so that a batch of a thousand
calls on one budget costs one row.  A work that is refused has changed nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from gate.errors import Unavailable
from gate.log.merkle import Growing, leaf_hash
from gate.store import (
    RAN_BEFORE,
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
    Open,
    Prune,
    Reap,
    Refill,
    Refused,
    Result,
    Return,
    Settlement,
    Short,
    Sign,
    Spend,
    Work,
    questions,
)
from gate.store import tree as tiles
from gate.store.members import MOST_MEMBERS, fallback, keep, member_of, open_row, record_bytes, sums, until
from gate.store.memory import Budget, Memory, Running, intent

Event: TypeAlias = Callable[..., bytes]
"""Writes a record of the ledger's own: event(type, **fields) -> bytes."""

DAY: Final = 86_400.0
LATE_WINDOW: Final = 60.0
FIRST_SLICE: Final = 256
MOST_BEHIND: Final = 4096
NOTHING: Final[Mapping[str, Mapping[str, int]]] = {}


class Transaction:
    """Applies works between BEGIN and COMMIT. `changed`: something was revoked, stopped or resumed.

    talked: something was asked or answered.  finished: all is written.
    """

    def __init__(self, db: sqlite3.Connection, tree: Growing, memory: Memory, now: float, event: Event) -> None:
        self._db, self._tree, self._memory, self._now, self._event = db, tree, memory, now, event
        self._process = memory.process
        self._bodies: list[bytes] = []
        self._first = tree.size
        self._tiles: list[tuple[int, bytes, bytes]] = []
        self._budgets = memory.budgets
        self._dirty: dict[str, Budget] = {}
        self._started: dict[str, Running] = {}
        self._ended: list[str] = []
        self._kept: list[Running] = []
        self._opened: list[tuple[object, ...]] = []
        self._closed: list[tuple[str]] = []
        self._recorded: dict[str, int] = {}
        self._unrecorded: dict[str, int] = {}
        self._horizon = memory.horizon
        self.changed = self.talked = self.finished = False

    def do(self, work: Work) -> Result:
        """What the work gives; the exception when it is refused."""
        try:
            return _APPLY[type(work)](self, work)
        except (Refused, Unavailable) as refusal:
            return refusal

    # ---- calls --------------------------------------------------------------------------------------------------------------------

    def spend(self, work: Spend) -> None:
        call_id = work.call_id
        if work.settlement is not None:
            return self._spend_and_settle(work, work.settlement)
        if call_id in self._memory.running or call_id in self._started:
            raise Burned(f"the call '{call_id}' was spent before")
        if work.open is not None and self._is_open(work.open):
            raise Burned(f"the call '{work.open.ref}' was authorized before and is not settled yet")
        if work.uses:
            work.used = questions.usable(self._db, work.uses, self._now)
        body = intent(work, self._memory)
        self._reserve(work)
        self._append(body, b"")
        if (waiting := work.open) is None:
            self._started[call_id] = Running(work.charges, self._now)
        else:
            until = waiting.until or self._now + DAY
            self._opened.append(open_row(call_id, self._process, waiting.session, waiting.ref, waiting.digest, until, self._now, work.charges))
        return None

    def _is_open(self, waiting: Open) -> bool:
        self._flush_open()
        known = "SELECT 1 FROM open WHERE until > 0 AND session = ? AND digest = ? AND ref = ?"
        return self._db.execute(known, (waiting.session, waiting.digest, waiting.ref)).fetchone() is not None

    def _reserve(self, work: Spend) -> None:
        """Charges and burns, after everything that could refuse them."""
        if work.burns:
            self._check_burns(work.burns)
        if work.uses:
            if work.charges and not work.leased:
                self._check(work.charges)
            questions.use(self._db, work.uses, work.used)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what `usable` gave
            self.talked = True
        if work.leased:
            recorded = self._recorded
            for key, amount, _, _ in work.charges:
                recorded[key] = recorded.get(key, 0) + amount
        elif work.charges:
            self._check(work.charges)
            for charge in work.charges:
                self._change(charge.key, charge.amount)
        if work.burns:
            self._db.executemany("INSERT INTO burned VALUES (?, ?, ?)", [(burn.jti, burn.expires, work.call_id) for burn in work.burns])

    def _spend_and_settle(self, work: Spend, settlement: Settlement) -> None:
        """A call that ended before its intent was written: one record where both sides allow it."""
        if work.uses:
            work.used = questions.usable(self._db, work.uses, self._now)
        self._reserve(work)
        differs = self._true_up(settlement, sums(work.charges)) if settlement.actual else NOTHING
        merged, fragment = getattr(work.record, "merged", None), getattr(settlement.record, "fragment", None)
        if merged is None or fragment is None:
            self._append(intent(work, self._memory), b"")
            return self._append(record_bytes(settlement.record, work.call_id, "outcome"), member_of(differs))
        try:
            body = merged(fragment())
        except Exception as error:
            body = fallback(work.call_id, "call", error)
        member = self._memory.calls.get(work.charges) if not differs else None
        return self._append(body, self._whole(work, differs) if member is None else member)

    def settle(self, work: Settlement) -> bool:
        running = self._find_running(work.call_id) if work.spend is not None else None
        if running is not None:
            self._ended.append(work.call_id)
            if running.kept:
                self._closed.append((work.call_id,))
            reserved: Mapping[str, int] = sums(running.charges) if work.actual else {}
        else:
            found = self._close(work.call_id)
            if found is None:
                return False
            reserved = json.loads(found)
        differs = self._true_up(work, reserved) if work.actual else NOTHING
        self._append(record_bytes(work.record, work.call_id, "outcome"), member_of(differs) if differs else b"")
        return True

    def _find_running(self, call_id: str) -> Running | None:
        return self._memory.running.get(call_id) or self._started.get(call_id)

    def _true_up(self, work: Settlement, reserved: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """Replaces what was reserved by what was used; the parts of the member "ledger" that tell so."""
        differs = {key: amount for key, amount in work.actual.items() if key in reserved and amount != reserved[key]}
        for key, amount in differs.items():
            self._change(key, amount - reserved[key])
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
                raise Burned(RAN_BEFORE if jti.startswith("ref:") else f"the approval '{jti}' was used before")
            seen.add(jti)

    # ---- budgets ------------------------------------------------------------------------------------------------------------------

    def _budget(self, key: str, limit: int = 0, expires: float = 0.0) -> Budget:
        row = self._budgets.get(key)
        if row is None:
            if len(self._budgets) > MOST_MEMBERS:
                self._flush_budgets()
                self._budgets.clear()
            found = self._db.execute('SELECT spent, leased, "limit", expires FROM budget WHERE key = ?', (key,)).fetchone()
            row = self._budgets[key] = Budget(*found, stored=True) if found else Budget(0, 0, limit, expires, stored=False)
        return row

    def _change(self, key: str, spent: int, leased: int = 0) -> None:
        row = self._dirty[key] = self._budget(key)
        row.spent += spent
        row.leased += leased

    def _check(self, charges: tuple[Charge, ...]) -> None:
        wanted: dict[str, int] = {}
        short: list[str] = []
        for key, amount, limit, expires in charges:
            row, wanted[key] = self._budget(key, limit, expires), wanted.get(key, 0) + amount
            over = (
                0 < expires < self._now - (0.0 if key.startswith("approval/") else LATE_WINDOW)
            )  # its row may be forgotten already, and must not start anew
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
        most = max(FIRST_SLICE * need, self._own(key))  # doubles what it was granted before, so that a busy process asks ever more seldom
        units: int = max(need, min(free // (2 * max(processes, 1)), most))
        known = self._db.execute(
            "INSERT INTO lease VALUES (?, ?, ?, ?, 0) ON CONFLICT (process, key) DO UPDATE SET granted = granted + excluded.granted"
            " WHERE slot = excluded.slot RETURNING 1",
            (self._process, key, work.slot, units),
        ).fetchone()
        if not known:  # its old slice is being given back just now
            raise Short((key,), (key,))
        self._change(key, 0, units)
        return units

    def give_back(self, work: Return) -> None:
        self._flush_recorded()
        found = self._db.execute("DELETE FROM lease WHERE process = ? AND key = ? RETURNING granted, recorded", (self._process, work.key)).fetchone()
        granted, recorded = found or (0, 0)
        used = work.used if found else 0
        self._end_lease(work.key, granted=granted, used=used, recorded=recorded, adjust=work.adjust, into=self._unrecorded)

    def _end_lease(self, key: str, *, granted: int, used: int, recorded: int, adjust: int, into: dict[str, int]) -> None:
        self._change(key, used + adjust, -granted)
        if unrecorded := used + adjust - recorded:
            into[key] = into.get(key, 0) + unrecorded

    # ---- records ------------------------------------------------------------------------------------------------------------------

    def append(self, work: Append) -> None:
        self._append(record_bytes(work.record, "", "event"), b"")

    # ---- questions ----------------------------------------------------------------------------------------------------------------

    def pose(self, work: questions.Pose) -> str:
        asked, new = questions.pose(self._db, work, self._now, self._process)
        if new:
            self._append(work.record, member_of({"questions": {asked: "open"}}))
            self.talked = True
        return asked

    def say(self, work: questions.Say) -> str:
        row, state, body = questions.say(self._db, work, self._now)
        answer = work.answer
        self._append(body, member_of({"questions": {row.id: state}}))
        if answer.stop:
            told = self._event("stop", subject="agent", name=row.agent, by=answer.approver, reason=answer.reason)
            self.change(Change("agent", row.agent, on=True, record=told))
        self.talked = True
        return state

    def let_go(self, work: questions.LetGo) -> None:
        questions.let_go(self._db, work, self._process)

    def nothing(self, _: Barrier) -> None:
        """Whoever waits is told when everything before it is on disk."""

    def _append(self, body: bytes, member: bytes) -> None:
        if member:
            body = b"%b,%b}" % (body[:-1], member)
        self._bodies.append(body)

    def _grow(self) -> Growing:
        """The tree with every record so far."""
        tree = self._tree
        if new := self._bodies[tree.size - self._first :]:
            self._tiles += [tiles.row(tile) for tile in tree.extend([leaf_hash(body) for body in new])]
        return tree

    def _whole(self, work: Spend, differs: Mapping[str, Mapping[str, int]]) -> bytes:
        """The same of a call with its outcome."""
        charges = {**sums(work.charges), **differs.get("charges", {})}
        member = member_of({"charges": charges, "until": until(work.charges), "overrun": differs.get("overrun", {})})
        if not differs:
            keep(self._memory.calls, work.charges, member)
        return member

    def sign(self, work: Sign) -> str:
        tree, memory = self._grow(), self._memory
        size, note = tree.size, work.sign(tree.size, tree.root())
        if memory.passing >= 0:
            self._db.execute("DELETE FROM checkpoint WHERE size = ?", (memory.passing,))
        known = self._db.execute("INSERT OR IGNORE INTO checkpoint VALUES (?, ?)", (size, note)).rowcount == 0
        memory.passing = size if work.passing and not known else -1
        return note

    # ---- standing -----------------------------------------------------------------------------------------------------------------

    def change(self, work: Change) -> None:
        if work.on:
            self._db.execute("INSERT OR IGNORE INTO standing VALUES (?, ?)", (work.subject, work.name))
        else:
            self._db.execute("DELETE FROM standing WHERE subject = ? AND name = ?", (work.subject, work.name))
        self._append(record_bytes(work.record, "", "stop"), member_of({"stop" if work.on else "resume": [work.subject, work.name]}))
        self.changed = True

    # ---- cleaning up --------------------------------------------------------------------------------------------------------------

    def prune(self, work: Prune) -> None:
        self._flush_budgets()
        burned = self._db.execute("DELETE FROM burned WHERE expires < ?", (work.until,)).rowcount
        windows = self._db.execute("DELETE FROM budget WHERE expires > 0 AND expires < ? AND leased = 0", (work.until,)).rowcount
        if burned or windows:
            self._budgets.clear()
            self._db.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'pruned'", (float(work.until),))

    def reap(self, work: Reap) -> list[Finding]:
        row = self._db.execute("DELETE FROM process WHERE id = ? RETURNING horizon", (work.process,)).fetchone()
        if row is None:
            return []
        lost: dict[str, int] = {}
        found: list[Finding] = []
        self._flush_recorded()
        dying = "DELETE FROM lease WHERE process = ? RETURNING key, slot, granted, recorded"
        rows: list[tuple[str, int, int, int]] = self._db.execute(dying, (work.process,)).fetchall()
        for key, slot, granted, recorded in rows:
            used = work.used[slot] if work.used is not None and slot < len(work.used) else granted
            if used < recorded:
                found.append(Finding("tampered", key, f"the counter of process {work.process} says {used} units, the log has {recorded}"))
            self._end_lease(key, granted=granted, used=max(used, recorded), recorded=recorded, adjust=0, into=lost)
        calls = self._unsettled(work.process, row[0])
        questions.left(self._db, work.process)
        found += [self._unknown(call, session, ref, "the process that ran it ended without saying how") for call, (session, ref) in calls.items()]
        body = self._event("recovery", process=work.process, calls=list(calls))
        self._append(body, member_of({"lost": lost}) if lost else b"")
        return found + [
            Finding("lost-budget", key, f"{units} units were used by calls whose records the crash of process {work.process} took with it")
            for key, units in lost.items()
        ]

    def _unsettled(self, process: str, horizon: int) -> dict[str, tuple[str, str]]:
        """Session and ref of the calls of a process that have no outcome: its rows, and what the log says since its horizon."""
        self._flush_open()
        rows = self._db.execute("DELETE FROM open WHERE process = ? RETURNING call, session, ref", (process,))
        calls: dict[str, tuple[str, str]] = {call: (session, ref) for call, session, ref in rows.fetchall()}
        mine = b'"by":' + json.dumps(process).encode()
        for (body,) in self._db.execute("SELECT body FROM record WHERE seq >= ? ORDER BY seq", (horizon,)):
            if mine in body or b'"type":"outcome"' in body:
                record = json.loads(body)
                if record.get("type") == "outcome":
                    calls.pop(record.get("call"), None)
                elif record.get("type") == "intent" and record.get("ledger", {}).get("by") == process and "open" not in record["ledger"]:
                    calls[record["call"]] = (str(record.get("session", "")), str(record.get("ref", "")))
        return calls

    def expire(self, work: Expire) -> list[Finding]:
        self._flush_open()
        calls = self._db.execute("DELETE FROM open WHERE until > 0 AND until < ? RETURNING call, session, ref", (work.now,)).fetchall()
        return [self._unknown(call, session, ref, "nobody said in time how it ended") for call, session, ref in calls]

    def _unknown(self, call: str, session: str, ref: str, why: str) -> Finding:
        self._append(self._event("outcome", call=call, session=session, ref=ref, outcome={"status": "unknown", "reason": why}), b"")
        return Finding("unknown-outcome", call, f"call {call} may have taken effect: {why}")

    def leave(self, work: Leave) -> bool:
        """True when nothing is left that somebody must settle."""
        self._keep_running()
        self._flush_open()
        self._flush_recorded()
        self._db.execute("UPDATE open SET process = '' WHERE process = ? AND until > 0", (self._process,))
        running = "SELECT 1 FROM open WHERE process = ? UNION ALL SELECT 1 FROM lease WHERE process = ? LIMIT 1"
        left = self._db.execute(running, (self._process, self._process)).fetchone()
        if not left:
            self._db.execute("DELETE FROM process WHERE id = ?", (self._process,))
        questions.left(self._db, self._process)
        self._tell_usage()
        self._append(record_bytes(work.record, "", "close"), b"")
        if work.sign:
            self.sign(Sign(work.sign))
        return not left

    # ---- writing it all -----------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Writes what was gathered."""
        if self._horizon < 0:
            self._horizon = self._first
            self._db.execute("INSERT OR REPLACE INTO process VALUES (?, ?)", (self._process, self._horizon))
        elif self._first + len(self._bodies) - self._horizon > MOST_BEHIND:
            self._keep_running()
        self._flush_recorded()
        self._flush_open()
        self._tell_usage()
        self._flush_budgets()
        self._write_records()
        self._grow()
        if self._tiles:
            self._db.executemany("INSERT INTO tile VALUES (?, ?, ?)", self._tiles)
        self.finished = True

    def _write_records(self) -> None:
        """Many rows per statement, because other threads get in between two statements."""
        bodies, at = list(enumerate(self._bodies, self._first)), 0
        for many, statement in _INSERTS:
            while len(bodies) - at >= many:
                self._db.execute(statement, [value for row in bodies[at : at + many] for value in row])
                at += many

    def committed(self) -> None:
        """Everything is on disk: remembers it."""
        memory = self._memory
        memory.running.update(self._started)
        for call_id in self._ended:
            memory.running.pop(call_id, None)
        for running in self._kept:
            running.kept = True
        memory.horizon = self._horizon

    def _keep_running(self) -> None:
        """Rows for the calls that run on, so that whoever cleans up after this process need not read far back."""
        ended = set(self._ended)
        for call_id, running in {**self._memory.running, **self._started}.items():
            if not running.kept and call_id not in ended:
                self._opened.append(open_row(call_id, self._process, "", "", "", 0.0, running.time, running.charges))
                self._kept.append(running)
        self._horizon = self._first + len(self._bodies)
        self._db.execute("INSERT OR REPLACE INTO process VALUES (?, ?)", (self._process, self._horizon))

    def _tell_usage(self) -> None:
        """What was used without a record of its own."""
        if self._unrecorded:
            self._append(self._event("usage"), member_of({"charges": self._unrecorded}))
            self._unrecorded = {}

    def _flush_open(self) -> None:
        if self._opened:
            self._db.executemany("INSERT INTO open VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._opened)
            self._opened = []
        if self._closed:
            self._db.executemany("DELETE FROM open WHERE call = ?", self._closed)
            self._closed = []

    def _flush_budgets(self) -> None:
        if self._dirty:
            rows = [(key, row.spent, row.leased, row.limit, row.expires) for key, row in self._dirty.items()]
            self._db.executemany("INSERT OR REPLACE INTO budget VALUES (?, ?, ?, ?, ?)", rows)
            for row in self._dirty.values():
                row.stored = True
            self._dirty = {}

    def _flush_recorded(self) -> None:
        if self._recorded:
            rows = [(units, self._process, key) for key, units in self._recorded.items()]
            self._db.executemany("UPDATE lease SET recorded = recorded + ? WHERE process = ? AND key = ?", rows)
            self._recorded = {}


_INSERTS: Final = [(many, f"INSERT INTO record VALUES {', '.join(['(?, ?)'] * many)}") for many in (128, 32, 8, 2, 1)]
_APPLY: Final[dict[type[object], Callable[..., Result]]] = {
    Spend: Transaction.spend,
    Settlement: Transaction.settle,
    Append: Transaction.append,
    Barrier: Transaction.nothing,
    Refill: Transaction.refill,
    Return: Transaction.give_back,
    Change: Transaction.change,
    Sign: Transaction.sign,
    Prune: Transaction.prune,
    Reap: Transaction.reap,
    Expire: Transaction.expire,
    Leave: Transaction.leave,
    questions.Pose: Transaction.pose,
    questions.Say: Transaction.say,
    questions.LetGo: Transaction.let_go,
}
