"""Worker: from the bytes of one event to the bytes of the reply, with the gate. The client runs it in a process of its own, or the daemon does.

>>> run(b"{", ["claude"], "n").code
2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_object
from gate.hooks.event import Reply

if TYPE_CHECKING:
    from gate.gate import Gate
    from gate.hooks.who import Settings

_NAMES: Final = frozenset(["home", "capability", "workspace", "waits", "native-ask", "event", "deadline", "serve"])
_NATIVE: Final = frozenset(["", "ask", "defer"])


def run(raw: bytes, words: Sequence[str], nonce: str, *, environment: str = "", opened: Callable[[Settings], Gate] | None = None) -> Reply:
    """The reply to one event; for whatever goes wrong, one that blocks. opened: where a gate is open already."""
    try:
        settings = parse(words, nonce, environment)
        if opened is not None:
            return _answered(raw, settings, opened(settings))
        with closing(open_gate(settings)) as gate:
            return _answered(raw, settings, gate)
    except Exception as error:
        return Reply.blocked(_why(error))


def parse(words: Sequence[str], nonce: str = "", environment: str = "") -> Settings:
    """The settings of a command line such as `claude --home=/srv/.gate --waits=50`; ValueError for what is not known."""
    from gate.hooks.who import Settings

    if not words:
        raise ValueError("which agent?")
    said: dict[str, str] = {}
    for word in words[1:]:
        name, found, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not found or name not in _NAMES or name in said:
            raise ValueError(f"{word[:80]!a} is no option of this hook")
        said[name] = value
    native = said.get("native-ask", "")
    if native not in _NATIVE:
        raise ValueError("--native-ask is ask or defer")
    capability, workspace = said.get("capability", ""), said.get("workspace", "")
    waits = float(said.get("waits", "0"))
    return Settings(words[0], said.get("home", ".gate"), capability, workspace, waits, native, said.get("event", ""), nonce, environment)


def open_gate(settings: Settings) -> Gate:
    """The gate of a folder that is there; ConfigError otherwise, because a new one would have other keys and rules than the one meant."""
    from gate.errors import ConfigError
    from gate.gate import Gate

    home = Path(settings.home)
    if not (home / "origin").exists():
        raise ConfigError(f"there is no gate in '{home}'; only the person who installed this hook can set that right")
    return Gate(home, waits=settings.waits)


def _answered(raw: bytes, settings: Settings, gate: Gate) -> Reply:
    from gate.commands.strict import decode
    from gate.hooks.path import Hook
    from gate.hooks.registry import dialect

    spoken = dialect(settings.agent)
    data = decode(raw)
    if not is_object(data):
        raise ValueError("an event is a JSON object")
    event = spoken.read(_named(data, settings.event))
    return spoken.reply(event, Hook(gate, spoken, settings).answer(event))


def _named(data: Mapping[str, object], event: str) -> Mapping[str, object]:
    """The event with its name, where the agent says it only in its configuration."""
    if not event:
        return data
    if data.get("hook_event_name", event) != event:
        raise ValueError("this hook is configured for another event")
    return {**data, "hook_event_name": event}


def _why(error: Exception) -> str:
    """One line for whoever reads what a hook says."""
    from gate.shown import visible

    words = f"{type(error).__name__}: {error}" if type(error).__module__ == "builtins" and not isinstance(error, ValueError) else str(error)
    return f"the hook could not decide, so the call does not run: {visible(' '.join(words.split()))[:1000]}"
