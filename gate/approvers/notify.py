"""Notify: tells people about questions, on its own thread; no call ever waits for it. `gate inbox` runs it, and it may run alone.

    notifier = Notifier(home.desk, home.people)
    notifier.start()
    app = Starlette(routes=[*routes(home.desk, home.people, notifier.told), …])      # of gate.approvers.notifyroutes
    notifier.close()

`gate.approvers.notifyplan` says who is to be told what; here is only the loop around it.  Everything that was told, or could not be, is kept
(`gate.approvers.notifytold`) and in the log as a record of type "told".  A channel that is slow or down holds up no other: it has at most
two tellings on their way at a time.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final, Protocol

from gate.approvers.notifyplan import HOUR, Telling, Told, plan
from gate.approvers.notifytold import ToldFile
from gate.approvers.post import Undelivered
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.desk import Desk
    from gate.people import People

EVERY: Final = 2.0
AT_ONCE: Final = 2
LATE: Final = 600.0
_SOON: Final = 0.25
GRACE: Final = 2.0
MOST: Final = 1000
_log: Final = logging.getLogger("gate")

__all__ = ["Channel", "Notifier", "Telling", "Told", "Undelivered", "channels", "plan"]


class Channel(Protocol):
    """A way to tell people."""

    def tell(self, telling: Telling, case: Case, people: People) -> str:
        """Tells it and gives a mark back by which the same message is found later; Undelivered when it cannot."""
        ...


def channels(now: Callable[[], float]) -> dict[str, Channel]:
    """The channels that people can be told through, by their first word."""
    from gate.approvers.slack import SlackChannel
    from gate.approvers.webhook import WebhookChannel

    return {"slack": SlackChannel(now), "webhook": WebhookChannel(now)}


class Notifier:
    """Tells people about the questions of a desk. told: what was told; made beside the ledger when left out. every: seconds between two looks."""

    def __init__(
        self,
        desk: Desk,
        people: Callable[[], People],
        ways: Mapping[str, Channel] | None = None,
        *,
        told: ToldFile | None = None,
        every: float = EVERY,
    ) -> None:
        self._desk, self._people, self._every = desk, people, every
        self._ways = dict(ways) if ways is not None else channels(self._now)
        self.told = told or ToldFile(desk.home.path)
        self._flying: dict[tuple[str, str, str, str], Telling] = {}
        self._done = set[str]()
        self._read: dict[str, Case] = {}
        self._read_turn, self._read_until = -1, 0.0
        self._lock, self._ended = Lock(), False
        self._stop, self._thread = Event(), Thread(target=self.run, name="gate-notify", daemon=True)

    def _now(self) -> float:
        return self._desk.home.now()  # whichever clock the gate has by now

    def start(self) -> None:
        """Begins, on a thread of its own."""
        self._thread.start()

    def run(self) -> None:
        """Tells people until `close`. What goes wrong is logged, and tried again."""
        turn, wrong = -1, ""
        while not self._stop.is_set():
            try:
                turn = self._desk.wait(turn, min(_SOON, self._every) if self.step() else self._every)
            except Exception as error:  # a file that is wrong, a store that is locked: nobody is told, and the question waits
                if str(error) != wrong:
                    _log.warning("people cannot be told of questions: %s", error)
                wrong = str(error)
                self._stop.wait(self._every)

    def step(self) -> int:
        """One look: starts telling what is due now, and says how many tellings are on their way or have to wait for those."""
        now, people = self._now(), self._people()
        if not people.people and not people.settings.webhooks:
            return 0
        if not self.told.hold(now):
            return 0
        cases = self._cases(now)
        due = plan(cases.values(), people, now, self._known(cases, now))
        for telling in due:
            if self._starts(telling):
                Thread(target=self._tell, args=(telling, cases[telling.question], people), name="gate-tell", daemon=True).start()
        waiting = {telling.question for telling in due}
        self._done &= {each.question for each in self.told.all()}
        self._done |= {name for name, case in cases.items() if name not in waiting and now > case.question.expires + LATE}
        return len(due)

    def _cases(self, now: float) -> dict[str, Case]:
        """The open ones, and those that somebody was told of; read again when anything was asked or answered, or a time is over."""
        turn = self._desk.turn
        if turn != self._read_turn or now >= self._read_until:
            found = {case.question.id: case for case in self._desk.cases(limit=MOST)}
            self._read_until = min([case.question.expires for case in found.values()], default=now + LATE)
            for question in self.told.unfinished(found.keys() | self._done):
                case = self._desk.case(question)
                if case is not None:
                    found[question] = case
            self._read, self._read_turn = found, turn
        return self._read

    def _known(self, cases: Mapping[str, Case], now: float) -> list[Told]:
        """What was told of these cases or in the last hour, and what is being told as if it had been."""
        with self._lock:
            flying = [Told(*telling[:4], ok=True, at=now, mark=telling.before) for telling in self._flying.values()]
        return [each for each in self.told.all() if each.question in cases or each.at > now - HOUR] + flying

    def _starts(self, telling: Telling) -> bool:
        with self._lock:
            busy = Counter([each.channel for each in self._flying.values()])
            if telling.key in self._flying or busy[telling.channel] >= AT_ONCE:
                return False
            self._flying[telling.key] = telling
            return True

    def _tell(self, telling: Telling, case: Case, people: People) -> None:
        mark, why = "", ""
        try:
            mark = self._ways[telling.channel.partition(":")[0]].tell(telling, case, people)
        except (Undelivered, ConfigError) as error:
            why = str(error)
        except Exception as error:  # a fault of a channel is that the person was not told
            _log.exception("telling %s failed", telling.channel)
            why = type(error).__name__
        try:
            self._keep(telling, mark, why)
        except Exception:  # it was told; that it could not be kept means that it is told again
            _log.exception("what was told could not be kept")
        finally:
            with self._lock:
                self._flying.pop(telling.key, None)

    def _keep(self, telling: Telling, mark: str, why: str) -> None:
        if self._ended:  # the gate may be closed, and must not be opened again by us
            return
        if why:
            _log.warning("%s was not told of question %s through %s: %s", telling.person, telling.question, telling.channel, why)
        self.told.add(Told(*telling[:4], ok=not why, at=self._now(), mark=mark if telling.what == "question" else telling.before))
        said = {"question": telling.question, "person": telling.person, "what": telling.what, "channel": telling.channel, "ok": not why}
        self._desk.home.records.event("told", **said, **({"error": why} if why else {}))

    def close(self) -> None:
        """Ends it, and waits a moment for what is being told just now. What arrives later is told once more by whoever is next."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(self._every + 1)
        end = monotonic() + GRACE
        while self._flying and monotonic() < end:
            sleep(0.01)
        self._ended = True
        self.told.close()
