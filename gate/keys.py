"""The key ring: the keys of one gate, in one directory that only its owner may read.

    keys/                          mode 0700
      issuer.jwk                   private JWK (RFC 8037), mode 0600, made on first use
      approver-alice.jwk           one per approver who answers on this machine
      log-hmac.secret              32 random bytes
      holders/<jti>.jwk            the key that may present and attenuate the capability <jti>
      retired/issuer/<kid>.jwk     public keys that signed before a rotation; still trusted for verifying
      trusted/issuer/<name>.jwk    public keys of others that are trusted; `iss` in it names the issuer, `kid` how they call the key
    passkeys/<name>.json         the passkeys of an approver, see gate.tokens.passkey

A key is named by its RFC 7638 thumbprint.  Files that are symlinks, belong to somebody else or can be read by others are refused.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from gate.errors import KeyFileError
from gate.tokens import keyfile
from gate.tokens.jwk import THUMBPRINT_URI, Anchor, PublicKey, SigningKey, TrustAnchors, thumbprint

__all__ = ["THUMBPRINT_URI", "Anchor", "KeyRing", "PublicKey", "SigningKey", "TrustAnchors", "thumbprint"]

_SECRET_BYTES: Final = 32


class KeyRing:
    """The keys in `directory`, read once and made on first use. KeyFileError says what is wrong and how to repair it."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self._keys: dict[Path, SigningKey] = {}

    def signing(self, name: str) -> SigningKey:
        """The key that signs as `name`, such as "issuer", "log" or "approver-alice"."""
        return self._signing(self.directory / f"{keyfile.checked(name)}.jwk")

    def holder(self, jti: str) -> SigningKey:
        """The key of whoever holds the capability `jti`."""
        return self._signing(self.directory / "holders" / f"{keyfile.checked(jti)}.jwk")

    def has(self, name: str) -> bool:
        """Whether there is a private key that signs as `name`."""
        return keyfile.is_name(name) and (self.directory / f"{name}.jwk").exists()

    def has_holder(self, jti: str) -> bool:
        """Whether the capability `jti` can be presented and attenuated from here."""
        return keyfile.is_name(jti) and (self.directory / "holders" / f"{jti}.jwk").exists()

    def secret(self, name: str) -> bytes:
        """32 random bytes kept under `name`."""
        path = self.directory / f"{keyfile.checked(name)}.secret"
        content = keyfile.read_or_create(path, lambda: os.urandom(_SECRET_BYTES))
        if len(content) != _SECRET_BYTES:
            raise KeyFileError(f"the key file '{path}' does not hold {_SECRET_BYTES} bytes")
        return content

    def anchors(self, name: str) -> TrustAnchors:
        """Every key trusted as `name`: our own and those named `name-…`, current and retired, and the files in `trusted/`."""
        own = [path for path in self._files("") if path.stem == name or path.stem.startswith(f"{name}-")]
        owners = sorted({name, *[path.stem for path in own], *self._retired(name)})
        found = [Anchor.of(self._signing(path).public, path.stem) for path in own]
        found += [Anchor.of(_public(path), owner) for owner in owners for path in self._files(f"retired/{owner}")]
        return TrustAnchors((*found, *[_trusted(path) for path in self._files(f"trusted/{name}")]))

    def rotate(self, name: str) -> SigningKey:
        """A new key for `name`; what the old one signed stays valid, because its public half is kept."""
        path = self.directory / f"{keyfile.checked(name)}.jwk"
        self._signing(path)  # so that there is one to retire
        with keyfile.directory(self.directory, lock=True) as fd:
            old = _private(keyfile.read(fd, path.name, path), path)
            with keyfile.directory(_made(self.directory, "retired", name)) as retired:
                keyfile.create(retired, f"{old.kid}.jwk", _dumped(old.public.jwk()))
            new = SigningKey.generate()
            keyfile.replace(fd, path.name, _dumped(new.jwk()))
        self._keys[path] = new
        return new

    def trust(self, name: str, who: str, key: PublicKey, *, issuer: str = "") -> None:
        """Trust somebody else's public key as `name`, under the file name `who`. KeyFileError when that name is taken."""
        path = self.directory / "trusted" / keyfile.checked(name) / f"{keyfile.checked(who)}.jwk"
        with keyfile.directory(_made(self.directory, "trusted", name)) as fd:
            if not keyfile.create(fd, path.name, _dumped(key.jwk() | ({"iss": issuer} if issuer else {}))):
                raise KeyFileError(f"'{path}' exists already; remove it first if its key shall no longer be trusted")

    def _signing(self, path: Path) -> SigningKey:
        key = self._keys.get(path)
        if key is None:
            if path.parent != self.directory:
                _made(self.directory, *path.parent.relative_to(self.directory).parts)
            content = keyfile.read_or_create(path, lambda: _dumped(SigningKey.generate().jwk()))
            key = self._keys.setdefault(path, _private(content, path))
        return key

    def _files(self, under: str) -> list[Path]:
        folder = self.directory / under
        if not folder.exists():
            return []
        with keyfile.directory(folder, create=False) as fd:
            return [folder / name for name in _listed(fd) if name.endswith(".jwk") and not name.startswith(".")]

    def _retired(self, name: str) -> list[str]:
        folder = self.directory / "retired"
        if not folder.exists():
            return []
        with keyfile.directory(folder, create=False) as fd:
            return [each for each in _listed(fd) if each == name or each.startswith(f"{name}-")]


def _listed(fd: int) -> list[str]:
    return sorted(os.listdir(fd))  # the directory that was checked, not whatever has its name now


def _made(directory: Path, *parts: str) -> Path:
    for part in ("", *parts):  # each level is checked and made with mode 0700, not only the last
        directory = directory / part
        with keyfile.directory(directory):
            continue
    return directory


def _dumped(jwk: dict[str, str]) -> bytes:
    return json.dumps(jwk, sort_keys=True).encode() + b"\n"


def _loaded(content: bytes | None, path: Path) -> dict[str, object]:
    try:
        jwk: object = json.loads(content or b"")
    except ValueError:
        jwk = None
    if not isinstance(jwk, dict):
        raise KeyFileError(f"the key file '{path}' holds no JSON object; restore it, or move it away to get a new key")
    return jwk  # pyright: ignore[reportUnknownVariableType]  # a JSON object


def _private(content: bytes | None, path: Path) -> SigningKey:
    try:
        return SigningKey.from_jwk(_loaded(content, path))
    except ValueError as error:
        raise KeyFileError(f"the key file '{path}' is no private key: {error}") from None


def _public(path: Path) -> PublicKey:
    return _trusted(path).key


def _trusted(path: Path) -> Anchor:
    with keyfile.directory(path.parent, create=False) as fd:
        jwk = _loaded(keyfile.read(fd, path.name, path, secret=False), path)
    try:
        key = PublicKey.from_jwk(jwk)
    except ValueError as error:
        raise KeyFileError(f"the trusted key '{path}' cannot be used: {error}") from None
    issuer, kid = jwk.get("iss", key.uri), jwk.get("kid", key.kid)
    if not isinstance(issuer, str) or not isinstance(kid, str):
        raise KeyFileError(f"the trusted key '{path}': iss and kid are text")
    return Anchor(issuer, key, path.stem, kid)
