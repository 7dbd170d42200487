"""A file of questions that somebody rewrote, processes that end in the middle, and very many questions."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gate import Answer, Gate, NeedsApproval
from gate.approval import sign
from gate.ask import Scope
from gate.audit import verify
from gate.tokens.jwk import SigningKey
from tests.asking.attacks import nothing_runs, rewrite, tampered, yes
from tests.asking.kit import TWO, asked, pay
from tests.kit import ASK, intents, log, python, sign_as, write_rules
from tests.laws.kit import chain_of


@pytest.mark.usefixtures("acting")
class TestARewrittenFile:
    """Rows of gate.db that somebody changed: nothing runs by them that nobody approved, and `gate verify` notices."""

    def test_the_state_is_set_to_approved(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        rewrite(gate, "UPDATE question SET state = 'approved' WHERE id = ?", question.id)
        nothing_runs(gate, paid)
        tampered(gate)

    @pytest.mark.parametrize("token", ["", "nonsense", "forged"])
    def test_an_answer_is_put_in(self, gate: Gate, paid: list[int], token: str) -> None:
        question = asked(gate)
        if token == "forged":
            token = sign(question, SigningKey.generate(), approver="ann", audience=gate.home.origin, now=gate.home.now())
        said = Answer("approve", "ann", token=token, method="page", until=gate.home.now() + 300, granted=question.binding_hash)
        rewrite(gate, "INSERT INTO answer VALUES (?, 0, ?)", question.id, json.dumps(said.to_json()).encode())
        rewrite(gate, "UPDATE question SET state = 'approved' WHERE id = ?", question.id)
        nothing_runs(gate, paid)
        tampered(gate)

    def test_the_answer_to_another_question_is_put_in(self, gate: Gate, paid: list[int]) -> None:
        small, large = asked(gate, 1), asked(gate, 500)
        yes(gate, small, "ann")
        rewrite(gate, "UPDATE answer SET question = ? WHERE question = ?", large.id, small.id)
        rewrite(gate, "UPDATE question SET state = 'approved' WHERE id = ?", large.id)
        nothing_runs(gate, paid, 500)
        tampered(gate)

    @pytest.mark.parametrize(
        "change",
        [
            {"binding_hash": "small"},
            {"approvers": ["mallory"]},
            {"quorum": 0},
            {"agent": "other", "chain": []},
            {"expires": 9e9},
            {"rules_version": "x"},
            {"risk": "low"},
        ],
        ids=lambda change: min(change),
    )
    def test_what_was_asked_is_changed(self, gate: Gate, paid: list[int], change: dict[str, Any]) -> None:
        """The row of a question says what people see; what they approve is the call itself."""
        write_rules(gate, ASK.replace("tool =", 'approvers = ["ann", "agent-7"], tool ='))
        small, large = asked(gate, 1), asked(gate, 500)
        who = "mallory" if "approvers" in change else "agent-7" if "agent" in change else "ann"
        token = sign_as(gate, who, small if "binding_hash" in change else large)
        if change.get("binding_hash"):
            change = {"binding_hash": small.binding_hash}
        until = gate.home.now() + 300
        gate.close()
        with contextlib.closing(sqlite3.connect(gate.home.path / "gate.db")) as db, db:
            body = json.loads(db.execute("SELECT body FROM question WHERE id = ?", (large.id,)).fetchone()[0]) | change
            db.execute("UPDATE question SET body = ? WHERE id = ?", (json.dumps(body).encode(), large.id))
            if who != "ann" or "binding_hash" in change:
                said = Answer("approve", who, token=token, method="page", until=until)
                db.execute("INSERT INTO answer VALUES (?, 0, ?)", (large.id, json.dumps(said.to_json()).encode()))
                db.execute("UPDATE question SET state = 'approved' WHERE id = ?", (large.id,))
        nothing_runs(gate, paid, 500)

    def test_a_no_is_taken_out(self, gate: Gate, paid: list[int]) -> None:
        """Whoever can write the ledger's own file can take a no out of it, as they could lower what is spent; the log keeps it."""
        question = asked(gate)
        gate.home.desk.deny(question.id, by="ann", method="page")
        rewrite(gate, "DELETE FROM answer WHERE question = ?", question.id)
        rewrite(gate, "UPDATE question SET state = 'open' WHERE id = ?", question.id)
        nothing_runs(gate, paid)
        tampered(gate)

    def test_a_used_one_is_set_back(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        yes(gate, question, "ann")
        assert pay(gate) == 5
        paid.clear()
        rewrite(gate, "UPDATE question SET state = 'approved', waiter = '' WHERE id = ?", question.id)
        nothing_runs(gate, paid)
        tampered(gate)

    def test_a_session_s_approval_is_put_in(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        forged = sign(
            question,
            SigningKey.generate(),
            approver="ann",
            audience=gate.home.origin,
            now=gate.home.now(),
            scope=Scope("all", {"eur": {"constraint_type": "range", "min": 0, "max": 1000}}, 9, 600.0),
        )
        values = (question.id, question.session, question.agent, question.tool, gate.home.now() + 600, forged)
        rewrite(gate, "INSERT INTO lasting VALUES (?, 0, ?, ?, ?, ?, ?)", *values)
        nothing_runs(gate, paid)

    def test_a_question_is_taken_out(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        token = sign_as(gate, "ann", question)
        rewrite(gate, "DELETE FROM question WHERE id = ?", question.id)
        with gate.approving(token):
            nothing_runs(gate, paid)
        tampered(gate)


class TestARestart:
    """The process ends in the middle."""

    def test_at_every_moment(self, tmp_path: Path) -> None:
        """Between asking, each of two answers, and the call that picks them up."""
        ran: list[int] = []

        def opened() -> Gate:
            gate = Gate(tmp_path / "home" / ".gate")
            gate.wrap(lambda eur: ran.append(eur), name="pay")
            return gate

        (tmp_path / "home").mkdir(exist_ok=True)
        with opened() as gate:
            write_rules(gate, TWO)
            chain = chain_of(gate)
            with gate.acting(chain, session="s1"), pytest.raises(NeedsApproval) as caught:
                gate.call("pay", {"eur": 5})
            question = caught.value.question
        assert question is not None
        for who in ("alice", "bob"):
            with opened() as gate:
                with gate.acting(chain, session="s1"), pytest.raises(NeedsApproval):
                    gate.call("pay", {"eur": 5})
                yes(gate, question, who)
        for times in range(2):
            with opened() as gate, gate.acting(chain, session="s1"), contextlib.suppress(NeedsApproval):
                gate.call("pay", {"eur": 5})
            assert ran == [5], times

    @pytest.mark.slow
    def test_a_process_is_killed_while_it_commits_an_answer(self, tmp_path: Path) -> None:
        """Either nothing of the answer is there, or all of it with its record."""
        with Gate(tmp_path / ".gate") as gate:
            write_rules(gate, ASK)
            gate.wrap(lambda eur: eur, name="pay")
            chain = chain_of(gate)
            gate.home.keys.signing("approver-ann")
        found = Counter[str]()
        for eur, moment in enumerate(("begin", "applied", "written", "committed")):
            with Gate(tmp_path / ".gate") as gate:
                gate.wrap(lambda eur: eur, name="pay")
                with gate.acting(chain, session="s1"), pytest.raises(NeedsApproval) as caught:
                    gate.call("pay", {"eur": eur})
                question = caught.value.question
            assert question is not None
            assert python(KILLED, gate.home.path, question.id, moment, check=False).returncode == -9
            with Gate(tmp_path / ".gate") as again:
                case = again.home.desk.case(question.id)
                assert case is not None
                told = [record for record in log(again, "answer") if record["question"] == question.id]
                assert (case.state == "approved") == bool(case.answers) == bool(told)
                found[case.state] += 1
                key = again.home.verifier_key
            assert verify(tmp_path / ".gate" / "gate.db", key).ok
        assert found == {"open": 3, "approved": 1}


KILLED = """
    import os, signal, sys
    from gate import Answer, Gate
    from gate.approval import sign
    home, question, moment = sys.argv[1:]
    gate, armed = Gate(home), []

    def pause(step):
        if armed and step == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    gate.home._pause = pause
    case = gate.home.desk.case(question)
    armed.append(True)
    key = gate.home.keys.signing("approver-ann")
    token = sign(case.question, key, approver="ann", audience=gate.home.origin, now=gate.home.now())
    gate.home.desk.answer(question, Answer("approve", "ann", token=token, method="page"))
    gate.close()
"""


@pytest.mark.slow
@pytest.mark.usefixtures("acting")
def test_a_thousand_waiting_questions(gate: Gate, paid: list[int]) -> None:
    """The gravest and most urgent come first, the page has no more than it shows, one answer is for one of them, and none is lost."""
    people = "".join(
        f'[[person]]\nname = "{who}"\nper_hour = 1000\n' for who in ("ann", "bob", "eve")
    )  # nobody would read so many; here nobody has to
    (gate.home.path.parent / "approvers.toml").write_text(people)
    start = time.perf_counter()
    questions = [asked(gate, eur) for eur in range(1000)]
    posed = time.perf_counter() - start
    desk = gate.home.desk
    start = time.perf_counter()
    assert desk.count() == 1000
    assert len(desk.cases(limit=50)) == 50
    listed = time.perf_counter() - start
    assert len({case.question.id for page in range(20) for case in desk.cases(limit=50, skip=50 * page)}) == 1000
    for eur in (0, 500, 999):
        yes(gate, questions[eur], "ann")
        assert pay(gate, eur) == eur
    assert paid == [0, 500, 999]
    assert desk.count() == 997
    print(f"asked in {posed / 1000 * 1e3:.1f} ms each; 50 of 1,000 listed in {listed * 1e3:.1f} ms")
    assert len(intents(gate)) == 3
