r"""Typed: what a person types under a question, and what it means.

    yes [N]       approve exactly this call, once; or the wider scope [N] that the question offers
    NUMBER [N]    the same where the question is grave: the number under the exact call, instead of yes
    d [REASON]    deny (also n, no); the agent reads the reason
    s [REASON]    deny, and stop the agent
    ? QUESTION    ask the agent back
    h NAME        hand it to somebody else
    l             leave it for later
    help          what may be typed (also ? alone)

A line without anything denies.  Whatever else is typed is not understood: it approves nothing, and whoever asks may ask again.

>>> from gate.answer import Case
>>> from gate.approvers.document import document
>>> from gate.approvers.example import QUESTION
>>> made = document(Case(QUESTION, "open"), now=1000.0)
>>> understood("945", made).verdict, understood("yes", made).verdict, understood("d not the backups", made)
('approve', 'unclear', Typed(verdict='deny', text='not the backups', scope=0, stop=False))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from gate.shown import visible

if TYPE_CHECKING:
    from gate.approvers.document import Document

Verb: TypeAlias = Literal["approve", "deny", "ask-back", "hand-over", "later", "help", "unclear"]
LONGEST: Final = 2_000
_VERBS: Final[Mapping[str, Verb]] = {
    "": "deny",
    "d": "deny",
    "n": "deny",
    "no": "deny",
    "s": "deny",
    "?": "ask-back",
    "h": "hand-over",
    "l": "later",
}
_LAST: Final = "Enter alone denies: "


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
    if why_not_here(document) == "" and word == _yes(document):
        scope = _scope(text, document)
        return Typed("unclear") if scope is None else Typed("approve", scope=scope)
    if word in _VERBS and (text or word not in {"?", "h"}) and not (word == "l" and text):
        verb = _VERBS[word]
        return Typed(verb, text, stop=word == "s")
    return Typed("help") if word in {"help", "?"} and not text else Typed("unclear")


def again(line: str, document: Document) -> str:
    """What is said to a line that was not understood. The line is what somebody typed, and shown safely."""
    why = why_not_here(document)
    first = f"it cannot be approved here ({why}); type" if why else f"type {_yes(document)} to approve,"
    return f"  not understood: '{visible(line.strip()[:40])}'; {first} d to deny, or help; {_LAST}"


def _yes(document: Document) -> str:
    return document.number if document.grave else "yes"


def why_not_here(document: Document) -> str:
    """Why a terminal takes no yes to it; "" when it does."""
    if document.cut:
        return "it is too long to be shown here whole"
    return "it needs a passkey, which the page asks for" if document.passkey else ""


def prompt(document: Document) -> str:
    """What may be typed, and where it is typed."""
    return "\n".join([*_ways(document), f"  {_LAST}"])


def _ways(document: Document) -> Iterator[str]:
    word, scopes = _yes(document), len(document.section("grant").facts)
    if why := why_not_here(document):
        yield f"  It cannot be approved here: {why}. Approve it at the page (gate inbox)."
    else:
        yield f"  {word:<11} approve [1]{f' (or {word} 2 for [2], and so on)' if scopes > 1 else ''}"
    yield "  d REASON    deny (also n or no); the agent reads the reason"
    yield "  s REASON    deny, and stop the agent"
    yield "  ? QUESTION  ask the agent back"
    yield "  h NAME      hand it to somebody else"
    yield "  l           leave it for later"


def _scope(text: str, document: Document) -> int | None:
    """The index of the scope that was typed, the first for none; None for one that there is not."""
    if not text:
        return 0
    return int(text) - 1 if text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= len(document.section("grant").facts) else None
