"""Answer: what a person said about a question, and what that does to it.

    open ──approve (the last of the quorum)──▶ approved ──the call runs──▶ used
     │  ──deny───────────────────────────────▶ denied          approved ──deny──▶ denied
     │  ──ask back───────────────────────────▶ returned        expired ──deny──▶ denied
     │  ──edit───────────────────────────────▶ edited
     │  ──withdraw (an administrator)────────▶ withdrawn       denied, approved, returned, edited ──withdraw──▶ withdrawn
     └── its time is over ───────────────────▶ expired

An approve that comes late is void; a deny that comes late counts, as long as the call has not run.  `judge` is the whole of these rules: it
is pure, and the store calls it inside the transaction that keeps the answer, so two who answer at once are judged one after the other.

>>> judge("open", (), 1, Answer("approve", "ann"), late=False)
'approved'
>>> judge("open", (), 2, Answer("approve", "ann"), late=False)
'open'
>>> judge("open", (), 1, Answer("deny", "ann"), late=True)
'denied'
>>> judge("open", (), 1, Answer("approve", "ann"), late=True)
Traceback (most recent call last):
gate.errors.Void: the question has expired; no answer in time means no
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from gate.errors import Void
from gate.frozen import Frozen, members, thaw

if TYPE_CHECKING:
    from gate.ask import Question

Verdict: TypeAlias = Literal["approve", "deny", "ask-back", "hand-over", "edit", "withdraw", "expire"]
State: TypeAlias = Literal["open", "approved", "used", "denied", "returned", "edited", "withdrawn", "expired"]
VERDICTS: Final = ("approve", "deny", "ask-back", "hand-over", "edit", "withdraw", "expire")
_TURNS: Final[Mapping[str, State]] = {"deny": "denied", "ask-back": "returned", "edit": "edited", "withdraw": "withdrawn", "expire": "expired"}
_OVER: Final[Mapping[str, str]] = {
    "approved": "it is approved already",
    "used": "the call has run already",
    "denied": "somebody has refused it",
    "returned": "somebody has asked the agent back",
    "edited": "somebody has changed the call; the changed one is a question of its own",
    "withdrawn": "an administrator has ended the question",
    "expired": "the question has expired; no answer in time means no",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said.

    token: of an approve, the approval that their key signed (`gate.approval`).  reason: why not, or what they ask the agent back.
    stop: a deny that also stops the agent.  to: who takes over.  arguments: what an edit wants instead, whole.  method: how they were
    known and asked ("page", "page+passkey", "terminal", "slack", "webhook", "api", "callback").  shown: base64url(SHA-256) of the bytes
    they were shown, shown_at and at: when, in seconds since the epoch.  granted: the digest of what the approve covers.  lasting: for more
    than one call.  until: when what was approved ends.
    """

    verdict: Verdict
    approver: str
    token: str = ""
    reason: str = ""
    method: str = ""
    stop: bool = False
    to: str = ""
    arguments: Mapping[str, Frozen] | None = None
    shown: str = ""
    shown_at: float = 0.0
    at: float = 0.0
    granted: str = ""
    lasting: bool = False
    until: float = 0.0

    def to_json(self) -> dict[str, object]:
        """Plain data; what is empty is left out."""
        data: dict[str, object] = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) not in ("", None, False, 0.0)}
        return data | ({"arguments": thaw(self.arguments)} if self.arguments is not None else {})

    @classmethod
    def of(cls, data: Mapping[str, object]) -> Answer:
        """The answer that `to_json` gave. ValueError for anything else."""
        known = {name: value for name, value in data.items() if name in cls.__slots__}
        known.setdefault("approver", "")  # of an expiry: nobody
        if (
            known.keys() - {"approver"} != data.keys() - {"approver"}
            or known.get("verdict") not in VERDICTS
            or not isinstance(known["approver"], str)
        ):
            raise ValueError("this is no answer")
        if "arguments" in known:
            known["arguments"] = members(known["arguments"])
        return cls(**known)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what to_json wrote


@dataclass(frozen=True, slots=True)
class Case:
    """A question with everything that was said about it. state: at the moment it was read. turn: changes with every answer."""

    question: Question
    state: State
    answers: tuple[Answer, ...] = ()
    turn: int = 0

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Who approved, in order."""
        return tuple([answer.approver for answer in self.answers if answer.verdict == "approve"])

    @property
    def closing(self) -> Answer | None:
        """The answer that ended it, the latest of any kind."""
        return self.answers[-1] if self.answers else None

    @property
    def approvers(self) -> tuple[str, ...]:
        """Whom the rule names; anybody, if it names none."""
        return self.question.approvers

    @property
    def holder(self) -> str:
        """Whom it was handed to last, "" for nobody."""
        return next((answer.to for answer in reversed(self.answers) if answer.verdict == "hand-over"), "")


def judge(state: State, earlier: Sequence[Answer], quorum: int, answer: Answer, *, late: bool) -> State:
    """The state after one more answer; Void when the answer does not count. late: the question's time is over."""
    verdict = answer.verdict
    if state == "open" and late and verdict != "withdraw":
        state = "expired"
    if verdict == "withdraw" and (state not in {"used", "withdrawn"} or (state == "used" and _lasting(earlier))):
        return "withdrawn"
    if verdict == "deny" and (state in {"open", "expired", "approved"} or (state == "used" and _lasting(earlier))):
        return "denied"
    if verdict == "expire" and state == "expired":
        return state
    if state != "open" or verdict == "expire":
        raise Void(_OVER.get(state, "its time is not over yet"))
    if verdict == "approve":
        if any(other.verdict == "approve" and other.approver == answer.approver for other in earlier):
            raise Void(f"{answer.approver} has approved it already; it needs {quorum} different people")
        return "approved" if sum(other.verdict == "approve" for other in earlier) + 1 >= quorum else "open"
    return _TURNS.get(verdict, "open")


def _lasting(answers: Sequence[Answer]) -> bool:
    """Whether something was approved for more than one call."""
    return any(answer.lasting for answer in answers)


def parse(body: bytes) -> Answer:
    """The answer in a row of the store. ValueError when it is none."""
    import json

    data: object = json.loads(body)
    if not isinstance(data, dict):
        raise ValueError("this is no answer")  # what was stored is wrong, not a type in a program
    return Answer.of(cast("Mapping[str, object]", data))
