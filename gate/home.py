"""Home: everything of a gate that is outside the process: keys, ledger and log, rules file, clock.

A folder, `.gate` by default, made at the first use with owner-only permissions:

    origin      the name of this gate: the origin of its log and the audience of its tokens
    keys/       see gate.keys
    gate.db     ledger and log, see gate.store.sqlite and gate.audit

Opening is lazy: a program that only wraps functions touches no file.  What every call reads, `standing` and `rules`, and `take`, are replaced
by their opened forms at the first call, so that later calls do not ask whether anything is open.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gate.call import b64url
from gate.charges import Plan, plan
from gate.clock import Clock, NeverBack, SystemClock
from gate.effect import Risk
from gate.errors import ConfigError, Denied
from gate.store import forks
from gate.tokens import keyfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gate.capability import Capability
    from gate.decide import Standing
    from gate.desk import Desk
    from gate.keys import KeyRing, TrustAnchors
    from gate.ledger import Ledger
    from gate.log.records import Records
    from gate.people import People
    from gate.rules import Rules
    from gate.store import Charge, Finding, Pause
    from gate.tool import Tool

_PLANS: Final = 4096
_VERIFIED: Final = 1024
_ANCHORS_FOR: Final = 1.0
_MAX_ORIGIN: Final = 200


class Home:
    """The outside of one gate. Thread-safe; `close` may be called more than once, and the next use opens it again.

    pause: for tests that stop a process inside a transaction, see `gate.store.Pause`.  findings: what opening found that dead processes left
    behind, for a person to look at; the log tells of it too.
    """

    def __init__(
        self,
        path: Path,
        *,
        rules: str | Path | None = None,
        origin: str = "",
        clock: Clock | None = None,
        clear: Mapping[str, Iterable[str]] | None = None,
        pause: Pause | None = None,
        tools: Mapping[str, Tool] = MappingProxyType({}),
    ) -> None:
        self.path = path.absolute()  # a program that changes its folder keeps its gate
        self._tools = tools  # those behind the gate, which the examples in its rules may name
        self.findings: list[Finding] = []
        self._given_clock = NeverBack(clock) if clock else None
        self.now: Callable[[], float] = (self._given_clock or SystemClock()).now
        self._pause = pause
        self._clear = clear
        self.standing: Callable[[], Standing] = self._first_standing
        self.rules: Callable[[], Rules] = self._first_rules
        self.take: Callable[[tuple[Charge, ...]], None] = self._first_take
        self.people: Callable[[], People] = self._first_people
        self._rules_path = Path(rules).absolute() if rules is not None else None
        self._given_origin = origin
        self._lock = threading.RLock()
        self._origin = ""
        self._ledger: Ledger | None = None
        self._records: Records | None = None
        self._keys: KeyRing | None = None
        self._desk: Desk | None = None
        self._anchors: dict[str, tuple[TrustAnchors, float]] = {}
        self._plans: dict[tuple[str, str], Plan] = {}
        self._verified: dict[str, tuple[TrustAnchors, Capability]] = {}
        forks.homes.add(self)

    # ---- what a call reads ------------------------------------------------------------------------------------------------------

    def _first_standing(self) -> Standing:
        self.standing = self.ledger.standing
        return self.standing()

    def _first_take(self, charges: tuple[Charge, ...]) -> None:
        self.take = self.ledger.take
        self.take(charges)

    def _first_rules(self) -> Rules:
        beside = self.path.parent / "gate.toml"
        path = self._rules_path or (beside if beside.exists() else None)
        if path is not None and not path.exists():
            raise ConfigError(f"there is no rules file '{path}'; write one with: gate init")
        self.rules = self._watched(path) if path else _no_rules()
        return self.rules()

    def _watched(self, path: Path) -> Callable[[], Rules]:
        from gate.policy.catalogue import KindCatalogue
        from gate.policy.rulesfile import watch

        return watch(path, changed=self.records.rules_changed, catalogue=KindCatalogue(tools=self._tools)).current

    @property
    def rules_version(self) -> str:
        """The version of the rules in force, "" when they cannot be read: a refusal is recorded all the same."""
        try:
            return self.rules().version
        except Exception:  # whatever is wrong with the file, the call was refused for it
            return ""

    def plan(self, capability: Capability | None, tool: str) -> Plan:
        """The budgets a tool spends under a capability, found by its whole token: who derives a capability chooses its id, also another's."""
        if capability is None:
            raise Denied("no capability was presented")
        found = self._plans.get((capability.token, tool))
        if found is None:
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            found = self._plans[capability.token, tool] = plan(capability, tool)
        return found

    def verify(self, presentation: str) -> Capability:
        """The capability of a token chain, verified once per exact text for as long as the same keys are trusted."""
        trusted, found = self._verified.get(presentation, (None, None))
        if found is None or trusted != self.anchors("issuer"):
            from gate import token

            trusted = self.anchors("issuer", fresh=True)
            found = token.verify(presentation, trusted, audience=self.origin, now=self.now())
            if len(self._verified) >= _VERIFIED:
                self._verified.clear()
            self._verified[presentation] = (trusted, found)
        return found

    # ---- what is opened at first use --------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        """What is spent, used, revoked and stopped, and the log."""
        if self._ledger is None:
            with self._lock:
                if self._ledger is None:
                    self._ledger = self._open()
        return self._ledger

    @property
    def records(self) -> Records:
        """Writes the records of calls."""
        return self._records or self._open_records()

    def turn(self) -> int:
        """Another number whenever something was asked or answered; -1 while nothing is open, for looking opens nothing."""
        ledger = self._ledger
        return -1 if ledger is None else ledger.turn

    @property
    def desk(self) -> Desk:
        """The questions that wait, and their answers."""
        if self._desk is None:
            from gate.desk import Desk

            self._desk = Desk(self)
        return self._desk

    def _first_people(self) -> People:
        from gate.peoplefile import people_file

        if self.people == self._first_people:  # whoever took hold of it before the first use still asks here
            self.people = people_file(self.path.parent / "approvers.toml")
        return self.people()

    def wants_passkey(self, risk: Risk) -> bool:
        """Whether a yes to a call of this risk needs a passkey: where anybody has one, critical risk does."""
        from gate.tokens import passkey

        return risk >= Risk.CRITICAL and bool(passkey.names(self.keys.directory))

    @property
    def keys(self) -> KeyRing:
        """The key ring."""
        if self._keys is None:
            from gate.keys import KeyRing

            self._keys = KeyRing(self.path / "keys")
        return self._keys

    def anchors(self, purpose: str, *, fresh: bool = False) -> TrustAnchors:
        """The public keys trusted as "issuer" or as "approver"; the two sets are apart. A key that is taken out ends within a second.

        fresh: read them now, before refusing what a key that was added just now may have signed.
        """
        read, until = self._anchors.get(purpose, (None, 0.0))
        if fresh or read is None or monotonic() >= until:
            read = self.keys.anchors(purpose)
            self._anchors[purpose] = (read, monotonic() + _ANCHORS_FOR)
        return read

    @property
    def origin(self) -> str:
        """The name of this gate, kept in the file `origin`; made from the log key when nobody gave one."""
        if not self._origin:
            path = self.path / "origin"
            with keyfile.directory(self.path):
                kept = keyfile.read_or_create(path, self._new_origin).decode("ascii", "replace").strip()
            if self._given_origin and kept != self._given_origin:
                raise ConfigError(f"this gate is called '{kept}', not '{self._given_origin}'; its log and tokens carry that name (file '{path}')")
            self._origin = kept
        return self._origin

    @property
    def verifier_key(self) -> str:
        """The log's public key as C2SP signed notes write it: all that anybody needs to verify the log."""
        from gate.log.note import verifier_key

        return verifier_key(self.origin, self.keys.signing("log").public.raw)

    def _new_origin(self) -> bytes:
        name = self._given_origin or f"capgate.local/{self.keys.signing('log').kid[:12]}"
        if not name.isascii() or not name.isprintable() or " " in name or "+" in name or not 0 < len(name) <= _MAX_ORIGIN:
            raise ConfigError(f"{name!r} cannot name a gate; use letters, digits and . / - such as 'example.com/agents'")
        return name.encode() + b"\n"

    def _open(self) -> Ledger:
        from gate.ledger import Ledger
        from gate.log.note import NoteKey
        from gate.log.records import Records
        from gate.log.redact import Redactor
        from gate.store.sqlite import no_pause

        key = NoteKey(self.origin, self.keys.signing("log"))
        redactor = Redactor(self.keys.secret("log-hmac"), self._clear)
        ledger = Ledger(self.path, origin=self.origin, signer=key, redactor=redactor, clock=self._given_clock, pause=self._pause or no_pause)
        self.now = ledger.clock.now  # never earlier than anything the log has seen
        self._records = Records(self, ledger.recorder)
        self.findings = ledger.recover()
        return ledger

    def _open_records(self) -> Records:
        from gate.log.records import Records

        opened = self.ledger  # which makes them
        return self._records or Records(self, opened.recorder)

    def part(self) -> bool:
        """Before a fork: whoever opens the ledger just now does so first, for a child would wait for them."""
        return self._lock.acquire()

    def rejoin(self) -> None:
        """After it, in the parent."""
        self._lock.release()

    def forget(self) -> None:
        """In the child: what is open is the ledger's to forget."""
        self._lock = threading.RLock()

    def close(self) -> None:
        """Flushes and signs the log, gives leased budget back, closes the files."""
        with self._lock:
            ledger, self._ledger, self._records = self._ledger, None, None
            self.standing, self.rules, self.take = self._first_standing, self._first_rules, self._first_take
            if ledger is not None:
                ledger.close()


def new_session() -> str:
    """A fresh name for a group of calls."""
    return b64url(os.urandom(9))


def _no_rules() -> Callable[[], Rules]:
    from gate.rules import Rules

    return lambda: Rules.EMPTY
