"""Questions in the store: what is asked, what was answered, and which approvals hold for more than one call.

    question   one row per question; `state` as in `gate.answer`, `turn` grows with every answer, `waiter` is the process that waits for it
    answer     what was said about it, in order
    lasting    approvals for more than one call of a session (`gate.approval`), found by who acts and which tool

What is written here is written in the transaction of the record that tells of it.  The questions' states are a fold of the log, as all else is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, cast

from gate.answer import Answer, State, judge, parse
from gate.errors import Void
from gate.store import Refused

if TYPE_CHECKING:
    import sqlite3

Query: TypeAlias = Callable[..., list[tuple[object, ...]]]

TABLES: Final = """
CREATE TABLE IF NOT EXISTS question (id TEXT PRIMARY KEY, session TEXT NOT NULL, agent TEXT NOT NULL, tool TEXT NOT NULL, claim TEXT NOT NULL,
    binding TEXT NOT NULL, risk INTEGER NOT NULL, quorum INTEGER NOT NULL, created REAL NOT NULL, expires REAL NOT NULL, state TEXT NOT NULL,
    turn INTEGER NOT NULL, waiter TEXT NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS question_urgent ON question (state, risk DESC, expires);
CREATE INDEX IF NOT EXISTS question_claim ON question (session, claim, state);
CREATE INDEX IF NOT EXISTS question_created ON question (created);
CREATE INDEX IF NOT EXISTS question_agent ON question (agent, tool, created);
CREATE TABLE IF NOT EXISTS answer (question TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (question, number)) STRICT;
CREATE TABLE IF NOT EXISTS lasting (question TEXT NOT NULL, number INTEGER NOT NULL, session TEXT NOT NULL, agent TEXT NOT NULL, tool TEXT NOT NULL,
    expires REAL NOT NULL, token TEXT NOT NULL, PRIMARY KEY (session, agent, tool, question, number)) STRICT, WITHOUT ROWID;
"""


class Row(NamedTuple):
    """A question as it is kept. claim: the same for the same call in other words (`gate.call.Call.claim`); binding: what approvals are bound to."""

    id: str
    session: str
    agent: str
    tool: str
    claim: str
    binding: str
    risk: int
    quorum: int
    created: float
    expires: float
    state: State
    turn: int
    waiter: str
    body: bytes


class Pose(NamedTuple):
    """Asks a question, unless the same call has one already that nobody waits for: then that one is taken up.

    The result is its id.  DeniedBefore when somebody has refused this call in this session.
    """

    row: Row
    record: bytes


class Say(NamedTuple):
    """One more answer. `record` tells of it.  The result is the state it leads to; NotCounted when it does not count."""

    question: str
    answer: Answer
    record: Callable[[State], bytes]


class LetGo(NamedTuple):
    """Nobody of this process waits for the question any more; it can still be answered. read: the agent knows what it was asked back."""

    question: str
    read: bool = False


class Use(NamedTuple):
    """That a call runs because of a question's approvals, or because somebody edited what it asked about.

    once: an approval of one call is among them, which is void from the question's end on.  session, claim: of the call, to which nobody may
    have said no meanwhile, in answer to whichever question.
    """

    question: str
    once: bool = False
    session: str = ""
    claim: str = ""
    edited: bool = False


class NotCounted(Refused):
    """An answer that does not count."""


class DeniedBefore(Refused):
    """A call that somebody refused in this session already."""


class Barred(Refused):
    """An approval of a question that was ended since."""


INSERT: Final = f"INSERT INTO question VALUES ({', '.join('?' * len(Row._fields))})"

# ---- inside a transaction -----------------------------------------------------------------------------------------------------------


def pose(db: sqlite3.Connection, work: Pose, now: float, process: str) -> tuple[str, bool]:
    """The id of the question that now waits for this call, and whether it is a new one."""
    row = work.row
    _refuse_again(db, row)
    known = _rows(db, f"session = ? AND claim = ? AND state IN {_TAKEN_UP} ORDER BY created", (row.session, row.claim))
    if any(found.id == row.id for found in known):
        return row.id, False
    for found in sorted(known, key=lambda each: _TAKEN_UP.index(each.state)):
        if found.binding == row.binding and not found.waiter and _pending(db, found, now):
            db.execute("UPDATE question SET waiter = ? WHERE id = ?", (process if found.state != "returned" else READ, found.id))
            return found.id, False
    db.execute(INSERT, row._replace(waiter=process))
    return row.id, True


def _refuse_again(db: sqlite3.Connection, row: Row) -> None:
    no = db.execute("SELECT id FROM question WHERE session = ? AND claim = ? AND state = 'denied' LIMIT 1", (row.session, row.claim)).fetchone()
    if no:
        raise DeniedBefore(no[0])


def _pending(db: sqlite3.Connection, row: Row, now: float) -> bool:
    """Whether a caller who comes again takes this question up: it is open, or what was said about it still holds."""
    if row.state == "approved":
        said = _said(db, row.id)
        return all(answer.until > now for answer in said if answer.verdict == "approve")
    return row.state in {"edited", "returned"} or (row.state == "open" and now < row.expires)


_TAKEN_UP: Final = ("approved", "edited", "returned", "open")
READ: Final = "*"
"""The waiter of a question that nobody takes up again: the agent has read what it was asked back, or made the call as it was edited."""


def say(db: sqlite3.Connection, work: Say, now: float) -> tuple[Row, State, bytes]:
    """Keeps one more answer: the question it is about, the state it leads to, and the record of it."""
    found = _rows(db, "id = ?", (work.question,))
    if not found:
        raise NotCounted("there is no such question")
    row, said = found[0], _said(db, work.question)
    answer = _at(work.answer, now)
    try:
        state = judge(row.state, said, row.quorum, answer, late=now >= row.expires)
    except Void as void:
        raise NotCounted(str(void)) from None
    try:
        body = work.record(state)  # before anything is changed: what it says may not be writable
    except Exception as error:
        raise NotCounted(f"the answer cannot be recorded: {error}") from error
    db.execute("INSERT INTO answer VALUES (?, ?, ?)", (row.id, len(said), json.dumps(answer.to_json()).encode()))
    db.execute("UPDATE question SET state = ?, turn = turn + 1 WHERE id = ?", (state, row.id))
    if answer.lasting and state in {"open", "approved"}:
        values = (row.id, len(said), row.session, row.agent, row.tool, answer.until, answer.token)
        db.execute("INSERT INTO lasting VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    return row, state, body


def usable(db: sqlite3.Connection, uses: Sequence[Use], now: float) -> dict[str, State]:
    """The state of the questions once a call has used their answers. Barred when somebody ended one of them, or refused the call.

    That another call has used it is no bar: each approval is good once by itself, and a person may sign two for two calls.
    """
    after: dict[str, State] = {}
    for one in uses:
        found: tuple[State, float, str] | None
        found = db.execute("SELECT state, expires, waiter FROM question WHERE id = ?", (one.question,)).fetchone()
        state = found[0] if found else "unknown"
        if found and now >= found[1] and (state == "open" or (one.once and state in {"approved", "used"})):
            state = "expired"
        if one.edited and found and found[2] == READ:
            state = "used"
        if state not in ({"edited"} if one.edited else {"open", "approved", "used"}):
            raise Barred(_BARRED.get(state, f"the question '{one.question}' is {state}, so its approvals are void"))
        if not one.edited and (one.once or state != "open"):
            after[one.question] = "used"
    for session, claim in {(one.session, one.claim) for one in uses if one.claim}:
        if db.execute("SELECT 1 FROM question WHERE session = ? AND claim = ? AND state = 'denied' LIMIT 1", (session, claim)).fetchone():
            raise Barred(_BARRED["denied"])
    return after


def use(db: sqlite3.Connection, uses: Sequence[Use], after: Mapping[str, State]) -> None:
    """Marks them. An edit is good for one call; that somebody edited it stays what became of the question."""
    db.executemany(
        "UPDATE question SET state = ?, turn = turn + 1, waiter = '' WHERE id = ?", [(state, question) for question, state in after.items()]
    )
    db.executemany("UPDATE question SET waiter = ?, turn = turn + 1 WHERE id = ?", [(READ, one.question) for one in uses if one.edited])


_BARRED: Final = {
    "denied": "somebody refused the call after it was approved",
    "withdrawn": "an administrator ended the question after it was approved",
    "expired": "the question expired before the call could run",
    "unknown": "this gate has not asked the question that was approved",
}


def let_go(db: sqlite3.Connection, work: LetGo, process: str) -> None:
    """Nobody waits for it any more."""
    db.execute("UPDATE question SET waiter = ? WHERE id = ? AND waiter = ?", (READ if work.read else "", work.question, process))


def left(db: sqlite3.Connection, process: str) -> None:
    """A process has ended."""
    db.execute("UPDATE question SET waiter = '' WHERE waiter = ?", (process,))


def _said(db: sqlite3.Connection, question: str) -> list[Answer]:
    try:
        return [parse(body) for (body,) in db.execute("SELECT body FROM answer WHERE question = ? ORDER BY number", (question,))]
    except (ValueError, TypeError, RecursionError) as error:  # whoever wrote it, it must not take the others of this transaction with it
        raise NotCounted(f"the answers to '{question}' cannot be read: {error}; run `gate verify`") from error


def _at(answer: Answer, now: float) -> Answer:
    from dataclasses import replace

    return replace(answer, at=now)


def _rows(db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Row]:
    return [Row(*row) for row in db.execute(f"SELECT * FROM question WHERE {where}", values)]


# ---- for readers --------------------------------------------------------------------------------------------------------------------

COLUMNS: Final = ", ".join(Row._fields)


def rows(query: Query, where: str, values: tuple[object, ...] = (), *, most: int = 0) -> list[Row]:
    """The questions that a condition of this package picks. most: bytes of a body that is read; a larger one is left empty. 0 for all."""
    columns = COLUMNS if not most else f"{COLUMNS.removesuffix('body')}CASE WHEN length(body) <= {most} THEN body ELSE x'' END"
    return [Row(*cast("tuple[str, ...]", row)) for row in query(f"SELECT {columns} FROM question WHERE {where}", values)]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # as they were written


def answers_to(query: Query, ids: Sequence[str]) -> dict[str, list[bytes]]:
    """What was said about several, as it is kept, by question."""
    found: dict[str, list[bytes]] = {}
    for start in range(0, len(ids), MOST_AT_ONCE):
        some = ids[start : start + MOST_AT_ONCE]
        sql = f"SELECT question, body FROM answer WHERE question IN ({', '.join('?' * len(some))}) ORDER BY question, number"
        for question, body in query(sql, tuple(some)):
            found.setdefault(str(question), []).append(cast("bytes", body))
    return found


MOST_AT_ONCE: Final = 500


def count(query: Query, now: float) -> int:
    """How many are open."""
    return int(str(query("SELECT count(*) FROM question WHERE state = 'open' AND expires > ?", (now,))[0][0]))


def waited_for(query: Query, session: str, claim: str, process: str) -> bool:
    """Whether another process waits, or waited when it died, for a question of the same call."""
    sql = "SELECT 1 FROM question WHERE session = ? AND claim = ? AND waiter NOT IN ('', ?, ?) LIMIT 1"
    return bool(query(sql, (session, claim, process, READ)))


def lasting(query: Query, session: str, agent: str, tool: str, now: float) -> list[tuple[str, str]]:
    """(question, token) of the approvals that may hold for a call, the ones that end first first."""
    sql = (
        "SELECT lasting.question, token FROM lasting JOIN question ON question.id = lasting.question WHERE lasting.session = ? AND lasting.agent = ?"
        " AND lasting.tool = ? AND lasting.expires > ? AND (question.state IN ('approved', 'used') OR (question.state = 'open'"
        " AND question.expires > ?)) ORDER BY lasting.expires"
    )
    return [(str(question), str(token)) for question, token in query(sql, (session, agent, tool, now, now))]
