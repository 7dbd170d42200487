"""Which open questions stand together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.answer import Answer, Case
from gate.capability import Grant
from gate.constraint import ANY
from gate.effect import Risk
from gate.fewer.batch import MOST, batches, together
from tests.fewer.kit import called, case, yes

GRANT = Grant.of("pay", ANY)


def one(eur: int = 5, *answers: Answer, state: Any = "open", **changes: Any) -> Case:
    asked = {name: changes.pop(name) for name in tuple(changes) if name in ("quorum", "approvers", "passkey", "chain", "rules_version")}
    return case(called({"eur": eur}, **({"grant": GRANT} | changes)), state, *answers, **asked)


def test_one_task_is_one_batch_whatever_it_calls() -> None:
    cases = [one(1), one(2), one(3, tool="mail")]
    assert batches(cases) == (tuple(cases),)


DIFFERENT: list[dict[str, Any]] = [
    {"agent": "agent-8"},
    {"session": "s2"},
    {"task": "other"},
    {"principal": "bob"},
    {"capability": None},
    {"chain": ("boss",)},
    {"risk": Risk.LOW},
    {"quorum": 2},
    {"approvers": ("bob",)},
    {"rules_version": "sha256:1"},
]


@pytest.mark.parametrize("changes", DIFFERENT, ids=str)
def test_nothing_else_is_mixed_in(changes: dict[str, Any]) -> None:
    cases = [one(1), one(2, **changes), one(3)]
    assert batches(cases) == ((cases[0], cases[2]), (cases[1],))


ALONE: list[dict[str, Any]] = [{"risk": Risk.HIGH}, {"risk": Risk.CRITICAL}, {"passkey": True}, {"session": ""}, {"state": "denied"}]


@pytest.mark.parametrize("changes", ALONE, ids=str)
def test_what_stands_alone(changes: dict[str, Any]) -> None:
    cases = [one(1, **changes), one(2, **changes)]
    assert batches(cases) == ((cases[0],), (cases[1],))


def test_who_has_approved_one_would_be_void_in_the_rest() -> None:
    approvers = {"quorum": 2, "approvers": ("ann", "bob")}
    cases = [one(1, **approvers), one(2, yes("ann"), **approvers), one(3, Answer("hand-over", "ann", to="bob"), **approvers)]
    assert len(batches(cases)) == 3


def test_a_batch_is_one_that_can_be_read() -> None:
    cases = [one(n) for n in range(2 * MOST + 1)]
    assert [len(batch) for batch in batches(cases)] == [MOST, MOST, 1]


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["s", "t"]), st.sampled_from(list(Risk))), max_size=60))
def test_nothing_is_lost_doubled_or_mixed_and_order_is_kept(drawn: list[tuple[str, str, Risk]]) -> None:
    cases = [one(n, agent=agent, session=session, risk=risk) for n, (agent, session, risk) in enumerate(drawn)]
    place = {item.question.id: n for n, item in enumerate(cases)}
    found = batches(cases)
    assert sorted(place[item.question.id] for batch in found for item in batch) == list(range(len(cases)))
    assert [place[batch[0].question.id] for batch in found] == sorted(place[batch[0].question.id] for batch in found)
    for batch in found:
        assert len({together(item) for item in batch}) == 1
        assert len({(item.question.agent, item.question.session, item.question.risk) for item in batch}) == 1
        assert len(batch) == 1 or batch[0].question.risk < Risk.HIGH
        assert [place[item.question.id] for item in batch] == sorted(place[item.question.id] for item in batch)
