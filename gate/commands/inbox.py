"""`gate inbox`: the page where people answer, and links that sign them in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from gate.approvers.inbox.serve import PORT, Settings, needed, run
from gate.commands.shared import dim, existing, home_option, json_option, login, opened, put
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.approvers.inbox.oidc import Client
    from gate.approvers.inbox.signin import SignIn, TrustedHeader
    from gate.people import Kept, People

OWNER = "owner"


@click.group("inbox", invoke_without_command=True, short_help="Serve the page where people answer questions.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="Which port; 0 takes a free one.")
@click.option("--url", default="", metavar="URL", help="Where browsers reach it, when that is a proxy: https://gate.example.com")
@click.option("--for", "person", default="", metavar="NAME", help="Whom the printed link signs in; you by default.")
@click.option("--open", "browse", is_flag=True, help="Open the link in a browser.")
@click.option("--trust-header", default="", metavar="HEADER", help="The proxy in front says in this header who has signed in.")
@click.option("--from", "networks", multiple=True, metavar="NETWORK", help="Where that proxy connects from, such as 10.0.0.7/32.")
@click.option("--from-user", "users", multiple=True, metavar="USER", help="As which user of this machine, over loopback.")
@click.option("--oidc-issuer", default="", metavar="URL", help="Sign in with OpenID Connect at this provider.")
@click.option("--oidc-client", default="", metavar="ID", help="The client id there; its secret is in GATE_OIDC_SECRET.")
@click.option("--oidc-claim", default="email", show_default=True, help="What in the ID token is the login.")
@home_option
@click.pass_context
def command(
    ctx: click.Context,
    host: str,
    port: int,
    url: str,
    person: str,
    trust_header: str,
    networks: tuple[str, ...],
    users: tuple[str, ...],
    oidc_issuer: str,
    oidc_client: str,
    oidc_claim: str,
    home: str,
    *,
    browse: bool,
) -> None:
    """Open the page where people answer, until Ctrl-C. It prints a link that signs you in, once.

    For a team, put a proxy with https in front (--url) and let it say who has signed in (--trust-header), or use OpenID Connect (--oidc-issuer); who
    may answer is in approvers.toml.
    """
    if ctx.invoked_subcommand is not None:
        return
    needed()
    existing(home)
    settings = Settings(host, port, url, _header(trust_header, networks, users), _client(oidc_issuer, oidc_client, oidc_claim, url, port))
    with opened(home) as gate:
        if settings.header is None and settings.client is None:
            whose(gate.home.people(), person)  # before anything is printed
        for wrong in untold(gate.home.people()):
            click.echo(wrong, err=True)

        def ready(origin: str, signin: SignIn) -> None:
            click.echo(f"the inbox is at {origin}  {dim('Ctrl-C ends it')}")
            if signin.links is None or settings.client is not None:
                return
            link = f"{origin}/login/{signin.links.make(whose(gate.home.people(), person))}"
            click.echo(f"sign in, once, within ten minutes: {link}")
            click.echo(dim(f"a link for somebody else: gate inbox link --for NAME --url {origin}"))
            if browse:
                click.launch(link)

        run(gate.home, settings, ready)


@command.command("link", short_help="Print a link that signs somebody in.")
@click.option("--for", "person", default="", metavar="NAME", help="Whom; you by default.")
@click.option("--url", default=f"http://localhost:{PORT}", show_default=True, metavar="URL", help="Where browsers reach the inbox.")
@home_option
@json_option
def link(person: str, url: str, home: str, *, as_json: bool) -> None:
    """Print a link that signs one person in at a running inbox, once, within ten minutes."""
    needed()
    from gate.approvers.inbox.login import Links

    existing(home)
    with opened(home) as gate:
        name = whose(gate.home.people(), person)
        made = f"{url.rstrip('/')}/login/{Links(gate.home.path, gate.home.now).make(name)}"
    put({"name": name, "link": made}, [made], as_json=as_json)


def whose(people: People, asked: str) -> str:
    """The person a link is for: who was named, or whoever runs the command, or the owner where there is no file of approvers."""
    if not people.people:
        return asked or OWNER
    name = asked or login()
    found = people.person(name) or people.by_login(name)
    if found is None:
        known = ", ".join(one.name for one in people.people)
        raise ConfigError(f"'{name}' is not in approvers.toml; say whom the link is for with --for NAME: {known}")
    return found.name


def untold(people: People) -> list[str]:
    """Why people cannot be told through a channel: the secrets of `approvers.toml` that are not where it says."""
    kept = [(f"webhook '{webhook.name}'", webhook.secret) for webhook in people.settings.webhooks]
    if slack := people.settings.slack:
        kept += [("slack", slack.token), ("slack", slack.signing_secret)]
    return [f"nobody is told through {channel}: {why}" for channel, secret in kept if (why := _missing(secret))]


def _missing(secret: Kept) -> str:
    try:
        secret.read()
    except (ConfigError, OSError) as error:
        return str(error)
    return ""


def _header(name: str, networks: tuple[str, ...], users: tuple[str, ...]) -> TrustedHeader | None:
    if not name:
        return None
    from gate.approvers.inbox.signin import TrustedHeader

    return TrustedHeader.of(name, networks, users)


def _client(issuer: str, client: str, claim: str, url: str, port: int) -> Client | None:
    if not issuer:
        return None
    from gate.approvers.inbox.oidc import Client

    return Client(issuer, client, Settings(port=port, url=url).origin(port), os.environ.get("GATE_OIDC_SECRET", ""), claim).checked()
