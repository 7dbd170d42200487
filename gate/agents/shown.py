"""Shown: which question a framework's person was shown under a call's id, for frameworks whose yes names nothing but that id.

A model chooses ids, so two calls can have one.  A yes counts for a question that was shown under the id and for no other; where two were, nobody
knows which of them it is about, and it counts for neither.  Kept in the gate's folder, because a run goes on in another process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.hooks.kept import Kept, Opened

if TYPE_CHECKING:
    from gate.agents.around import Around, Sent
    from gate.ask import Question


def show(around: Around, sent: Sent, question: Question) -> None:
    """The framework hands this question to its person."""
    Kept(around.gate.home.path).put(_about(around, sent), Opened(question.id))


def answered(around: Around, sent: Sent, question: Question | None) -> Question | None:
    """The question, if it is what the person's yes under this id is about. Good once."""
    kept, shown = Kept(around.gate.home.path), set[str]()
    while opened := kept.take(_about(around, sent)):
        shown.add(opened.ref)
    return question if question is not None and shown == {question.id} else None


def _about(around: Around, sent: Sent) -> list[object]:
    return ["shown", around.session_of(sent), sent.tool, sent.id]
