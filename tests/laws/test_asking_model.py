"""What people say and what runs, against an account kept beside it: in random order, all at once, and with processes killed on the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gate import Answer, Denied, Gate, NeedsApproval
from gate.answer import Case
from gate.errors import Void
from gate.testing import FakeClock
from tests.kit import log, python, sign_as, write_rules
from tests.laws.asking_model import LISTED, schedules
from tests.laws.kit import chain_of

SCHEDULES = 1000
ONE = f'[[rule]]\nid = "one"\nask = {{ tool = "pay", approvers = {LISTED}, quorum = 1, expires = "10m" }}\n'
TWO = ONE.replace("quorum = 1", "quorum = 2")


def test_some_random_schedules(tmp_path: Path) -> None:
    totals = schedules(tmp_path, range(100_000, 100_020))
    assert totals["runs"] > 10 < totals["answers"], totals


@pytest.mark.slow
def test_a_thousand_random_schedules(tmp_path: Path) -> None:
    totals = schedules(tmp_path, range(SCHEDULES), steps=20)
    print(f"{totals['schedules']} schedules, {totals['calls']} calls, {totals['answers']} answers that counted, {totals['runs']} runs, 0 double runs")
    assert totals["schedules"] == SCHEDULES and totals["runs"] > SCHEDULES / 3


def test_the_account_notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that skips one of its checks does not get past the account."""
    from gate import tally
    from gate.log.records import Records
    from gate.store import questions

    spend = Records.spend

    def unburned(self: Records, ticket: Any) -> Any:
        made = spend(self, ticket)
        made.burns = ()
        return made

    broken: list[tuple[Any, str, Any]] = [
        (tally, "by_somebody_who_may", lambda *_: None),
        (questions, "use", lambda *_: None),
        (Records, "spend", unburned),
        (questions, "_pending", lambda *_: False),
    ]
    for number, (where, name, instead) in enumerate(broken):
        with monkeypatch.context() as patched, pytest.raises(AssertionError, match="schedule"):
            patched.setattr(where, name, instead)
            schedules(tmp_path / str(number), range(number * 1000, number * 1000 + 200))


def approve(gate: Gate, case: Case, who: str) -> bool:
    """A yes at the desk; whether it counted."""
    token = sign_as(gate, who, case.question)
    try:
        gate.home.desk.answer(case.question.id, Answer("approve", who, token=token, method="page"), binding_hash=case.question.binding_hash)
    except Void:
        return False
    return True


def paid_for(gate: Gate, quorum: int) -> list[str]:
    """The questions by whose approvals calls ran, as the log tells: each approval once, by different people, given at the desk."""
    given: dict[str, tuple[str, str]] = {}
    from gate.tokens import jose

    for record in log(gate, "answer"):
        if record["verdict"] == "approve":
            claims = jose.peek(record["token"], jose.typ(record["token"])).claims
            given[str(claims["jti"])] = (record["approver"], record["question"])
    found, spent = [], Counter[str]()
    for record in log(gate, "intent", "call"):
        named = [each["jti"] for each in record["approvals"]]
        spent.update(named)
        assert len({given[jti][0] for jti in named}) == len(named) >= quorum
        found += sorted({given[jti][1] for jti in named})
    assert not [jti for jti, times in spent.items() if times > 1], "an approval that ran twice"
    return found


class TestBesideEachOther:
    """Identical calls that wait at the same moment, each with a question of its own."""

    @pytest.mark.parametrize("seed", range(6))
    def test_every_call_with_its_own_approval_runs(self, tmp_path: Path, clock: FakeClock, seed: int) -> None:
        """Eight threads make the same call; three people answer at once; whoever was approved runs, whoever was refused does not."""
        chosen, count, ran, told = random.Random(seed), 8, list[int](), list[str]()
        with Gate(tmp_path / ".gate", clock=clock, waits=300) as gate:
            write_rules(gate, TWO if seed % 2 else ONE)
            gate.wrap(lambda eur: ran.append(eur), name="pay")
            chain = chain_of(gate)

            def one() -> None:
                try:
                    with gate.acting(chain, session="s1"):
                        gate.call("pay", {"eur": 5})
                    told.append("ran")
                except NeedsApproval:
                    told.append("asked")
                except Denied:
                    told.append("refused")

            threads = [threading.Thread(target=one) for _ in range(count)]
            for thread in threads:
                thread.start()
            wait_for(lambda: gate.home.desk.count() == count)
            cases = gate.home.desk.cases()
            approved = [case for case in cases if chosen.random() < 0.6]
            people = [threading.Thread(target=lambda who=who: [approve(gate, case, who) for case in approved]) for who in ("ann", "bob", "eve")]
            for thread in people:
                thread.start()
            for thread in people:
                thread.join(30)
            wait_for(lambda: len(told) >= len(approved))
            in_vain(threads, clock, 301)
            assert told.count("ran") == len(ran) == len(approved)
            assert told.count("asked") == count - len(approved)
            assert sorted(paid_for(gate, 1 + seed % 2)) == sorted(case.question.id for case in approved)

    def test_an_open_duplicate_hides_no_approved_question(self, tmp_path: Path, clock: FakeClock) -> None:
        """Two that waited in vain left two questions; a person approves one, whichever; whoever calls again finds it."""
        for which in (0, 1):
            ran: list[int] = []
            with Gate(tmp_path / str(which) / ".gate", clock=clock, waits=30) as gate:
                gate.home.path.parent.mkdir()
                write_rules(gate, ONE)
                gate.wrap(lambda eur: ran.append(eur), name="pay")
                chain = chain_of(gate)

                def one() -> None:
                    with gate.acting(chain, session="s1"), pytest.raises(NeedsApproval):
                        gate.call("pay", {"eur": 5})

                threads = [threading.Thread(target=one) for _ in range(2)]
                for thread in threads:
                    thread.start()
                wait_for(lambda: gate.home.desk.count() == 2)
                in_vain(threads, clock, 31)
                assert approve(gate, sorted(gate.home.desk.cases(), key=lambda case: case.question.id)[which], "ann")
                gate.waits = 0
                with gate.acting(chain, session="s1"):
                    gate.call("pay", {"eur": 5})
                assert ran == [5]

    def test_a_yes_and_a_no_at_the_same_moment(self, tmp_path: Path, clock: FakeClock) -> None:
        """Whichever comes first; a no that counted lets nothing run afterwards."""
        outcomes = Counter[str]()
        with Gate(tmp_path / ".gate", clock=clock) as gate:
            write_rules(gate, ONE)
            ran: list[int] = []
            gate.wrap(lambda eur: ran.append(eur), name="pay")
            chain = chain_of(gate)
            for eur in range(20):
                with gate.acting(chain, session="s1"), pytest.raises(NeedsApproval):
                    gate.call("pay", {"eur": eur})
                case = gate.home.desk.cases()[0]
                counted: list[str] = []
                together = threading.Barrier(3)

                def yes() -> None:
                    together.wait(10)
                    if approve(gate, case, "ann"):
                        counted.append("yes")

                def no() -> None:
                    together.wait(10)
                    try:
                        gate.home.desk.deny(case.question.id, by="bob", method="page")
                        counted.append("no")
                    except Void:
                        pass

                def agent() -> None:
                    together.wait(10)
                    try:
                        with gate.acting(chain, session="s1"):
                            gate.call("pay", {"eur": eur})
                        counted.append("ran")
                    except Denied:
                        pass

                threads = [threading.Thread(target=each) for each in (yes, no, agent)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(30)
                state = gate.home.desk.case(case.question.id)
                assert state is not None
                assert "ran" not in counted or "yes" in counted
                assert ("no" in counted) == (state.state == "denied"), (counted, state.state)
                if "no" in counted and "ran" not in counted:
                    with gate.acting(chain, session="s1"), pytest.raises(Denied):
                        gate.call("pay", {"eur": eur})
                outcomes["+".join(sorted(counted))] += 1
            assert paid_for(gate, 1) is not None
            assert len(ran) == len(set(ran)) == sum(count for what, count in outcomes.items() if "ran" in what)


AGENT = """
    import os, sys, time
    from gate import Gate, Denied
    home, chain, out, session = sys.argv[1:]
    gate = Gate(home, waits=20)

    @gate.tool
    def pay(eur: int) -> None:
        with open(out, "a") as file:
            file.write(f"{eur}\\n")

    print("ready", flush=True)
    with gate.acting(chain, session=session):
        for eur in range(1000):
            for attempt in range(50):
                try:
                    pay(eur)
                    break
                except Denied as denied:
                    if "stopped" in str(denied):
                        sys.exit(0)
                    time.sleep(0.01)
"""
APPROVER = """
    import sys, time
    from gate import Gate, Answer
    from gate.approval import sign
    from gate.errors import Void
    home, who = sys.argv[1:]
    gate = Gate(home)
    key = gate.home.keys.signing(f"approver-{who}")
    print("ready", flush=True)
    while True:
        for case in gate.home.desk.cases(limit=20):
            token = sign(case.question, key, approver=who, audience=gate.home.origin, now=gate.home.now())
            try:
                gate.home.desk.answer(case.question.id, Answer("approve", who, token=token, method="page"))
            except Void:
                pass
        turn = gate.home.desk.turn
        gate.home.desk.wait(turn, 0.05)
"""


@pytest.mark.slow
def test_processes_that_are_killed(tmp_path: Path) -> None:
    """Agents that wait and two people who answer at once, each in a process of its own, all of them killed and started again and again."""
    gate = Gate(tmp_path / ".gate", clear={"*": ["*"]})
    write_rules(gate, TWO)
    for who in ("ann", "bob"):
        gate.home.keys.signing(f"approver-{who}")
    chain, out, chosen = chain_of(gate), tmp_path / "out", random.Random(7)
    out.touch()
    gate.close()
    starts: list[Any] = [lambda n=n: python(AGENT, gate.home.path, chain, out, f"s{n}", wait=False) for n in range(2)]
    starts += [lambda who=who: python(APPROVER, gate.home.path, who, wait=False) for who in ("ann", "bob", "ann")]
    running = [start() for start in starts]
    kills, end = 0, time.monotonic() + 20
    try:
        while time.monotonic() < end:
            time.sleep(chosen.uniform(0.3, 2.0))
            which = chosen.randrange(len(running))
            stop(running[which])
            kills += 1
            running[which] = starts[which]()
    finally:
        for process in running:
            stop(process)
    ran = out.read_text().split()
    print(f"{kills} kills, {len(ran)} runs")
    with Gate(tmp_path / ".gate", clear={"*": ["*"]}) as again:
        again.home.ledger.flush()
        questions = paid_for(again, 2)
        assert len(questions) == len(set(questions)), "a question that two calls ran by"
        assert len(ran) <= len(questions), "something ran that was not recorded"
        assert len(ran) >= len(questions) - kills, "what was recorded ran, but for what was killed between the two"
        from gate.audit import verify

        report = verify(again.home.path / "gate.db", again.home.verifier_key)
        assert report.ok, report.problems
    assert len(ran) > 5


def stop(process: subprocess.Popen[str]) -> None:
    """Kills it, as a machine that fails would."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def in_vain(threads: list[threading.Thread], clock: FakeClock, seconds: float) -> None:
    """Lets time pass until nobody waits any more: one that had posed its question may have begun to wait only after the first time."""
    for _ in range(8):
        clock.advance(seconds)
        for thread in threads:
            thread.join(2)
        if not any(thread.is_alive() for thread in threads):
            return
    raise AssertionError("somebody waits on")


def wait_for(what: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
