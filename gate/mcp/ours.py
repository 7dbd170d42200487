"""Ours: whether an entry of a client's list starts this gate as `gate mcp install` writes it down, or only says so.

A name proves nothing: a project brings a `./tools/gate` of its own, or starts the real gate with another folder, without pins, or with a module of
its own loaded into it.  So an entry is ours only when each of its words is one that install would have written; anything else is a server like
others, and is put behind the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_array, is_object
from gate.mcp.entry import PRIVATE, VARIABLE, start_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.mcp.clients import Client
    from gate.mcp.entry import Launch

_LOCAL: Final = ("--env",)
_REMOTE: Final = ("--header-env", "--bearer-env")


def looks_gated(entry: Mapping[str, object]) -> bool:
    """Whether an entry starts something that calls itself the gate: good enough to look into the backup, and for nothing else."""
    command, args = entry.get("command"), entry.get("args")
    if not isinstance(command, str) or not is_array(args):
        return False
    if PurePath(command.replace("\\", "/")).name.lower() in ("gate", "gate.exe"):
        return args[:1] == ["mcp"]
    return args[:4] == ["-P", "-m", "gate", "mcp"]


def is_ours(client: Client, name: str, entry: Mapping[str, object], launch: Launch) -> bool:
    """Whether an entry starts the gate with the launcher and the options of now, gives it nothing else, and no variables but the server's."""
    args, env, start = entry.get("args"), entry.get("env", {}), start_of(name, launch)
    if entry.get("command") != launch.gate[0] or not is_array(args) or list(args[: len(start)]) != start:
        return False
    if not is_object(env) or not all(known.startswith((PRIVATE, VARIABLE)) for known in env):
        return False
    return not entry.keys() & {*client.url, "envFile"} and _ends(args[len(start) :])


def _ends(words: Sequence[object]) -> bool:
    """Whether what follows is the variables of a server and the server, as install writes them."""
    return list(_after(words, _REMOTE)[:-1]) == ["--http"] or (len(local := _after(words, _LOCAL)) > 1 and local[0] == "--")


def _after(words: Sequence[object], options: tuple[str, ...]) -> Sequence[object]:
    at = 0
    while at + 1 < len(words) and words[at] in options and words[at + 1] != "--":
        at += 2
    return words[at:]
