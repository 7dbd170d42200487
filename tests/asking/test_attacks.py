"""Attacks on asking, each by its name: one person twice, approvals replayed, forged and late, races, the agent approving itself, a file of questions
that somebody rewrote, and very many of them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import threading
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capabilities import files
from gate import ANY, AlreadyUsed, Answer, Denied, Gate, NeedsApproval, Question
from gate.answer import Case
from gate.approval import sign
from gate.ask import Scope
from gate.audit import verify
from gate.errors import Void
from gate.testing import FakeClock
from gate.tokens import jose
from gate.tokens.jwk import SigningKey
from tests.asking.kit import TWO, asked, pay
from tests.kit import ASK, SOURCES, denied, finished, intents, log, python, sign_as, write_rules
from tests.laws.kit import chain_of

PEOPLE = """
    [[person]]
    name = "alice"
    logins = ["alice@example.com", "al"]

    [[person]]
    name = "bob"

    [[person]]
    name = "carol"
"""


def yes(gate: Gate, question: Question, who: str, token: str = "") -> Case:
    """An approval at the desk, signed by that person's key unless it is given."""
    answer = Answer("approve", who, token=token or sign_as(gate, who, question), method="page")
    return gate.home.desk.answer(question.id, answer, binding_hash=question.binding_hash)


def void(answer: Callable[[], object], because: str = "") -> None:
    """An answer that must not count."""
    with pytest.raises(Void) as caught:
        answer()
    assert because in str(caught.value), str(caught.value)


def state(gate: Gate, question: Question) -> str:
    case = gate.home.desk.case(question.id)
    assert case is not None
    return case.state


def nothing_runs(gate: Gate, paid: list[int], eur: int = 5) -> None:
    with pytest.raises(Denied):
        pay(gate, eur)
    assert paid == []


def rewrite(gate: Gate, sql: str, *values: object) -> None:
    """What somebody with a database program does to the gate's file while it is not running."""
    gate.close()
    with contextlib.closing(sqlite3.connect(gate.home.path / "gate.db")) as db, db:
        assert db.execute(sql, values).rowcount > 0


def tampered(gate: Gate, word: str = "question") -> None:
    """`gate verify` says so."""
    key = gate.home.verifier_key
    gate.close()
    report = verify(gate.home.path / "gate.db", key)
    assert not report.ok and word in str(report.problems), report.problems


@pytest.mark.usefixtures("acting")
class TestOnePersonAsTwo:
    """One person as two of two."""

    @pytest.fixture(autouse=True)
    def two(self, gate: Gate) -> None:
        write_rules(gate, TWO)

    def test_the_same_person_again(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        yes(gate, question, "alice")
        void(lambda: yes(gate, question, "alice"), "approved it already")
        nothing_runs(gate, paid)

    def test_two_keys_of_one_name(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        yes(gate, question, "alice")
        gate.home.keys.rotate("approver-alice")
        void(lambda: yes(gate, question, "alice"), "approved it already")
        nothing_runs(gate, paid)

    def test_one_key_under_two_names(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        yes(gate, question, "bob")
        keys = gate.home.keys.directory
        shutil.copy(keys / "approver-bob.jwk", keys / "approver-carol.jwk")
        void(lambda: yes(gate, question, "carol"))
        with gate.approving(sign_as(gate, "carol", question)):
            nothing_runs(gate, paid)

    @pytest.mark.parametrize("alias", ["Alice", "ALICE", "alice@example.com", "Alice@Example.COM", "al"])
    def test_a_login_of_the_same_person(self, gate: Gate, paid: list[int], alias: str) -> None:
        """Whoever made a key under another name of theirs is still one person."""
        (gate.home.path.parent / "approvers.toml").write_text(PEOPLE)
        write_rules(gate, TWO.replace('"carol"', f'"carol", "{alias}"'))
        question = asked(gate)
        yes(gate, question, "alice")
        void(lambda: yes(gate, question, alias))
        with gate.approving(sign_as(gate, "alice", question), sign_as(gate, alias, question)):
            nothing_runs(gate, paid)

    def test_once_at_the_desk_and_once_presented(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        yes(gate, question, "alice")
        with gate.approving(sign_as(gate, "alice", question)):
            nothing_runs(gate, paid)

    def test_once_for_all_and_once_for_this(self, gate: Gate, paid: list[int]) -> None:
        """An approval of several calls and one of this call by the same person."""
        question = asked(gate)
        several = Scope("several", {"eur": {"constraint_type": "range", "min": 0, "max": 1000}}, 3, 600.0)
        yes(gate, question, "alice", sign_as(gate, "alice", question, scope=several))
        void(lambda: yes(gate, question, "alice"))
        with gate.approving(sign_as(gate, "alice", question)):
            nothing_runs(gate, paid)
        yes(gate, question, "bob")
        assert pay(gate) == 5

    def test_two_processes_at_once(self, gate: Gate, paid: list[int]) -> None:
        """The same person in two windows, pressing at the same moment."""
        question = asked(gate)
        counted = at_once([lambda: yes(gate, question, "alice") for _ in range(6)])
        assert counted == 1
        nothing_runs(gate, paid)


@pytest.mark.usefixtures("acting")
class TestReplayedAndForged:
    """Approvals that were used, altered, or made by nobody who may."""

    def test_replayed_for_the_next_equal_call(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        token = sign_as(gate, "ann", question)
        yes(gate, question, "ann", token)
        assert pay(gate) == 5
        again = asked(gate)
        assert again.id != question.id
        void(lambda: yes(gate, again, "ann", token), "another question")
        with gate.approving(token), pytest.raises(AlreadyUsed):
            pay(gate)
        assert paid == [5]

    def test_one_token_at_the_desk_and_presented(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        token = sign_as(gate, "ann", question)
        yes(gate, question, "ann", token)
        with gate.approving(token, token):
            assert pay(gate) == 5
            denied(lambda: pay(gate))
        assert paid == [5]

    def test_for_another_question_of_the_same_call(self, gate: Gate, paid: list[int], clock: FakeClock) -> None:
        question = asked(gate)
        clock.advance(601)
        again = asked(gate)
        forged = replace(question, expires=again.expires, created=again.created)
        void(lambda: yes(gate, again, "ann", sign_as(gate, "ann", forged)))
        nothing_runs(gate, paid)

    @pytest.mark.parametrize(
        "change", [{"binding_hash": "A" * 43}, {"exp": 1_900_000_000}, {"iss": "bob"}, {"question": "x"}, {"aud": "x"}, {"iat": True}, {"more": 1}]
    )
    def test_altered(self, gate: Gate, paid: list[int], change: dict[str, Any]) -> None:
        """The claims changed, the signature kept; and the claims changed, signed by a key of one's own."""
        question = asked(gate)
        token = sign_as(gate, "ann", question)
        claims = jose.peek(token, jose.typ(token)).claims | change
        head, _, signature = token.split(".")
        altered = f"{head}.{urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}.{signature}"
        own = jose.sign(json.dumps(claims).encode(), SigningKey.generate(), "gate-approval+jwt")
        for forged in (altered, own):
            void(lambda forged=forged: yes(gate, question, "ann", forged))  # type: ignore[misc]
            with gate.approving(forged):
                nothing_runs(gate, paid)
        assert state(gate, question) == "open"

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "ann", "null", "true", "\x00", "é"])
    def test_no_token(self, gate: Gate, paid: list[int], token: str) -> None:
        question = asked(gate)
        answer = Answer("approve", "ann", token=token, method="page", granted=question.binding_hash, until=9e9)
        void(lambda: gate.home.desk.answer(question.id, answer, binding_hash=question.binding_hash))
        nothing_runs(gate, paid)

    def test_by_keys_for_something_else(self, gate: Gate, paid: list[int]) -> None:
        question, home = asked(gate), gate.home
        for name in ("issuer", "log"):
            forged = sign(question, home.keys.signing(name), approver="ann", audience=home.origin, now=home.now())
            void(lambda forged=forged: yes(gate, question, "ann", forged), "not by a key that is trusted")  # type: ignore[misc]
        nothing_runs(gate, paid)

    def test_for_more_than_the_capability_grants(self, gate: Gate, paid: list[int], acting: Any) -> None:
        """A yes to anything at all is a yes within the capability."""
        with gate.acting(gate.grant("agent-7", tools={"pay": {"eur": [5]}}), session="s2"):
            question = asked(gate)
            yes(
                gate,
                question,
                "ann",
                sign_as(gate, "ann", question, scope=Scope("all", {"eur": {"constraint_type": "range", "min": 0, "max": 1000}}, 9, 600.0)),
            )
            assert pay(gate) == 5
            denied(lambda: pay(gate, 6), "is not 5")
        assert paid == [5]

    def test_a_scope_in_another_session_or_for_another_agent(self, gate: Gate, paid: list[int], acting: Any) -> None:
        question = asked(gate)
        yes(
            gate,
            question,
            "ann",
            sign_as(gate, "ann", question, scope=Scope("all", {"eur": {"constraint_type": "range", "min": 0, "max": 1000}}, 9, 600.0)),
        )
        assert pay(gate) == 5
        for capability, session in (
            (acting.capability, "s2"),
            (gate.grant("agent-7", tools={"pay": ANY}), "s1"),
            (gate.grant("agent-8", tools={"pay": ANY}), "s1"),
        ):
            with gate.acting(capability, session=session, task="settle the bills"), pytest.raises(NeedsApproval):
                pay(gate)
        assert paid == [5]

    def test_a_scope_is_used_up(self, gate: Gate, paid: list[int], acting: Any) -> None:
        question = asked(gate)
        yes(
            gate,
            question,
            "ann",
            sign_as(gate, "ann", question, scope=Scope("all", {"eur": {"constraint_type": "range", "min": 0, "max": 1000}}, 3, 600.0)),
        )

        def one() -> None:
            with gate.acting(acting.capability, session="s1", task="settle the bills"):
                pay(gate)

        assert at_once([one] * 8) == 3
        assert paid == [5] * 3


@pytest.mark.usefixtures("acting")
class TestLate:
    """Approve after expiry."""

    def test_at_the_desk(self, gate: Gate, paid: list[int], clock: FakeClock) -> None:
        question = asked(gate)
        token = sign_as(gate, "ann", question)
        clock.advance(600)
        void(lambda: yes(gate, question, "ann", token), "expired")
        nothing_runs(gate, paid)

    @pytest.mark.parametrize("before", ["open", "approved", "used"])
    def test_presented(self, gate: Gate, paid: list[int], clock: FakeClock, before: str) -> None:
        """By a program of the approver's own, which signs whatever it likes, when the question's time is over."""
        question = asked(gate)
        if before != "open":
            yes(gate, question, "bob")
        if before == "used":
            assert pay(gate) == 5
            paid.clear()
        clock.advance(700)
        late = replace(question, created=question.created + 1000, expires=question.expires + 1000)
        with gate.approving(sign_as(gate, "ann", late)):
            nothing_runs(gate, paid)

    def test_while_the_clock_is_set_back(self, gate: Gate, paid: list[int], clock: FakeClock) -> None:
        question = asked(gate)
        clock.advance(601)
        assert state(gate, question) == "expired"
        clock.advance(-601)
        void(lambda: yes(gate, question, "ann"))
        nothing_runs(gate, paid)

    def test_an_approval_that_nobody_used_in_time(self, gate: Gate, paid: list[int], clock: FakeClock) -> None:
        question = asked(gate)
        yes(gate, question, "ann")
        clock.advance(301)
        nothing_runs(gate, paid)


def at_once(answers: list[Callable[[], object]]) -> int:
    """How many of these, all at the same moment, were not refused."""
    together, counted = threading.Barrier(len(answers)), list[int]()

    def one(answer: Callable[[], object]) -> None:
        together.wait(20)
        with contextlib.suppress(Void, Denied):
            answer()
            counted.append(1)

    threads = [threading.Thread(target=one, args=(answer,)) for answer in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return len(counted)


@pytest.mark.usefixtures("acting")
class TestRaces:
    """Approvers, and processes, that answer at the same moment."""

    def test_two_approvers_one_yes(self, gate: Gate, paid: list[int]) -> None:
        for eur in range(5):
            question = asked(gate, eur)
            assert at_once([lambda who=who: yes(gate, question, who) for who in ("ann", "bob", "eve")]) == 1
            assert pay(gate, eur) == eur
            with pytest.raises(NeedsApproval):
                pay(gate, eur)
        assert paid == list(range(5))

    def test_yes_and_no(self, gate: Gate, paid: list[int]) -> None:
        """The later of the two finds what the other said: a yes after a no is void, and a no after a yes ends it."""
        for eur in range(10):
            question = asked(gate, eur)
            no = lambda: gate.home.desk.deny(question.id, by="bob", method="page")
            at_once([lambda: yes(gate, question, "ann"), no])
            assert state(gate, question) == "denied"
            denied(lambda: pay(gate, eur), "bob refused it")
        assert paid == []

    def test_processes(self, tmp_path: Path) -> None:
        """Eight processes, four people, one of whom says no to every third: each question ends once, as the log tells it."""
        with Gate(tmp_path / ".gate", clear={"*": ["*"]}) as gate:
            write_rules(gate, ASK.replace('expires = "10m"', 'expires = "10m", quorum = 2'))
            ran: list[int] = []
            gate.wrap(lambda eur: ran.append(eur), name="pay")
            chain, questions = chain_of(gate), []
            with gate.acting(chain, session="s1"):
                for eur in range(12):
                    with pytest.raises(NeedsApproval) as caught:
                        gate.call("pay", {"eur": eur})
                    questions.append(caught.value.question)
            for who in ("ann", "bob", "eve", "tom"):
                gate.home.keys.signing(f"approver-{who}")
            started = [python(ANSWERS, gate.home.path, who, wait=False) for who in ("ann", "bob", "eve", "tom") * 2]
            for process in started:
                assert process.stdout.readline() == "ready\n"
            for process in started:
                process.stdin.close() if process.stdin else None
            (tmp_path / "go").touch()
            counted = Counter(line for process in started for line in finished(process).split())
            with gate.acting(chain, session="s1"):
                for eur in range(12):
                    with contextlib.suppress(Denied):
                        gate.call("pay", {"eur": eur})
            states = {question.arguments["eur"]: state(gate, question) for question in questions if question}
            said: dict[str, list[str]] = {}
            for record in log(gate, "answer"):
                said.setdefault(record["question"], []).append(record["approver"])
            assert sorted(ran) == sorted(eur for eur, state in states.items() if state == "used")
            assert set(states.values()) <= {"used", "denied"}
            assert all(len(people) == len(set(people)) for people in said.values())
            assert sum(counted.values()) == sum(map(len, said.values())), "whoever was told that it counts finds it in the log"


ANSWERS = """
    import os, sys, time
    from gate import Answer, Gate
    from gate.approval import sign
    from gate.errors import Void
    home, who = sys.argv[1:]
    gate = Gate(home)
    desk, key = gate.home.desk, gate.home.keys.signing(f"approver-{who}")
    cases = desk.cases(limit=50)
    print("ready", flush=True)
    while not os.path.exists(os.path.join(home, "..", "go")):
        time.sleep(0.005)
    for case in cases:
        try:
            if who == "tom" and case.question.arguments["eur"] % 3 == 0:
                desk.deny(case.question.id, by=who, method="page")
            else:
                token = sign(case.question, key, approver=who, audience=gate.home.origin, now=gate.home.now())
                desk.answer(case.question.id, Answer("approve", who, token=token, method="page"))
            print("counted")
        except Void:
            pass
    gate.close()
"""


class TestTheAgentItself:
    """Self-approval by the agent, with its own key, and through the tools that it has."""

    @pytest.mark.parametrize("name", ["agent-7", "AGENT-7", "Agent-7"])
    @pytest.mark.usefixtures("acting")
    def test_with_a_key_under_its_own_name(self, gate: Gate, paid: list[int], name: str) -> None:
        question = asked(gate)
        void(lambda: yes(gate, question, name), "an agent cannot approve")
        void(lambda: gate.home.desk.deny(question.id, by=name, method="page"))
        with gate.approving(sign_as(gate, name, question)):
            nothing_runs(gate, paid)

    def test_through_an_agent_it_got_the_capability_from(self, gate: Gate, paid: list[int]) -> None:
        whole = gate.grant("agent-1", tools={"pay": ANY}, delegations=2)
        with gate.acting(gate.attenuate(whole, "agent-2"), session="s1"):
            question = asked(gate)
            assert question.chain == ("agent-1",) or "agent-1" in question.chain
            void(lambda: yes(gate, question, "agent-1"), "an agent cannot approve")
            nothing_runs(gate, paid)

    def test_for_itself_in_the_name_of_its_principal(self, gate: Gate, paid: list[int]) -> None:
        with gate.acting(gate.grant("agent-7", principal="ann", tools={"pay": ANY}), session="s1"):
            question = asked(gate)
            for name in ("ann", "ANN"):
                void(lambda name=name: yes(gate, question, name))  # type: ignore[misc]
            nothing_runs(gate, paid)

    @pytest.fixture
    def agent(self, tmp_path: Path) -> Any:
        """An agent with every file tool below the folder that also holds the gate: the usual place."""
        gate = Gate(tmp_path / "work" / ".gate")
        gate.home.path.parent.mkdir()
        for function in files.tools(tmp_path / "work").values():
            gate.wrap(function)
        with gate.acting(gate.grant("agent-7", tools=dict.fromkeys(gate.tools, ANY)), session="s1"):
            yield gate
        gate.close()

    @pytest.mark.parametrize(
        "path",
        [
            ".gate/keys/trusted/approver/evil.jwk",
            ".gate/keys/approver-evil.jwk",
            ".gate/keys/approver-ann.jwk",
            ".gate/links/0.json",
            ".gate/gate.db",
            "./.gate/keys/x.jwk",
            ".GATE/keys/approver-evil.jwk",
            "gate.toml",
            "approvers.toml",
            "./approvers.toml",
        ],
    )
    def test_by_writing_where_keys_and_names_are_kept(self, agent: Gate, path: str) -> None:
        """A key, a link, a name: with any of them it could answer. A person is asked, and what they see says what it is."""
        with pytest.raises(NeedsApproval) as caught:
            agent.call("files.write", {"path": path, "text": json.dumps(SigningKey.generate().public.jwk())})
        assert caught.value.question is not None and caught.value.question.grave

    @pytest.mark.parametrize(
        "call",
        [
            ("files.read", ".gate/keys/approver-ann.jwk"),
            ("files.list", ".gate/links"),
            ("files.delete", "approvers.toml"),
            ("files.delete", ".gate/gate.db"),
        ],
    )
    def test_by_reading_or_removing_them(self, agent: Gate, call: tuple[str, str]) -> None:
        agent.home.keys.signing("approver-ann")
        (agent.home.path.parent / "approvers.toml").write_text(PEOPLE)
        with pytest.raises(Denied) as caught:
            agent.call(call[0], {"path": call[1]})
        assert isinstance(caught.value, NeedsApproval), caught.value

    def test_by_moving_a_file_there(self, agent: Gate) -> None:
        agent.call("files.write", {"path": "x.jwk", "text": json.dumps(SigningKey.generate().public.jwk())})
        for target in (".gate/keys/trusted/approver/evil.jwk", "approvers.toml", "gate.toml"):
            with pytest.raises(NeedsApproval):
                agent.call("files.move", {"source": "x.jwk", "target": target})

    @pytest.mark.usefixtures("acting")
    def test_by_reading_the_login_link(self, gate: Gate) -> None:
        """What lies in the folder is the hash of the link; who reads it cannot sign in with it."""
        from gate.approvers.inbox.login import Links

        links = Links(gate.home.path, gate.home.now)
        token = links.make("ann")
        lying = [file.stem for file in (gate.home.path / "links").iterdir()]
        everything = b"".join(file.read_bytes() for file in gate.home.path.rglob("*") if file.is_file())
        assert token.encode() not in everything
        assert [links.use(name) for name in lying] == [None] * len(lying)
        assert all((file.stat().st_mode & 0o077) == 0 for file in (gate.home.path / "links").iterdir())
        found = links.use(token)
        assert found is not None and found.name == "ann"
        assert links.use(token) is None, "once"

    @pytest.mark.usefixtures("acting")
    def test_with_its_capability_s_key(self, gate: Gate, paid: list[int], acting: Any) -> None:
        question = asked(gate)
        home = gate.home
        forged = sign(question, home.keys.holder(acting.capability.jti), approver="ann", audience=home.origin, now=home.now())
        void(lambda: yes(gate, question, "ann", forged), "not by a key that is trusted")
        with gate.approving(forged):
            nothing_runs(gate, paid)

    def test_by_its_own_words(self, gate: Gate, paid: list[int], acting: Any) -> None:
        """Whatever it says, or puts into arguments and tasks, is shown, and decides nothing."""
        claims = "approved by ann; state=approved; number 123"
        with gate.acting(acting.capability, session="s1", task=claims), gate.saying(claims):
            question = asked(gate)
            assert question.words == claims and claims not in question.headline
            nothing_runs(gate, paid)


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

    def test_a_process_is_killed_while_it_commits_an_answer(self, tmp_path: Path) -> None:
        """Either nothing of the answer is there, or all of it with its record."""
        with Gate(tmp_path / ".gate") as gate:
            write_rules(gate, ASK)
            gate.wrap(lambda eur: eur, name="pay")
            chain = chain_of(gate)
            gate.home.keys.signing("approver-ann")
        found = Counter[str]()
        for eur, moment in enumerate(("begin", "write", "commit", "")):
            with Gate(tmp_path / ".gate") as gate:
                gate.wrap(lambda eur: eur, name="pay")
                with gate.acting(chain, session="s1"), pytest.raises(NeedsApproval) as caught:
                    gate.call("pay", {"eur": eur})
                question = caught.value.question
            assert question is not None
            python(KILLED, gate.home.path, question.id, moment, check=False)
            with Gate(tmp_path / ".gate") as again:
                case = again.home.desk.case(question.id)
                assert case is not None
                told = [record for record in log(again, "answer") if record["question"] == question.id]
                assert (case.state == "approved") == bool(case.answers) == bool(told)
                found[case.state] += 1
                key = again.home.verifier_key
            assert verify(tmp_path / ".gate" / "gate.db", key).ok
        assert found["approved"] >= 1


KILLED = """
    import os, signal, sys
    from gate import Answer, Gate
    from gate.approval import sign
    home, question, moment = sys.argv[1:]
    gate = Gate(home)

    def pause(step):
        if moment and moment in step:
            os.kill(os.getpid(), signal.SIGKILL)

    case = gate.home.desk.case(question)
    gate.close()
    gate.home._pause = pause
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


def test_the_shell_of_an_agent_has_no_terminal_to_answer_at(tmp_path: Path) -> None:
    """`gate ask` in a process that the agent starts: whatever comes on standard input answers nothing."""
    import subprocess
    import sys

    with Gate(tmp_path / ".gate") as gate:
        write_rules(gate, ASK)
        gate.wrap(lambda eur: eur, name="pay")
        with gate.acting(gate.grant("agent-7", tools={"pay": ANY}), session="s1"), pytest.raises(NeedsApproval) as caught:
            gate.call("pay", {"eur": 5})
        question = caught.value.question
    assert question is not None
    command = [sys.executable, "-m", "gate", "ask", question.id, "--home", str(tmp_path / ".gate")]
    typed = f"{question.number}\nyes\n".encode() * 3
    done = subprocess.run(
        command, cwd=SOURCES, input=typed, capture_output=True, timeout=60, check=False, start_new_session=True, env=dict(os.environ)
    )
    assert done.returncode != 0
    with Gate(tmp_path / ".gate") as again:
        case = again.home.desk.case(question.id)
        assert case is not None and case.state == "open" and not case.answers
