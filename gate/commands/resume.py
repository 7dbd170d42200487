"""`gate resume`: takes a stop back."""

from __future__ import annotations

import click

from gate.commands.shared import home_option, json_option, login, opened, put, reason_options
from gate.commands.stop import subject, subject_options


@click.command("resume", short_help="Take a stop back.")
@subject_options
@reason_options
@home_option
@json_option
def command(agent: str, session: str, by: str, reason: str, home: str, *, everything: bool, as_json: bool) -> None:
    """Take back the stop of an agent, of a session, or of all. Other stops, and revocations, stay."""
    who = subject(agent, session, everything=everything)
    with opened(home) as gate:
        gate.resume(agent=agent, session=session, everything=everything, by=by or login(), reason=reason)
    put({"resumed": who}, [f"{who} may go on"], as_json=as_json)
