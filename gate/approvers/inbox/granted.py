"""Granted: what the approvals of a question grant, in words, as far as they hold for more than the one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.approval import scope_of
from gate.errors import TokenError
from gate.shown import utc

if TYPE_CHECKING:
    from gate.answer import Answer, Case


def granted(case: Case) -> list[str]:
    """A sentence for each lasting yes, as its token says it: whoever waits verifies that token, and this is only what a person reads."""
    return [_words(case, answer) for answer in case.answers if answer.verdict == "approve" and answer.lasting]


def _words(case: Case, answer: Answer) -> str:
    uses, label = _signed(case, answer)
    calls = "" if not uses else f", for {uses:,} {'call' if uses == 1 else 'calls'} at most"
    return f"{answer.approver} granted: {label}{calls}, until {utc(answer.until)}. A no still takes it back."


def _signed(case: Case, answer: Answer) -> tuple[int, str]:
    """How many calls, and the words of the scope with the same arguments."""
    try:
        said = scope_of(answer.token)
    except TokenError:
        return 0, "more than one call"
    arguments = said.scope.get("arguments")
    label = next((one.label for one in case.question.scopes if one.arguments is not None and dict(one.arguments) == arguments), "more than one call")
    return said.uses, label
