"""Entry: one server in a client's list, and the same one started through the gate.

    {"command": "npx", "args": ["-y", "server-x"], "env": {"TOKEN": "t"}}
    {"command": "/opt/bin/gate", "args": ["mcp", "--home", "/home/me/.gate", "--name", "x", "--env", "TOKEN=MCP_ENV_1", "--", …],
     "env": {"MCP_ENV_1": "t"}}

Programs get absolute paths, because a client may start servers with another PATH than a terminal has.  The variables that an entry sets are the
server's alone: they get names that no program knows (a PYTHONPATH or LD_PRELOAD of the server's would decide what runs in the gate), and the gate
gives them to the server under their own; their values stay where they are.  What an entry says about a remote server's headers becomes variables of
the gate, never arguments, which every process of the machine can read.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.constraints.value import is_array, is_object
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.mcp.clients import Client

_SAFE: Final = re.compile(r"[A-Za-z0-9_./:=@%+,~\\-]+")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME: Final = re.compile(r"[^a-z0-9_-]+")
SYSTEM_PATH: Final = ("/usr/local/bin", "/usr/bin", "/bin")
VARIABLE: Final = "MCP_HEADER_"
PRIVATE: Final = "MCP_ENV_"


class Launch(NamedTuple):
    """How the gate is started: an absolute program with what comes before "mcp", and the options for every server."""

    gate: tuple[str, ...]
    options: tuple[str, ...] = ()


class Gated(NamedTuple):
    """Member → value as it must become, None for one that goes; and what a person must know."""

    members: dict[str, object]
    notes: tuple[str, ...] = ()


def server_name(name: str) -> str:
    """The name of a server in the gate: lower case, without signs that a grant cannot name."""
    made = _NAME.sub("-", name.lower()).strip("-_")[:60]
    return made if made[:1].isalpha() else f"s-{made}".rstrip("-")


def start_of(name: str, launch: Launch) -> list[str]:
    """The words of a gated entry after its program, up to those that differ from server to server."""
    return [*launch.gate[1:], "mcp", *launch.options, "--name", server_name(name)]


def started(entry: Mapping[str, object]) -> list[str]:
    """The words by which `gate.lock` knows the server of a gated entry: its command, or "--http" and its URL."""
    words = _texts(entry, "args")
    return words[words.index("--") + 1 :] if "--" in words else words[-2:]


def gated(client: Client, name: str, entry: Mapping[str, object], launch: Launch) -> Gated | None:
    """The entry behind the gate; None for one that cannot be (an SSE server). ConfigError for one that is broken."""
    if client.joins and not all(_SAFE.fullmatch(word) for word in (*launch.gate, *launch.options)):
        raise ConfigError(f"{client.name} joins a command's words into one line: the gate, its folder and its capability need paths without spaces")
    start, url = start_of(name, launch), next((entry[key] for key in client.url if key in entry), None)
    if isinstance(command := entry.get("command"), str) and url is None:
        return _local(client, command, entry, launch.gate[0], start)
    if isinstance(command, str):  # which of the two it is, is the client's to say
        raise ConfigError(f"the server '{name}' has a command and a url")
    if not isinstance(url, str) or "command" in entry:
        raise ConfigError(f"the server '{name}' has neither a command nor a url")
    return None if entry.get("type") == "sse" else _remote(client, url, entry, launch.gate[0], start)


def _local(client: Client, command: str, entry: Mapping[str, object], gate: str, start: list[str]) -> Gated:
    words = [command, *_texts(entry, "args")]
    found = shutil.which(command)
    if found is None and client.joins:
        words[:1] = shlex.split(command) or [command]
        found = shutil.which(words[0])
    notes: tuple[str, ...] = () if found or "${" in command else (f"'{words[0]}' is not found here; it stays as it is written",)
    words[0] = os.path.abspath(found) if found else words[0]
    env = dict(_table(entry, "env"))
    if client.trims and found and "PATH" not in env and os.name != "nt":
        env["PATH"] = os.pathsep.join(dict.fromkeys((os.path.dirname(words[0]), *SYSTEM_PATH)))
    passed = [*[f"{one}={PRIVATE}{number}" for number, one in enumerate(env, 1)], *[one for one in _names(entry) if one not in env]]
    args = [*start, *(word for one in passed for word in ("--env", one)), "--", *words]
    members: dict[str, object] = {"command": gate, "args": args}
    if env:
        members["env"] = {f"{PRIVATE}{number}": value for number, value in enumerate(env.values(), 1)}
    if "envFile" in entry:  # its variables cannot be named otherwise, and would be the gate's
        members["envFile"] = None
        notes += ("its envFile is not read any more; put the variables that the server needs into its env",)
    return Gated(members, notes)


def _remote(client: Client, url: str, entry: Mapping[str, object], gate: str, start: list[str]) -> Gated:
    key = next((one for one in ("headers", "http_headers") if one in entry), "")
    headers = _table(entry, key)
    variables = {f"{VARIABLE}{number}": value for number, value in enumerate(headers.values(), 1)}
    options = [word for variable, header in zip(variables, headers, strict=True) for word in ("--header-env", f"{header}={variable}")]
    passed = list(variables)
    for header, variable in _table(entry, "env_http_headers").items():
        options += ["--header-env", f"{header}={variable}"]
        passed.append(str(variable))
    if isinstance(bearer := entry.get("bearer_token_env_var"), str):
        options += ["--bearer-env", bearer]
        passed.append(bearer)
    members: dict[str, object] = {"command": gate, "args": [*start, *options, "--http", url]}
    members |= dict.fromkeys([one for one in (*client.url, key, "env_http_headers", "bearer_token_env_var") if one in entry])
    if "type" in entry:
        members["type"] = "stdio"
    if variables or "env" in entry:
        members["env"] = variables
    if rest := [one for one in passed if one not in variables]:
        members["env_vars"] = rest
    notes = () if passed else ("it has no credential here: a server that asks to sign in cannot be reached through the gate",)
    return Gated(members, notes)


def _names(entry: Mapping[str, object]) -> list[str]:
    """The variables that an entry takes from the client's own environment."""
    listed = entry.get("env_vars", [])
    named = [one.get("name") if is_object(one) else one for one in listed] if is_array(listed) else [None]
    if not all(isinstance(one, str) for one in named):
        raise ConfigError("'env_vars' is no list of names")
    if wrong := next((one for one in named if not _VARIABLE.fullmatch(str(one))), None):
        raise ConfigError(f"'env_vars': '{wrong}' is no name of a variable")
    return [one for one in map(str, named) if one != "PATH" and not one.upper().startswith("GATE_")]


def _texts(entry: Mapping[str, object], key: str) -> list[str]:
    listed = entry.get(key, [])
    if not is_array(listed) or not all(isinstance(one, str) for one in listed):
        raise ConfigError(f"'{key}' is no list of texts")
    return [str(one) for one in listed]


def _table(entry: Mapping[str, object], key: str) -> Mapping[str, object]:
    table = entry.get(key, {})
    if not is_object(table):
        raise ConfigError(f"'{key}' is no object")
    return table
