"""Install: writes a hook into an agent's own configuration, and takes it out again.

What is written names everything by absolute path: the interpreter, the program, the gate, the capability.  So neither PATH nor a folder the agent
works in decides what runs.  Where the agent runs it by a shell, whatever makes it fail (also an interpreter that is gone) becomes exit code 2; where
the agent knows a setting that blocks when a hook fails, it is set; and the agent's own time-out is longer than ours.

An entry is recognised as ours by the program's path, so installing twice is installing once, and what others wrote stays.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final, NamedTuple

from gate.constraints.value import is_array, is_object
from gate.errors import ConfigError

CLIENT: Final = Path(__file__).with_name("client.py")
_MINE: Final = "/gate/hooks/client.py"
_OURS_LATER: Final = 30
"""Seconds that the agent waits longer than the hook does."""


class Plan(NamedTuple):
    """One file before and after."""

    path: Path
    before: str | None
    after: str | None

    @property
    def changes(self) -> bool:
        """Whether anything is to be written."""
        return self.before != self.after

    def diff(self) -> str:
        """What changes, as a unified diff; "" when nothing does."""
        old, new = (self.before or "").splitlines(), (self.after or "").splitlines()
        return "\n".join(unified_diff(old, new, f"{self.path} (now)", f"{self.path} (then)", lineterm=""))

    def write(self) -> Path | None:
        """Writes it at once; where hooks come in, keeping what was there beside it. The path of the copy, None when there is none.

        A copy is never one with hooks of ours in it: whoever put it back would think that the gate was gone.
        """
        if self.before == self.after:
            return None
        copy: Path | None = self.path.with_name(f"{self.path.name}.before-gate")
        if copy and (self.before is None or _MINE in self.before):
            if copy.exists() and _mine(copy):
                copy.unlink()
            copy = copy if copy.exists() else None
        elif copy and (not copy.exists() or _mine(copy)):
            _put(copy, self.before or "")
        if self.after is None:
            self.path.unlink()
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _put(self.path, self.after)
        return copy


class Where(NamedTuple):
    """Which files an agent reads its hooks from: in a project, and for the user."""

    project: str
    user: str


class Entry(NamedTuple):
    """What goes into the agent's file: the command line of an event, and seconds."""

    command: Callable[[str], str]
    deadline: float

    @property
    def timeout(self) -> int:
        """Seconds the agent waits."""
        return int(self.deadline) + _OURS_LATER


def _claude(entry: Entry, events: tuple[str, ...]) -> dict[str, list[object]]:
    hook = {"type": "command", "command": entry.command(""), "timeout": entry.timeout, "onFailure": "block"}
    return {event: [{"matcher": "*", "hooks": [hook]}] for event in events}


def _codex(entry: Entry, events: tuple[str, ...]) -> dict[str, list[object]]:
    return {event: [{"matcher": ".*", "hooks": [{"type": "command", "command": entry.command(""), "timeout": entry.timeout}]}] for event in events}


def _gemini(entry: Entry, events: tuple[str, ...]) -> dict[str, list[object]]:
    hook = {"type": "command", "name": "gate", "command": entry.command(""), "timeout": entry.timeout * 1000}
    return {event: [{"matcher": ".*", "hooks": [hook]}] for event in events}


def _copilot(entry: Entry, events: tuple[str, ...]) -> dict[str, list[object]]:
    return {event: [{"type": "command", "bash": entry.command(event), "timeoutSec": entry.timeout}] for event in events}


def _cursor(entry: Entry, events: tuple[str, ...]) -> dict[str, list[object]]:
    return {event: [{"command": entry.command(""), "timeout": entry.timeout, "failClosed": event not in _TOLD}] for event in events}


_TOLD: Final = frozenset(["postToolUse", "postToolUseFailure"])
_CALLS: Final = ("PreToolUse", "PostToolUse", "PostToolUseFailure")
_MAKERS: Final[Mapping[str, Callable[[Entry], dict[str, list[object]]]]] = {
    "claude": lambda entry: _claude(entry, _CALLS),
    "codex": lambda entry: _codex(entry, ("PreToolUse", "PermissionRequest", "PostToolUse")),
    "gemini": lambda entry: _gemini(entry, ("BeforeTool", "AfterTool")),
    "copilot": lambda entry: _copilot(entry, ("preToolUse", "postToolUse", "postToolUseFailure")),
    "cursor": lambda entry: _cursor(
        entry,
        ("preToolUse", "beforeShellExecution", "beforeMCPExecution", "beforeReadFile", "subagentStart", "postToolUse", "postToolUseFailure"),
    ),
}
FILES: Final[Mapping[str, Where]] = {
    "claude": Where(".claude/settings.local.json", ".claude/settings.json"),
    "codex": Where(".codex/hooks.json", ".codex/hooks.json"),
    "gemini": Where(".gemini/settings.json", ".gemini/settings.json"),
    "copilot": Where(".github/hooks/gate.json", ".copilot/hooks/gate.json"),
    "cursor": Where(".cursor/hooks.json", ".cursor/hooks.json"),
}
_EARLIER: Final[Mapping[str, str]] = {"claude": ".claude/settings.json"}
"""Where an earlier version put a project's hooks: a file that teams commit."""
_VERSIONED: Final = frozenset(["copilot", "cursor"])


def entry(agent: str, options: Mapping[str, str], deadline: float) -> Entry:
    """The command line of an agent's hook, with these options in it."""
    words = [sys.executable, "-I", "-S", str(CLIENT), agent, *[f"--{name}={value}" for name, value in options.items() if value]]

    def command(event: str) -> str:
        line = shlex.join([*words, f"--deadline={deadline:g}", *([f"--event={event}"] if event else [])])
        return f'{line} || {{ [ $? = 2 ] || echo "gate: the hook could not run, so the call does not" >&2; exit 2; }}'

    return Entry(command, deadline)


def outside(folder: Path, **places: Path) -> None:
    """ConfigError when one of these places is where an agent that works in a folder comes: in it, or in the repository it is part of.

    There a command over everything (`cp -r .`, `git add -A`) takes the gate's keys and ledger with it, or puts old ones back.
    """
    here = folder.resolve()
    reached = next((above for above in (here, *here.parents) if os.path.lexists(above / ".git")), here)
    for what, place in places.items():
        if place.resolve().is_relative_to(reached) or here.is_relative_to(place.resolve()):
            elsewhere = f"~/.local/share/gate/{here.name}"
            raise ConfigError(
                f"{what} '{place}' is where the agent works ('{reached}'), so its commands could read or replace it. Put it elsewhere: "
                f"gate init {elsewhere}, then install with --home {elsewhere}/.gate"
            )


def plans(agent: str, folder: Path, made: Entry | None, *, user: bool = False) -> list[Plan]:
    """`plan`, and what becomes of the file where an earlier version put a project's hooks, if they are there."""
    found = [plan(agent, folder, made, user=user)]
    if not user and agent in _EARLIER and (old := plan(agent, folder, None, file=_EARLIER[agent])).changes and _MINE in (old.before or ""):
        found.append(old)
    return found


def plan(agent: str, folder: Path, made: Entry | None, *, user: bool = False, file: str = "") -> Plan:
    """What the agent's file becomes: with our entries as they are now, or without any (None). ConfigError for a file that is not understood."""
    where = FILES[agent]
    path = folder / (file or (where.user if user else where.project))
    before = _content(path)
    data = _read(path, before)
    hooks = data.get("hooks", {})
    if not is_object(hooks):
        raise ConfigError(f"'{path}': its member 'hooks' is no object")
    kept = {event: rest for event, entries in hooks.items() if (rest := _without_ours(path, entries))}
    added = _MAKERS[agent](made) if made else {}
    merged = {event: [*kept.get(event, []), *added.get(event, [])] for event in [*kept, *(event for event in added if event not in kept)]}
    after = {**data, "hooks": merged} if merged else {name: value for name, value in data.items() if name != "hooks"}
    if made and agent in _VERSIONED:
        after = {"version": 1, **after}
    if not made and not (after.keys() - {"version"}):
        return Plan(path, before, None)
    text = f"{json.dumps(after, indent=2, ensure_ascii=False)}\n"
    return Plan(path, before, before if before is not None and after == data else text)


def _without_ours(path: Path, entries: object) -> list[Any]:
    """The entries of an event that are somebody else's."""
    if not is_array(entries):
        raise ConfigError(f"'{path}': the entries of an event are a list")
    rest: list[Any] = []
    for one in entries:
        inner = one.get("hooks") if is_object(one) else None
        if is_object(one) and is_array(inner):
            others = [hook for hook in inner if _MINE not in json.dumps(hook)]
            if others or not inner:
                rest.append({**one, "hooks": others})
        elif _MINE not in json.dumps(one):
            rest.append(one)
    return rest


def _mine(copy: Path) -> bool:
    """Whether a copy has hooks of ours in it."""
    return _MINE in copy.read_text(encoding="utf-8", errors="replace")


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"'{path}' cannot be read: {error}") from None


def _read(path: Path, content: str | None) -> dict[str, Any]:
    from gate.commands.strict import decode

    try:
        data: object = decode((content or "{}").encode())
    except ValueError as error:
        raise ConfigError(f"'{path}' is not understood, so nothing was changed: {error}") from None
    if not is_object(data):
        raise ConfigError(f"'{path}' is no JSON object, so nothing was changed")
    return dict(data)


def _put(path: Path, text: str) -> None:
    """The file, all at once; it keeps its mode."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
