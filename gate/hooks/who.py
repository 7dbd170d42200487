"""Who: under which capability a coding agent's call is made, and which folder is its workspace.

The agent chooses neither.  The capability is the one the hook's command line names, else the one that `gate hook install` left in the gate's folder,
else `GATE_CAPABILITY`; there is none: refused.  A sub-agent acts as `AGENT/TYPE` under a part of it, made once per session and sub-agent so that
its own budgets hold; which part, says `hook.toml` in the gate's folder:

    [claude.agents.Explore]
    tools = ["Read", "Glob", "Grep"]

    [claude.agents."*"]          # every other
    calls = 200

Without an entry it has the whole capability, under its own name.  A capability that may not be passed on refuses sub-agents.

The workspace is the one the command line names, else the folder in which the session made its first call, however the agent changes its folder later.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gate.constraints.value import is_array, is_object
from gate.errors import ConfigError, Denied, TokenError
from gate.hooks.kept import Kept

if TYPE_CHECKING:
    from gate.capability import Capability
    from gate.gate import Gate, Scope
    from gate.hooks.event import Event

_LARGEST: Final = 1_000_000
_NUMBERS: Final = frozenset(["minutes", "calls", "wall", "delegations"])
_MOST: Final = 200


class Settings(NamedTuple):
    """What the hook's command line says. capability: a file or the text; native: hand questions to the agent's own person; nonce: the event's."""

    agent: str
    home: str
    capability: str = ""
    workspace: str = ""
    waits: float = 0.0
    native: str = ""
    event: str = ""
    nonce: str = ""
    environment: str = ""


def scope(gate: Gate, event: Event, settings: Settings) -> Scope:
    """Who acts. Denied when nobody does; TokenError for a capability that is not good."""
    for what in (event.session, event.sub, event.sort, event.id):
        if len(what) > _MOST or not what.isprintable():
            raise ValueError("a session, a call and a sub-agent have short, printable names")
    if "/" in event.sub + event.sort:  # AGENT/TYPE would read as the sub-agent of another one
        raise ValueError("the name of a sub-agent has no '/'")
    capability = gate.verify(_presented(gate, settings))
    session = f"{settings.agent}:{event.session}"
    if event.sub or event.sort:
        capability = _part(gate, capability, event, session, settings.agent)
    return gate.scope_of(capability, session=session)


def workspace(gate: Gate, event: Event, settings: Settings) -> str:
    """The folder that counts as inside."""
    if settings.workspace:
        return settings.workspace
    if not os.path.isabs(event.cwd):
        raise ValueError("the agent did not say in which folder it acts")
    return Kept(gate.home.path).once("place", [settings.agent, event.session], lambda: os.path.realpath(event.cwd))


def installed(home: Path, agent: str) -> Path:
    """Where the capability is that was installed for an agent."""
    return home / "hook" / f"{agent}.capability"


def files(settings: Settings) -> list[str]:
    """The file of the capability that the command line names, if it names one and not the capability itself."""
    said = settings.capability
    return [] if not said or (said.count(".") >= 2 and "/" not in said) else [str(Path(said).absolute())]


def _presented(gate: Gate, settings: Settings) -> str:
    left = installed(gate.home.path, settings.agent)
    if settings.capability:
        named = files(settings)
        found = _content(Path(named[0])) if named else settings.capability
    elif left.exists():
        found = _content(left)
    else:
        found = settings.environment
    if not found.strip():
        raise Denied(
            "no capability: nobody acts here",
            remedy=f"Make one with: gate hook install {settings.agent}, or name one with --capability",
        )
    return found.strip()


def _content(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise ConfigError(f"'{path}' is no capability")
    return raw.decode()


def _part(gate: Gate, parent: Capability, event: Event, session: str, agent: str) -> Capability:
    """The capability of a sub-agent."""
    table = _table(gate.home.path / "hook.toml", agent)
    part = table.get(event.sort, table.get("*", {}))
    name = f"{parent.agent}/{event.sort or event.sub}"
    about = [parent.presentation, session, event.sub or event.sort, name, sorted((key, str(value)) for key, value in part.items())]

    def make() -> str:
        return gate.attenuate(parent, name, **part).presentation

    try:
        return gate.verify(Kept(gate.home.path).once("part", about, make))
    except TokenError as error:
        raise Denied(f"sub-agent '{name[:_MOST]}' has no capability: {error}") from error


def _table(path: Path, agent: str) -> dict[str, dict[str, Any]]:
    """The parts of sub-agents, by type. ConfigError for what is not understood, because it may have been meant to narrow."""
    try:
        with path.open("rb") as file:
            data: object = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    section = data.get(agent, {}) if is_object(data) else None
    agents = section.get("agents", {}) if is_object(section) and section.keys() <= {"agents"} else None
    if not is_object(agents):
        raise ConfigError(f"{path}: [{agent}] holds tables such as [{agent}.agents.Explore] and nothing else")
    return {sort: _one(path, sort, said) for sort, said in agents.items()}


def _one(path: Path, sort: str, said: object) -> dict[str, Any]:
    if not is_object(said) or said.keys() - _NUMBERS - {"tools"}:
        raise ConfigError(f"{path}: '{sort}' may say tools, {', '.join(sorted(_NUMBERS))} and nothing else")
    tools = said.get("tools", [])
    if not is_array(tools) or not all(isinstance(tool, str) for tool in tools):
        raise ConfigError(f"{path}: the tools of '{sort}' are a list of names")
    return dict(said)
