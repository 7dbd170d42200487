"""`gate revoke`: the end of a capability and of everything delegated from it, in every process, from the next call on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gate.commands.shared import home_option, json_option, login, opened, plain, put, reason_options, token_text
from gate.constraints.value import is_array
from gate.errors import GateError

if TYPE_CHECKING:
    from gate.gate import Gate

_JTI: Final = re.compile(r"[A-Za-z0-9_:-]{1,200}\Z")


@click.command("revoke", short_help="End a capability and all that was delegated from it, now.")
@click.argument("token", metavar="JTI|TOKEN")
@reason_options
@home_option
@json_option
def command(token: str, by: str, reason: str, home: str, *, as_json: bool) -> int:
    """End a capability, named by its id or by its token (text, a file, or - for standard input), and all that was delegated from it.

    It is for good, and holds from the next call on in every process of this host. Exit code 1 when this gate has never seen it: it is
    revoked all the same, in case it turns up, but it may be mistyped.
    """
    jti, text = _named(token)
    with opened(home) as gate:
        gate.revoke(jti, by=by or login(), reason=reason)
        seen = _genuine(gate, text) or _in_log(gate, jti)
    lines = [f"revoked {plain(jti)}, and everything delegated from it"]
    if not seen:
        lines.append("this gate has never seen it, so look whether the id is right; those granted here: gate log --type grant --json")
    put({"revoked": jti, "seen": seen}, lines, as_json=as_json)
    return 0 if seen else 1


def _named(given: str) -> tuple[str, str]:
    """The id, and the token it came from; "" when the id itself was given."""
    if given != "-" and _JTI.match(given) and not Path(given).exists():
        return given, ""
    from gate.token import inspect

    text = token_text(given)
    return inspect(text)[-1].jti, text


def _genuine(gate: Gate, text: str) -> bool:
    """Whether it is a token that this gate's issuers signed."""
    try:
        return bool(text) and bool(gate.verify(text))
    except GateError:
        return False


def _in_log(gate: Gate, jti: str) -> bool:
    """Whether a record of the log says that the capability was granted, narrowed or used; it was revoked first, so this may take its time."""
    from gate.commands.reading import mentions

    gate.home.ledger.flush()
    return any(jti in (entry.get("capability"), entry.get("parent")) or jti in _chain(entry) for entry in mentions(gate.home.path, jti))


def _chain(entry: Mapping[str, object]) -> Sequence[object]:
    chain = entry.get("capability")
    return chain if is_array(chain) else ()
