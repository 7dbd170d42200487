"""Kind: what `capabilities/` adds for one sort of argument (a path, a command, a URL): parse it, assess it, say it.

A parameter is given a kind by its annotation, `def save(path: Annotated[str, files.WRITE])`.  `parse` turns what the agent sent into the
one canonical value that is checked, shown, digested and run; whatever it cannot parse is refused.  `assess` says what the call would do
with it.  Both are pure: no I/O beyond what the kind's own file documents.

Kinds are found by entry point, so the engine never imports them: group `gate.kinds` maps a tool name as rules write it
(`shell.run`) to a `KindTool`; group `gate.constraints` maps a constraint type (`subpath`) to its class.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from gate.effect import Assessment


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


class KindTool(NamedTuple):
    """A tool as a kind describes it, for checking calls to it without having it: argument name → kind, and which may be left out."""

    name: str
    arguments: dict[str, Kind]
    optional: frozenset[str] = frozenset()
    assessment: Assessment | None = None
