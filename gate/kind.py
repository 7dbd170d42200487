"""Kind: what `capabilities/` adds for one sort of argument (a path, a command, a URL): parse it, assess it, say it.

A parameter is given a kind by its annotation, `def save(path: Annotated[str, files.WRITE])`.  `parse` turns what the agent sent into the
one canonical value that is checked, shown, digested and run; whatever it cannot parse is refused.  `assess` says what the call would do
with it.  Both are pure: no I/O beyond what the kind's own file documents.

Kinds are found by entry point, so the engine never imports them: group `gate.kinds` maps a tool name as rules write it
(`shell.run`) to a `KindTool`; group `gate.constraints` maps a constraint type (`subpath`) to its class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple, Protocol, TypeVar, runtime_checkable

from gate.effect import Assessment
from gate.frozen import Frozen
from gate.preview import Panel

F = TypeVar("F", bound=Callable[..., object])


@runtime_checkable
class Kind(Protocol):
    """One sort of argument. Instances are immutable and may be shared by every tool that takes such an argument."""

    name: str

    def parse(self, value: object) -> object:
        """The canonical JSON value (str, int, float, bool, None, list, dict) of `value`; ValueError says why it is refused."""
        ...

    def assess(self, value: object) -> Assessment:
        """What a call with this parsed value would do."""
        ...


PROPERTIES: Final = frozenset({"files", "network", "processes", "cpu", "memory", "environment", "gpu"})
"""What containment can be required to hold: only named files, only named hosts, the whole tree of processes counted and ended, processor
seconds and memory of that tree, a fresh environment, graphics cards hidden or counted."""


class KindTool(NamedTuple):
    """A tool as a kind describes it; also good for checking calls to it without having it.

    arguments: name → kind, and in `optional` which may be left out.  headline: what a call does, as the words after "NAME wants to".
    preview: its consequences, for a person about to be asked; it may look at files or a database, and changes nothing.  requires: the
    properties of containment without which the tool must not run.  cost: everything a call costs, unit → amount, before it runs, so that
    budgets and quotas can bound it.  The functions get the frozen arguments that were given or have a default.
    """

    name: str
    arguments: Mapping[str, Kind]
    optional: frozenset[str] = frozenset()
    assessment: Assessment | None = None
    headline: Callable[[Mapping[str, Frozen]], str] | None = None
    preview: Callable[[Mapping[str, Frozen]], Sequence[Panel]] | None = None
    requires: frozenset[str] = frozenset()
    cost: Callable[[Mapping[str, Frozen]], Mapping[str, Decimal]] | None = None


def ready(tool: KindTool, function: F) -> F:
    """A ready-made function that is this tool: `gate.wrap(function)` takes its name, its kinds, headline, preview and needs from it."""
    if unknown := tool.requires - PROPERTIES:
        raise ValueError(f"there is no property {', '.join(sorted(unknown))}; there are {', '.join(sorted(PROPERTIES))}")
    setattr(function, _MARK, tool)
    return function


def kind_tool(function: object) -> KindTool | None:
    """What `ready` said about a function."""
    return getattr(function, _MARK, None)


_MARK: Final = "__kind_tool__"
