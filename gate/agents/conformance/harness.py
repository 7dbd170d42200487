"""What a harness gets and gives back. Everything is plain data, because a run may be paused here and go on in another process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from gate.agents.conformance.bench import Bench
    from gate.capability import Capability
    from gate.gate import Gate
    from gate.tool import Options


class Use(NamedTuple):
    """One tool call of the scripted model. id: the model's own id of it."""

    id: str
    tool: str
    arguments: Mapping[str, object]


class Sub(NamedTuple):
    """A sub-agent (or the agent that is handed to) in the framework's own way.

    The root's tool `delegate(task: str)` starts it, where the framework has no way of its own.  part: what it has of the root's capability, as
    `Around(part=…)` takes it.
    """

    name: str
    turns: Sequence[Sequence[Use]]
    part: Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """One run of an agent.

    gate: None runs the tools bare.  capability: what the root agent acts under; None for nobody.  tools: bare functions, plain and async, by name.
    options: what the adapter is told about them.  answers: the approver whose yes the framework's resume brings, "" for none.
    session: also the framework's own thread or session.  streaming: run in the framework's streaming way.  state: what an earlier run of the same
    stage gave in `Ran.state`; then `said` is what the framework's person answers and the run goes on.  folder: to keep things in.
    """

    gate: Gate | None
    capability: Capability | None
    tools: Mapping[str, Callable[..., Any]]
    turns: Sequence[Sequence[Use]]
    options: Mapping[str, Options] = field(default_factory=lambda: MappingProxyType({}))
    answers: str = ""
    session: str = "session-1"
    streaming: bool = False
    sub: Sub | None = None
    state: str = ""
    said: object = None
    folder: str = ""


class Seen(NamedTuple):
    """What the model was told of one call. error: whether the framework marked it as failed; None where it has no mark."""

    text: str
    error: bool | None = None


class Ran(NamedTuple):
    """What came of a run.

    seen: by the model's id of the call, the sub-agent's too.  final: what the model said at the end, "" when the loop did not get there.
    paused: what the framework handed out for its person to answer; state: to go on from.  broke: what ended the loop, if an error did.
    """

    seen: Mapping[str, Seen]
    final: str = ""
    paused: Sequence[object] = ()
    state: str = ""
    broke: str = ""


class Harness(ABC):
    """One framework. without: scenario → why the framework has no such thing; said in the table."""

    framework: ClassVar[str]
    """The distribution whose version is named."""
    pauses: ClassVar[bool] = True
    """Whether the framework has a pause of its own that outlives a process. Without one the model is refused and calls again."""
    without: ClassVar[Mapping[str, str]] = MappingProxyType({})
    traps: ClassVar[Mapping[str, Callable[[Bench], None]]] = MappingProxyType({})
    """Scenarios of this framework alone: name → what is shown, see `gate.agents.conformance.scenarios`; they are checked with the others."""

    @property
    def version(self) -> str:
        """The version that is installed."""
        return version(self.framework)

    @abstractmethod
    def run(self, stage: Stage) -> Ran:
        """Runs the scripted agent until it is done, pauses or breaks. Never raises for what a tool or the gate did."""

    def after_only(self, stage: Stage) -> None:
        """Calls the adapter's after-hook for the first call of the stage, where there was no before-hook. Only adapters that have such hooks."""
        raise NotImplementedError
