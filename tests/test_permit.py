"""The permit: only a decision that allows, or enough approvals of exactly this call, make one."""

from __future__ import annotations

import copy
import pickle
from types import MappingProxyType
from typing import Any

import pytest

from gate.approval import Approval
from gate.call import NOBODY, Call
from gate.decide import Allow, Ask, Deny
from gate.effect import UNDECLARED, Risk
from gate.permit import Permit, allowed, approved, open_already

CALL = Call("pay", MappingProxyType({"eur": 5}), frozenset(), NOBODY, UNDECLARED, "c1")
ALLOW = Allow((), (), (), Risk.LOW, "durable")
DENY = Deny((), (), (), Risk.LOW, "")


def ask(quorum: int = 1) -> Ask:
    return Ask((), (), (), Risk.HIGH, "durable", (), quorum, 600.0)


def approval(who: str = "alice", binding: str = "b") -> Approval:
    return Approval(f"jti-{who}", who, f"kid-{who}", binding, 0, 300, "q")


def test_a_decision_that_allows_makes_one() -> None:
    permit = allowed(CALL, ALLOW)
    assert (permit.call, permit.decision, permit.approvals) == (CALL, ALLOW, ())


@pytest.mark.parametrize("decision", [DENY, ask(), None, True, "allow", (), ALLOW[:4]], ids=lambda d: type(d).__name__)
def test_no_other_decision_does(decision: Any) -> None:
    with pytest.raises(TypeError):
        allowed(CALL, decision)


def test_an_allow_of_somebodys_own_making_does_not() -> None:
    class Lookalike(Allow):
        __slots__ = ()

    with pytest.raises(TypeError):
        allowed(CALL, Lookalike(*ALLOW))


@pytest.mark.parametrize(
    ("quorum", "approvals"),
    [
        (1, ()),
        (2, (approval(),)),
        (2, (approval(), approval())),
        (1, (approval(binding="other"),)),
        (2, (approval(), approval("bob", "other"))),
        (1, (approval(), approval("bob", "other"))),
    ],
    ids=str,
)
def test_too_few_people_do_not(quorum: int, approvals: tuple[Approval, ...]) -> None:
    with pytest.raises(TypeError):
        approved(CALL, ask(quorum), approvals, "b")


def test_enough_people_do() -> None:
    both = (approval(), approval("bob"))
    assert approved(CALL, ask(2), both, "b").approvals == both
    with pytest.raises(TypeError):
        approved(CALL, ALLOW, both, "b")  # type: ignore[arg-type]  # nobody was to be asked
    with pytest.raises(TypeError):
        approved(CALL, DENY, both, "b")  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [lambda: Permit(), lambda: Permit(CALL, ALLOW, ()), lambda: Permit((CALL, ALLOW, ()))])
def test_nobody_makes_one_by_hand(make: Any) -> None:
    with pytest.raises(TypeError, match="cannot be made by hand"):
        make()


def test_it_cannot_be_changed_copied_or_sent() -> None:
    permit = allowed(CALL, ALLOW)
    for name in ("call", "decision", "approvals", "more"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(permit, name, CALL)
    with pytest.raises(TypeError):
        permit.call.arguments["eur"] = 500  # type: ignore[index]
    for way in (copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))):
        with pytest.raises(TypeError):
            way(permit)


def test_what_is_open_in_the_ledger_needs_no_new_one() -> None:
    assert open_already(CALL, ask()).approvals == ()
