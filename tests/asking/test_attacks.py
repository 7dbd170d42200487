"""Attacks on asking, each by its name: one person twice, approvals replayed, forged and late, and races."""

from __future__ import annotations

import contextlib
import json
import shutil
from base64 import urlsafe_b64encode
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, AlreadyUsed, Answer, Denied, Gate, NeedsApproval
from gate.approval import sign
from gate.ask import Scope
from gate.constraint import Range
from gate.testing import FakeClock
from gate.tokens import jose
from gate.tokens.jwk import SigningKey
from tests.asking.attacks import PEOPLE, at_once, nothing_runs, state, void, yes
from tests.asking.kit import TWO, asked, pay
from tests.kit import ASK, denied, finished, log, python, sign_as, write_rules
from tests.laws.kit import chain_of


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
        several = question.scopes[1]
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
            wide = Scope("all", {"eur": {"constraint_type": "range", "min": 0, "max": 1000}}, 9, 600.0)
            void(lambda: yes(gate, question, "ann", sign_as(gate, "ann", question, scope=wide)), "more than the question offers")
            yes(gate, question, "ann", sign_as(gate, "ann", question, scope=question.scopes[1]))
            assert pay(gate) == 5
            denied(lambda: pay(gate, 6), "is not 5")
        assert paid == [5]

    @pytest.mark.parametrize("change", [{"uses": 6}, {"seconds": 1801.0}, {"arguments": {}}], ids=str)
    def test_for_more_than_the_question_offers(self, gate: Gate, paid: list[int], change: dict[str, Any]) -> None:
        question = asked(gate)
        void(lambda: yes(gate, question, "ann", sign_as(gate, "ann", question, scope=question.scopes[1]._replace(**change))))
        nothing_runs(gate, paid)

    def test_several_calls_presented_and_not_left_at_the_desk(self, gate: Gate, paid: list[int]) -> None:
        question = asked(gate)
        with gate.approving(sign_as(gate, "ann", question, scope=question.scopes[1])):
            nothing_runs(gate, paid)

    def test_a_scope_in_another_session_or_for_another_agent(self, gate: Gate, paid: list[int], acting: Any) -> None:
        question = asked(gate)
        yes(gate, question, "ann", sign_as(gate, "ann", question, scope=question.scopes[1]))
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
        yes(gate, question, "ann", sign_as(gate, "ann", question, scope=question.scopes[1]._replace(uses=3)))

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

    def test_a_late_no_stands_against_a_wider_yes(self, gate: Gate, paid: list[int], clock: FakeClock) -> None:
        """The call was asked about twice, the first time in vain; a no to that question is a no to the call."""
        with gate.acting(gate.grant("agent-7", minutes=60, tools={"pay": {"eur": Range(max=100)}}), session="s2"):
            first = asked(gate, 3)
            clock.advance(601)
            asked(gate, 3)
            other = asked(gate, 5)
            wider = next(scope for scope in other.scopes if "at most 5" in scope.label)
            yes(gate, other, "ann", sign_as(gate, "ann", other, scope=wider))
            gate.home.desk.deny(first.id, by="bob", method="page")
            nothing_runs(gate, paid, 3)
            assert pay(gate, 4) == 4

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

    @pytest.mark.slow
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
