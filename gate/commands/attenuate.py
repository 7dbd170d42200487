"""`gate attenuate`: a narrower capability for a sub-agent, made with the holder's key alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from gate.commands.amounts import Amounts, amount_options, amounts, tool_options, tools_of
from gate.commands.shared import dim, home_option, json_option, key_ring, opened, plain, put, token_text
from gate.commands.words import limit_words, tool_words
from gate.shown import lasting, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gate.tokens.claims import Claims


@click.command("attenuate", short_help="Make a narrower capability for a sub-agent, offline.")
@click.argument("token")
@click.argument("agent")
@tool_options
@click.option("--keep", multiple=True, metavar="TOOL", help="A tool to pass on as it is. Without --keep and --tool, all are.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), metavar="N", help="How long it is valid; as long as TOKEN by default.")
@amount_options
@click.option("--offline", is_flag=True, help="Only the holder's key is needed: do not verify TOKEN, and record nothing.")
@home_option
@json_option
def command(
    token: str,
    agent: str,
    typed: tuple[str, ...],
    file: str,
    keep: tuple[str, ...],
    minutes: float | None,
    calls: int | None,
    rate: str | None,
    wall: float | None,
    cost: tuple[str, ...],
    per_tool: tuple[str, ...],
    delegations: int | None,
    labels: tuple[str, ...],
    offline: bool,  # noqa: FBT001  # a flag, given by name
    home: str,
    *,
    as_json: bool,
) -> None:
    """Make a capability for AGENT that allows less than TOKEN (text, a file, or - for standard input), and print its token.

    What is left out is inherited. Nothing can be widened, and its calls spend the budgets of TOKEN too.
    """
    text, tools = token_text(token), _narrower(tools_of(typed, file), keep)
    how = amounts(calls, rate, wall, cost, per_tool, delegations, labels)
    made = _offline(home, text, agent, tools, minutes, how) if offline else _recorded(home, text, agent, tools, minutes, how)
    from gate.token import inspect

    leaf = inspect(made)[-1]
    if not as_json:
        click.echo(dim("\n".join(_summary(leaf))), err=True)
    data = {"token": made, "jti": leaf.jti, "agent": leaf.agent, "expires": leaf.expires, "depth": leaf.depth, "max_depth": leaf.max_depth}
    put(data, [made], as_json=as_json)


def _narrower(tools: dict[str, object], keep: tuple[str, ...]) -> Mapping[str, object] | Iterable[str] | None:
    if tools and keep:
        raise click.UsageError("use --keep for tools as they are, or --tool for narrower ones, not both; type a kept one with --tool too")
    return tools or keep or None


def _recorded(home: str, text: str, agent: str, tools: Mapping[str, object] | Iterable[str] | None, minutes: float | None, how: Amounts) -> str:
    with opened(home) as gate:
        made = gate.attenuate(
            text,
            agent,
            tools=tools,
            minutes=minutes,
            calls=how.calls,
            rate=how.rate,
            wall=how.wall,
            cost=how.cost,
            per_tool=how.per_tool,
            delegations=how.delegations,
            labels=how.labels or None,
        )
    return made.presentation


def _offline(home: str, text: str, agent: str, tools: Mapping[str, object] | Iterable[str] | None, minutes: float | None, how: Amounts) -> str:
    from gate.limits import Limits
    from gate.token import delegate, inspect

    now, parent = time.time(), inspect(text)[-1]
    return delegate(
        key_ring(home),
        text,
        agent=agent,
        now=now,
        tools=tools,
        limits=Limits.of(calls=how.calls, rate=how.rate, wall=how.wall, cost=how.cost),
        tool_limits=how.per_tool,
        expires=None if minutes is None else now + minutes * 60,
        max_depth=None if how.delegations is None else parent.depth + 1 + how.delegations,
        labels=how.labels or None,
    )


def _summary(leaf: Claims) -> Iterator[str]:
    yield f"{plain(leaf.agent)} may, until {utc(leaf.expires)} ({lasting(leaf.expires - time.time())}):"
    for tool, grant in (leaf.grants or {}).items():
        yield f"  {tool_words(tool, grant.arguments)}"
    if limits := limit_words(leaf.limits):
        yield f"in all: {limits}"
