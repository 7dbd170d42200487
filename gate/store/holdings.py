"""Holdings: how this process comes by slices of budgets, and how they go back: its own, and those of processes that died.

What takes more than one transaction is written as steps: a generator that yields each work to be committed and is sent its result.  A driver
commits them in the thread that calls, or awaits them in a task; so both share one way of doing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from gate.store import Barrier, Charge, Finding, Reap, Refill, Result, Return, Short, Spend, Steps, Store
from gate.store.group import Group
from gate.store.lease import Leases
from gate.store.liveness import ProcessFile, dead, names

TRIES: Final = 64


class Holdings:
    """The slices of one process, on one store. `leases` are guarded by the group's mutex."""

    def __init__(self, group: Group, store: Store, file: ProcessFile, run: Path) -> None:
        self.leases = Leases(file)
        self._group, self._store, self._own, self._run = group, store, file.name, run

    def taking(self, charges: tuple[Charge, ...]) -> Steps[None]:
        """Takes the charges, leasing what is missing. Short when there is not enough."""
        for _ in range(TRIES):
            refused = yield from self.refilling(charges)
            with self._group.mutex:
                if self.leases.take(charges):
                    return
            if refused:
                raise refused
        raise Short(tuple([charge.key for charge in charges]), ())

    def affording(self, charges: tuple[Charge, ...]) -> Steps[None]:
        """Takes nothing. Short when a budget cannot hold the charges, whatever other processes give back of it."""
        if self._lacking(charges):
            yield Barrier()  # calls that ended give back what they had reserved and not used
            if keys := self._lacking(charges):
                raise Short(keys, ())

    def _lacking(self, charges: tuple[Charge, ...]) -> tuple[str, ...]:
        with self._group.mutex:
            wanted = self.leases.missing(charges)
        return self._store.lacking(wanted)

    def refilling(self, charges: tuple[Charge, ...]) -> Steps[Short | None]:
        """Leases what the charges need. Gives the refusal when there is not enough, and nothing that a dead process left."""
        with self._group.mutex:
            wanted = [(self.leases.slice(charge.key), charge) for charge in self.leases.missing(charges)]
        for held, charge in wanted:
            try:
                units = yield Refill(charge, held.slot)
            except Short as short:
                if held.adjust < 0:
                    yield from self.returning([charge.key])
                elif not short.held or not (yield from self.reaping()):
                    return short
                continue
            with self._group.mutex:
                self.leases.add(charge.key, held, units)
        return None

    def spending(self, spend: Spend, error: Exception) -> Steps[None]:
        """Spends after a refusal: out of this process's own slices, or when budget came back from calls that ended and from leases."""
        for attempt in range(TRIES):
            if not isinstance(error, Short):
                break
            with self._group.mutex:
                spend.leased = self.leases.take(spend.charges)
                if spend.leased:
                    self.leases.pin(spend.charges)
            if not spend.leased and not (yield from self._freeing(error)) and attempt:
                break
            try:
                yield spend
            except Exception as refused:
                error = refused
                self._unpin(spend, used=False)
            else:
                return self._unpin(spend, used=True)
        raise error

    def _unpin(self, spend: Spend, *, used: bool) -> None:
        if spend.leased:
            with self._group.mutex:
                self.leases.unpin(spend.charges)
                if not used:
                    self.adjust(spend, dict.fromkeys([charge.key for charge in spend.charges], 0))
            spend.leased = used

    def adjust(self, spend: Spend, actual: Mapping[str, int]) -> None:
        """A call without a record of its own took other amounts than it had reserved. The caller holds the mutex."""
        for charge in spend.charges:
            units = actual.get(charge.key, charge.amount) - charge.amount
            if units and not self.leases.adjust(charge.key, units):
                self._group.put(Return(charge.key, 0, units))

    def _freeing(self, short: Short) -> Steps[bool]:
        """Gives back what this process and dead ones hold of the budgets. False when that was nothing."""
        keys = [key for key in short.keys if self.leases.left(key)]
        yield from self.returning(keys)
        reaped = (yield from self.reaping()) if short.held else False
        return bool(keys) or reaped

    def returning(self, keys: Iterable[str]) -> Steps[None]:
        """Gives slices back."""
        for key in keys:
            with self._group.mutex:
                held = self.leases.detach(key)
            if held is None:
                continue
            try:
                yield Return(key, held.used, held.adjust)
            except BaseException:
                with self._group.mutex:
                    self.leases.attach(key, held)
                raise
            with self._group.mutex:
                self.leases.free(held)

    def leaving(self) -> None:
        """Queues the return of everything."""
        with self._group.mutex:
            for key in self.leases.held():
                if held := self.leases.detach(key):
                    self._group.put(Return(key, held.used, held.adjust))

    def reaping(self, findings: list[Finding] | None = None) -> Steps[bool]:
        """Settles what dead processes left behind; with `findings`, also of those that left nothing but their file. False when there were none."""
        buried = False
        suspects = {*self._store.processes(), *(names(self._run) if findings is not None else ())} - {self._own}
        for name in sorted(suspects):
            if (body := dead(self._run, name)) is None:
                continue
            done = False
            try:
                found = found_by((yield Reap(name, body.counters())))
                done = buried = True
            finally:
                body.close(remove=done)
            if findings is not None:
                findings += found
        return buried


def found_by(result: Result) -> list[Finding]:
    """What a work found that looks after what others left."""
    return result if isinstance(result, list) else []  # pyright: ignore[reportUnknownVariableType]  # such works give findings
