"""`gate passkey`: whose passkeys sign approvals: list them, let somebody enrol their first, take one away."""

from __future__ import annotations

import click

from gate.commands.shared import dim, existing, home_option, json_option, key_ring, login, opened, plain, put
from gate.errors import ConfigError
from gate.shown import utc


@click.group("passkey", short_help="Whose passkeys sign approvals.")
def command() -> None:
    """Work with the passkeys of those who approve. People enrol them at the page of gate inbox, under /passkeys."""


@command.command("list", short_help="List the passkeys.")
@home_option
@json_option
def list_passkeys(home: str, *, as_json: bool) -> None:
    """List the passkeys: whose they are, at which page they are good, how often they signed, where they count that."""
    from gate.tokens import passkey

    directory = key_ring(home).directory
    held = [(name, one) for name in passkey.names(directory) for one in passkey.credentials(directory, name)]
    lines = [f"{plain(name):<20} {one.id}  {plain(one.origin)} {dim(f'since {utc(one.added)}, counter {one.sign_count}')}" for name, one in held]
    put({"passkeys": [{"name": name, **one.to_json()} for name, one in held]}, lines, as_json=as_json)


@command.command("enrol", short_help="Make a code for somebody's first passkey.")
@click.argument("name")
@home_option
@json_option
def enrol(name: str, home: str, *, as_json: bool) -> None:
    """Make a code with which NAME, signed in at the page of gate inbox, enrols their first passkey under /passkeys, within ten minutes.

    Who signed in by a link of gate inbox link needs none. Every further passkey is signed for by one that they have.
    """
    from gate.approvers.inbox.login import Links
    from gate.tokens import passkey

    if passkey.enrolled(key_ring(home).directory, name):
        raise ConfigError(f"{name} has a passkey, which signs for every further one; if it is lost: gate passkey remove {name} ID")
    with opened(home) as gate:
        people = gate.home.people()
        if people.people and people.person(name) is None:
            raise ConfigError(f"'{name}' is not in approvers.toml")
        code = Links(gate.home.path, gate.home.now).make(name, purpose="passkey")
    put({"name": name, "code": code}, [code], as_json=as_json)


@command.command("remove", short_help="Take a passkey away.")
@click.argument("name")
@click.argument("id_", metavar="ID")
@click.option("--by", default="", metavar="NAME", help="Who does it, for the log; your login name by default.")
@home_option
@json_option
def remove(name: str, id_: str, by: str, home: str, *, as_json: bool) -> None:
    """Take the passkey ID from NAME. What it signed for calls that have not run yet counts no more."""
    from gate.approvers.inbox.enrolment import recorded
    from gate.tokens import passkey

    existing(home)
    with opened(home) as gate:
        gone = passkey.remove(gate.home.keys.directory, name, id_)
        recorded(gate.home, "remove", name, gone, by=by or login() or "administrator")
    put({"name": name, "id": gone.id}, [f"{plain(name)} approves no more with {gone.id}"], as_json=as_json)
