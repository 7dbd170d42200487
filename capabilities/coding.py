"""coding: the tools that coding agents have built in, as kinds describe them, for hooks that decide about them.

    Bash command="git status"      Edit file_path="/work/a.py" old_string="…" new_string="…"      run_shell_command command="ls"

A tool keeps its agent's name and argument names, because those are what the agent runs.  What a command, a path or an address means is judged as
`shell`, `files` and `http` judge it, in the scene of the call (`at`): its folder, the workspace, and the gate's own files, which no path
may lead to.  Commands and tools that cannot be inspected are at least high.

>>> tool("claude", "Edit").arguments["file_path"].name
'coding.writes'
>>> command = tool("gemini", "run_shell_command").arguments["command"]
>>> with at("gemini", "run_shell_command", {}, base="/srv/x", workspace="/srv/x"): command.assess("rm -rf /srv/x/a").risk.word
'high'
>>> tool("claude", "Teleport") is None
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import Final

from capabilities._coding.kinds import COMMAND, KINDS
from capabilities._coding.scene import Scene, here
from capabilities._coding.scene import at as _at
from capabilities._coding.tables import LASTING, names, spelled
from gate.constraint import ANY, Entry
from gate.frozen import Frozen
from gate.kind import Kind, KindTool

_SHOWN: Final = ("command", "file_path", "path", "url", "pattern", "query", "prompt")


@cache
def tool(agent: str, name: str) -> KindTool | None:
    """A built-in tool of an agent; None when nothing is known about it."""
    line = spelled(agent, name)
    if line is None:
        return None
    optional = frozenset(argument for argument, kind in line.items() if kind.endswith("?"))
    kinds: dict[str, Kind] = {argument: KINDS[kind.rstrip("?")] for argument, kind in line.items()}
    return KindTool(name, kinds, optional, headline=partial(_headline, name))


def at(
    agent: str,
    name: str,
    arguments: Mapping[str, object],
    *,
    base: str,
    workspace: str,
    closed: Iterable[str] = (),
    own: Iterable[str] = (),
) -> AbstractContextManager[Scene]:
    """The scene of one call, see `capabilities._coding.scene.at`; ValueError, too, when the call names two different folders to act in."""
    line = spelled(agent, name) or {}
    folders = [arguments[argument] for argument, kind in line.items() if kind.rstrip("?") == "folder" and argument in arguments]
    if any(folder != folders[0] for folder in folders):
        raise ValueError("the call names two different folders; which of them the agent takes is not known")
    enters = next((folder for folder in folders if isinstance(folder, str) and folder), "")
    return _at(base, workspace, enters=enters, given=arguments, closed=closed, own=own, lasting=agent in LASTING)


def rests(agent: str, name: str, arguments: Mapping[str, object], *, anew: bool = False) -> str:
    """Which files the commands of a call run, with a digest of what these hold; "" for none. In its scene; anew: as they are now, not as judged."""
    line, scene = spelled(agent, name) or {}, here()
    if anew and scene.judged is not None:
        scene.judged.clear()
    texts = [arguments[argument] for argument, kind in line.items() if kind.rstrip("?") == "shell" and argument in arguments]
    found = [COMMAND.judged(text)[1].words(scene.workspace) for text in texts if isinstance(text, str)]
    return "; ".join([words for words in found if words])


def everything(agent: str) -> dict[str, dict[str, Entry]]:
    """A grant of every built-in tool of an agent with any arguments: what may then run, the rules and the risk decide."""
    return {name: {argument: Entry(ANY, kind.endswith("?")) for argument, kind in (spelled(agent, name) or {}).items()} for name in names(agent)}


def _headline(name: str, arguments: Mapping[str, Frozen]) -> str:
    shown = next((arguments[argument] for argument in _SHOWN if argument in arguments), "")
    return f"use {name}: {shown}" if shown else f"use {name}"
