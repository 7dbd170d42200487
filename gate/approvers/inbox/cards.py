"""Cards: what a list says of each question. A headline is the engine's, cut; everything else is on the question's own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.approvers.marked import Line, Segment, marked

if TYPE_CHECKING:
    from gate.answer import Case

HEADLINE: Final = 240


class Card(NamedTuple):
    """One question in a list. mine: this person has approved it.  together: how many may be answered with it, 0 for none."""

    id: str
    headline: Line
    risk: str
    state: str
    created: float
    expires: float
    quorum: int
    approved: int
    mine: bool
    holder: str
    together: int
    closed: float
    by: str
    reason: str


def card(case: Case, who: str, together: int = 0) -> Card:
    """The card of a case for a person."""
    asked, last = case.question, case.closing
    return Card(
        id=asked.id,
        headline=_headline(asked.headline[: HEADLINE + 1]),
        risk=asked.risk.word,
        state=case.state,
        created=asked.created,
        expires=asked.expires,
        quorum=asked.quorum,
        approved=len(case.approved_by),
        mine=who in case.approved_by,
        holder=case.holder,
        together=together,
        closed=last.at if last else 0.0,
        by=last.approver if last else "",
        reason=last.reason[:HEADLINE] if last else "",
    )


def cards(cases: Sequence[Case], who: str, together: Mapping[str, int] | None = None) -> list[Card]:
    """The cards of a list."""
    return [card(case, who, (together or {}).get(case.question.id, 0)) for case in cases]


@lru_cache(maxsize=4096)
def _headline(text: str) -> Line:
    return marked(text) if len(text) <= HEADLINE else (*marked(text[:HEADLINE]), Segment("…"))
