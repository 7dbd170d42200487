"""`gate inspect`: what the arguments of a list of tools are, and rules and a grant to start with."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gate.commands.shared import json_option, put, read_text
from gate.commands.strict import decode
from gate.errors import ConfigError


@click.command("inspect", short_help="Say what the arguments of tools are; write rules and a grant to start with.")
@click.argument("file", metavar="FILE")
@click.option("--workspace", default=".", show_default=True, metavar="DIR", help="The folder that paths are kept below.")
@click.option("--rules", default="", metavar="FILE", help="Write the rules to this new file, such as gate.toml.")
@click.option("--grant", default="", metavar="FILE", help="Write the grant to this new file, for: gate grant --tools FILE")
@json_option
def command(file: str, workspace: str, rules: str, grant: str, *, as_json: bool) -> int:
    """Read FILE, a list of tools: an MCP server's answer to tools/list, or tools as OpenAI or Anthropic take them; "-" is standard input.

    Prints every argument, what it was taken for and why, and which have no constraint; then the rules file to start with. Nothing that exists is
    overwritten. Exit code 1 when a tool cannot be taken as it is.
    """
    from gate.commands.tools import AnyTool
    from gate.propose import inspect
    from gate.rules import parse

    try:
        report = inspect(decode(read_text(file, "the list of tools").encode()), workspace=workspace)
    except ValueError as error:
        raise ConfigError(f"'{file}' cannot be inspected: {error}") from None
    text = report.toml()
    parse(text.encode(), file=rules or "the proposed rules", catalogue=AnyTool())  # what is written loads, or nothing is written
    for path, content in ((rules, text), (grant, json.dumps(report.grant(), indent=2) + "\n")):
        if path:
            _write_new(Path(path), content)
    shown = [report.text()] if rules else [report.text(), text]
    put(report.to_json(), shown, as_json=as_json)
    return 1 if any(tool.problems for tool in report.tools) else 0


def _write_new(path: Path, content: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise ConfigError(f"'{path}' is there already; nothing is overwritten") from None
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be written: {(error.strerror or str(error)).lower()}") from None
