"""Batch: open questions that may be answered together, because whoever answers one would see the same about the others.

In one batch are questions of one agent, session and task, with the same principal, chain and capability, the same risk, which is below high, the
same rules in force, and the same people needed, of whom the same have approved already.  Nothing mixes: a question that differs in any of
these, that is high or critical, that needs a passkey, or that belongs to no session, stands alone.

A batch is no answer.  Every call in it is shown in full and answered by itself; it only says what may stand on one page.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gate.answer import Case

MOST: Final = 20


def batches(cases: Iterable[Case]) -> tuple[tuple[Case, ...], ...]:
    """The cases in batches of at most 20. A batch stands where its first case stood, and its cases keep their order."""
    made: list[list[Case]] = []
    current: dict[Hashable, list[Case]] = {}
    for case in cases:
        key = together(case)
        batch = current.get(key)
        if batch is None or len(batch) >= MOST:
            batch = current[key] = []
            made.append(batch)
        batch.append(case)
    return tuple(map(tuple, made))


def together(case: Case) -> Hashable:
    """What the cases of one batch have in common; a case that stands alone has it with nobody."""
    asked = case.question
    if asked.grave or asked.passkey or not asked.session or case.state != "open":
        return asked.id
    who = asked.agent, asked.session, asked.task, asked.principal, asked.chain, asked.capability
    return who, asked.risk, asked.rules_version, frozenset(asked.approvers), asked.quorum, frozenset(case.approved_by), case.holder
