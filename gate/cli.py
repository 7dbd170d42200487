"""The command line `gate`: the list of commands, and what every one of them does with errors.

Each command lives in a file of `gate.commands` that is imported only when it is called, so `gate --help` starts quickly.  Exit codes: 0 it is
done; 1 the answer is no (refused, a finding, an input line that is no call); 2 it could not be done (wrong usage, wrong file).  An error is
one line on standard error that says what to do; with `--json` it is also an object `{"error": …}` on standard output.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from gate import __version__

SECTIONS: Final = {
    "Start": {
        "demo": "See it work: an agent that opens a tunnel and mines, and a gate.",
        "init": "Make a gate here: keys and a commented gate.toml.",
        "inspect": "Say what the arguments of tools are; write rules and a grant to start with.",
    },
    "Authority": {
        "grant": "Make a capability: what an agent may call, how much, until when.",
        "attenuate": "Make a narrower capability for a sub-agent, offline.",
        "show": "Say what a capability allows, and whether it is genuine.",
        "revoke": "End a capability and all that was delegated from it, now.",
        "stop": "The kill switch: refuse every call of an agent, a session, or all.",
        "resume": "Take a stop back.",
        "keys": "List, rotate, export and trust keys.",
        "passkey": "Whose passkeys sign approvals.",
    },
    "Drop-in": {
        "mcp": "The gate between an MCP client and a server.",
        "hook": "Stand between a coding agent and its tools: claude, codex, gemini, copilot, cursor.",
    },
    "Approval": {
        "ask": "Answer questions at this terminal; list them; how they are answered.",
        "inbox": "Serve the page where people answer questions.",
    },
    "Policy": {
        "check": "Say what would happen to calls, without making them.",
        "rules": "Check a rules file.",
    },
    "Audit": {
        "log": "Read the log: filter, follow, look a value up.",
        "verify": "Prove that nobody changed the log.",
        "prove": "Prove that one record is in the log.",
    },
}
SHORT: Final = {name: text for section in SECTIONS.values() for name, text in section.items()}


class Commands(click.Group):
    """A group whose commands are imported when they are called, and whose errors are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The commands in the order of the help text."""
        return list(SHORT)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        """The command of a name, imported now."""
        if cmd_name not in SHORT:
            return None
        command: object = getattr(import_module(f"gate.commands.{cmd_name}"), "command", None)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        """The sections of the help text, without importing a command."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002  # as above
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002  # as above
        **extra: Any,
    ) -> Any:
        """Runs the command line and ends the process with its exit code."""
        del standalone_mode
        given = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(errors="backslashreplace")
        if os.environ.get("NO_COLOR"):
            extra["color"] = False
        try:
            code = super().main(given, prog_name, complete_var, standalone_mode=False, windows_expand_args=windows_expand_args, **extra)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as bare:
            click.echo(bare.ctx.get_help() if bare.ctx else bare.message)
            sys.exit(0)
        except (click.exceptions.Abort, KeyboardInterrupt):
            sys.exit(130)
        except (BrokenPipeError, SystemExit) as gone:  # the reader of our output went away; click notices, and ends with 1
            if isinstance(gone, SystemExit) and gone.code != 1:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered has nowhere to go
            sys.exit(0)
        except Exception as error:
            _fail(error, as_json="--json" in given)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(error: Exception, *, as_json: bool) -> NoReturn:
    """Says what went wrong in one line, and ends the process."""
    from gate.commands.errors import explain

    who, text, code = explain(error)
    if as_json:
        click.echo(json.dumps({"error": text}))
    click.echo(f"{click.style(who, fg='red')}: {text}", err=True, color=False if os.environ.get("NO_COLOR") else None)
    if os.environ.get("GATE_TRACEBACK"):
        raise error
    sys.exit(code)


@click.group(
    "gate",
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 the answer is no (refused, a finding, an input line that is no call); 2 it could not be done (wrong usage, "
    "wrong file). The gate is the folder .gate, or where --home or GATE_HOME says. Set NO_COLOR for plain text.",
)
@click.version_option(__version__, prog_name="gate", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Gate stands between an AI agent and its tools.

    Every call needs a scoped, expiring capability; a risky one needs a person; all are recorded in a log that anyone can verify. Begin with:
    gate demo
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """The entry point of the installed command."""
    cli.main(prog_name="gate")
    raise AssertionError("unreachable: the line above ends the process")
