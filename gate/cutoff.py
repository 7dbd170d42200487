"""Cut off: what is revoked and stopped, and how it is.

Every call looks at it, so looking costs one word of shared memory until something changes; a change is seen by the next call of every process.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from gate.errors import ConfigError
from gate.store import Change, Result, Subject, Work

if TYPE_CHECKING:
    from gate.decide import Standing
    from gate.log.recorder import Recorder
    from gate.store.sqlite import SqliteStore


class CutOff(ABC):
    """The part of a ledger that ends authority."""

    recorder: Recorder
    _store: SqliteStore
    _known: tuple[int, Standing | None]
    _words: memoryview

    @abstractmethod
    def do(self, work: Work) -> Result:
        """Does one work, durably."""

    @abstractmethod
    def _ready(self) -> object:
        """Opens what a fork closed."""

    def standing(self) -> Standing:
        """What is revoked and stopped now; reading it costs one look at shared memory until something changes."""
        epoch, standing = self._known
        return standing if self._words[0] == epoch and standing is not None else self._read_standing()

    def _read_standing(self) -> Standing:
        from gate.decide import Standing

        self._ready()
        self._store.settle_epoch()
        words = self._store.shared.words
        epoch = words[0]
        named: dict[str, set[str]] = {"capability": set(), "agent": set(), "session": set(), "all": set()}
        for subject, name in self._store.standing():
            named[subject].add(name)
        standing = Standing(
            revoked=frozenset(named["capability"]),
            stopped_agents=frozenset(named["agent"]),
            stopped_sessions=frozenset(named["session"]),
            stopped_all=bool(named["all"]),
            epoch=epoch,
        )
        if not epoch & 1:  # otherwise a change is being written, and the next call looks again
            self._words, self._known = words, (epoch, standing)
        return standing

    def revoke(self, jti: str, by: str = "", reason: str = "") -> None:
        """Ends a capability and everything delegated from it, for good, from the next call on in every process."""
        if not jti:
            raise ConfigError("name the token to revoke by its id (jti)")
        self._change("capability", jti, on=True, kind="revoke", by=by, reason=reason)

    def stop(self, *, agent: str = "", session: str = "", all: bool = False, by: str = "", reason: str = "") -> None:  # noqa: A002  # the word people type
        """Refuses every call of an agent, of a session, or of all, from the next call on in every process."""
        self._change(*_subject(agent, session, everything=all), on=True, kind="stop", by=by, reason=reason)

    def resume(self, *, agent: str = "", session: str = "", all: bool = False, by: str = "", reason: str = "") -> None:  # noqa: A002  # as above
        """Takes a stop back."""
        self._change(*_subject(agent, session, everything=all), on=False, kind="resume", by=by, reason=reason)

    def _change(self, subject: Subject, name: str, *, on: bool, kind: str, by: str, reason: str) -> None:
        record = self.recorder.event(kind, subject=subject, name=name, by=by, reason=reason)
        self.do(Change(subject, name, on, record))


def _subject(agent: str, session: str, *, everything: bool) -> tuple[Subject, str]:
    given: list[tuple[Subject, str]] = [("agent", agent), ("session", session), ("all", "*" if everything else "")]
    named = [each for each in given if each[1]]
    if len(named) != 1:
        raise ConfigError("name exactly one of an agent, a session, or all")
    return named[0]
