"""A random schedule of calls and answers at a real gate, beside an account kept by plain arithmetic of what people said.

The account knows nothing of the gate's tables.  It holds every approval that was ever signed (by whom, for which exact call or which calls of
a session, how often, until when, answering which question) and what else was said about that question.  From it follows, for every call:

- what ran had approvals: of exactly this call, by as many distinct people who may as the rule asks for, each good then, none spent before,
  none for a question that somebody had refused or ended; and of a session's approval never more calls than it says;
- a no to exactly this call stands against every yes to several;
- what had approvals ran: whoever calls with enough of them, presented or left at the desk, is not refused.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from gate import ANY, Answer, Denied, Gate, NeedsApproval, Question
from gate.answer import Case
from gate.approval import sign
from gate.ask import ONCE
from gate.errors import Void
from gate.testing import FakeClock
from gate.tokens import jose
from tests.kit import write_rules

LISTED: Final = '["ann", "bob", "eve", "bobs-other-name", "agent-a"]'
RULES: Final = "".join(
    f'[[rule]]\nid = "q{n}"\nask = {{ tool = "pay{n}", approvers = {LISTED}, quorum = {n}, expires = "10m" }}\n' for n in (1, 2, 3)
)
PEOPLE: Final = ("ann", "bob", "eve")
OTHERS: Final = ("bobs-other-name", "mallory", "agent-a")  # bob's key under another name; trusted, but in no rule; the agent, which is in the rule
AMOUNTS: Final = (1, 2)
ENDED: Final = frozenset({"denied", "withdrawn", "returned", "edited"})

Exact = tuple[str, str, str, int]  # agent, session, tool, eur


@dataclass
class Said:
    """One approval that somebody signed. most: the largest amount, of one for several calls; else None."""

    token: str
    jti: str
    who: str
    call: Exact
    question: str
    expires: float
    uses: int
    most: int | None = None
    late: bool = False
    at_desk: bool = False
    spent: int = 0

    def about(self, call: Exact, now: float) -> bool:
        """Whether it is for such a call, by somebody who may, and its time is not over."""
        same = self.call == call if self.most is None else self.call[:3] == call[:3] and call[3] == self.most
        return same and now < self.expires and may_approve(self.who, call)


@dataclass
class Asked:
    """One question, and what was said about it."""

    question: Question
    call: Exact
    state: str = "open"
    said: list[Said] = field(default_factory=list)
    edited: int = 0

    @property
    def quorum(self) -> int:
        return int(self.call[2][-1])

    def people(self) -> set[str]:
        return {said.who for said in self.said}


def may_approve(who: str, call: Exact) -> bool:
    return who in PEOPLE or (who == "agent-a" != call[0])


class Schedule:
    """One gate, its account, and random steps. Several schedules share a gate, each in sessions of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FakeClock()
        self.runs: list[tuple[str, int]] = []
        self.totals: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)
        self.open()
        write_rules(self.gate, RULES)
        keys = self.gate.home.keys
        for who in PEOPLE + OTHERS:
            keys.signing(f"approver-{who}")
        shutil.copy(keys.directory / "approver-bob.jwk", keys.directory / "approver-bobs-other-name.jwk")
        self.open()
        self.capabilities = {
            agent: self.gate.grant(agent, tools={f"pay{n}": ANY for n in (1, 2, 3)}, minutes=100_000) for agent in ("agent-a", "agent-b")
        }
        self.begin(0)

    def open(self) -> None:
        """A new process, as far as the gate can tell."""
        if hasattr(self, "gate"):
            self.gate.close()
        self.gate = Gate(self.folder / ".gate", clock=self.clock, clear={"*": ["*"]})
        for n in (1, 2, 3):
            self.gate.wrap(self.tool(f"pay{n}"), name=f"pay{n}")

    def tool(self, name: str) -> Callable[[int], int]:
        def pay(eur: int) -> int:
            self.runs.append((name, eur))
            return eur

        return pay

    def begin(self, seed: int) -> None:
        """Another schedule, when nobody is tired of the last one."""
        self.clock.advance(3601)
        self.random, self.seed = random.Random(seed), seed
        self.asked: dict[str, Asked] = {}
        self.signed: list[Said] = []
        self.told: list[str] = []

    @property
    def now(self) -> float:
        return self.gate.home.now()

    # ---- steps ----------------------------------------------------------------------------------------------------------------------

    def run(self, seed: int, steps: int) -> None:
        """A schedule; AssertionError with every step when gate and account disagree."""
        self.begin(seed)
        try:
            for _ in range(steps):
                self.step()
        except AssertionError as error:
            raise AssertionError(f"schedule {seed}: {error}\n  " + "\n  ".join(self.told)) from error

    def step(self) -> None:
        weights: dict[Callable[[], None], float] = {self.call: 10, self.approve: 12, self.sign: 4, self.pass_time: 2, self.restart: 0.2}
        weights |= {self.deny: 0.8, self.end: 0.4, self.edit: 0.4, self.withdraw: 0.6}
        self.random.choices(list(weights), list(weights.values()))[0]()

    def call(self) -> None:
        """One that was asked about already, or another."""
        case = self.some_question() if self.random.random() < 0.7 else None
        agent, tool = self.random.choice(list(self.capabilities)), f"pay{self.random.choice((1, 1, 2, 2, 3))}"
        other = (agent, f"{self.seed}-{self.random.choice('st')}", tool, self.random.choice(AMOUNTS))
        self.make(case.call if case else other, self.pocket())

    def pocket(self) -> list[Said]:
        """Some of the approvals that were handed over by hand; also used, late and foreign ones."""
        return [said for said in self.signed if not said.at_desk and self.random.random() < 0.6]

    def make(self, call: Exact, presented: list[Said]) -> None:
        """One call, and what must come of it."""
        agent, session, tool, eur = call
        self.look_at_the_clock()
        before, expected = len(self.runs), self.may(call, presented)
        self.totals["calls"] += 1
        question, why = None, ""
        with self.gate.acting(self.capabilities[agent], session=session), self.gate.approving(*[said.token for said in presented]):
            try:
                self.gate.call(tool, {"eur": eur})
            except NeedsApproval as needs:
                question, why = needs.question, str(needs)
            except Denied as denied:
                why = str(denied)
        ran = self.runs[before:]
        self.note(f"call {call} with {[said.who for said in presented]}: {'ran ' + str(ran) if ran else why}")
        assert len(ran) <= 1, "one call ran twice"
        if ran:
            self.account((agent, session, *ran[0]), presented)
        if expected is not None:
            assert bool(ran) == expected, f"it {'ran' if ran else 'did not run'}, and by the account it {'may' if expected else 'may not'}"
        if question is not None and question.id not in self.asked:
            self.asked[question.id] = Asked(question, (agent, session, tool, int(str(question.arguments["eur"]))))

    def approve(self) -> None:
        case = self.some_question()
        if case is None:
            return
        who = self.someone()
        lasting = self.random.random() < 0.2
        uses, most = (self.random.randint(1, 3), case.call[3]) if lasting else (1, None)
        counts = case.state == "open" and may_approve(who, case.call) and who not in case.people()
        said = self.signature(case, who, uses, most)
        said.at_desk = True
        if self.say(case, counts, lambda: self.gate.home.desk.answer(case.question.id, Answer("approve", who, token=said.token, method="page"))):
            self.signed.append(said)
            case.said.append(said)
            if len(case.people()) >= case.quorum:
                case.state = "approved"

    def sign(self) -> None:
        """Somebody signs where the gate is not, whatever has become of the question, and the agent gets it."""
        case = self.some_question()
        if case is not None:
            late = 1000.0 * (self.random.random() < 0.3)  # as a client of one's own could sign
            self.signed.append(self.signature(case, self.someone(), 1, None, late))
            self.note(f"{self.signed[-1].who} signed for {case.question.id} ({case.state}), {late:.0f} s longer than it is open")

    def deny(self) -> None:
        case = self.some_question()
        if case is not None:
            lasting = any(said.most is not None for said in case.said)
            counts = case.state in {"open", "approved", "expired", "over"} or (case.state == "used" and lasting)
            if self.say(case, counts, lambda: self.gate.home.desk.deny(case.question.id, by="eve", method="page")):
                case.state = "denied"

    def end(self) -> None:
        case = self.some_question()
        if case is not None:
            counts = case.state == "open"
            if self.say(case, counts, lambda: self.gate.home.desk.ask_back(case.question.id, by="ann", reason="why?", method="page")):
                case.state = "returned"

    def edit(self) -> None:
        case = self.some_question()
        if case is not None:
            eur = 3 - case.call[3]
            counts = case.state == "open"
            if self.say(case, counts, lambda: self.gate.home.desk.edit(case.question.id, by="ann", arguments={"eur": eur}, method="page")):
                case.state, case.edited = "edited", eur

    def withdraw(self) -> None:
        case = self.some_question()
        if case is not None:
            lasting = any(said.most is not None for said in case.said)
            counts = case.state != "withdrawn" and (case.state != "used" or lasting)
            if self.say(case, counts, lambda: self.withdrawn(case.question.id)):
                case.state = "withdrawn"

    def withdrawn(self, question: str) -> Case:
        """The question after an administrator ended it."""
        self.gate.home.desk.withdraw(question, by="admin")
        case = self.gate.home.desk.case(question)
        assert case is not None and case.state == "withdrawn"
        return case

    def pass_time(self) -> None:
        self.clock.advance(self.random.choice((5, 30, 120, 400)))
        self.note("time passes")

    def restart(self) -> None:
        self.open()
        self.note("restart")

    # ---- the account ------------------------------------------------------------------------------------------------------------------

    def may(self, call: Exact, presented: list[Said]) -> bool | None:
        """Whether a call must run (True) or must not (False); None where the account leaves it open.

        Open is what somebody presents together with approvals that are used, refused or late: the gate may refuse it whole.  Open is also
        what was refused as another question of the same call, and what a person changed: the changed call is looked at when it has run.
        """
        mine = [case for case in self.asked.values() if case.call == call]
        by_hand = [said for said in presented if said.about(call, self.now)]
        if any(said.late or not self.unspoilt(said) for said in by_hand) or any(case.state == "edited" for case in mine):
            return None
        if any(case.state == "denied" for case in mine):  # a no to the call stands against every yes to it, whichever question it answered
            return False
        lasting = [said for said in self.signed if said.most is not None and said.about(call, self.now) and self.unspoilt(said)]
        if self.enough(call, [*by_hand, *lasting]):
            return True
        pending = [case for case in mine if case.state in {"open", "approved"}]
        return any(self.enough(call, [*by_hand, *lasting, *[said for said in case.said if said.about(call, self.now)]]) for case in pending)

    def enough(self, call: Exact, approvals: Iterable[Said]) -> bool:
        return len({said.who for said in approvals}) >= int(call[2][-1])

    def unspoilt(self, said: Said) -> bool:
        """Whether an approval is still worth something: not spent, its question not ended, and, of one for a single call, not late."""
        case = self.asked[said.question]
        return said.spent < said.uses and case.state not in ENDED and (said.most is not None or self.now < case.question.expires)

    def account(self, call: Exact, presented: list[Said]) -> None:
        """What ran is paid for: the approvals that the record names, each good for it."""
        self.totals["runs"] += 1
        record = next(record for record in map(json.loads, self.latest()) if record["type"] in {"intent", "call"})
        named = [each["jti"] for each in record["approvals"]]
        used = [said for said in self.signed if said.jti in named]
        assert len(used) == len(named) == len(set(named)), "an approval that nobody gave, or one twice"
        for said in used:
            assert said.at_desk or said in presented, f"{said.who}'s approval is from nowhere"
            assert said.about(call, self.now), f"{said.who}'s approval of {said.call} was not good for {call}"
            assert self.unspoilt(said), f"{said.who}'s approval was spent {said.spent} times, its question {self.asked[said.question].state}"
        refused = any(case.state == "denied" and case.call == call for case in self.asked.values())
        assert not refused, "a yes against a no to this call"
        for said in used:
            said.spent += 1
            case = self.asked[said.question]
            if said.most is None or case.state != "open":  # a yes to several calls leaves its question open for those who have not answered
                case.state = "used"
        assert self.enough(call, used), f"{[said.who for said in used]} are not {call[2][-1]} people"

    def latest(self) -> list[bytes]:
        """The last records of the log, the latest first."""
        self.gate.home.ledger.flush()
        return [bytes(body) for (body,) in self.gate.home.ledger.query("SELECT body FROM record ORDER BY seq DESC LIMIT 12")]  # type: ignore[arg-type]

    # ---- small things -----------------------------------------------------------------------------------------------------------------

    def some_question(self) -> Asked | None:
        """A question of this schedule, rather a young one."""
        self.look_at_the_clock()
        young = list(self.asked.values())[-4:]
        return self.random.choice(young) if young else None

    def look_at_the_clock(self) -> None:
        """Time ends questions, and approvals that nobody used."""
        for case in self.asked.values():
            if case.state == "open" and self.now >= case.question.expires:
                case.state = "expired"
            if case.state == "approved" and any(self.now >= said.expires for said in case.said):
                case.state = "over"

    def someone(self) -> str:
        return self.random.choice(OTHERS if self.random.random() < 0.15 else PEOPLE)

    def say(self, case: Asked, counts: bool, answer: Callable[[], Case]) -> bool:
        """Leaves an answer at the desk, which counts or doesn't, as the account says."""
        try:
            state = answer().state
        except Void as void:
            self.note(f"void at {case.question.id} ({case.state}): {void}")
            assert not counts, f"void, and by the account it counts: {void}"
            return False
        self.note(f"an answer to {case.question.id} ({case.state}): now {state}")
        assert counts, "it counted, and by the account it must not"
        self.totals["answers"] += 1
        return True

    def signature(self, case: Asked, who: str, uses: int, most: int | None, late: float = 0.0) -> Said:
        home = self.gate.home
        scope = case.question.scopes[1]._replace(uses=uses, seconds=900.0) if most is not None else ONCE  # exactly these arguments, several times
        question = replace(case.question, created=case.question.created + late, expires=case.question.expires + late)
        token = sign(question, home.keys.signing(f"approver-{who}"), approver=who, audience=home.origin, now=self.now, scope=scope)
        claims = jose.peek(token, jose.typ(token)).claims
        return Said(token, str(claims["jti"]), who, case.call, case.question.id, float(str(claims["exp"])), uses, most, late=late > 0)

    def note(self, text: str) -> None:
        self.told.append(text)


def schedules(folder: Path, seeds: Iterable[int], steps: int = 40) -> Counter[str]:
    """Plays many schedules, ten at one gate; the totals."""
    totals: Counter[str] = Counter()
    for number, group in itertools.groupby(seeds, lambda seed: seed // 10):
        played = Schedule(folder / str(number))
        for seed in group:
            played.run(seed, steps)
            played.totals["schedules"] += 1
        played.gate.close()
        totals += played.totals
    return totals
