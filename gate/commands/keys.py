"""`gate keys`: the key ring of a gate: what is in it, new keys, public halves for others, and whom to trust."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gate.commands.shared import dim, existing, home_option, json_option, key_ring, plain, put, read_text
from gate.commands.strict import decode
from gate.errors import ConfigError

if TYPE_CHECKING:
    from gate.keys import KeyRing

PURPOSES: Final = ("issuer", "approver")


@click.group("keys", short_help="List, rotate, export and trust keys.")
def command() -> None:
    """Work with the key ring. Private keys never leave it."""


@command.command("list", short_help="List the keys.")
@home_option
@json_option
def list_keys(home: str, *, as_json: bool) -> None:
    """List the keys: those that sign, those that have signed, and those of others that are trusted."""
    ring = key_ring(home)
    own = [(path.stem, ring.signing(path.stem).kid) for path in sorted(ring.directory.glob("*.jwk"))]
    retired = [(path.parent.name, path.stem) for path in sorted(ring.directory.glob("retired/*/*.jwk"))]
    trusted = [
        (purpose, anchor.name, anchor.key.kid, anchor.issuer)
        for purpose in PURPOSES
        if (ring.directory / "trusted" / purpose).exists()
        for anchor in ring.anchors(purpose)
        if (ring.directory / "trusted" / purpose / f"{anchor.name}.jwk").exists()
    ]
    lines = [f"{name:<20} {kid}" for name, kid in own]
    lines += [f"{name:<20} {kid} {dim('retired, still trusted for what it signed')}" for name, kid in retired]
    lines += [f"{plain(name):<20} {kid} {dim(f'trusted as {purpose}')}" for purpose, name, kid, _ in trusted]
    data = {
        "keys": [{"name": name, "kid": kid} for name, kid in own],
        "retired": [{"name": name, "kid": kid} for name, kid in retired],
        "trusted": [{"purpose": purpose, "name": name, "kid": kid, "issuer": issuer} for purpose, name, kid, issuer in trusted],
    }
    put(data, lines, as_json=as_json)


@command.command("rotate", short_help="Make a new key; what the old one signed stays valid.")
@click.argument("name")
@home_option
@json_option
def rotate(name: str, home: str, *, as_json: bool) -> None:
    """Make a new key for NAME: issuer, or an approver's such as approver-owner. What the old one signed stays valid."""
    ring = key_ring(home)
    if not _own(ring, name):
        raise ConfigError(f"there is no key '{name}' here; see: gate keys list")
    if name == "log":
        raise ConfigError("the log's key stays: checkpoints that others hold are verified with it; a new log needs a new gate")
    new = ring.rotate(name)
    put({"name": name, "kid": new.kid}, [f"{name} signs with {new.kid} now; what the old key signed stays valid"], as_json=as_json)


@command.command("export", short_help="Print a public key, for others.")
@click.argument("name")
@home_option
@json_option
def export(name: str, home: str, *, as_json: bool) -> None:
    """Print the public key of NAME: for log, the line that gate verify --key takes; for others, a JWK that gate keys trust takes."""
    import json

    from gate.log.note import verifier_key

    path = existing(home)
    ring = key_ring(home)
    if not _own(ring, name):
        raise ConfigError(f"there is no key '{name}' here; see: gate keys list")
    public = ring.signing(name).public
    jwk: dict[str, str] = public.jwk() | {"kid": public.kid}
    if name != "log":
        put({"name": name, "kid": public.kid, "jwk": jwk}, [json.dumps(jwk)], as_json=as_json)
        return
    key = verifier_key((path / "origin").read_text().strip(), public.raw)
    put({"name": name, "kid": public.kid, "jwk": jwk, "verifier_key": key}, [key], as_json=as_json)


@command.command("trust", short_help="Trust somebody else's public key.")
@click.argument("purpose", type=click.Choice(PURPOSES))
@click.argument("who")
@click.argument("file", metavar="FILE|-")
@click.option("--issuer", default="", metavar="URI", help="The name it signs capabilities as, where that is not its thumbprint.")
@home_option
@json_option
def trust(purpose: str, who: str, file: str, issuer: str, home: str, *, as_json: bool) -> None:
    """Trust the public key in FILE (a JWK), of WHO, as an issuer of capabilities or as an approver."""
    from gate.keys import PublicKey

    try:
        key = PublicKey.from_jwk(decode(read_text(file, "the key").encode()))
    except ValueError as error:
        raise ConfigError(f"the key in '{file}' cannot be used: {error}") from None
    key_ring(home).trust(purpose, who, key, issuer=issuer)
    put({"purpose": purpose, "who": who, "kid": key.kid}, [f"{plain(who)} is trusted as {purpose} with the key {key.kid}"], as_json=as_json)


def _own(ring: KeyRing, name: str) -> bool:
    return Path(name).name == name and (ring.directory / f"{name}.jwk").exists()
