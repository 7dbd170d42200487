"""`gate rules check`: is the rules file right, and is it what somebody can have meant?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from gate.commands.shared import count, home_option, json_option, plain, put, read_text
from gate.commands.strict import decode
from gate.constraints.value import is_array, is_object
from gate.errors import ConfigError
from gate.names import check_name


@click.group("rules", short_help="Check a rules file.")
def command() -> None:
    """Work with the rules file."""


@command.command("check", short_help="Load a rules file, try its examples, find what cannot be meant.")
@click.argument("file", required=False)
@click.option("--tools", "named", multiple=True, metavar="NAMES|FILE", help="The tools of your program: 'save,load', or a file of them as JSON.")
@home_option
@json_option
def check(file: str | None, named: tuple[str, ...], home: str, *, as_json: bool) -> int:
    """Load FILE (gate.toml beside the gate's folder by default), try its examples, and say what cannot be meant.

    The tools of the installed kinds are known. With --tools those of your program are too, and every name in a rule that no tool has is
    reported; without it, only those that look mistyped. A file of tools is ["save", "load"], or {"save": ["path", "text"]} with their arguments.

    Exit code 2 when the file is wrong, 1 when something in it is probably a mistake.
    """
    from gate.commands.tools import AnyTool
    from gate.commands.whom import about_rules
    from gate.policy.lint import lint
    from gate.policy.rulesfile import load

    path = Path(file) if file else Path(home).parent / "gate.toml"
    catalogue = AnyTool()
    rules = load(path, catalogue=catalogue)
    found = lint(rules, catalogue.names() | _named(named), whole=bool(named)) + list(about_rules(rules, Path(home)))
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


def _named(given: tuple[str, ...]) -> dict[str, frozenset[str] | None]:
    """The tools of `--tools` with the names of their arguments, None where those are not known; ConfigError for what is none."""
    tools: dict[str, frozenset[str] | None] = {}
    for one in given:
        if one == "-" or Path(one).is_file():
            tools |= _in_file(one)
        else:
            tools |= dict.fromkeys(one.replace(",", " ").split())
    for name in tools:
        check_name(name)
    return tools


def _in_file(file: str) -> dict[str, frozenset[str] | None]:
    try:
        data = decode(read_text(file, "the file of tools").encode())
    except ValueError as error:
        raise ConfigError(f"the file of tools '{file}': {error}") from None
    if is_object(data):
        return {tool: _arguments(tool, said, file) for tool, said in data.items()}
    if not is_array(data) or not _all_text(data):
        raise ConfigError(f'the file of tools \'{file}\' must be an array such as ["save"], or an object such as {{"save": ["path", "text"]}}')
    return dict.fromkeys(map(str, data))


def _arguments(tool: str, said: object, file: str) -> frozenset[str] | None:
    if said is None:
        return None
    names = list(said) if is_object(said) or is_array(said) else None
    if names is None or not _all_text(names):
        raise ConfigError(f"the file of tools '{file}': the arguments of '{tool}' must be an array of names, or null where they are not known")
    return frozenset(map(str, names))


def _all_text(values: Iterable[object]) -> bool:
    """Whether all of them are text."""
    return all(isinstance(value, str) for value in values)
