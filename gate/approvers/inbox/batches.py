"""Batches: which questions the page lets somebody answer together (`gate.fewer.batch` says which may be), found around one of them.

Answering together saves reading who asks and why, never reading a call: each is shown whole and ticked by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

from gate.fewer.batch import MOST, together

if TYPE_CHECKING:
    from gate.answer import Case


def counts(cases: Iterable[Case]) -> dict[str, int]:
    """By the id of the first question of each batch, how many these cases hold of it."""
    first: dict[Hashable, str] = {}
    many: Counter[Hashable] = Counter()
    for case in cases:
        key = together(case)
        first.setdefault(key, case.question.id)
        many[key] += 1
    return {first[key]: count for key, count in many.items() if count > 1}


def like(case: Case, others: Iterable[Case]) -> list[Case]:
    """The question and those that may be answered together with it, at most 20."""
    return [case, *[other for other in others if is_like(case, other) and other.question.id != case.question.id]][:MOST]


def is_like(case: Case, other: Case) -> bool:
    """Whether both are open and may be on one page."""
    return case.state == other.state == "open" and together(case) == together(other)
