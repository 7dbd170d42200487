"""Eligible: who may answer a question. Pure.

The agent that asks, every agent that passed the capability on to it, and the principal on whose behalf it acts never count: they asked.  Where
the rule names approvers, only those (or people of a group it names, "@oncall", or whom one of them handed it to) count; where there is a
file of approvers, only who is in it.

>>> from gate.people import People
>>> why_not("bot", agents=("bot",), principal="", approvers=(), people=People.EMPTY)
'an agent cannot approve its own call'
>>> why_not("ann", agents=("bot",), principal="", approvers=("bob",), people=People.EMPTY)
"'ann' is not among the approvers bob"
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.people import People


def why_not(name: str, *, agents: Iterable[str], principal: str, approvers: tuple[str, ...], people: People) -> str:
    """Why somebody may not approve; "" when they may."""
    if any(people.same(name, agent) for agent in agents):
        return "an agent cannot approve its own call"
    if principal and people.same(name, principal):
        return f"'{name}' is whom the agent acts for, and nobody approves what was asked in their own name"
    if people.people and people.person(name) is None:
        return f"'{name}' is not in the file of approvers"
    if approvers and name not in people.named(approvers):
        return f"'{name}' is not among the approvers {', '.join(approvers)}"
    return ""
