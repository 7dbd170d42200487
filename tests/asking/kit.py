"""What the tests of asking share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gate import Gate, NeedsApproval, Question
from gate.testing import ScriptedApprover

TWO = """
    [[rule]]
    id = "two-people"
    ask = { tool = "*", approvers = ["alice", "bob", "carol"], quorum = 2, expires = "10m" }
"""


def pay(gate: Gate, eur: int = 5) -> Any:
    return gate.call("pay", {"eur": eur})


def asked(gate: Gate, eur: int = 5) -> Question:
    """The question that a call leads to where nobody can be asked."""
    with pytest.raises(NeedsApproval) as caught:
        pay(gate, eur)
    assert caught.value.question is not None
    return caught.value.question


def meanwhile(gate: Gate, change: Callable[[], Any]) -> None:
    """Something happens while the person thinks, who then says yes."""
    gate.approvers = (ScriptedApprover(gate, [True], meanwhile=change),)
