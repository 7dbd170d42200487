"""Testing: the shipped test kit. Simulators of what is outside, never of the gate itself.

>>> clock = FakeClock(1000.0)
>>> clock.advance(60); clock.now()
1060.0
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gate.approvers.callback import Callback
from gate.errors import Denied

if TYPE_CHECKING:
    from gate.answer import Answer
    from gate.ask import Question
    from gate.gate import Gate


class FakeClock:
    """A clock that only a test moves."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Lets time pass; a negative number sets the clock back, as an attacker would."""
        self._now += seconds


class ScriptedApprover:
    """A person whose answers are written down beforehand. `questions` is what they were asked; `meanwhile` runs while they think."""

    tireless = True

    def __init__(self, gate: Gate, answers: Iterable[bool | str | None], *, name: str = "owner", meanwhile: Callable[[], None] | None = None) -> None:
        self.name = name
        self.questions: list[Question] = []
        self._answers = iter(answers)
        self._meanwhile = meanwhile
        self._callback = Callback(gate, self._say, name=name)

    def ask(self, question: Question) -> Answer | None:
        """The next answer of the script; no answer when the script is over."""
        return self._callback.ask(question)

    def _say(self, question: Question) -> bool | str | None:
        self.questions.append(question)
        if self._meanwhile:
            self._meanwhile()
        return next(self._answers, None)


class Step(NamedTuple):
    """What happened to one call of a simulated agent: its value, or why it was refused."""

    tool: str
    arguments: Mapping[str, Any]
    value: Any = None
    denied: Denied | None = None


class SimulatedAgent:
    """An agent without a model: makes the calls of a plan, one after the other, and goes on after a refusal as a model would."""

    def __init__(self, gate: Gate, plan: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        self.gate = gate
        self.plan = list(plan)

    def run(self) -> list[Step]:
        """Every call of the plan with what came of it; an error of a tool is its value, as a model would see it."""
        return [self._step(tool, arguments) for tool, arguments in self.plan]

    def _step(self, tool: str, arguments: Mapping[str, Any]) -> Step:
        try:
            return Step(tool, arguments, self.gate.call(tool, arguments))
        except Denied as denied:
            return Step(tool, arguments, denied=denied)
        except Exception as error:  # a model sees a failing tool's message and goes on
            return Step(tool, arguments, f"{type(error).__name__}: {error}")


def assert_denied(gate: Gate, tool: str, arguments: Mapping[str, Any], *, because: str = "") -> Denied:
    """The refusal of a call that must be refused, for a reason that holds the text `because`."""
    try:
        value = gate.call(tool, arguments)
    except Denied as denied:
        if because not in str(denied):
            raise AssertionError(f"denied, but not because of {because!r}: {denied}") from denied
        return denied
    raise AssertionError(f"{tool} was not denied; it returned {value!r}")
