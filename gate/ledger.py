"""Ledger: what is spent, used up, revoked and stopped, with the log that tells of it.

Everything a call takes is taken before its effect, in one transaction with the record that says so: budgets, single-use approvals, the open
call itself.  How it ended comes afterwards and replaces what was reserved by what was used.  The first outcome stands, also when two
processes report one.

    durable    `spend` returns when intent, charges and burns are on disk
    buffered   `spend` takes the charges from leased slices and returns; the record follows within 20 ms, together with the outcome if
               that is there by then.  While the log cannot be written, every call is refused
    off        only the charges are taken; the log tells their sum when the slice goes back

A ledger is safe for threads, tasks and processes; after a fork the child opens its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from gate.clock import Clock, SystemClock
from gate.cutoff import CutOff
from gate.errors import ConfigError, Unavailable
from gate.log.note import signed_checkpoint
from gate.log.recorder import Recorder
from gate.log.redact import Redactor
from gate.store import (
    Append,
    Barrier,
    Burned,
    Charge,
    Expire,
    Finding,
    Leave,
    Opened,
    Pause,
    Prune,
    Record,
    Result,
    Settlement,
    Short,
    Sign,
    Spend,
    Steps,
    Work,
    forks,
)
from gate.store.files import private_directory
from gate.store.group import Group
from gate.store.holdings import TRIES, Holdings, found_by
from gate.store.liveness import ProcessFile
from gate.store.questions import LetGo, Pose, Say, waited_for
from gate.store.sqlite import SqliteStore, no_pause
from gate.store.told import denied

if TYPE_CHECKING:
    from gate.decide import Standing
    from gate.log.note import Signer

T = TypeVar("T")
TIDY: Final = 5.0
PRUNE_EVERY: Final = 600.0
KEEP: Final = 86_400.0
SIGN_EVERY: Final = 1.0
KEEP_EVERY: Final = 60.0


class Ledger(CutOff):
    """The ledger and log in `directory`, made at the first use with owner-only permissions.

    origin: the log's name.  signer: signs checkpoints; without one there are none.  redactor: what of the arguments the log shows; without
    one, everything.  clock: None for system time that never goes back behind what the ledger has seen.  pause: for tests, see
    gate.store.Pause.  ConfigError when the files are not ours alone, Unavailable when they cannot be used now.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        origin: str,
        signer: Signer | None = None,
        redactor: Redactor | None = None,
        clock: Clock | None = None,
        pause: Pause = no_pause,
    ) -> None:
        self._directory, self._signer, self._pause = Path(directory), signer, pause
        self.origin, self.clock = origin, clock or SystemClock()
        self.recorder = Recorder(origin, redactor or Redactor.off(), self.clock)
        self._given_clock = clock is not None
        self._known: tuple[int, Standing | None] = (-1, None)
        self._forked = self._closed = self._parted = False
        self._whole = True  # nothing of SQLite's was open when this process was forked
        self._opening = Lock()
        self._open()
        forks.opened.add(self)

    def _open(self) -> None:
        self._file = ProcessFile(private_directory(self._directory) / "run")
        try:
            self._store = SqliteStore(
                self._directory, origin=self.origin, process=self._file.name, now=self.now, event=self.recorder.event, pause=self._pause
            )
        except BaseException:
            self._file.close(remove=True)
            raise
        if not self._given_clock:
            self.clock = SystemClock(floor=self._store.seen())
            self.recorder.now = self.clock.now
        self._group = Group(self._store, orphan=self._orphan, rest=self._tidy)
        self._holdings = Holdings(self._group, self._store, self._file, self._directory / "run")
        self._leases = self._holdings.leases
        self._off: dict[str, Spend] = {}
        self._words = self._store.shared.words
        self._tidied = self._pruned = self._signed = self._kept = monotonic()
        self._signed_size = -1
        with self._group.mutex:
            self._group.begin(Append(self.recorder.event("open", process=self._file.name, pid=os.getpid())))

    def now(self) -> float:
        """Seconds since the epoch, never earlier than what this ledger has seen when it was opened."""
        return self.clock.now()

    # ---- calls ----------------------------------------------------------------------------------------------------------------------

    def spend(self, spend: Spend) -> None:
        """Takes everything the call takes and records its intent. Then, and only then, it may run.

        Exhausted, AlreadyUsed, Denied (an approval that expired) or Unavailable: nothing was taken, and it must not run.
        """
        if spend.durability != "durable":
            if not self._take(spend):
                self._drive(self._spending(spend))
            elif self._group.crowded:
                self._drive(_one(Barrier()))
            return
        group = self._ready()
        if spend.call_id in group.live or spend.call_id in group.pending:
            raise denied(Burned(f"the call '{spend.call_id}' was spent before"))
        try:
            group.submit(spend, swift=not (spend.burns or spend.uses or spend.open))
        except Exception as error:
            self._drive(self._holdings.spending(spend, error))
        if spend.open is None:
            group.live[spend.call_id] = spend

    def enter(self, spend: Spend) -> bool:
        """`spend` of a buffered call where nothing has to be waited for. False: nothing was taken, and `spend` must do it."""
        return not self._ready().crowded and self._take(spend)

    async def aspend(self, spend: Spend) -> None:
        """`spend` for a task: the event loop never waits for the disk. A task that is cancelled meanwhile leaves nothing open."""
        if spend.durability == "durable" or not self._take(spend):
            await self._adrive(self._spending(spend))
        elif self._group.crowded:
            await self._adrive(_one(Barrier()))

    def settle(self, settlement: Settlement) -> bool:
        """Records how a call ended and charges what it really took. False when it was settled before; the first outcome stands.

        Unavailable when the log cannot be written now; the outcome is kept and written as soon as it can.
        """
        settled = self._settle(settlement)
        if settled is None or settlement.durable or self._group.failing or self._group.crowded:
            return self._drive(self._settling(settlement, settled=settled))
        return settled

    async def asettle(self, settlement: Settlement) -> bool:
        """`settle` for a task. A task that is cancelled meanwhile does not take the outcome with it."""
        settled = self._settle(settlement)
        if settled is None or settlement.durable or self._group.failing or self._group.crowded:
            return await self._adrive(self._settling(settlement, settled=settled))
        return settled

    def take(self, charges: tuple[Charge, ...]) -> None:
        """Charges a call that leaves no record of its own. Exhausted or Unavailable: nothing was taken."""
        if self._forked:
            self._reopen()
        group = self._group
        if group.failing:
            self._drive(_one(Barrier()))
        if charges:
            with group.mutex:
                taken = self._leases.take(charges)
            if not taken:
                self._drive(self._holdings.taking(charges))

    def afford(self, charges: tuple[Charge, ...]) -> None:
        """Before somebody is asked about a call: Exhausted when its budgets are too short already. Nothing is taken, and `spend` decides."""
        self._ready()
        self._drive(self._holdings.affording(charges))

    async def aafford(self, charges: tuple[Charge, ...]) -> None:
        """`afford` for a task."""
        self._ready()
        await self._adrive(self._holdings.affording(charges))

    def do(self, work: Work) -> Result:
        """Does one work, durably."""
        self._ready()
        return self._drive(_one(work))

    async def ado(self, work: Work) -> Result:
        """`do` for a task."""
        self._ready()
        return await self._adrive(_one(work))

    def pose(self, work: Pose) -> str:
        """Asks a question, or takes up the one that the same call has already: its id. Nobody may still wait for it but who is dead."""
        self._ready()
        return str(self._drive(self._posing(work)))

    async def apose(self, work: Pose) -> str:
        """`pose` for a task."""
        self._ready()
        return str(await self._adrive(self._posing(work)))

    def _posing(self, work: Pose) -> Steps[Result]:
        if waited_for(self.query, work.row.session, work.row.claim, self._file.name):
            yield from self._holdings.reaping([])
        return (yield work)

    def note(self, work: Pose | Say) -> None:
        """Asks or answers without waiting for the disk, where a program does both: the call that uses the answer brings all of it there.

        One that is refused leaves the call without an answered question, so that it is refused too.
        """
        group = self._ready()
        if group.failing or group.crowded:
            self._drive(_one(work))
            return
        with group.mutex:
            group.put(work)

    def let_go(self, question: str, *, read: bool = False) -> None:
        """Nobody here waits for the question any more; written in a moment. read: the agent knows what it was asked back.

        Never raises: it is said while something else ends the call, and whoever looks after this process would find out anyway.
        """
        with suppress(Unavailable):
            group = self._ready()
            with group.mutex:
                group.put(LetGo(question, read))

    def query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """What `gate.store.questions` reads."""
        self._ready()
        return self._store.query(sql, values)

    @property
    def turn(self) -> int:
        """Another number whenever something was asked or answered, in any process."""
        self._ready()
        return self._store.shared.turn

    def find(self, session: str, ref: str, digest: str) -> Opened | None:
        """The oldest call, spent with these in `Open` and not settled; for an after-hook in another process."""
        self._ready()
        return self._store.find(session, ref, digest)

    def append(self, record: Record, *, durable: bool = False) -> None:
        """Writes a record that spends nothing. durable: returns when it is on disk. Unavailable when it cannot be written."""
        if durable or not self._append(record):
            self._drive(_one(Append(record)))

    async def aappend(self, record: Record, *, durable: bool = False) -> None:
        """`append` for a task."""
        if durable or not self._append(record):
            await self._adrive(_one(Append(record)))

    def _append(self, record: Record) -> bool:
        self._ready()
        group = self._group
        if group.failing or group.crowded:
            return False
        with group.mutex:
            group.put(Append(record))
        return True

    # ---- the steps of a call, the same for threads and tasks ------------------------------------------------------------------------

    def _take(self, spend: Spend) -> bool:
        """The whole of a spend that needs no commit: True when it is done."""
        if self._forked:
            self._reopen()
        group = self._group
        if group.failing or spend.burns or spend.uses or spend.open is not None:
            return False
        with group.mutex:
            if spend.call_id in group.pending or spend.call_id in group.live:
                return False
            if spend.charges and not self._leases.take(spend.charges):
                return False
            if spend.durability == "off":
                self._off[spend.call_id] = spend
                return True
            spend.leased = bool(spend.charges)
            group.put(spend)
            group.pending[spend.call_id] = spend
        return True

    def _spending(self, spend: Spend) -> Steps[None]:
        group = self._ready()
        now = spend.durability == "durable" or spend.burns or spend.uses or spend.open is not None or group.failing
        for _ in range(0 if now else TRIES):
            refused = yield from self._holdings.refilling(spend.charges)
            if self._take(spend):
                return
            if refused:
                raise refused
        try:
            yield spend
        except Short as short:
            yield from self._holdings.spending(spend, short)
        if spend.open is None:
            group.live[spend.call_id] = spend

    def _settle(self, settlement: Settlement) -> bool | None:
        """Queues the outcome of a call that only this process can settle. None when the store must be asked whose it is."""
        if self._forked:
            self._reopen()
        group, call_id = self._group, settlement.call_id
        with group.mutex:
            spend = group.pending.get(call_id)
            if spend is not None:
                if spend.settlement is not None:
                    return False
                spend.settlement = settlement
            elif (spend := group.live.pop(call_id, None)) is not None:
                settlement.spend = spend
                group.put(settlement)
            elif (spend := self._off.pop(call_id, None)) is not None:
                self._holdings.adjust(spend, settlement.actual)
            else:
                return None
            if settlement.actual and any([settlement.actual.get(charge.key, 0) > charge.amount for charge in spend.charges]):
                group.hold_back()  # it took more than it had reserved: nothing overtakes that
        return True

    def _settling(self, settlement: Settlement, *, settled: bool | None) -> Steps[bool]:
        if settled is None:
            return bool((yield settlement))
        yield Barrier()
        return settled

    # ---- looking after the log ------------------------------------------------------------------------------------------------------

    def records(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The exact bytes of the records on disk, in order."""
        self._ready()
        return self._store.records(start, stop)

    def checkpoint(self) -> str:
        """Commits everything and signs how long the log is and what is in it. Give it to somebody else: it cannot be taken back."""
        return str(self._drive(_one(self._sign())))

    def _sign(self, *, passing: bool = False) -> Sign:
        if (signer := self._signer) is None:
            raise ConfigError("the log has no key to sign checkpoints with")
        return Sign(partial(signed_checkpoint, signer), passing)

    def flush(self) -> None:
        """Returns when everything that was recorded before is on disk."""
        self._drive(_one(Barrier()))

    def recover(self) -> list[Finding]:
        """Settles what dead processes left: their open calls become unknown, their unspent leases go back. What a person should look at."""
        return self._drive(self._recovering())

    def _recovering(self) -> Steps[list[Finding]]:
        findings: list[Finding] = []
        yield from self._holdings.reaping(findings)
        return findings + found_by((yield Expire(self.now())))

    def _tidy(self) -> float | None:
        """What the background thread does when there is nothing to write; the seconds until it should look again."""
        now, size = monotonic(), self._store.size
        if now - self._pruned > PRUNE_EVERY:
            self._pruned = now
            self._prune()
        with self._group.mutex:
            idle = self._leases.idle() if now - self._tidied > TIDY else []
            holds = bool(self._leases.held())
        if idle or now - self._tidied > TIDY:
            self._tidied = now
            self._drive(self._holdings.returning(idle))
        unsigned = size - self._signed_size if self._signer else 0
        if unsigned > 0 and now - self._signed > SIGN_EVERY:
            passing = now - self._kept < KEEP_EVERY
            self._signed, self._signed_size, self._kept = now, size, self._kept if passing else now
            self._drive(_one(self._sign(passing=passing)))
            unsigned = 0
        return min([TIDY] * holds + [SIGN_EVERY] * (unsigned > 0), default=None)

    def _prune(self) -> None:
        self._drive(_one(Prune(self.now() - KEEP)))

    def close(self) -> None:
        """Flushes, gives leased budget back, signs a checkpoint, closes the files. Unavailable when something could not be written."""
        with self._opening:
            if self._closed or self._forked:
                self._closed = True
                return
            self._closed = True
        forks.opened.discard(self)
        nothing_left = False
        try:
            nothing_left = self._leave()
        finally:
            self._store.close()
            self._file.close(remove=nothing_left)

    def _leave(self) -> bool:
        group = self._group
        try:
            if not self._used():
                group.queue.clear()
                return True
            self._holdings.leaving()
            record = self.recorder.event("close", process=self._file.name)
            return bool(self._drive(_one(Leave(record, self._sign().sign if self._signer else None))))
        finally:
            group.close()

    def _used(self) -> bool:
        with self._group.mutex:
            return self._store.entered or len(self._group.queue) > 1

    # ---- driving --------------------------------------------------------------------------------------------------------------------

    def _drive(self, steps: Steps[T]) -> T:
        try:
            return self._group.drive(steps)
        except Exception as error:
            raise denied(error) from error

    async def _adrive(self, steps: Steps[T]) -> T:
        try:
            return await self._group.adrive(steps)
        except Exception as error:
            raise denied(error) from error

    def _orphan(self, spend: Spend) -> None:
        """A spend was done after its caller had given up waiting: it never ran, and takes nothing but its approvals."""
        settlement = Settlement(spend.call_id, {charge.key: 0 for charge in spend.charges}, status="cancelled")
        settlement.record = self.recorder.outcome(spend.call_id, status="cancelled", reason="the caller stopped waiting before the call ran")
        with self._group.mutex:
            if spend.open is None:
                settlement.spend = self._group.live.pop(spend.call_id, spend)
            self._group.put(settlement)

    # ---- forks ----------------------------------------------------------------------------------------------------------------------

    def _ready(self) -> Group:
        if self._forked:
            self._reopen()
        return self._group

    def _reopen(self) -> None:
        with self._opening:
            if self._forked and not self._closed:
                if not self._whole:
                    raise Unavailable("this process was forked while its parent wrote to the ledger", remedy="start it anew")
                self._open()
                self._forked = False

    def part(self) -> bool:
        """Before a fork: lets go of what a child must not inherit. False when there is nothing, or it cannot be done: then the child refuses."""
        self._parted = False
        self._parted = not self._closed and not self._forked and self._store.part()
        return self._parted

    def rejoin(self) -> None:
        """After it, in the parent."""
        self._parted = False
        self._store.rejoin()

    def forget(self) -> None:
        """In a forked child: everything inherited belongs to the parent. The next use opens files of its own."""
        if not self._closed and not self._forked:
            self._opening, self._forked, self._whole = Lock(), True, self._parted
            self._store.forget()
            self._file.forget()


def _one(work: Work) -> Steps[Result]:
    return (yield work)
