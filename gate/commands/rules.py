"""`gate rules check`: is the rules file right, and is it what somebody can have meant?"""

from __future__ import annotations

from pathlib import Path

import click

from gate.commands.shared import count, home_option, json_option, plain, put


@click.group("rules", short_help="Check a rules file.")
def command() -> None:
    """Work with the rules file."""


@command.command("check", short_help="Load a rules file, try its examples, find what cannot be meant.")
@click.argument("file", required=False)
@home_option
@json_option
def check(file: str | None, home: str, *, as_json: bool) -> int:
    """Load FILE (gate.toml beside the gate's folder by default), try its examples, and say what cannot be meant.

    Exit code 2 when the file is wrong, 1 when something in it is probably a mistake.
    """
    from gate.commands.tools import AnyTool
    from gate.policy.lint import lint
    from gate.policy.rulesfile import load

    path = Path(file) if file else Path(home).parent / "gate.toml"
    rules = load(path, catalogue=AnyTool())
    found = lint(rules, {})  # a rule may well name a tool that only the program behind the gate has
    examples = sum(len(rule.match) + len(rule.not_match) for rule in rules.rules)
    lines = [plain(one) for one in found] + [
        f"{path}: {count(len(rules.rules), 'rule')}, {count(examples, 'example')} as written, {count(len(found), 'finding')}"
    ]
    data = {
        "file": str(path),
        "version": rules.version,
        "rules": [rule.id for rule in rules.rules],
        "examples": examples,
        "findings": [one._asdict() for one in found],
    }
    put(data, lines, as_json=as_json)
    return 1 if found else 0
