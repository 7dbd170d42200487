"""Store: where the ledger and the log are kept, behind one small protocol.

A store does one thing: it takes a batch of *works* and does them in one transaction, in order, durably.  Every work succeeds or is refused
by itself (one exhausted budget does not refuse its neighbours), and when the transaction fails none of the batch has happened.  Budgets,
burns, open calls and the records that tell of them therefore never disagree: the ledger is a fold of the log (`gate.log.replay`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from gate.decide import Durability
    from gate.store.questions import LetGo, Pose, Say, Use

Record: TypeAlias = "bytes | Callable[[], bytes]"
"""One JSON object in bytes, or something that writes it later; what it says is fixed either way."""

Status: TypeAlias = Literal["ok", "error", "timeout", "cancelled", "unknown", "output-limit"]
Subject: TypeAlias = Literal["capability", "agent", "session", "all"]
Pause: TypeAlias = Callable[[str], None]
"""Called with the name of each step of a transaction, so that a test can stop the process exactly there."""


class Charge(NamedTuple):
    """What a call takes from one budget: `amount` of `limit` (calls, microseconds of wall time, millionths of a cost unit).

    The limit comes from the signed capability, so a budget needs no setting up.  expires: seconds since the epoch after which the budget
    means nothing (the end of a rate window); 0 for never.
    """

    key: str
    amount: int
    limit: int
    expires: float = 0.0


class Burn(NamedTuple):
    """An approval that this call uses up, and when it would have expired."""

    jti: str
    expires: float


class Open(NamedTuple):
    """How an after-hook in another process finds the call; of each session, ref and digest one can be open at a time.

    until: when a call nobody settled counts as lost; 0 means a day.
    """

    session: str
    ref: str
    digest: str
    until: float = 0.0


class Opened(NamedTuple):
    """A call that was spent and not settled; `reserved` is what each budget was charged."""

    call_id: str
    session: str
    ref: str
    digest: str
    time: float
    reserved: Mapping[str, int]


@dataclass(slots=True)
class Spend:
    """Charges, burned approvals and the intent record of one call: all of them happen, or none.

    `record` that has a method `merged(outcome: bytes) -> bytes` allows one record of type "call" where intent and outcome are written
    together.  uses: the questions whose approvals let it run. The last three fields belong to the ledger.
    """

    call_id: str
    charges: tuple[Charge, ...] = ()
    burns: tuple[Burn, ...] = ()
    record: Record = b""
    durability: Durability = "durable"
    open: Open | None = None
    uses: tuple[Use, ...] = ()
    settlement: Settlement | None = field(default=None, init=False, repr=False)
    leased: bool = field(default=False, init=False, repr=False)
    used: Mapping[str, str] = field(default_factory=dict[str, str], init=False, repr=False)


@dataclass(slots=True)
class Settlement:
    """How a call ended. actual: what it really took, by budget key; a key left out took what was reserved.

    `record` that has a method `fragment() -> bytes` can be merged with an intent. durable: wait until it is on disk. The last field
    belongs to the ledger: the call, when this process spent it and nobody else can settle it.
    """

    call_id: str
    actual: Mapping[str, int] = field(default_factory=dict[str, int])
    record: Record = b""
    status: Status = "ok"
    durable: bool = False
    spend: Spend | None = field(default=None, init=False, repr=False)


class Append(NamedTuple):
    """A record that spends nothing: a refusal, a question, a grant."""

    record: Record


class Barrier(NamedTuple):
    """Nothing: whoever waits for it knows that everything queued before is on disk."""


class Refill(NamedTuple):
    """Asks for a slice of a budget for this process: at least `charge.amount`. `slot` is its counter in the process file."""

    charge: Charge
    slot: int


class Return(NamedTuple):
    """Gives a leased slice back: `used` of it is spent, `adjust` of what was used was not (calls that leave no record ended cheaper)."""

    key: str
    used: int
    adjust: int = 0


class Change(NamedTuple):
    """A token revoked, an agent stopped or resumed."""

    subject: Subject
    name: str
    on: bool
    record: Record


class Sign(NamedTuple):
    """A checkpoint of everything before it in the batch. passing: the next one of this process replaces it."""

    sign: Callable[[int, bytes], str]
    passing: bool = False


class Prune(NamedTuple):
    """Forgets used approvals and rate windows that ended before `until`; an approval that old is refused for good."""

    until: float


class Reap(NamedTuple):
    """Settles what a dead process left. used: its counters by slot; None when they are not known and every leased unit counts as spent."""

    process: str
    used: Sequence[int] | None


class Expire(NamedTuple):
    """Settles, as unknown, open calls whose `until` passed before `now` and that no living process runs."""

    now: float


class Leave(NamedTuple):
    """This process ends: what it left for after-hooks stays open. sign: makes the last checkpoint."""

    record: Record
    sign: Callable[[int, bytes], str] | None = None


Work: TypeAlias = "Spend | Settlement | Append | Barrier | Refill | Return | Change | Sign | Prune | Reap | Expire | Leave | Pose | Say | LetGo"
Result: TypeAlias = object
"""What a work gave, or the exception that refused it: None (Spend, Append …), bool (Settlement), int (Refill), list[Finding] (Reap …)."""


T = TypeVar("T")
Steps: TypeAlias = Generator[Work, Result, T]
"""What must be committed, one work after the other; how (in this thread, or awaited) is the driver's business."""


class Finding(NamedTuple):
    """Something a person should look at: a call without an outcome, budget that a crash lost, a counter that somebody set back."""

    kind: Literal["unknown-outcome", "lost-budget", "tampered"]
    subject: str
    text: str


class Rows(NamedTuple):
    """Every row of the ledger at one moment, to be compared with the log."""

    budgets: Mapping[str, int]
    burned: Mapping[str, float]
    standing: frozenset[tuple[str, str]]
    open: Mapping[str, Mapping[str, int]]
    pruned: float


class Refused(Exception):
    """A work was refused inside its transaction; the ledger turns it into the error a caller sees."""


class Short(Refused):
    """Budgets that have too little left. held: of these, some is leased and might come back."""

    def __init__(self, keys: tuple[str, ...], held: tuple[str, ...]) -> None:
        super().__init__(*keys)
        self.keys = keys
        self.held = held


class Burned(Refused):
    """An approval, or a call, was presented a second time."""


RAN_BEFORE: Final = "this very call ran before under the id that the framework gave it, or was about to"


class Late(Refused):
    """An approval had expired when it would have been used."""


class Store(Protocol):
    """The embedded store is `gate.store.sqlite`. Only one thread at a time calls `commit`; the readers may run beside it."""

    def commit(self, works: Sequence[Work]) -> list[Result]:
        """Does the works in one transaction. Unavailable when it could not be made durable; then nothing of it happened."""
        ...

    def standing(self) -> frozenset[tuple[str, str]]:
        """(subject, name) of everything revoked or stopped."""
        ...

    def find(self, session: str, ref: str, digest: str) -> Opened | None:
        """The oldest open call an after-hook may settle."""
        ...

    def lacking(self, charges: Iterable[Charge]) -> tuple[str, ...]:
        """The budgets that are too short for these charges, whatever other processes still give back. Changes nothing."""
        ...

    def processes(self) -> list[str]:
        """The processes that have work open here, dead or alive, without this one."""
        ...

    def seen(self) -> float:
        """The latest time in the log, in seconds since the epoch; 0 for a new one."""
        ...

    def records(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The records' exact bytes, in order."""
        ...

    def close(self) -> None:
        """Lets go of files; commits nothing."""
        ...
