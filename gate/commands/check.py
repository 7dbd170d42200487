"""`gate check`: what would happen to calls, without making them; for testing rules in CI, and for lists of attacks."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from gate.commands.checker import MAX_LINE, Checker, Verdict
from gate.commands.shared import bold, dim, existing, home_option, moment, plain, token_text, verdict
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.capability import Capability
    from gate.commands.tools import AnyTool
    from gate.decide import Standing
    from gate.rules import Rules


@click.command("check", short_help="Say what would happen to calls, without making them.")
@click.argument("calls", metavar="CALLS.jsonl|-")
@click.option("--rules", "rules_file", metavar="FILE", help="The rules file; gate.toml beside the gate's folder by default, if it is there.")
@click.option("--capability", "token", metavar="TOKEN", help="The capability the calls are made with: text, or a file.")
@click.option("--profile", metavar="NAME", help="Ready-made rules and grants, such as workstation; with --rules, both hold.")
@click.option("--agent", default="", metavar="NAME", help="Who calls, where a line does not say.")
@click.option("--session", default="", metavar="NAME", help="In which session, where a line does not say.")
@click.option("--task", default="", metavar="TEXT", help="At which task, where a line does not say.")
@click.option("--at", "when", metavar="TIME", help="When; now by default. For rules about hours.")
@home_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line also on a terminal.")
def command(
    calls: str,
    rules_file: str | None,
    token: str | None,
    profile: str | None,
    agent: str,
    session: str,
    task: str,
    when: str | None,
    home: str,
    *,
    as_json: bool,
) -> int:
    """Say what would happen to each call of CALLS.jsonl (- for standard input). Nothing is run, spent or written.

    One call per line: {"tool": "shell.run", "args": {"command": "git status"}}, and agent, session or task if they matter. One answer per
    line, in the same order: {"decision": "allow", "ask" or "deny", "reasons": […], "rules": […], "risk": …, "not_checked": […]}, a table on a
    terminal. Exit code 1 when a line is no valid call; it is answered too, with deny.

    Without --capability and --profile only the rules are checked, as for a call that some capability covers: what a rule or the file's
    [default] allows is allowed, and what the file says nothing about is denied. No call runs on that alone, and every such answer says so.
    """
    now = moment(when, time.time()) if when else time.time()
    checker = _checker(Path(home), rules_file, token, profile, now)._replace(agent=agent, session=session, task=task)
    if not (checker.capability or checker.rules.rules or checker.rules.default):
        click.echo(
            "gate check: without rules, capability and profile every call is denied; try --profile workstation, or write rules: gate init", err=True
        )
    show = _table if sys.stdout.isatty() and not as_json else _lines
    with _input(calls) as file:
        return show(checker, file)


def _checker(home: Path, rules_file: str | None, token: str | None, profile: str | None, now: float) -> Checker:
    from gate.commands.tools import AnyTool
    from gate.decide import Standing

    catalogue = AnyTool()
    catalogue.kinds  # noqa: B018  # loaded now, so that a kind that is broken is one error and not one per line
    capability, standing = _capability(home, token, now) if token else (None, Standing())
    unchecked = ("budgets",) if capability else ("stops",) if profile else ("capability", "budgets", "stops")
    if profile is None:
        return Checker(_rules(home, rules_file, catalogue), capability, standing, now, catalogue, not_checked=unchecked)
    from gate.commands.profiles import load, together

    found = load(profile, catalogue)
    rules = together(found.rules, _rules(home, rules_file, catalogue)) if rules_file else found.rules
    return Checker(rules, capability or found.capability, standing, now, catalogue, anyone=capability is None, not_checked=unchecked)


def _rules(home: Path, file: str | None, catalogue: AnyTool) -> Rules:
    from gate.rules import Rules

    path = Path(file) if file else home.parent / "gate.toml"
    if not file and not path.exists():
        return Rules.EMPTY
    from gate.policy.rulesfile import load

    return load(path, catalogue=catalogue)


def _capability(home: Path, token: str, now: float) -> tuple[Capability, Standing]:
    """The capability, verified with the keys of the gate here, and what is revoked and stopped there."""
    from gate.commands.reading import standing
    from gate.keys import KeyRing
    from gate.token import verify

    path = existing(str(home))
    anchors, origin = KeyRing(path / "keys").anchors("issuer"), (path / "origin").read_text().strip()
    return verify(token_text(token), anchors, audience=origin, now=now), standing(path)


def _input(calls: str) -> IO[bytes]:
    if calls == "-":
        return sys.stdin.buffer
    try:
        return Path(calls).open("rb")
    except OSError as error:
        raise ConfigError(f"the calls '{calls}' cannot be read: {(error.strerror or str(error)).lower()}") from None


def lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file without their ends; of one that is too long, only as much as shows that it is."""
    while line := file.readline(MAX_LINE + 2):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                continue
        yield line.rstrip(b"\r\n")


def _lines(checker: Checker, file: IO[bytes]) -> int:
    """One JSON object per line."""
    wrong: list[int] = []
    for number, line in enumerate(lines(file), 1):
        found = checker.check(line)
        if not found.valid:
            wrong.append(number)
        sys.stdout.write(f"{json.dumps(found.to_json())}\n")
        if file is sys.stdin.buffer:
            sys.stdout.flush()
    if wrong:
        click.echo(f"gate check: {_which(wrong)}", err=True)
    return 1 if wrong else 0


def _table(checker: Checker, file: IO[bytes]) -> int:
    """A table for a person: the call, then why."""
    wrong, count = list[int](), Counter[str]()
    for number, line in enumerate(lines(file), 1):
        found = checker.check(line)
        count[found.decision] += 1
        if not found.valid:
            wrong.append(number)
        click.echo(f"{number:>5}  {verdict(found.decision, 5)}  {found.risk.word:<8}  {bold(_call(found, line))}")
        for reason in found.reasons:
            click.echo(f"{'':23}{dim(plain(reason))}")
    total = sum(count.values())
    click.echo(f"\n{total} call{'' if total == 1 else 's'}: " + ", ".join([f"{count[word]} {verdict(word)}" for word in ("allow", "ask", "deny")]))
    if wrong:
        click.echo(_which(wrong))
    return 1 if wrong else 0


def _call(found: Verdict, line: bytes) -> str:
    """The call in one line."""
    if found.call is None:
        return plain(line[:100].decode("utf-8", "replace"))
    from gate.commands.words import value_words

    text = " ".join(
        [
            found.call.tool,
            *(f"{plain(name)}={value_words(value)}" for name, value in found.call.arguments.items() if name not in found.call.defaulted),
        ]
    )
    return text if len(text) <= 160 else f"{text[:159]}…"


def _which(wrong: list[int]) -> str:
    shown = ", ".join(map(str, wrong[:10])) + (" …" if len(wrong) > 10 else "")
    return f"line {shown} is no valid call" if len(wrong) == 1 else f"{len(wrong)} lines are no valid calls: {shown}"
