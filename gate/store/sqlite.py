"""The embedded store: one SQLite file, many processes, each transaction durable before it is answered.

A commit takes the turn (`gate.store.turn`), applies its works (`gate.store.transaction`), and is on disk when it returns (WAL with
synchronous=FULL).  Readers use a connection of their own and never wait for writers.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar, cast

from gate.errors import Unavailable
from gate.log.merkle import WIDTH, leaf_hash
from gate.log.replay import moment
from gate.store import Burned, Charge, Opened, Pause, Result, Spend, Work
from gate.store import tree as tiles
from gate.store.files import private_directory
from gate.store.memory import Memory, Running, intent
from gate.store.schema import LONE, MOST_LONE, connect, reader, unavailable
from gate.store.shared import Shared
from gate.store.transaction import MOST_BEHIND, Event, Transaction
from gate.store.turn import Turn

if TYPE_CHECKING:
    from gate.log.merkle import Growing

T = TypeVar("T")
NAME: Final = "gate.db"
LOOK_EVERY: Final = 1.0


def no_pause(step: str) -> None:
    """Goes on at once."""


class SqliteStore:
    """One ledger object's connections. `process` is the name of its process file."""

    def __init__(self, directory: Path, *, origin: str, process: str, now: Callable[[], float], event: Event, pause: Pause = no_pause) -> None:
        self._path, self._origin = private_directory(directory) / NAME, origin
        self._memory, self._now, self._event, self._pause = Memory(process), now, event, pause
        self._turn = Turn(directory / "turn")
        try:  # in turn, because two who make the files at once would disturb each other
            self._db, self.shared = self._in_turn(self._opened)
        except BaseException:
            self._turn.close()
            raise
        self._tree: Growing | None = None
        self._number, self._looked = -1, 0.0
        self._readers: list[sqlite3.Connection] = []
        self._reading = Lock()
        self._parted = self._closed = False
        self._listing = 0  # connections that somebody is reading records from
        self.interrupted: BaseException | None = None

    def _opened(self) -> tuple[sqlite3.Connection, Shared]:
        db = connect(self._path, self._origin)
        try:
            return db, Shared(self._path.with_name("shared"))
        except BaseException:
            db.close()
            raise

    # ---- writing ------------------------------------------------------------------------------------------------------------------

    def commit(self, works: Sequence[Work]) -> list[Result]:
        """Does the works in one transaction; a result or a refusal for each. Unavailable when nothing of it happened."""
        try:
            self._turn.acquire()
            try:
                if self._parted:
                    self._db, self._parted = connect(self._path, self._origin), False
                return self._commit(works)
            finally:
                self._turn.release()
        except (sqlite3.Error, OSError) as error:
            raise unavailable(error, self._path) from error

    def _in_turn(self, work: Callable[[], T]) -> T:
        try:
            self._turn.acquire()
        except OSError as error:
            raise unavailable(error, self._path) from error
        try:
            return work()
        finally:
            self._turn.release()

    def _commit(self, works: Sequence[Work]) -> list[Result]:
        try:
            return (self._lone(works[0]) if len(works) == 1 else None) or self._transaction(works)
        except sqlite3.IntegrityError:  # the only key a caller chooses is the id of the call
            return [self._alone(work) for work in works]

    def _alone(self, work: Work) -> Result:
        try:
            return self._transaction([work])[0]
        except sqlite3.IntegrityError:
            return Burned("the call was spent before")
        except (sqlite3.Error, OSError) as error:
            return unavailable(error, self._path)

    def _lone(self, work: Work) -> list[Result] | None:
        """One call that waits for the disk, alone: the commonest transaction, as one statement. None when it is not so simple."""
        tree, memory = self._tree, self._memory
        if type(work) is not Spend or work.burns or work.uses or work.open or work.settlement or work.leased or work.call_id in memory.running:
            return None
        if tree is None or self._number != self.shared.words[2] or tree.size - memory.horizon > MOST_BEHIND or len(tree.levels[0]) + 1 >= WIDTH:
            return None
        if (values := self._lone_values(work.charges)) is None:
            return None
        self._pause("begin")
        try:
            now, body = self._now(), intent(work, memory)
        except Unavailable as refused:
            return [refused]
        self._pause("applied")
        try:
            seq = tree.size
            tree.append(leaf_hash(body))
            self._number = self.shared.writing()
            self._pause("written")
            self._db.execute(LONE[len(work.charges)], [seq, body, *values])
        except BaseException as error:
            if isinstance(error, sqlite3.Error) or not self._has(tree.size - 1, body):
                self._undo(changed=False)
                raise
            self.interrupted = error  # it came after the commit
        for charge in work.charges:
            memory.budgets[charge[0]].spent += charge[1]
        memory.running[work.call_id] = Running(work.charges, now)
        self._told(now)
        return [None]

    def _lone_values(self, charges: tuple[Charge, ...]) -> list[object] | None:
        """Key and new spending of each budget; None when something about them is not simple."""
        values: list[object] = []
        for key, amount, limit, expires in charges:
            row = self._memory.budgets.get(key)
            if row is None or not row.stored or expires or key in values or not 0 <= amount <= limit - row.spent - row.leased:
                return None
            values += [key, row.spent + amount]
        return values if len(charges) <= MOST_LONE else None

    def _has(self, seq: int, body: bytes) -> bool:
        found = self._db.execute("SELECT body FROM record WHERE seq = ?", (seq,)).fetchone()
        return bool(found and found[0] == body)

    def _transaction(self, works: Sequence[Work]) -> list[Result]:
        now, pause, shared = max(self._now(), self.shared.floor), self._pause, self.shared
        results: list[Result] = []
        transaction: Transaction | None = None
        pause("begin")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            transaction = Transaction(self._db, self._current_tree(), self._memory, now, self._event)
            results += [transaction.do(work) for work in works]
            pause("applied")
            transaction.finish()
            self._number = shared.writing()
            if transaction.changed:
                shared.changing()
            pause("written")
            self._db.execute("COMMIT")
        except BaseException as error:
            if transaction is None or not transaction.finished or self._db.in_transaction or isinstance(error, sqlite3.Error):
                self._undo(changed=transaction is not None and transaction.changed)
                raise
            self.interrupted = error  # it came after COMMIT
        transaction.committed()
        if transaction.talked:
            shared.told()
        self._told(now, changed=transaction.changed)
        return results

    def _told(self, now: float, *, changed: bool = False) -> None:
        """Tells other processes of what is on disk now."""
        try:
            self._pause("committed")
            self._publish(now, changed=changed)
        except BaseException as error:  # it is done, whatever comes now, and is told first
            self.interrupted = error
            self.shared.changed()

    def _undo(self, *, changed: bool) -> None:
        self._tree = None  # it may hold what is not in the log
        self._memory.budgets.clear()
        with suppress(sqlite3.Error):
            self._db.rollback()
        if changed:
            self.shared.changed()
        if not self.shared.current():
            self._map_again()

    def _current_tree(self) -> Growing:
        if self._tree is not None and self._number == self.shared.writes:
            return self._tree  # nobody else wrote
        self._memory.budgets.clear()
        if self._tree is None:
            self._tree = tiles.load(self._db)
        else:
            tiles.catch_up(self._db, self._tree)
        return self._tree

    def _publish(self, now: float, *, changed: bool) -> None:
        self.shared.saw(now)
        if changed or now > self._looked + LOOK_EVERY:
            self._looked = now
            if not self.shared.current():
                self._map_again()
        if changed:
            self.shared.changed()

    def _map_again(self) -> None:
        """Somebody replaced the shared file. Whoever still maps the old one looks again, and finds that too."""
        old, self.shared = self.shared, Shared(self._path.with_name("shared"))
        old.changed()
        self.shared.changed()
        self.shared.saw(old.floor)
        self._number = -1

    @property
    def entered(self) -> bool:
        """True when this process has committed something."""
        return self._memory.horizon >= 0

    @property
    def size(self) -> int:
        """Records in the log when this process last committed; -1 when it never did."""
        return self._tree.size if self._tree is not None else -1

    # ---- reading ------------------------------------------------------------------------------------------------------------------

    def read(self) -> sqlite3.Connection:
        """A connection of its own for somebody who reads; give it to `closing`."""
        try:
            return reader(self._path)
        except sqlite3.Error as error:
            raise unavailable(error, self._path) from error

    def query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """What a statement of this package's own reads, at one moment."""
        return self._query(sql, values)

    def _query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        with self._reading:
            if self._closed:
                raise Unavailable("the ledger is closed")
            if not self._readers:
                self._readers.append(self.read())
            try:
                return self._readers[0].execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise unavailable(error, self._path) from error

    def standing(self) -> frozenset[tuple[str, str]]:
        """(subject, name) of everything revoked or stopped."""
        return frozenset([(str(subject), str(name)) for subject, name in self._query("SELECT subject, name FROM standing")])

    def find(self, session: str, ref: str, digest: str) -> Opened | None:
        """The oldest open call an after-hook may settle; one under the same `ref` if it gives one."""
        found = self._query(
            "SELECT call, session, ref, digest, time, charges FROM open WHERE until > 0 AND session = ? AND digest = ? AND (ref = ? OR ? = '')"
            " ORDER BY time, call LIMIT 1",
            (session, digest, ref, ref),
        )
        for call, its_session, its_ref, its_digest, time, charges in found:
            return Opened(str(call), str(its_session), str(its_ref), str(its_digest), float(str(time)), json.loads(str(charges)))
        return None

    def lacking(self, charges: Iterable[Charge]) -> tuple[str, ...]:
        """The budgets that are too short for these charges, whatever other processes still give back."""
        taken = "SELECT spent + (SELECT coalesce(sum(granted), 0) FROM lease WHERE lease.key = budget.key AND process = ?) FROM budget WHERE key = ?"
        short: list[str] = []
        for key, amount, limit, _ in charges:
            ((used,),) = self._query(taken, (self._memory.process, key)) or [(0,)]
            if amount > limit - int(str(used)):
                short.append(key)
        return tuple(short)

    def processes(self) -> list[str]:
        """The processes that have work open here, without this one."""
        return [str(name) for (name,) in self._query("SELECT id FROM process WHERE id <> ?", (self._memory.process,))]

    def seen(self) -> float:
        """The latest time that the log or a living process has seen; 0 for a new log."""
        last = self._query("SELECT body FROM record ORDER BY seq DESC LIMIT 64")  # threads write a little out of order
        return max([self.shared.floor, *[moment(cast("bytes", body)) for (body,) in last]])

    def records(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The records' exact bytes, in order."""
        self._listing += 1
        try:
            with closing(self.read()) as db:
                for (body,) in db.execute(
                    "SELECT body FROM record WHERE seq >= ? AND seq < ? ORDER BY seq", (start, 1 << 62 if stop is None else stop)
                ):
                    yield body
        finally:
            self._listing -= 1

    # ---- ending -------------------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Lets go of files; commits nothing."""
        with self._reading:  # whoever reads just now in another thread comes to its end first
            self._closed = True
            with suppress(Unavailable):  # the last one to close cleans up, while nobody else opens
                self._in_turn(self._close)
            self._close()
            self._readers.clear()
        self._turn.close()
        self.shared.close()

    def _close(self) -> None:
        for db in [*self._readers, self._db]:
            db.close()

    def settle_epoch(self) -> None:
        """Repairs an epoch that stayed odd because the process that was changing something died."""
        if self.shared.words[0] & 1 and self._turn.try_acquire():
            try:
                if self.shared.words[0] & 1:
                    self.shared.changed()
            finally:
                self._turn.release()

    def part(self) -> bool:
        """Before a fork: closes the connections, and nobody here opens another until `rejoin`. False when somebody reads, or it takes too long.

        SQLite's locks on its files are the parent's alone, and a child that inherits a connection believes that it has them, also for those
        that it opens itself: it would go on writing to files that the parent, closing last as far as it can see, has deleted.
        """
        try:
            return not self._listing and self._turn.hold(self._let_go_of_files)
        except OSError:
            return False

    def _let_go_of_files(self) -> None:
        self._reading.acquire()
        self._close()
        self._readers.clear()
        self._parted = True

    def rejoin(self) -> None:
        """After it, in the parent. The next that writes or reads opens its connection."""
        self._reading.release()
        self._turn.let_go()

    def forget(self) -> None:
        """In a forked child: drops what was inherited without touching the parent's locks."""
        self._turn.forget()
        if not self._parted:
            for db in [self._db, *self._readers]:
                _leak(db)


def _leak(db: sqlite3.Connection) -> None:
    """Keeps an inherited connection from ever being closed here: SQLite would clean up files that the parent uses."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))
