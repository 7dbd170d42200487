"""Permit: the proof that a call may run now.

Running needs a permit, and only two things make one: a decision that allows, and approvals that answer a question.  The constructor is
sealed, so that `Permit(...)` written anywhere else is an error at once and not a hole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gate.decide import Allow, Ask

if TYPE_CHECKING:
    from gate.approval import Approval
    from gate.call import Call
    from gate.decide import Durability

_SEAL: Final = object()


class Permit:
    """One call that may run now, and what let it. Immutable; good for one run, which the ledger counts."""

    __slots__ = ("approvals", "call", "decision")

    call: Call
    decision: Allow | Ask
    approvals: tuple[Approval, ...]

    def __init__(self, seal: object, call: Call, decision: Allow | Ask, approvals: tuple[Approval, ...] = ()) -> None:
        if seal is not _SEAL:
            raise TypeError("a permit comes from a decision or from approvals; it cannot be made by hand")
        _set_call(self, call)
        _set_decision(self, decision)
        _set_approvals(self, approvals)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a permit is immutable; '{name}' cannot be set")

    @property
    def durability(self) -> Durability:
        """When the intent must be on disk."""
        return self.decision.durability


# The slots' own setters: `__setattr__` is closed, and these cost less than going through object.__setattr__.
_set_call = Permit.__dict__["call"].__set__
_set_decision = Permit.__dict__["decision"].__set__
_set_approvals = Permit.__dict__["approvals"].__set__


def allowed(call: Call, decision: Allow) -> Permit:
    """The permit of a call that the decision allows."""
    if type(decision) is not Allow:
        raise TypeError("only an allowing decision makes a permit without a person")
    return Permit(_SEAL, call, decision)


def approved(call: Call, decision: Ask, approvals: tuple[Approval, ...], binding_hash: str) -> Permit:
    """The permit of a call that enough distinct people approved, each for exactly this call; TypeError otherwise."""
    people = {approval.approver for approval in approvals if approval.binding_hash == binding_hash}
    if type(decision) is not Ask or len(people) < decision.quorum or len(approvals) != len(people):
        raise TypeError("a question is answered only by as many distinct approvers as it asks for")
    return Permit(_SEAL, call, decision, approvals)
