"""Desk: where every channel finds the questions that wait, and leaves the answers.

A question is in the ledger's own file before anybody is shown it, and every answer is written there in one transaction with its record; so
any number of channels in any number of processes may ask and answer at once, and a restart loses nothing.  The agent has no part in it: it
waits, or calls again later.  What is kept here is no authority: whoever waits verifies the approvals in it again before the call runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.answer import Answer, Case, State
    from gate.home import Home


class Desk:
    """The questions of one gate. Everything that answers raises Void when the answer does not count, and then nothing of it was kept."""

    def __init__(self, home: Home) -> None:
        self.home = home

    # ---- reading ------------------------------------------------------------------------------------------------------------------

    def case(self, question: str) -> Case | None:
        """The question of an id with what was said about it."""
        raise NotImplementedError

    def cases(self, *states: State, agent: str = "", limit: int = 50, skip: int = 0) -> list[Case]:
        """Those in these states, open ones by default: the gravest first, then the one that expires first. Closed ones: the latest first."""
        raise NotImplementedError

    def count(self) -> int:
        """How many are open."""
        raise NotImplementedError

    def since(self, moment: float) -> list[Case]:
        """Everything that was asked since then (seconds since the epoch), the first first."""
        raise NotImplementedError

    def may_approve(self, case: Case, name: str) -> str:
        """Why this person may not approve it: "" when they may."""
        raise NotImplementedError

    @property
    def turn(self) -> int:
        """Another number whenever something was asked or answered, in any process; reading it costs nothing."""
        raise NotImplementedError

    def wait(self, turn: int, seconds: float) -> int:
        """Blocks until something was asked or answered since `turn`, at most so long; the turn then."""
        raise NotImplementedError

    async def await_turn(self, turn: int, seconds: float) -> int:
        """`wait` in an event loop."""
        raise NotImplementedError

    # ---- answering ----------------------------------------------------------------------------------------------------------------

    def approve(
        self,
        question: str,
        *,
        by: str,
        binding_hash: str,
        method: str,
        scope: int = 0,
        uses: int | None = None,
        seconds: float | None = None,
        number: str = "",
        passkey: Mapping[str, object] | None = None,
        shown: str = "",
        shown_at: float = 0.0,
    ) -> Case:
        """A yes by `by`, whose key on this machine signs it.

        binding_hash: of the call that they were shown.  scope: which of the question's scopes, and fewer uses or seconds of it.  number:
        what they typed, where the question is grave.  passkey: the assertion over `challenge`, as `PublicKeyCredential.toJSON` gives it.
        """
        raise NotImplementedError

    def challenge(self, question: str, *, by: str, scope: int = 0, uses: int | None = None, seconds: float | None = None) -> bytes:
        """What a passkey signs for exactly this yes: 32 bytes."""
        raise NotImplementedError

    def deny(self, question: str, *, by: str, method: str, reason: str = "", stop: bool = False, shown: str = "", shown_at: float = 0.0) -> Case:
        """A no, with its reason for the agent. stop: the agent may call nothing any more, until `gate resume`."""
        raise NotImplementedError

    def ask_back(self, question: str, *, by: str, method: str, reason: str, shown: str = "", shown_at: float = 0.0) -> Case:
        """A question to the agent, which reads it as the reason of a refusal and may call again with its words."""
        raise NotImplementedError

    def hand_over(self, question: str, *, by: str, method: str, to: str, shown: str = "", shown_at: float = 0.0) -> Case:
        """Somebody else shall answer."""
        raise NotImplementedError

    def edit(self, question: str, *, by: str, method: str, arguments: Mapping[str, object], shown: str = "", shown_at: float = 0.0) -> Case:
        """Other arguments, whole: a new call, which is checked and decided as if the agent had made it."""
        raise NotImplementedError

    def withdraw(self, question: str, *, by: str, reason: str = "") -> Case:
        """An administrator ends a question, or takes a no back so that it may be asked again."""
        raise NotImplementedError

    def answer(self, question: str, answer: Answer, *, binding_hash: str = "") -> Case:
        """An answer with an approval that somebody's key signed elsewhere, or without one."""
        raise NotImplementedError
