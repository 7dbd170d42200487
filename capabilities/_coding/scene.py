"""Scene: where a coding agent's call acts, and which files are the gate's own, for the kinds that judge its arguments.

A hook sets it for one call (`at`).  The workspace is not the folder a call acts in: an agent changes its folder as it likes, and what is
"inside" must not change with it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final, NamedTuple

from capabilities._coding.rests import Rests
from capabilities._paths.fold import fold
from capabilities._paths.links import resolve
from capabilities._paths.place import COPY, Setting, own_home
from gate.effect import Assessment

# what a coding agent obeys: whoever writes there may switch the hooks off, or add a tool that no hook sees
STEERING: Final = (
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".claude/hooks",
    ".claude/plugins",
    ".claude.json",
    ".codex",
    ".gemini/settings.json",
    ".gemini/extensions",
    ".github/hooks",
    ".github/copilot",
    ".copilot",
    ".cursor/hooks.json",
    ".cursor/hooks",
    ".cursor/mcp.json",
    ".mcp.json",
)


class Scene(NamedTuple):
    """base, cwd, workspace: absolute folders, links resolved: where the agent is, where this call acts, what counts as inside.

    given: the names of the arguments that were sent.  closed: what nobody but the gate touches.  kept: what the agent may read only.
    judged: commands that were judged already, and the files they rest on, so that what is asked and what is bound is one look.
    lasting: one shell runs all commands of a session, one after the other.
    """

    base: str
    cwd: str
    workspace: str
    given: frozenset[str] = frozenset()
    closed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    judged: dict[str, tuple[Assessment, Rests]] | None = None
    lasting: bool = False

    @property
    def setting(self) -> Setting:
        """For the kinds' own judgement."""
        return Setting(self.cwd, self.workspace, own_home(), tuple(map(fold, self.closed)), tuple(map(fold, self.kept)))

    def keys_below(self, path: str) -> bool:
        """Whether whoever reads everything below an absolute path comes across the gate's keys."""
        return bool(self.setting.refuses(resolve(path), below=True))

    def refuse(self, path: str, *, writes: bool) -> None:
        """ValueError when an absolute path leads to the gate's own files, or would change what the agent's hooks obey."""
        places = {fold(path), fold(resolve(path))}
        if _below(places, self.closed):
            raise ValueError("that is the gate's own; no tool of an agent touches it")
        if writes and (_below(places, self.kept) or any(place.endswith(COPY) for place in places)):
            raise ValueError("the gate, its rules and the agent's own hooks are not the agent's to change; ask a person to do it")


def _below(paths: Iterable[str], roots: Iterable[str]) -> bool:
    folded = [f"{fold(root)}/" for root in roots]
    return any(f"{path}/".startswith(root) for path in paths for root in folded)


_scene: Final[ContextVar[Scene | None]] = ContextVar("coding_scene", default=None)


def here() -> Scene:
    """The scene of the call that is made now; ValueError outside one."""
    found = _scene.get()
    if found is None:
        raise ValueError("where this call acts is not known")
    return found


@contextmanager
def at(
    base: str,
    workspace: str,
    *,
    enters: str = "",
    given: Iterable[str] = (),
    closed: Iterable[str] = (),
    own: Iterable[str] = (),
    lasting: bool = False,
) -> Generator[Scene]:
    """The calls inside act there. enters: the folder a command names for itself.  closed: the gate's folder.  own: its rules and its program.

    ValueError when a folder is not absolute, or its links cannot be followed.
    """
    if not (base.startswith("/") and workspace.startswith("/")):
        raise ValueError("the agent did not say in which folder it acts")
    root, start = resolve(workspace), resolve(base)
    places = [f"{folder}/{name}" for folder in dict.fromkeys((root, start, own_home())) if folder for name in STEERING]
    cwd = resolve(enters, start) if enters else start
    made = Scene(start, cwd, root, frozenset(given), tuple(map(_led, closed)), tuple(map(_led, [*own, *places])), {}, lasting)
    token = _scene.set(made)
    try:
        yield made
    finally:
        _scene.reset(token)


def _led(path: str) -> str:
    try:
        return resolve(str(Path(path).absolute()))
    except ValueError:
        return path
