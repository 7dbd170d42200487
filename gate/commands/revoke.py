"""`gate revoke`: the end of a capability and of everything delegated from it, in every process, from the next call on."""

from __future__ import annotations

import re
from typing import Final

import click

from gate.commands.shared import home_option, json_option, login, opened, plain, put, reason_options, token_text

_JTI: Final = re.compile(r"[A-Za-z0-9_:-]{1,200}\Z")


@click.command("revoke", short_help="End a capability and all that was delegated from it, now.")
@click.argument("token", metavar="JTI|TOKEN")
@reason_options
@home_option
@json_option
def command(token: str, by: str, reason: str, home: str, *, as_json: bool) -> None:
    """End a capability, named by its id or by its token (text, a file, or - for standard input), and all that was delegated from it.

    It is for good, and holds from the next call on in every process of this host.
    """
    jti = _jti(token)
    with opened(home) as gate:
        gate.revoke(jti, by=by or login(), reason=reason)
    put({"revoked": jti}, [f"revoked {plain(jti)}, and everything delegated from it"], as_json=as_json)


def _jti(text: str) -> str:
    from pathlib import Path

    if text != "-" and _JTI.match(text) and not Path(text).exists():
        return text
    from gate.token import inspect

    return inspect(token_text(text))[-1].jti
