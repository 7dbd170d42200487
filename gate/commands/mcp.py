"""`gate mcp`: the gate between an MCP client and a server. What stands after `--` starts the server."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

import click

from gate.commands.shared import home_option

SERVER: Final = "gate.mcp.server"
"""Where in `ctx.meta` the words after `--` are, for the group and its commands alike: `server_of`."""
PARTS: Final = {
    "lock": ("gate.commands.mcppins", "Approve the server's definitions as they are now."),
    "diff": ("gate.commands.mcppins", "Show how a server's definitions differ from those approved."),
    "install": ("gate.commands.mcpinstall", "Put the gate before the servers of a client's configuration."),
    "uninstall": ("gate.commands.mcpinstall", "Take it out again."),
}
"""Command → the file that has it, as an attribute of that name, and what it does."""


class Group(click.Group):
    """A group whose arguments after `--` are a server's command, and whose commands are imported when they are called."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keeps what stands after `--` apart, so that it is never taken for a command or an option of ours."""
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[SERVER] = args[:at], args[at + 1 :]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The commands in the order of the help text."""
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        """The command of a name, imported now."""
        if cmd_name not in PARTS:
            return None
        command: object = getattr(import_module(PARTS[cmd_name][0]), cmd_name, None)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        """The help text of the commands, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in PARTS.items()])


def server_of(ctx: click.Context) -> list[str]:
    """The command of the server: the words after `--`."""
    return list(cast("list[str]", ctx.meta.get(SERVER, [])))


@click.group("mcp", cls=Group, invoke_without_command=True, short_help="The gate between an MCP client and a server.")
@click.option("--name", default="", metavar="NAME", help="How the server is called here: its tools are NAME/TOOL. Its program's name by default.")
@click.option("--capability", "capability_file", default="", metavar="FILE", help="A file with the capability; else GATE_CAPABILITY holds it.")
@click.option("--env", "passed", multiple=True, metavar="NAME[=VARIABLE]", help="A variable the server gets besides the usual few; from another one.")
@click.option("--pins", type=click.Choice(["tofu", "lock", "off"]), default="tofu", show_default=True, help="How definitions are pinned.")
@click.option("--lock", "lock_file", default="", metavar="FILE", help="Where pins are kept: gate.lock beside the gate's folder by default.")
@click.option("--relist", default="10s", show_default=True, metavar="TIME", help="How old the list of tools may be when a call is judged.")
@click.option("--waits", default="0", metavar="TIME", help="How long a call is held for an answer that comes from elsewhere, such as 10m.")
@click.option("--answers", default="", metavar="NAME", help="Whose yes the client's own dialogue brings, below high risk.")
@click.option("--others", is_flag=True, help="Relay notifications that the gate does not know.")
@click.option("--http", "url", default="", metavar="URL", help="The server is at this URL (streamable HTTP).")
@click.option("--header-env", "header_env", multiple=True, metavar="HEADER=NAME", help="A header for that server, from a variable.")
@click.option("--bearer-env", "bearer_env", default="", metavar="NAME", help="A variable with the gate's own Bearer token for that server.")
@click.option("--listen", default="", metavar="ADDRESS", help="Serve clients over HTTP at an address such as 127.0.0.1:8791; else standard input.")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="Another name by which clients reach that address, through a proxy.")
@click.option("--kinds", default="", metavar="KINDS", help="Serve the catalogue's own tools, such as files,shell,http.")
@home_option
@click.pass_context
def command(ctx: click.Context, /, **options: object) -> None:
    """Relay between the MCP client that started this and a server, as in: gate mcp -- npx -y @modelcontextprotocol/server-memory.

    Only what the capability grants is listed and can be called; the rest the server never hears of.
    """
    if ctx.invoked_subcommand is not None:
        return
    options["server"] = server_of(ctx)
    if options["kinds"]:
        import_module("gate.commands.mcpkinds").run(server_of(ctx), options)
    elif options["url"] or options["listen"]:
        import_module("gate.commands.mcphttp").run(server_of(ctx), options)
    else:
        import_module("gate.commands.mcpstdio").run(server_of(ctx), options)
