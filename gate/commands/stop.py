"""`gate stop` and `gate resume`: the kill switch, in every process, from the next call on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from gate.commands.shared import home_option, json_option, login, opened, plain, put, reason_options

F = TypeVar("F", bound=Callable[..., object])


def subject_options(command: F) -> F:
    """Who: exactly one of an agent, a session, or all."""
    command = click.option("--all", "everything", is_flag=True, help="Every agent.")(command)
    command = click.option("--session", default="", metavar="NAME", help="This session.")(command)
    return click.option("--agent", default="", metavar="NAME", help="This agent.")(command)


@click.command("stop", short_help="The kill switch: refuse every call of an agent, a session, or all.")
@subject_options
@reason_options
@home_option
@json_option
def command(agent: str, session: str, by: str, reason: str, home: str, *, everything: bool, as_json: bool) -> None:
    """Refuse every call of an agent, of a session, or of all, from the next call on in every process of this host.

    A call that runs already is not interrupted.
    """
    who = subject(agent, session, everything=everything)
    with opened(home) as gate:
        gate.stop(agent=agent, session=session, everything=everything, by=by or login(), reason=reason)
    put({"stopped": who}, [f"stopped {who}; take it back with: gate resume {_option(agent, session)}"], as_json=as_json)


def subject(agent: str, session: str, *, everything: bool) -> str:
    """Who is meant, in words; UsageError unless exactly one is named."""
    named = [f"agent '{plain(agent)}'"] * bool(agent) + [f"session '{plain(session)}'"] * bool(session) + ["all agents"] * everything
    if len(named) != 1:
        raise click.UsageError("name exactly one of --agent, --session and --all", click.get_current_context())
    return named[0]


def _option(agent: str, session: str) -> str:
    return f"--agent {plain(agent)}" if agent else f"--session {plain(session)}" if session else "--all"
