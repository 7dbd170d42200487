r"""The audit log: what a record says, and how anyone can check that nobody changed the log.

A record is one compact JSON object in UTF-8.  Its exact bytes are leaf `index` of a Merkle tree (`gate.log.merkle`), and signed checkpoints
(`gate.log.note`) say what was in the tree when it had so many leaves.  Nothing is written again in another form: what was hashed is kept.

Every record has

    v       1
    type    open close | rules grant attenuate revoke stop resume | intent outcome call refusal usage recovery | question answer edit told passkey
    time    RFC 3339, UTC, microseconds: when it was said, which may be up to a moment before it was written
    gate    the log's name (origin)

A call that may run has a record of type "intent" before it runs and one of type "outcome" afterwards.  Where the rule does not ask for the
disk first and it ended quickly, there is one record of type "call" with the members of both:

    call           unique id of the call        ref        the framework's id of it
    agent, principal, session, task             who acts, for whom, in what
    capability     ids of the capability's links, root first
    tool, args     arguments by name, in clear or as commitments (`gate.log.redact`)
    digest         of the call (`gate.call`), where something outside knows the call by it; a commitment to it when an argument is hidden
    decision       allow or ask, with reasons, rules (ids), grants, risk, effects, techniques (ATT&CK ids)
    rules_version  SHA-256 of the rules file in force
    durability     durable or buffered
    approvals      [{"jti", "approver", "digest": what it was bound to}]
    trace_id       of the span, if one was recorded
    outcome        {"status": ok error timeout cancelled unknown output-limit, "duration_us", "cost", "output_bytes",
                    "error": {"type", "message"}, "reason"}
    ledger         what it changed in the ledger (`gate.log.replay`)

Members that would be empty are left out.  A "refusal" has the members of an intent and `error`, `reasons`, `remedy`; a call that was not even
valid has no arguments.  "open" and "close" tell when a process began and ended to write; "recovery" what a dead one left; "usage" the sum of
what calls used whose rule says that they leave no record.

>>> from gate.clock import SystemClock
>>> from gate.log.redact import Redactor
>>> import json
>>> recorder = Recorder("example.com/agents", Redactor.off(), SystemClock())
>>> record = json.loads(recorder.outcome("c1", status="error", error=ValueError("no\x1b such file"), duration_us=12)())
>>> record["type"], record["call"], record["outcome"]
('outcome', 'c1', {'status': 'error', 'duration_us': 12, 'error': {'type': 'ValueError', 'message': 'no\\x1b such file'}})
"""

from __future__ import annotations

import json
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from gate.errors import ConfigError, TamperError, TokenError
from gate.log.merkle import WIDTH, consistency_proof, inclusion_proof, leaf_hash, verify_inclusion
from gate.log.note import Checkpoint, read_checkpoint, read_verifier_key
from gate.log.recorder import VERSION, Recorder
from gate.log.redact import Redactor
from gate.log.replay import Problem, Replay, Unsettled, compare
from gate.log.trees import Trees
from gate.store.schema import DAMAGED
from gate.store.tree import LEVEL, nodes

__all__ = ["Problem", "Proof", "Recorder", "Report", "appearances", "check_proof", "growth", "prove", "verify"]

PROOF: Final = "c2sp.org/tlog-proof@v1"
MOST_PROBLEMS: Final = 1000
Database: TypeAlias = str | Path | sqlite3.Connection


@dataclass(slots=True)
class Report:
    """What verifying found.

    records, root: what is in the log now, or what was signed where a record was changed.  checkpoints: how many were found right.  unsigned:
    records after the last of them, which only the next one will protect.  problems: evidence that somebody changed something.  unsettled:
    calls without an outcome, by id; they run, or a crash cut them off (`gate.ledger.Ledger.recover`).
    """

    records: int = 0
    root: bytes = b""
    checkpoints: int = 0
    unsigned: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])
    unsettled: dict[str, Unsettled] = field(default_factory=dict[str, Unsettled])

    @property
    def ok(self) -> bool:
        """True when nothing shows that somebody changed something."""
        return not self.problems


@contextmanager
def reading(database: Database) -> Generator[sqlite3.Connection]:
    """A connection that reads one moment of the log, also while gates write it. ConfigError when there is no log to read."""
    if isinstance(database, sqlite3.Connection):
        yield database
        return
    path = Path(database)
    if not path.is_file():
        raise ConfigError(f"there is no log '{path}'")
    still = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"  # a copy on a medium that cannot be written
    for mode in ("", still):
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{mode}", uri=True, isolation_level=None)) as db:
            try:
                db.execute("BEGIN")
                db.execute("SELECT max(seq) FROM record").fetchone()
            except sqlite3.Error as error:
                if mode == still:
                    raise ConfigError(f"'{path}' cannot be read as a log: {error}; {_next_step(error)}") from error
                continue
            yield db
            return


def _next_step(error: sqlite3.Error) -> str:
    """What to do about a log that cannot be opened."""
    text = str(error)
    if "not a database" in text or "malformed" in text or "no such table" in text:
        return DAMAGED
    return "close other programs that use it, and see that this user may read it"


def verify(database: Database, key: str | Sequence[str], *, checkpoint: str = "", ledger: bool = True) -> Report:
    """Reads the whole log and says what somebody changed. It needs nothing but the log's public key, and little memory.

    key: the verifier key (`gate.log.note`), or several when it was rotated.  checkpoint: a signed checkpoint that was kept elsewhere; it also
    shows records that were cut off or rewritten by somebody who has the log's key.  ledger: compare the ledger with the log, too.
    ConfigError when there is no log to read, TokenError when the key or the checkpoint given is none.
    """
    with reading(database) as db:
        return _Verifying(db, [key] if isinstance(key, str) else list(key)).run(checkpoint, ledger=ledger)


class _Enough(Exception):
    """So much is wrong that the rest adds nothing."""


class _Unfit(NamedTuple):
    """A checkpoint that fits no tree so far. fitted: the size of the last one before it that did."""

    fitted: int
    size: int
    root: bytes
    whose: str


class _Verifying:
    """One pass over the log."""

    def __init__(self, db: sqlite3.Connection, keys: list[str]) -> None:
        self._db, self._keys = db, keys
        self._origin = read_verifier_key(keys[0])[0]
        self._report, self._replay, self._tree = Report(), Replay(), Trees(self._stored_tile)
        self._heads: list[tuple[int, str, str]] = []  # size, note, whose; the next one last
        self._open: list[_Unfit] = []  # in the tile that is not complete yet
        self._fitted = self._unfit = 0  # the last size that fitted; checkpoints since then that did not
        self._closed = 0  # the size of the log when a process last closed it, which signs it in the same transaction

    def run(self, checkpoint: str, *, ledger: bool) -> Report:
        report = self._report
        try:
            self._load_heads(checkpoint)
            self._records()
            self._end()
            self._say(self._replay.problems)
            if ledger:
                self._say(compare(self._replay, self._db))
        except sqlite3.DatabaseError as error:
            report.problems.append(Problem(None, f"the file is damaged: {error}"))
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            report.problems.append(Problem(None, f"there is something in the file that this gate would not write ({type(error).__name__})"))
        except _Enough:
            report.problems.append(Problem(None, "and more"))
        report.records, report.root, report.unsettled = self._tree.size, self._tree.root(), self._replay.unsettled
        report.unsigned += report.records
        return report

    def _say(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self._report.problems.append(problem)
            if len(self._report.problems) >= MOST_PROBLEMS:
                raise _Enough

    # ---- records ----------------------------------------------------------------------------------------------------------------------

    def _records(self) -> None:
        tree, heads, report = self._tree, self._heads, self._report
        self._heads_at(0)
        for seq, body in self._db.execute("SELECT seq, body FROM record ORDER BY seq"):
            if seq != tree.size:
                self._say([Problem(tree.size, f"record {tree.size} is missing; the next one is {seq}")])
                return
            if not isinstance(body, bytes):  # the table is another one
                self._say([Problem(seq, f"record {seq} is no record, and what follows cannot be told")])
                return
            if (wrong := tree.append(leaf_hash(body))) is not None:
                self._tile_ends(wrong)
            try:
                record = json.loads(body.decode())  # UTF-8 and nothing else, which `json` would guess
                if record["v"] != VERSION or record["gate"] != self._origin or "fault" in record:
                    self._say([Problem(seq, f"record {seq} is not one that this gate would write")])
                self._replay.add(seq, record)
                if record["type"] == "close":
                    self._closed = tree.size
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                self._say([Problem(seq, f"record {seq} is no record")])
            if heads and heads[-1][0] <= tree.size:
                self._heads_at(tree.size)
            report.records = tree.size

    def _stored_tile(self, level: int, number: int) -> tuple[bytes, bytes] | None:
        found: tuple[bytes, bytes] | None = self._db.execute("SELECT root, hashes FROM tile WHERE id = ?", (level * LEVEL + number,)).fetchone()
        return found

    def _tile_ends(self, wrong: list[Problem]) -> None:
        """What is wrong with the tiles that are complete, and with the checkpoints within the last one."""
        self._say(wrong)
        waiting, self._open = self._open, []
        for head in waiting:
            if self._tree.fitted(head.size, head.root):
                self._fits(head.size)
            else:
                self._fits_not(head)

    # ---- checkpoints ------------------------------------------------------------------------------------------------------------------

    def _load_heads(self, checkpoint: str) -> None:
        heads = [(size, note, "stored") for size, note in self._db.execute("SELECT size, note FROM checkpoint")]
        if checkpoint:
            heads += [(head.size, checkpoint, "given") for head in self._read(checkpoint, "given")]
        self._heads = sorted(heads, reverse=True)

    def _read(self, note: str, whose: str) -> list[Checkpoint]:
        """The checkpoint in the note, when one of the keys signed it."""
        wrong: Exception | None = None
        for key in self._keys:
            try:
                return [read_checkpoint(note, key)]
            except (TamperError, TokenError) as error:
                wrong = error
        if whose == "given" and isinstance(wrong, TokenError):
            raise wrong
        self._say([Problem(None, f"the {whose} checkpoint is wrong: {wrong}")])
        return []

    def _heads_at(self, size: int) -> None:
        """Compares the checkpoints of the log when it had `size` records."""
        while self._heads and self._heads[-1][0] <= size:
            claimed, note, whose = self._heads.pop()
            for head in self._read(note, whose):
                if not head.size == claimed == size:
                    self._say([Problem(None, f"the {whose} checkpoint of {claimed} records says that it is of {head.size}")])
                elif self._tree.fits(head.root):
                    self._fits(size)
                else:
                    self._open.append(_Unfit(self._fitted, size, head.root, whose))

    def _fits(self, size: int) -> None:
        self._say(self._tree.suspects())
        self._more()
        self._report.checkpoints += 1
        self._report.unsigned, self._fitted = -size, size

    def _fits_not(self, head: _Unfit) -> None:
        """Names the records of which one was changed; the checkpoints after it, which then fit no more, are counted only."""
        if head.whose == "stored":
            self._unfit += 1
            if self._unfit > 1:
                return
        last = head.size - 1
        some = f"record {last} is not what was" if last <= head.fitted else f"of the records {head.fitted} to {last} some are not what was"
        what = f"{some} recorded: the {head.whose} checkpoint of {head.size} records is of others"
        self._say([Problem(last if last <= head.fitted else None, what)])

    def _more(self) -> None:
        if self._unfit > 1:
            self._say([Problem(None, f"{self._unfit - 1} checkpoints after it are of other records, too")])
        self._unfit = 0

    def _end(self) -> None:
        size = self._tree.size
        self._say(self._tree.end())
        for unfit in self._open:
            self._fits_not(unfit)
        self._more()
        for claimed, note, whose in reversed(self._heads):
            for head in self._read(note, whose):
                self._say([Problem(None, f"the {whose} checkpoint is of {max(claimed, head.size)} records, the log has {size}: the end was cut off")])
        if self._fitted < self._closed and not self._report.problems:
            self._say([Problem(self._closed - 1, f"the checkpoint that was signed with record {self._closed - 1} is missing: somebody took it out")])
        beyond = self._db.execute("SELECT count(*) FROM tile WHERE id < ? AND (id + 1) * ? > ?", (LEVEL, WIDTH, size)).fetchone()[0]
        if beyond:
            self._say([Problem(None, f"the log has {size} records and tiles of more: the end was cut off")])


# ---- proofs -----------------------------------------------------------------------------------------------------------------------------


class Proof(NamedTuple):
    """That record `number` is in the log of a checkpoint. `text` is a C2SP tlog-proof, which others can check."""

    number: int
    record: bytes
    text: str


def prove(database: Database, index: int) -> Proof:
    """The proof that a record is in the log of its last checkpoint. ValueError when there is no such record, or no checkpoint of it yet."""
    with reading(database) as db:
        found = db.execute("SELECT body FROM record WHERE seq = ?", (index,)).fetchone() if 0 <= index < 1 << 62 else None
        if found is None:
            raise ValueError(f"the log has no record {index}")
        head = db.execute("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        if head is None or head[0] <= index:
            raise ValueError(f"record {index} is in no checkpoint yet; one is signed at least every minute, and when the gate closes")
        hashes = inclusion_proof(index, head[0], nodes(db, head[0]))
    lines = [PROOF, f"index {index}", *[b64encode(each).decode() for each in hashes]]
    return Proof(index, found[0], "\n".join(lines) + f"\n\n{head[1]}")


def check_proof(text: str, record: bytes, key: str) -> Checkpoint:
    """The checkpoint in which the proof shows the record. TamperError when it does not show that, TokenError when it is no proof."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != PROOF:
        raise TokenError("the text is no proof (its first line is not that of a tlog-proof)")
    lines = [line for line in lines[1:] if not line.startswith("extra ")]
    checkpoint = read_checkpoint(note, key)
    try:
        index, hashes = int(lines[0].removeprefix("index ")), [b64decode(line, validate=True) for line in lines[1:]]
    except (ValueError, IndexError):
        raise TokenError("the text is no proof: an index and hashes are expected") from None
    if not verify_inclusion(index, checkpoint.size, leaf_hash(record), hashes, checkpoint.root):
        raise TamperError(f"the proof does not show that this is record {index} of the log")
    return checkpoint


def growth(database: Database, old: int, new: int) -> list[bytes]:
    """The consistency proof that the log of `new` records only added to that of `old`; for witnesses. ValueError when it has fewer."""
    with reading(database) as db:
        return consistency_proof(old, new, nodes(db, new))


def appearances(database: Database, redactor: Redactor, value: object) -> Iterator[tuple[int, str]]:
    """(record, argument name) of every call that had exactly this argument value, shown or hidden. value: plain JSON data."""
    hidden, plain = redactor.commitment(value), json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    with reading(database) as db:
        found = "SELECT seq, body FROM record WHERE instr(body, ?) > 0 OR instr(body, ?) > 0 ORDER BY seq"
        for index, body in db.execute(found, (hidden.encode(), plain.encode())):
            arguments = json.loads(body).get("args", {})
            yield from [(index, name) for name, said in arguments.items() if said == hidden or (type(said) is type(value) and said == value)]
