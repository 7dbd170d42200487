"""The options that say how much a capability allows; `grant` and `attenuate` share them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from gate.commands.shared import read_text
from gate.commands.strict import decode
from gate.commands.typed import parse_costs, parse_limits, parse_rate, parse_tools
from gate.constraints.value import is_object
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.limits import Limits

F = TypeVar("F", bound=Callable[..., object])


class Amounts(NamedTuple):
    """What was typed, in the form the gate takes it."""

    calls: int | None
    rate: tuple[int, int] | None
    wall: float | None
    cost: Mapping[str, str]
    per_tool: Mapping[str, Limits]
    delegations: int | None
    labels: tuple[str, ...]


def tool_options(command: F) -> F:
    """`--tool` and `--tools`."""
    tool = "A tool and its arguments: 'save path=files.below(out) text=*'. A constraint is * (anything), a value, a|b, 1..100, a kind's own, or JSON."
    command = click.option("--tools", "file", default="", metavar="FILE", help="The same as JSON: tool, argument, constraint.")(command)
    return click.option("--tool", "typed", multiple=True, metavar="TOOL…", help=tool)(command)


def amount_options(command: F) -> F:
    """Budgets, delegation and labels."""
    limits = "Budgets of one tool: 'save calls=10 rate=5/60 wall=30 cost.usd=1.50 quota.EUR=200/86400/to'."
    for option in (
        click.option("--label", "labels", multiple=True, metavar="NAME", help="What its values may carry."),
        click.option("--delegations", type=click.IntRange(0, 8), metavar="N", help="How many times it may be passed on."),
        click.option("--per-tool", "per_tool", multiple=True, metavar="LIMITS", help=limits),
        click.option("--cost", multiple=True, metavar="UNIT=TOTAL", help="Cost in all, such as usd=1.50."),
        click.option("--wall", type=click.FloatRange(0), metavar="SECONDS", help="Tool time in all."),
        click.option("--rate", metavar="N/SECONDS", help="Calls per seconds, such as 10/60."),
        click.option("--calls", type=click.IntRange(0), metavar="N", help="Calls in all."),
    ):
        command = option(command)
    return command


def amounts(
    calls: int | None,
    rate: str | None,
    wall: float | None,
    cost: tuple[str, ...],
    per_tool: tuple[str, ...],
    delegations: int | None,
    labels: tuple[str, ...],
) -> Amounts:
    """The amounts of the options; ValueError for one that is not understood."""
    return Amounts(calls, parse_rate(rate) if rate else None, wall, parse_costs(cost), parse_limits(per_tool), delegations, labels)


def tools_of(typed: tuple[str, ...], file: str) -> dict[str, object]:
    """The tools of `--tool` and `--tools` together; ValueError or ConfigError says what is wrong."""
    tools = parse_tools(typed)
    if not file:
        return tools
    try:
        data = decode(read_text(file, "the file of tools").encode())
    except ValueError as error:
        raise ConfigError(f"the file of tools '{file}': {error}") from None
    if not is_object(data):
        raise ConfigError(f'the file of tools \'{file}\' holds no object such as {{"save": {{"path": "out/notes.md"}}}}')
    if twice := sorted(tools.keys() & data.keys()):
        raise ConfigError(f"the tool '{twice[0]}' is typed and in '{file}'")
    return tools | dict(data)
