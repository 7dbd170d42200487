"""Lease: slices of budgets that this process holds, so that most calls are counted without a transaction.

A slice is taken out of the budget in one transaction and belongs to this process alone; nobody else can spend it.  Each use first raises
a counter in the process file (`gate.store.liveness`), then the call runs.  When the process ends, even by kill -9, the counter tells what was used
and the rest goes back; when the host lost power the counter may be stale, and the whole slice counts as spent.  So a budget is never
overspent, and at worst a call is refused early while another process really holds the units.

The ledger calls everything here under its own lock.
"""

from __future__ import annotations

from collections.abc import Iterable

from gate.store import Charge, Result
from gate.store.liveness import ProcessFile


class Slice:
    """What is left of one leased budget, and what was used of it.

    adjust: what calls gave back that leave no record, as a negative number.  pins: transactions under way that use it.
    """

    __slots__ = ("adjust", "left", "mark", "pins", "slot", "used")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.left = self.used = self.adjust = self.pins = 0
        self.mark = -1


class Leases:
    """The slices of this process, by budget key."""

    __slots__ = ("_file", "_free", "_slices")

    def __init__(self, file: ProcessFile) -> None:
        self._file = file
        self._slices: dict[str, Slice] = {}
        self._free = list(range(len(file.counters) - 1, -1, -1))

    def take(self, charges: tuple[Charge, ...]) -> bool:
        """Uses every charge, or none and gives False."""
        slices = self._slices
        if len(charges) == 1:  # nearly every call: one budget of one capability
            key, amount, _, _ = charges[0]
            held = slices.get(key)
            if held is None or not 0 <= amount <= held.left:
                return False
            held.left -= amount
            held.used = used = held.used + amount
            self._file.counters[held.slot] = used
            return True
        for charge in charges:
            held = slices.get(charge[0])
            if held is None or not 0 <= charge[1] <= held.left:
                return False
        counters = self._file.counters
        for done, charge in enumerate(charges):
            held = slices[charge[0]]
            if held.left < charge[1]:  # the same budget twice in one call
                self._undo(charges[:done])
                return False
            held.left -= charge[1]
            held.used += charge[1]
            counters[held.slot] = held.used
        return True

    def pin(self, charges: tuple[Charge, ...]) -> None:
        """Keeps the slices from being given back until the transaction is done that records this use of them."""
        for charge in charges:
            self._slices[charge.key].pins += 1

    def unpin(self, charges: tuple[Charge, ...]) -> None:
        """It is done."""
        for charge in charges:
            self._slices[charge.key].pins -= 1

    def _undo(self, charges: tuple[Charge, ...]) -> None:
        for charge in charges:
            held = self._slices[charge.key]
            held.left += charge.amount
            held.used -= charge.amount
            self._file.counters[held.slot] = held.used

    def missing(self, charges: Iterable[Charge]) -> list[Charge]:
        """Of each budget, what must be leased before all charges can be taken."""
        wanted: dict[str, Charge] = {}
        for charge in charges:
            before = wanted[charge.key].amount if charge.key in wanted else -self.left(charge.key)
            wanted[charge.key] = charge._replace(amount=before + charge.amount)
        return [charge for charge in wanted.values() if charge.amount > 0]

    def left(self, key: str) -> int:
        """Units of the budget that this process still holds."""
        held = self._slices.get(key)
        return held.left if held else 0

    def slice(self, key: str) -> Slice:
        """The slice of the budget, an empty one when there is none. OSError when the disk is full."""
        held = self._slices.get(key)
        if held is None:
            if not self._free:
                self._grow()
            held = self._slices[key] = Slice(self._free.pop())
            self._file.counters[held.slot] = 0
        return held

    def _grow(self) -> None:
        before = len(self._file.counters)
        self._file.grow()
        self._free.extend(range(len(self._file.counters) - 1, before - 1, -1))

    def add(self, key: str, held: Slice, units: Result) -> None:
        """Units were granted to the slice; if it was given back meanwhile, they went with it."""
        if self._slices.get(key) is held and isinstance(units, int):
            held.left += units

    def adjust(self, key: str, units: int) -> bool:
        """A call without a record used `units` more than it had reserved. False when the slice is gone."""
        held = self._slices.get(key)
        if held:
            held.adjust += units
        return held is not None

    def detach(self, key: str) -> Slice | None:
        """Takes a slice out of use, so that it can be given back. None when there is none, or it is pinned."""
        held = self._slices.get(key)
        return self._slices.pop(key) if held is not None and not held.pins else None

    def free(self, held: Slice) -> None:
        """The slice was given back: its counter may serve another."""
        self._free.append(held.slot)

    def attach(self, key: str, held: Slice) -> None:
        """The slice could not be given back: it stays in use. Nothing was leased since, because the store knows one slot per budget."""
        if key in self._slices:
            self.free(self._slices.pop(key))
        self._slices[key] = held

    def idle(self) -> list[str]:
        """Budgets that nothing used since the last time this was asked."""
        still = [key for key, held in self._slices.items() if held.used == held.mark]
        for held in self._slices.values():
            held.mark = held.used
        return still

    def held(self) -> list[str]:
        """Every budget of which this process holds a slice."""
        return list(self._slices)
