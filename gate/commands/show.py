"""`gate show`: what a token says, in words, and whether it is genuine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from gate.commands.shared import bold, home_option, json_option, plain, put, token_text
from gate.commands.words import limit_words, tool_words
from gate.errors import GateError, TokenError
from gate.shown import lasting, utc

if TYPE_CHECKING:
    from gate.tokens.claims import Claims


class Check(NamedTuple):
    """Whether a token is genuine: True, False, or None where nobody here can tell."""

    genuine: bool | None
    why: str
    revoked: tuple[str, ...] = ()


@click.command("show", short_help="Say what a capability allows, and whether it is genuine.")
@click.argument("token")
@home_option
@json_option
def command(token: str, home: str, *, as_json: bool) -> int:
    """Say what TOKEN (text, a file, or - for standard input) allows, for whom, until when, and whether it is genuine.

    Exit code 1 when it is not, or was revoked. Without a gate here nobody can tell, and the code is 0.
    """
    from gate.token import inspect

    text, now = token_text(token), time.time()
    links = inspect(text)
    check = _check(text, Path(home), now)
    put(_data(links, check, now), _lines(links, check, now), as_json=as_json)
    return 1 if check.genuine is False or check.revoked else 0


def _check(text: str, home: Path, now: float) -> Check:
    """Verified with the keys of the gate here; what is revoked is read without opening the ledger."""
    if not (home / "origin").exists():
        return Check(None, f"there is no gate in '{home}' whose keys could verify it")
    from gate.commands.reading import standing
    from gate.keys import KeyRing
    from gate.token import verify

    try:
        origin = (home / "origin").read_text().strip()
        capability = verify(text, KeyRing(home / "keys").anchors("issuer"), audience=origin, now=now)
        return Check(True, f"signed by an issuer that the gate '{origin}' trusts", tuple(standing(home).revoked.intersection(capability.ancestors)))
    except TokenError as error:
        return Check(False, str(error))
    except GateError as error:
        return Check(None, str(error))


def _lines(links: tuple[Claims, ...], check: Check, now: float) -> Iterator[str]:
    leaf = links[-1]
    word = {True: click.style("genuine", fg="green"), False: click.style("not genuine", fg="red"), None: click.style("not verified", fg="yellow")}
    yield f"{bold(plain(leaf.agent))}{f' for {plain(leaf.principal)}' if leaf.principal else ''}"
    yield f"  {word[check.genuine]}: {plain(check.why)}"
    if check.revoked:
        yield f"  {click.style('revoked', fg='red')}: {', '.join(map(plain, sorted(check.revoked)))}"
    yield f"  {_when(leaf, now)}"
    for tool, grant in (leaf.grants or {}).items():
        limits = limit_words(grant.limits)
        yield f"  may {tool_words(tool, grant.arguments)}{f'   [{limits}]' if limits else ''}"
    if not leaf.grants:
        yield "  may call nothing"
    if limits := limit_words(leaf.limits):
        yield f"  in all: {limits}"
    left = leaf.max_depth - leaf.depth
    yield f"  may be passed on {left} more time{'' if left == 1 else 's'}" if left > 0 else "  may not be passed on"
    if leaf.labels:
        yield f"  labels: {', '.join(map(plain, sorted(leaf.labels)))}"
    for link in links:
        yield f"  {'└ ' if link.depth else ''}token {plain(link.jti)}: {plain(link.agent)}, issued {utc(link.issued)} by {plain(link.issuer)}"


def _when(leaf: Claims, now: float) -> str:
    if now >= leaf.expires:
        return click.style(f"expired {lasting(now - leaf.expires)} ago, at {utc(leaf.expires)}", fg="red")
    start = leaf.not_before
    if start is not None and now < start:
        return f"not valid for another {lasting(start - now)}, from {utc(start)} until {utc(leaf.expires)}"
    return f"valid for another {lasting(leaf.expires - now)}, until {utc(leaf.expires)}"


def _data(links: tuple[Claims, ...], check: Check, now: float) -> dict[str, object]:
    leaf = links[-1]
    return {
        "verified": check.genuine,
        "why": check.why,
        "revoked": sorted(check.revoked),
        "expired": now >= leaf.expires,
        "jti": leaf.jti,
        "agent": leaf.agent,
        "principal": leaf.principal,
        "not_before": leaf.not_before,
        "expires": leaf.expires,
        "tools": {tool: grant.to_json() for tool, grant in (leaf.grants or {}).items()},
        "limits": leaf.limits.to_json(),
        "tool_limits": {tool: limits.to_json() for tool, limits in leaf.tool_limits.items()},
        "labels": sorted(leaf.labels),
        "depth": leaf.depth,
        "max_depth": leaf.max_depth,
        "chain": [{"jti": link.jti, "agent": link.agent, "issuer": link.issuer, "issued": link.issued, "expires": link.expires} for link in links],
    }
