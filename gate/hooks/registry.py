"""Registry: the dialect of an agent's name. Imported when it is asked for, because a hook needs one of them.

>>> dialect("codex").name
'codex'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gate.hooks.event import Dialect

AGENTS: Final = ("claude", "codex", "gemini", "copilot", "cursor")


def dialect(agent: str) -> Dialect:
    """The dialect; ValueError when there is none of that name."""
    if agent not in AGENTS:
        raise ValueError(f"there is no agent {agent!r}; there are {', '.join(AGENTS)}")
    found: Dialect = import_module(f"gate.hooks.{agent}").DIALECT
    return found
