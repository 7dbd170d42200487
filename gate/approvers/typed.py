r"""Typed: what a person types under a question, and what it means.

    yes [N]       approve exactly this call, once; or the wider scope [N] that the question offers
    NUMBER [N]    the same where the question is grave: the number under the exact call, instead of yes
    d [REASON]    deny; the agent reads the reason
    s [REASON]    deny, and stop the agent
    ? QUESTION    ask the agent back
    h NAME        hand it to somebody else
    l             leave it for later

Anything else denies.

>>> from gate.answer import Case
>>> from gate.approvers.document import document
>>> from gate.approvers.example import QUESTION
>>> made = document(Case(QUESTION, "open"), now=1000.0)
>>> understood("945", made).verdict, understood("yes", made).verdict, understood("d not the backups", made)
('approve', 'deny', Typed(verdict='deny', text='not the backups', scope=0, stop=False))
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from gate.approvers.document import Document

Verb: TypeAlias = Literal["approve", "deny", "ask-back", "hand-over", "later"]
LONGEST: Final = 2_000


class Typed(NamedTuple):
    """What was typed. text: a reason, a question or a name.  scope: which of the question's scopes.  stop: the agent is to be stopped."""

    verdict: Verb
    text: str = ""
    scope: int = 0
    stop: bool = False


def understood(line: str, document: Document) -> Typed:
    """What a line means under a document."""
    word, _, rest = line.strip().partition(" ")
    text = rest.strip()[:LONGEST]
    if why_not_here(document) == "" and word == (document.number if document.grave else "yes"):
        scope = _scope(text, document)
        return Typed("deny") if scope is None else Typed("approve", scope=scope)
    if word in {"d", "s"}:
        return Typed("deny", text, stop=word == "s")
    if word == "?" and text:
        return Typed("ask-back", text)
    if word == "h" and text:
        return Typed("hand-over", text)
    return Typed("later") if word == "l" and not text else Typed("deny")


def why_not_here(document: Document) -> str:
    """Why a terminal takes no yes to it; "" when it does."""
    if document.cut:
        return "it is too long to be shown here whole"
    return "it needs a passkey, which the page asks for" if document.passkey else ""


def prompt(document: Document) -> str:
    """What may be typed, and where it is typed."""
    return "\n".join([*_ways(document), "  anything else denies: "])


def _ways(document: Document) -> Iterator[str]:
    word, scopes = document.number if document.grave else "yes", len(document.section("grant").facts)
    if why := why_not_here(document):
        yield f"  It cannot be approved here: {why}. Approve it at the page (gate inbox)."
    else:
        yield f"  {word:<11} approve [1]{f' (or {word} 2 for [2], and so on)' if scopes > 1 else ''}"
    yield "  d REASON    deny; the agent reads the reason"
    yield "  s REASON    deny, and stop the agent"
    yield "  ? QUESTION  ask the agent back"
    yield "  h NAME      hand it to somebody else"
    yield "  l           leave it for later"


def _scope(text: str, document: Document) -> int | None:
    """The index of the scope that was typed, the first for none; None for one that there is not."""
    if not text:
        return 0
    return int(text) - 1 if text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= len(document.section("grant").facts) else None
