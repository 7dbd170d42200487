"""Memory: what a store knows of its own process between transactions, and the intent records that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.store.members import keep, member_of, record_bytes, sums, until

if TYPE_CHECKING:
    from gate.store import Charge, Spend


class Budget:
    """A budget row in memory. stored: it is in the table."""

    __slots__ = ("expires", "leased", "limit", "spent", "stored")

    def __init__(self, spent: int, leased: int, limit: int, expires: float, *, stored: bool) -> None:
        self.spent, self.leased, self.limit, self.expires, self.stored = spent, leased, limit, expires, stored


class Running:
    """A call of this process that has no outcome yet. kept: it has a row in `open`."""

    __slots__ = ("charges", "kept", "time")

    def __init__(self, charges: tuple[Charge, ...], time: float) -> None:
        self.charges, self.time, self.kept = charges, time, False


class Memory:
    """What a store knows of its own process between transactions.

    horizon: every call without an outcome whose intent is older than this record has a row in `open`.  budgets: rows as they are on disk,
    as long as nobody else writes.  passing: the size of this process's last passing checkpoint.  intents, calls: the member "ledger" by charges.
    """

    def __init__(self, process: str) -> None:
        self.process = process
        self.running: dict[str, Running] = {}
        self.horizon = self.passing = -1
        self.budgets: dict[str, Budget] = {}
        self.intents: dict[object, bytes] = {}
        self.calls: dict[object, bytes] = {}


def intent(work: Spend, memory: Memory) -> bytes:
    """The intent record of a call, with what it changes in the ledger; that is the same for every call that charges the same."""
    body = record_bytes(work.record, work.call_id, "intent", strict=work.durability == "durable" and work.settlement is None)
    usual = not work.burns and not work.uses and work.open is None
    member = memory.intents.get(work.charges) if usual else None
    if member is None:
        ledger: dict[str, object] = {"by": memory.process, "charges": sums(work.charges), "until": until(work.charges)}
        member = member_of(
            ledger | {"burns": {burn.jti: burn.expires for burn in work.burns}, "open": work.open is not None} | {"questions": dict(work.used)}
        )
        if usual:
            keep(memory.intents, work.charges, member)
    return b"%b,%b}" % (body[:-1], member)
