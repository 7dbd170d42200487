"""`gate mcp install` and `gate mcp uninstall`: the gate before the servers of an MCP client, and away again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from gate.commands.mcpstdio import lock_path
from gate.commands.shared import count, existing, home_option, json_option, plain, put
from gate.errors import ConfigError
from gate.mcp import lockfile
from gate.mcp.clients import CLIENTS, file_of

F = TypeVar("F", bound="Callable[..., object]")

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.mcp.install import Plan

_CLIENT = click.argument("client", metavar="CLIENT", type=click.Choice(list(CLIENTS)))


def _place(command: F) -> F:
    """`--project`, `--file`: which file of the client; `--dry-run`."""
    command = click.option("--dry-run", "dry", is_flag=True, help="Show what would change; write nothing.")(command)
    command = click.option("--file", "given", default="", metavar="FILE", help="The client's file, where it is not in its usual place.")(command)
    return click.option("--project", default="", metavar="DIR", help="The servers of a project instead of your own.")(command)


@click.command("install", short_help="Put the gate before the servers of a client.")
@_CLIENT
@click.option(
    "--capability",
    default="",
    metavar="FILE",
    help="A file with the capability; else GATE_CAPABILITY, which is set here and where the client starts.",
)
@click.option("--server", "servers", multiple=True, metavar="NAME", help="Only this server; again for more.")
@_place
@home_option
@json_option
def install(client: str, capability: str, servers: tuple[str, ...], project: str, given: str, home: str, *, dry: bool, as_json: bool) -> int:
    """Change the MCP configuration of CLIENT so that it starts every server through the gate.

    CLIENT is claude-desktop, claude-code, cursor, vscode, codex or gemini. A copy from before stays beside the file; `gate mcp uninstall` goes back.
    """
    from gate.mcp.entry import Launch
    from gate.mcp.install import launcher, plan_install

    options, pins = ["--home", os.path.abspath(existing(home))], lock_path(Path(home), "")
    if capability:
        if not Path(capability).is_file():
            raise ConfigError(f"there is no capability in '{capability}'; make one with: gate grant AGENT … > {capability}")
        options += ["--capability", os.path.abspath(capability)]
    elif not os.environ.get("GATE_CAPABILITY", "").strip():
        raise ConfigError("without a capability every call is refused; make one with: gate grant AGENT … > FILE, and name it: --capability FILE")
    else:
        click.echo("the capability is read from GATE_CAPABILITY, which must be set where the client starts, too; else: --capability FILE", err=True)
    file = Path(given) if given else file_of(CLIENTS[client], project)
    pinned = {name: one.command for name, one in lockfile.read(pins).items()}
    plan = plan_install(CLIENTS[client], file, Launch(launcher(), tuple(options)), servers, pinned)
    return _carry_out(plan, "behind the gate", dry=dry, as_json=as_json)


@click.command("uninstall", short_help="Take the gate out of a client's servers.")
@_CLIENT
@_place
@json_option
def uninstall(client: str, project: str, given: str, *, dry: bool, as_json: bool) -> int:
    """Change the MCP configuration of CLIENT back to what it was before `gate mcp install`."""
    from gate.mcp.install import plan_uninstall

    file = Path(given) if given else file_of(CLIENTS[client], project)
    return _carry_out(plan_uninstall(CLIENTS[client], file), "as before", dry=dry, as_json=as_json)


def _carry_out(plan: Plan, words: str, *, dry: bool, as_json: bool) -> int:
    """Writes it, or shows it; 1 where a server stays outside."""
    from gate.mcp.install import apply

    if not dry:
        apply(plan)
    lines = [plain(line) for line in plan.diff().splitlines()] if dry else []
    lines += [f"{plain(plan.file)}: {count(len(plan.servers) + len(plan.kept), 'server')} {'would be ' if dry else ''}{words}"]
    lines += [f"  {plain(name)}" for name in plan.servers]
    lines += [f"  {plain(name)}, as before" for name in plan.kept]
    lines += [f"  NOT behind the gate: {plain(one)}" for one in plan.outside] + [f"  note: {plain(one)}" for one in plan.notes]
    if plan.servers and not dry:
        lines += ["Restart the client."]
    data = {
        "file": str(plan.file),
        "servers": plan.servers,
        "kept": plan.kept,
        "outside": plan.outside,
        "notes": plan.notes,
        "changed": plan.new != plan.old and not dry,
    }
    put(data, lines, as_json=as_json)
    return 1 if plan.outside else 0
