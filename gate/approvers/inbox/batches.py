"""Batches: which questions somebody may answer together: those of one agent, session and task with one risk, none above medium.

Answering together saves reading who asks and why, never reading a call: each is shown whole and ticked by itself.  So what is grave, needs a
passkey, or is too long to be shown whole is answered alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.effect import Risk

if TYPE_CHECKING:
    from gate.answer import Case

LARGEST: Final = 20


class Kin(NamedTuple):
    """What the questions of one batch have in common."""

    agent: str
    principal: str
    session: str
    task: str
    risk: Risk


def kin(case: Case) -> Kin | None:
    """What a question has in common with others, None for one that is answered alone."""
    asked = case.question
    if case.state != "open" or asked.risk > Risk.MEDIUM or asked.passkey:
        return None
    return Kin(asked.agent, asked.principal, asked.session, asked.task, asked.risk)


def counts(cases: Iterable[Case]) -> dict[str, int]:
    """By the id of the first question of each batch, how many these cases hold of it."""
    first: dict[Kin, str] = {}
    many: Counter[Kin] = Counter()
    for case in cases:
        if found := kin(case):
            first.setdefault(found, case.question.id)
            many[found] += 1
    return {first[found]: count for found, count in many.items() if count > 1}


def like(case: Case, others: Iterable[Case]) -> list[Case]:
    """The question and those that may be answered together with it, at most 20; none when it is answered alone."""
    found = kin(case)
    same = [other for other in others if found and kin(other) == found and other.question.id != case.question.id]
    return [case, *same][:LARGEST] if found else []
