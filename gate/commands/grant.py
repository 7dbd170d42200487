"""`gate grant`: a capability, printed as text that can be handed to an agent's process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gate.commands.amounts import amount_options, amounts, tool_options, tools_of
from gate.commands.shared import dim, home_option, json_option, moment, opened, plain, put
from gate.commands.words import limit_words, tool_words
from gate.shown import lasting, utc

if TYPE_CHECKING:
    from gate.capability import Capability


@click.command("grant", short_help="Make a capability: what an agent may call, how much, until when.")
@click.argument("agent")
@tool_options
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=15.0, show_default=True, metavar="N", help="How long it is valid.")
@amount_options
@click.option("--principal", default="", metavar="NAME", help="On whose behalf.")
@click.option("--not-before", "start", metavar="TIME", help="When it begins: a time, or a span from now such as 10m.")
@home_option
@json_option
def command(
    agent: str,
    typed: tuple[str, ...],
    file: str,
    minutes: float,
    calls: int | None,
    rate: str | None,
    wall: float | None,
    cost: tuple[str, ...],
    per_tool: tuple[str, ...],
    delegations: int | None,
    labels: tuple[str, ...],
    principal: str,
    start: str | None,
    home: str,
    *,
    as_json: bool,
) -> None:
    """Make a capability for AGENT and print its token.

    The token alone goes to standard output, so that TOKEN=$(gate grant …) holds it; what it says in words goes to standard error. The world
    of a grant is closed: an argument that nobody named is refused.
    """
    tools, how = tools_of(typed, file), amounts(calls, rate, wall, cost, per_tool, delegations, labels)
    if not agent.strip():
        raise click.UsageError("name the agent", click.get_current_context())
    if not tools:
        raise click.UsageError("name at least one tool with --tool or --tools", click.get_current_context())
    with opened(home) as gate:
        made = gate.grant(
            agent,
            tools=tools,
            minutes=minutes,
            calls=how.calls,
            rate=how.rate,
            wall=how.wall,
            cost=how.cost,
            per_tool=how.per_tool,
            not_before=moment(start, gate.home.now()) if start else None,
            delegations=3 if how.delegations is None else how.delegations,
            principal=principal,
            labels=how.labels,
        )
    if not as_json:
        click.echo(dim("\n".join(summary(made, minutes * 60))), err=True)
    put(as_data(made), [made.presentation], as_json=as_json)


def summary(capability: Capability, seconds: float) -> Iterator[str]:
    """What a fresh capability of so many seconds says, in a few lines."""
    yield f"{plain(capability.agent)} may, until {utc(capability.expires)} ({lasting(seconds)}):"
    for tool, grant in capability.grants.items():
        limits = limit_words(grant.limits)
        yield f"  {tool_words(tool, grant.arguments)}{f'   [{limits}]' if limits else ''}"
    if limits := limit_words(capability.limits):
        yield f"in all: {limits}"
    yield f"to end it: gate revoke {capability.jti}"


def as_data(capability: Capability) -> dict[str, object]:
    """A fresh capability for a program."""
    return {
        "token": capability.presentation,
        "jti": capability.jti,
        "agent": capability.agent,
        "principal": capability.principal,
        "expires": capability.expires,
        "tools": {tool: grant.to_json() for tool, grant in capability.grants.items()},
        "limits": capability.limits.to_json(),
        "depth": capability.depth,
        "max_depth": capability.max_depth,
    }
