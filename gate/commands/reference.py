"""The reference page of the command line, from the commands' own help: `python -m gate.commands.reference > docs/reference/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import click

from gate.cli import SECTIONS, cli

HEAD = """\
# The command line

`gate` is installed with the package; `python -m gate` is the same. Every command takes `--json`. Exit codes: 0 it is done; 1 the answer is no
(refused, a finding, an input line that is no call); 2 it could not be done (wrong usage, wrong file). An error is one line on standard error that
says what to do; with `--json` it is also `{"error": …}` on standard output. The gate is the folder `.gate`, or where `--home` or `GATE_HOME` says.
`NO_COLOR` gives plain text on a terminal.

<!-- made by python -m gate.commands.reference with click {click}; a test compares them -->
"""

GRANTS = """
## How a grant is typed

| typed after `NAME=` | admits |
|---|---|
| `*` | any value |
| `out/notes.md`, `7`, `true`, `null` | exactly this; a word that reads as a JSON number, true, false or null is that value |
| `"two words"` | exactly this text, for what a bare word cannot hold |
| `GET\\|HEAD` | one of these |
| `1..100`, `1..`, `..100` | a number from, to |
| `files.below(out)`, `shell.programs("git log", ls)` | what an installed kind offers, as in Python |
| `{"constraint_type": …}` | any constraint, as it stands in a token |

`NAME?=` is an argument that may be left out; `*=*` stands for all that nobody named; `TOOL *` admits any arguments at all, and `TOOL ()`
none. Limits of one tool are typed as `save calls=10 rate=5/60 wall=30 cost.usd=1.50 quota.EUR=200/86400/to` (at most
200 EUR a day for each value of `to`). `gate show` writes grants in the same form.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD.replace("{click}", click_version())]
    for title, names in SECTIONS.items():
        parts.append(f"\n## {title}\n")
        for name in names:
            parts += _pages(name)
        if title == "Authority":
            parts.append(GRANTS.replace("\n## ", "\n### ", 1))
    return "".join(parts)


def click_version() -> str:
    """The minor version of click, which lays the help out."""
    return ".".join(version("click").split(".")[:2])


def _pages(name: str) -> Iterator[str]:
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        raise LookupError(name)
    parent = click.Context(cli, info_name="gate", help_option_names=["-h", "--help"])
    yield _page(command, parent, name)
    if isinstance(command, click.Group):
        inner = click.Context(command, info_name=name, parent=parent)
        for each in command.list_commands(inner):
            found = command.get_command(inner, each)
            if found is not None:
                yield _page(found, inner, each)


def _page(command: click.Command, parent: click.Context, name: str) -> str:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    context.max_content_width = 110
    context.terminal_width = 110
    return f"\n### {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    click.echo(page(), nl=False)
