"""Callback: a Python function answers. For programs with their own way to reach a person, and for tests.

The approval is signed with a key that this process can read, so whatever runs in the process could sign one too; it is a person's yes
only as far as the function that gives it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gate.answer import Answer
from gate.approval import sign

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.gate import Gate


class Callback:
    """Asks `function(question)`: True approves, False or a text (the reason) denies, None is no answer."""

    tireless = True
    """A program: it may be asked as often as there are questions, and reads no history."""

    def __init__(self, gate: Gate, function: Callable[[Question], bool | str | None], *, name: str = "owner") -> None:
        self.name = name
        self._gate, self._function = gate, function

    def ask(self, question: Question) -> Answer | None:
        """What the function says, as an answer with its approval token."""
        said = self._function(question)
        if said is None:
            return None
        if said is not True:
            return Answer("deny", self.name, reason=said if isinstance(said, str) else "", method="callback")
        home = self._gate.home
        token = sign(question, home.keys.signing(f"approver-{self.name}"), approver=self.name, audience=home.origin, now=home.now())
        return Answer("approve", self.name, token=token, method="callback")
