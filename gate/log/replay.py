"""Replay: the ledger as the log tells it, to be compared with the ledger as it stands.

Every change of the ledger is made in the transaction that appends the record of it, and the record says so in its member "ledger":

    charges    units by budget key: of an intent, what was reserved; of an outcome, what was used instead (only where it differs); of a
               record of type "call" or "usage", what was used
    overrun    of these, units beyond what had been reserved
    until      when a budget ends, for rate windows
    burns      approvals used up, with their expiry
    open       true when an after-hook in another process may settle the call
    by         the process that runs the call
    lost       units that a crashed process had used for calls whose records it took with it
    questions  the state of questions by id: when they are asked, answered, and used by a call
    stop, resume   [subject, name]: what was revoked, stopped or resumed

So the sum over the log is what the ledger must hold, and rows that somebody edited stand out:

    for every key:  sum of charges and lost  =  spent  +  what leases have in the log so far
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple, cast

Json = Mapping[str, object]
_NONE: Final[Json] = {}


class Problem(NamedTuple):
    """Evidence that somebody changed something. record: the number of the record it is about, when it is one."""

    record: int | None
    text: str


class Unsettled(NamedTuple):
    """An intent without an outcome: its record's number, the process that ran the call, what is reserved for it."""

    record: int
    by: str
    reserved: Mapping[str, int]
    open: bool


class Replay:
    """Folds records into the ledger they lead to. `problems` are contradictions within the log itself."""

    def __init__(self) -> None:
        self.budgets: dict[str, int] = {}
        self.until: dict[str, float] = {}
        self.burned: dict[str, float] = {}
        self.standing: set[tuple[str, str]] = set()
        self.unsettled: dict[str, Unsettled] = {}
        self.questions: dict[str, str] = {}
        self.problems: list[Problem] = []

    def add(self, index: int, record: Json) -> None:
        """Takes the next record into account."""
        ledger = _object(record.get("ledger"))
        kind, call = record.get("type"), record.get("call")
        if kind == "outcome":
            self._outcome(index, str(call), _units(ledger.get("charges")))
        elif ledger:
            self._spend(_units(ledger.get("charges")))
            self._spend(_units(ledger.get("lost")))
        if kind == "intent":
            self._intent(index, str(call), ledger)
        if ledger.keys() - _USUAL:
            self._rest(ledger)

    def _spend(self, units: Mapping[str, int]) -> None:
        for key, amount in units.items():
            self.budgets[key] = self.budgets.get(key, 0) + amount

    def _intent(self, index: int, call: str, ledger: Json) -> None:
        if call in self.unsettled:
            self.problems.append(Problem(index, f"call '{call}' has a second intent"))
        self.unsettled[call] = Unsettled(index, str(ledger.get("by", "")), _units(ledger.get("charges")), ledger.get("open") is True)

    def _outcome(self, index: int, call: str, used: Mapping[str, int]) -> None:
        intent = self.unsettled.pop(call, None)
        if intent is None:
            self.problems.append(Problem(index, f"call '{call}' has an outcome without an intent, or a second one"))
        else:
            self._spend({key: amount - intent.reserved.get(key, 0) for key, amount in used.items()})

    def _rest(self, ledger: Json) -> None:
        for key, moment in _object(ledger.get("until")).items():
            self.until[key] = _number(moment)
        for jti, moment in _object(ledger.get("burns")).items():
            self.burned[jti] = _number(moment)
        for question, state in _object(ledger.get("questions")).items():
            self.questions[question] = str(state)
        if stop := _pair(ledger.get("stop")):
            self.standing.add(stop)
        if resume := _pair(ledger.get("resume")):
            self.standing.discard(resume)


_USUAL: Final = frozenset({"charges", "by", "lost", "overrun", "open"})


def compare(expected: Replay, db: sqlite3.Connection) -> Iterator[Problem]:
    """Where the rows of the ledger are not what the log leads to."""
    latest = max([moment(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq DESC LIMIT 64")], default=0.0)
    said: object = (db.execute("SELECT value FROM meta WHERE name = 'pruned'").fetchone() or (None,))[0]
    pruned = said if isinstance(said, float) else 0.0
    if pruned > latest or not isinstance(said, float):
        yield Problem(None, "the ledger says that it forgot (pruned) what has not even expired")
    yield from _compare_budgets(expected, db, pruned)
    told = {jti: repr(moment) for jti, moment in expected.burned.items() if moment >= pruned}
    rows = db.execute("SELECT jti, expires FROM burned WHERE expires >= ?", (pruned,))
    yield from _compare(told, {jti: repr(moment) for jti, moment in rows}, "the used approval")
    stops = db.execute("SELECT subject || ' ' || name FROM standing")
    yield from _compare({" ".join(stop): "" for stop in expected.standing}, {name: "" for (name,) in stops}, "the stop of")
    yield from _compare(expected.questions, dict(_states(db)), "the state of the question")
    yield from _compare_open(expected, db)


def _states(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Id and state of every question; a log from before there were any has no table of them."""
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'question'").fetchone():
        return []
    return db.execute("SELECT id, state FROM question").fetchall()


def _compare(expected: Mapping[str, str], rows: Mapping[str, str], what: str) -> Iterator[Problem]:
    for name in sorted({*expected, *rows}):
        told, found = expected.get(name), rows.get(name)
        if told != found:
            yield Problem(None, f"{what} '{name}' {_difference(told, found)}")


def _compare_budgets(expected: Replay, db: sqlite3.Connection, pruned: float) -> Iterator[Problem]:
    rows: dict[str, int] = dict(db.execute("SELECT key, spent FROM budget"))
    for key, recorded in db.execute("SELECT key, sum(recorded) FROM lease GROUP BY key"):
        rows[key] = rows.get(key, 0) + recorded
    for key in sorted({*expected.budgets, *rows}):
        told, found = expected.budgets.get(key, 0), rows.get(key)
        if told != (found or 0) and not (found is None and 0 < expected.until.get(key, 0) < pruned):
            yield Problem(None, f"the budget '{key}' {_difference(told, found)}")
    leased = "SELECT key, leased, (SELECT coalesce(sum(granted), 0) FROM lease WHERE lease.key = budget.key) AS held FROM budget WHERE leased <> held"
    for key, says, held in db.execute(leased):
        yield Problem(None, f"the budget '{key}' has {says} units leased in the ledger, but processes hold {held}")


def _compare_open(expected: Replay, db: sqlite3.Connection) -> Iterator[Problem]:
    horizons: dict[str, int] = dict(db.execute("SELECT id, horizon FROM process"))
    rows: dict[str, str] = dict(db.execute("SELECT call, charges FROM open"))
    for call, charges in rows.items():
        intent = expected.unsettled.get(call)
        if intent is None:
            yield Problem(None, f"the open call '{call}' is in the ledger, but in the log it has no intent or has ended")
        elif json.loads(charges) != intent.reserved:
            yield Problem(intent.record, f"the open call '{call}' has other charges in the ledger than in the log")
    for call, intent in expected.unsettled.items():
        if call not in rows and (intent.open or not 0 <= horizons.get(intent.by, -1) <= intent.record):
            yield Problem(intent.record, f"call '{call}' has no outcome, and the ledger does not know that it is open")


def moment(body: bytes) -> float:
    """The time of a record in seconds since the epoch; 0 when it has none."""
    try:
        return datetime.fromisoformat(json.loads(body)["time"]).timestamp()
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0.0


def _difference(told: object, found: object) -> str:
    if found is None:
        return "is in the log and missing in the ledger"
    if told is None:
        return "is in the ledger and not in the log"
    return f"is {told} in the log and {found} in the ledger"


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else _NONE


def _units(value: object) -> Mapping[str, int]:
    return {key: amount for key, amount in _object(value).items() if isinstance(amount, int)}


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _pair(value: object) -> tuple[str, str] | None:
    match value:
        case [str(subject), str(name)]:
            return subject, name
        case _:
            return None
