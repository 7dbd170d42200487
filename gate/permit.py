"""Permit: the proof that a call may run now.

Running needs a permit, and only two things make one: a decision that allows, and approvals that answer a question.  The constructor is
sealed, so that `Permit(...)` written anywhere else is an error at once and not a hole.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING

from gate.decide import Allow, Ask

if TYPE_CHECKING:
    from gate.approval import Approval
    from gate.call import Call

_make: Callable[..., Permit] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class Permit(tuple["Call", "Allow | Ask", "tuple[Approval, ...]"]):
    """One call that may run now, and what let it. Immutable; good for one run, which the ledger counts."""

    __slots__ = ()

    call: Call = property(itemgetter(0))  # type: ignore[assignment]  # a read-only view of the tuple
    decision: Allow | Ask = property(itemgetter(1))  # type: ignore[assignment]  # as above
    approvals: tuple[Approval, ...] = property(itemgetter(2))  # type: ignore[assignment]  # as above

    def __new__(cls, *_: object, **__: object) -> Permit:
        """Sealed: TypeError always."""
        raise TypeError("a permit comes from a decision or from approvals; it cannot be made by hand")


def allowed(call: Call, decision: Allow) -> Permit:
    """The permit of a call that the decision allows."""
    if type(decision) is not Allow:
        raise TypeError("only an allowing decision makes a permit without a person")
    return _make(Permit, (call, decision, ()))


def approved(call: Call, decision: Ask, approvals: tuple[Approval, ...], binding_hash: str) -> Permit:
    """The permit of a call that enough distinct people approved, each for exactly this call; TypeError otherwise."""
    people = {approval.approver for approval in approvals if approval.binding_hash == binding_hash}
    if type(decision) is not Ask or len(people) < decision.quorum or len(approvals) != len(people):
        raise TypeError("a question is answered only by as many distinct approvers as it asks for")
    return _make(Permit, (call, decision, approvals))


def open_already(call: Call, decision: Allow | Ask) -> Permit:
    """The permit of a call that the ledger holds as spent and not settled: authorizing it again makes nothing new."""
    return _make(Permit, (call, decision, ()))
