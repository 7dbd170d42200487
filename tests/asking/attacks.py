"""What the tests of attacks on asking share."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable

import pytest

from gate import Answer, Denied, Gate, Question
from gate.answer import Case
from gate.audit import verify
from gate.errors import Void
from tests.asking.kit import pay
from tests.kit import sign_as

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
