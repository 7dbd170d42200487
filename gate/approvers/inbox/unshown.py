"""Unshown: questions that cannot be shown, so that one of them takes no other down with it.

A row that somebody spoiled cannot be read, and a document may not be made of everything that can.  Nobody can approve what nobody was shown;
what can be read can be refused, and an administrator can end it.  Silence means no in any case.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from gate.approvers.inbox.cards import Card, card
from gate.approvers.marked import marked
from gate.effect import Risk
from gate.store import questions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gate.answer import Case
    from gate.home import Home

SAID: Final = "This question cannot be shown; deny it, or withdraw it with: gate ask --withdraw"
_OPEN: Final = "state = 'open' AND expires > ? ORDER BY risk DESC, expires, id LIMIT ? OFFSET ?"
_log: Final = logging.getLogger("gate")


class Unshowable(Exception):
    """A question that cannot be shown. case: as far as it can be read."""

    def __init__(self, question: str, case: Case | None) -> None:
        super().__init__(f"{SAID} {question}")
        self.question, self.case = question, case


def unread(home: Home, read: Collection[str], limit: int, skip: int) -> list[Card]:
    """The cards of the open questions on a page of the list that are not among those that were read."""
    found = questions.rows(home.ledger.query, _OPEN, (home.now(), limit, skip))
    return [_spoiled(row) for row in found if row.id not in read]


def shown_cards(cases: list[Case], who: str, together: Mapping[str, int] | None = None) -> list[Card]:
    """The cards of a list; of a case that has none, that it cannot be shown."""
    return [_card(case, who, (together or {}).get(case.question.id, 0)) for case in cases]


def _card(case: Case, who: str, together: int) -> Card:
    try:
        return card(case, who, together)
    except Exception:  # whatever it is about this one question
        _log.exception("the question '%s' cannot be shown", case.question.id)
        asked = case.question
        return _bare(asked.id, asked.risk.word, case.state, asked.created, asked.expires)


def _spoiled(row: questions.Row) -> Card:
    word = Risk(row.risk).word if row.risk in set(Risk) else Risk.CRITICAL.word
    return _bare(row.id, word, row.state, row.created, row.expires)


def _bare(name: str, risk: str, state: str, created: float, expires: float) -> Card:
    headline = marked(f"{SAID} {name}")
    return Card(name, headline, risk, state, created, expires, 1, 0, mine=False, holder="", together=0, closed=0.0, by="", reason="")
