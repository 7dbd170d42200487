"""`gate mcp --kinds files,shell,http`: the catalogue's own tools as a server, each behind this gate."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from inspect import Parameter, signature
from typing import TYPE_CHECKING, cast

import click

from gate.commands.mcpstdio import VARIABLE, capability_of
from gate.commands.shared import existing
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.mcp.own import Own


def run(server: list[str], options: Mapping[str, object]) -> None:
    """Serves until the client goes, or the gate is ended. The tools work in the current folder."""
    from gate.gate import Gate
    from gate.mcp.own import Own
    from gate.mcp.ownshell import Stdio

    if server or options["url"]:
        raise click.UsageError("--kinds serves the gate's own tools, and no other server's")
    home, capability = existing(str(options["home"])), capability_of(str(options["capability_file"]))
    functions = [one for name in str(options["kinds"]).split(",") for one in ready_made(name.strip(), os.getcwd())]
    with Gate(home, waits=str(options["waits"]) if options["waits"] != "0" else 0) as gate:
        own = Own(gate, functions, capability)
        if options["listen"]:
            _serve(own, capability, options)
            return
        if capability():
            own.behind.context()  # says now what is wrong with it
        else:
            click.echo(f"gate mcp: no capability in {VARIABLE} or --capability: only what brings one of its own is served", err=True)
        asyncio.run(Stdio(own).run())


def _serve(own: Own, capability: Callable[[], str], options: Mapping[str, object]) -> None:
    from gate.commands.mcphttp import listening, loopback_only
    from gate.mcp.door import Door
    from gate.mcp.ownshell import Http
    from gate.mcp.serve import serve

    host, port = listening(options)
    door = Door(own.behind, cast("tuple[str, ...]", options["hosts"]), own=loopback_only(capability, host), here=own.grants)
    serve(Http(own, door), host, port, lambda address: click.echo(f"gate mcp: {options['kinds']} is at {address}/mcp", err=True))


def ready_made(kind: str, folder: str) -> list[Callable[..., object]]:
    """The ready-made tools of a kind, for a folder where they work in one. ConfigError where there are none, or they need more than that."""
    modules = {point.module.rpartition(".")[2]: point.module for point in entry_points(group="gate.kinds")}
    if kind not in modules:
        raise ConfigError(f"there is no kind '{kind}' here; there are {', '.join(sorted(modules)) or 'none'}")
    module = import_module(modules[kind])
    make = getattr(module, "tools", None) or getattr(module, "tool", None)
    if make is None:
        raise ConfigError(f"the kind '{kind}' has no ready-made tools")
    wanted = [one for one in signature(make).parameters.values() if one.kind is not Parameter.KEYWORD_ONLY]
    in_folder = bool(wanted) and wanted[0].name in ("root", "workspace")
    if any(one.default is Parameter.empty for one in wanted[in_folder:]):
        raise ConfigError(f"the tools of '{kind}' need more than a folder; put them behind a gate in a program of your own")
    made: object = make(folder) if in_folder else make()
    return list(cast("dict[str, Callable[..., object]]", made).values()) if isinstance(made, dict) else [cast("Callable[..., object]", made)]
