"""Passkeys: which credentials are whose, in the key ring, by the rules of its other files (`gate.tokens.keyfile`).

    keys/passkeys/ann.json         mode 0600
    {"credentials": [{"added": 1764112000, "handle": "…", "id": "…", "origin": "https://gate.example.com",
                      "public_key": "…", "rp_id": "gate.example.com", "sign_count": 3}, …]}

What a yes by one of them is, and how it is verified, says `gate.tokens.assertion`.  These are only public keys; yet who can write here can
enrol themselves, so the files are the owner's alone.  A credential belongs to one person.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from gate.errors import KeyFileError, TokenError
from gate.tokens import jose, keyfile
from gate.tokens.assertion import Credential, check
from gate.tokens.jwk import decode, encode

__all__ = ["MOST", "Credential", "accept", "add", "check", "credentials", "enrolled", "handle", "names", "remove"]

MOST: Final = 16  # passkeys of one person
_FOLDER: Final = "passkeys"
_TYPES: Final = {"id": str, "public_key": str, "sign_count": int, "rp_id": str, "origin": str, "handle": str, "added": int}


def credentials(directory: Path, name: str) -> tuple[Credential, ...]:
    """The passkeys of one person, in the key ring's `directory`; () when they have none. KeyFileError when the file looks tampered with."""
    folder, file = directory / _FOLDER, f"{keyfile.checked(name)}.json"
    if not folder.exists():
        return ()
    with keyfile.directory(folder, create=False) as fd:
        return _read(fd, file, folder / file)


def enrolled(directory: Path, name: str) -> bool:
    """Whether this person has a passkey."""
    return bool(credentials(directory, name))


def names(directory: Path) -> tuple[str, ...]:
    """Everybody who has a passkey."""
    folder = directory / _FOLDER
    if not folder.exists():
        return ()
    with keyfile.directory(folder, create=False) as fd:
        return tuple(sorted([file.removesuffix(".json") for file in _listed(fd)]))


def handle(directory: Path, name: str) -> str:
    """How authenticators call this person, base64url: as before, or something new that says nothing about them."""
    return next((one.handle for one in credentials(directory, name)), encode(os.urandom(32)))


def add(directory: Path, name: str, credential: Credential) -> None:
    """One more passkey of this person, for good. TokenError when it is somebody's already or they have too many."""
    file, folder = f"{keyfile.checked(name)}.json", _made(directory)
    with keyfile.directory(folder, lock=True) as fd:
        if any(one.id == credential.id for other in _listed(fd) for one in _read(fd, other, folder / other)):
            raise TokenError("this passkey is enrolled already")
        held = _read(fd, file, folder / file)
        if len(held) >= MOST:
            raise TokenError(f"{name} has {MOST} passkeys; remove one first with: gate passkey remove")
        _write(fd, file, (*held, credential))


def remove(directory: Path, name: str, credential: str) -> Credential:
    """Takes the passkey of an id from this person, at once. TokenError when they have none of it."""
    file, folder = f"{keyfile.checked(name)}.json", _made(directory)
    with keyfile.directory(folder, lock=True) as fd:
        held = _read(fd, file, folder / file)
        gone = next((one for one in held if one.id == credential), None)
        if gone is None:
            raise TokenError(f"{name} has no passkey '{credential}'; see: gate passkey list")
        _write(fd, file, [one for one in held if one is not gone])
        return gone


def accept(directory: Path, name: str, assertion: Mapping[str, object] | str | bytes, *, challenge: bytes) -> Credential:
    """`check` of an assertion that has just been made, and its counter is kept: the same assertion is not accepted twice by it.

    Authenticators that do not count (synced passkeys) are bound by the challenge alone, which names one question.
    """
    file, folder = f"{keyfile.checked(name)}.json", _made(directory)
    with keyfile.directory(folder, lock=True) as fd:
        held = _read(fd, file, folder / file)
        used = check(assertion, challenge=challenge, credentials=held, fresh=True)
        if used not in held:
            _write(fd, file, [used if one.id == used.id else one for one in held])
        return used


def _made(directory: Path) -> Path:
    for folder in (directory, directory / _FOLDER):  # each level is checked and made with mode 0700
        with keyfile.directory(folder):
            continue
    return directory / _FOLDER


def _listed(fd: int) -> list[str]:
    return [file for file in os.listdir(fd) if file.endswith(".json") and not file.startswith(".")]


def _write(fd: int, file: str, held: tuple[Credential, ...] | list[Credential]) -> None:
    content = jose.dumps({"credentials": [one.to_json() for one in held]}) + b"\n"
    if len(content) > keyfile.MAX_SIZE:  # or nobody could read it any more
        raise TokenError("the passkeys of one person do not fit into their file; remove one first with: gate passkey remove")
    keyfile.replace(fd, file, content)


def _read(fd: int, file: str, shown: Path) -> tuple[Credential, ...]:
    content = keyfile.read(fd, file, shown)
    if content is None:
        return ()
    try:
        data = jose.loads(content)
        if not isinstance(data, dict) or data.keys() != {"credentials"} or not isinstance(data["credentials"], list):
            raise ValueError("its only member is the list 'credentials'")
        return tuple([_credential(one) for one in cast("list[object]", data["credentials"])])
    except ValueError as error:
        raise KeyFileError(f"the passkeys in '{shown}' cannot be used: {error}; restore the file, or enrol them again") from None


def _credential(data: object) -> Credential:
    members = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    if members.keys() != _TYPES.keys() or any(type(members[name]) is not kind for name, kind in _TYPES.items()):
        raise ValueError("a passkey in it has not exactly the members of a passkey")
    return Credential(**members | {"public_key": decode(str(members["public_key"]))})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # checked above
