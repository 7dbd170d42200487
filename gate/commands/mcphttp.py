"""`gate mcp --http URL`, with and without `--listen ADDRESS`: a server that is reached over HTTP, and clients, too.

Without `--listen` there is one client, on standard input and output.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import click

from gate.commands.mcpstdio import VARIABLE, capability_of, lock_path, name_of, pinned_of, relayed
from gate.commands.shared import existing
from gate.errors import ConfigError
from gate.mcp.door import LOOPBACK

if TYPE_CHECKING:
    from gate.kind import KindTool
    from gate.mcp.headers import Headers

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS: Final = frozenset({"host", "content-length", "content-type", "accept", "accept-encoding", "connection", "transfer-encoding", "last-event-id"})


def run(server: list[str], options: Mapping[str, object]) -> None:
    """Serves until it is ended."""
    if server and options["url"]:
        raise click.UsageError("a server has a --http URL, or a command after --")
    if not options["listen"]:
        _reach(options)
    elif server:
        raise click.UsageError("--listen needs a server at a --http URL")
    else:
        _serve(options)


def credential(options: Mapping[str, object]) -> Headers:
    """The gate's own headers for the server, out of the environment. ConfigError for a variable that is not there."""
    wanted = [("authorization", str(options["bearer_env"]), "Bearer ")] if options["bearer_env"] else []
    for pair in cast("tuple[str, ...]", options["header_env"]):
        header, _, name = pair.partition("=")
        if not name or not _TOKEN.fullmatch(header) or header.lower() in _OURS or header.lower().startswith("mcp-"):
            raise ConfigError(f"--header-env {pair[:80]}: HEADER=NAME, such as X-Api-Key=TRACKER_KEY, and no header of the protocol")
        wanted.append((header.lower(), name, ""))
    found: Headers = []
    for header, name, before in wanted:
        value = os.environ.get(name)
        if value is None or not value.isprintable() or not value.isascii():
            raise ConfigError(f"the variable {name} for the header {header} is not there, or is no line of ASCII")
        found.append((header, before + value))
    return found


def named(url: str, said: str) -> str:
    """How the server is called: as said, or by its host."""
    host = urlsplit(url).hostname or ""
    return name_of([host.removeprefix("mcp.").replace(".", "-")] if not said and host[:1].isalpha() else [], said)


def reaching(url: str, options: Mapping[str, object]) -> tuple[list[str], dict[str, str]]:
    """The process that speaks HTTP to a server, as words, and its environment. ConfigError for a variable that is not there."""
    from gate.mcp import child as process

    credential(options)  # says now what is missing
    pairs, bearer = cast("tuple[str, ...]", options["header_env"]), str(options["bearer_env"])
    flags = [word for pair in pairs for word in ("--header-env", pair)] + (["--bearer-env", bearer] if bearer else [])
    variables = [one for one in (*[pair.partition("=")[2] for pair in pairs], bearer) if one]
    environment = process.allowed(os.environ, [*cast("tuple[str, ...]", options["passed"]), *variables])
    return [sys.executable, "-P", "-m", "gate.mcp.reach", url, *flags], environment


def listening(options: Mapping[str, object]) -> tuple[str, int]:
    """Where to listen. ConfigError for an address that others reach, unless it is said by which name."""
    host, colon, port = str(options["listen"]).rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"--listen {str(options['listen'])[:80]}: an address and a port, such as 127.0.0.1:8791")
    if host not in LOOPBACK and not options["hosts"]:
        raise ConfigError(f"on '{host}' others reach it too: put a proxy with https in front, and say its name with --allow-host")
    return host, int(port)


def remote_kinds(server: str, listed: list[Mapping[str, object]]) -> Mapping[str, KindTool]:
    """The tools of a server elsewhere, whose paths are none of this host."""
    from capabilities.mcp import kind_tools

    return kind_tools(server, listed)


def _reach(options: Mapping[str, object]) -> None:
    """One client over standard input; a process of its own speaks HTTP, and has the credential."""
    from gate.mcp import child as process

    url = str(options["url"])
    name, home = named(url, str(options["name"])), existing(str(options["home"]))
    started, environment = reaching(url, options)
    capability, lock = capability_of(str(options["capability_file"])), lock_path(home, str(options["lock_file"]))
    command = ["--http", url]
    pinned = pinned_of(lock, name, tuple(command), str(options["pins"]))
    process.guard()
    child = process.start(started, environment)
    try:
        code = relayed(child, name, home, capability, pinned, lock, {**options, "server": command}, remote_kinds)
    finally:
        if child.poll() is None:
            process.end(child, 0)
    sys.stdout.flush()
    raise SystemExit(code)


def _serve(options: Mapping[str, object]) -> None:
    """Clients and server over HTTP."""
    from gate.gate import Gate, seconds_of
    from gate.mcp.behind import Behind
    from gate.mcp.catalogue import Catalogue
    from gate.mcp.door import Door
    from gate.mcp.http import Relay
    from gate.mcp.serve import serve
    from gate.mcp.upstream import Upstream

    url, (host, port) = str(options["url"]), listening(options)
    name, home = named(url, str(options["name"])), existing(str(options["home"]))
    upstream = Upstream(url, credential(options))
    capability, lock, mode = capability_of(str(options["capability_file"])), lock_path(home, str(options["lock_file"])), str(options["pins"])
    pinned, waits = pinned_of(lock, name, ("--http", url), mode), seconds_of(str(options["waits"])) if options["waits"] != "0" else 0.0
    with Gate(home) as gate:
        catalogue = Catalogue(name, pinned, fresh=seconds_of(str(options["relist"])))
        behind = Behind(gate, name, catalogue, kinds=remote_kinds, capability=capability)
        door = Door(behind, cast("tuple[str, ...]", options["hosts"]), own=loopback_only(capability, host))
        first = _first(lock, name, ("--http", url), catalogue) if mode == "tofu" else None
        relay = Relay(behind, upstream, door, listed=first, others=bool(options["others"]), answers=str(options["answers"]), waits=waits)
        serve(relay, host, port, lambda address: click.echo(f"gate mcp: {name} is at {address}/mcp", err=True))


def loopback_only(capability: Callable[[], str], host: str) -> bool:
    """Whether a client without a capability of its own acts under the gate's. ConfigError where others than this machine's would."""
    if not capability():
        return False
    if host not in LOOPBACK:
        raise ConfigError(f"a capability in {VARIABLE} or --capability would be everybody's on '{host}'; let clients present their own")
    return True


def _first(lock: object, name: str, command: tuple[str, ...], catalogue: object) -> Callable[[list[object], object], None]:
    from gate.commands.mcpstdio import first_list

    def listed(items: list[object], session: object) -> None:
        first_list(lock, name, command, catalogue, session)(items)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # as the caller's

    return listed
