"""Keys and the key ring: names, files that are only ours, rotation, and processes that create the same key at the same moment."""

from __future__ import annotations

import copy
import doctest
import json
import multiprocessing
import os
import pickle
import stat
from pathlib import Path
from typing import Any

import pytest

import gate.tokens.jwk
from gate.errors import KeyFileError, TokenError
from gate.keys import KeyRing, PublicKey, SigningKey, TrustAnchors
from gate.tokens import jose, keyfile

EIGHT = 8


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """A fresh key ring."""
    return KeyRing(tmp_path / "keys")


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.tokens.jwk)
    assert outcome.attempted
    assert not outcome.failed


def test_the_thumbprint_of_rfc_8037() -> None:
    # RFC 8037, appendix A.3
    key = PublicKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_signature_of_rfc_8032() -> None:
    # RFC 8032, section 7.1, test 2
    key = SigningKey(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert key.public.raw.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


GOOD = SigningKey(bytes(32)).public.jwk()


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        "key",
        [],
        {},
        {**GOOD, "kty": "EC"},
        {**GOOD, "crv": "X25519"},
        {**GOOD, "d": "AAAA"},
        {**GOOD, "p": "AAAA"},
        {**GOOD, "k": "AAAA"},
        {**GOOD, "use": "enc"},
        {**GOOD, "alg": "HS256"},
        {**GOOD, "x": GOOD["x"] + "="},
        {**GOOD, "x": GOOD["x"][:-1]},
        {**GOOD, "x": GOOD["x"][:-1] + "l"},
        {**GOOD, "x": 5},
        {**GOOD, "x": GOOD["x"] + "\n"},
    ],
    ids=repr,
)
def test_keys_that_are_refused(jwk: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        PublicKey.from_jwk(jwk)


def test_a_signing_key_shows_nothing_and_stays() -> None:
    key = SigningKey(bytes(range(32)))
    assert gate.tokens.jwk.encode(bytes(range(32))) not in f"{key!r} {key!s}"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(key)


def test_the_two_halves_of_a_private_key_belong_together() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        SigningKey.from_jwk(SigningKey(bytes(32)).jwk() | {"x": SigningKey(bytes([1]) * 32).public.jwk()["x"]})


# The ring


def test_keys_are_made_once_and_are_only_ours(ring: KeyRing) -> None:
    made = {name: ring.signing(name).kid for name in ("issuer", "log", "approver-alice")}
    assert len(set(made.values())) == 3
    assert len(ring.secret("log-hmac")) == 32
    ring.holder("019abc00-0000-7000-8000-000000000001")
    again = KeyRing(ring.directory)
    assert {name: again.signing(name).kid for name in made} == made
    assert again.secret("log-hmac") == ring.secret("log-hmac")
    for path in (ring.directory, *ring.directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert not list(ring.directory.rglob(".*"))  # nothing left over


@pytest.mark.parametrize("name", ["", ".", "..", "../issuer", "a/b", "/etc/passwd", ".hidden", "a\0b", "a\nb", "ключ", "x" * 200])
def test_names_are_no_paths(ring: KeyRing, name: str) -> None:
    for use in (ring.signing, ring.holder, ring.secret, ring.rotate):
        with pytest.raises(KeyFileError, match="no name for a key"):
            use(name)
    assert not ring.has_holder(name)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666, 0o601])
def test_files_open_to_others_are_refused(ring: KeyRing, mode: int) -> None:
    ring.signing("issuer")
    ring.secret("log-hmac")
    for name, use in (("issuer.jwk", KeyRing.signing), ("log-hmac.secret", KeyRing.secret)):
        (ring.directory / name).chmod(mode)
        with pytest.raises(KeyFileError, match=rf"can be read by others \(mode {mode:04o}\); run: chmod go-rwx"):
            use(KeyRing(ring.directory), name.partition(".")[0])


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o720])
def test_a_directory_open_to_others_is_refused(ring: KeyRing, mode: int) -> None:
    ring.signing("issuer")
    ring.directory.chmod(mode)
    with pytest.raises(KeyFileError, match="can be written by others; run: chmod go-w"):
        KeyRing(ring.directory).signing("issuer")


def test_symlinks_are_refused(ring: KeyRing, tmp_path: Path) -> None:
    ring.signing("issuer")
    (tmp_path / "elsewhere.jwk").write_bytes((ring.directory / "issuer.jwk").read_bytes())
    (tmp_path / "elsewhere.jwk").chmod(0o600)
    (ring.directory / "log.jwk").symlink_to(tmp_path / "elsewhere.jwk")
    (ring.directory / "new.jwk").symlink_to(tmp_path / "not-yet.jwk")
    for name in ("log", "new"):
        with pytest.raises(KeyFileError, match="symbolic link"):
            ring.signing(name)
    assert not (tmp_path / "not-yet.jwk").exists()
    (tmp_path / "linked").symlink_to(ring.directory)
    with pytest.raises(KeyFileError, match="symbolic link"):
        KeyRing(tmp_path / "linked").signing("issuer")


def test_what_is_no_ordinary_file_is_refused(ring: KeyRing) -> None:
    ring.signing("issuer")
    os.mkfifo(ring.directory / "pipe.jwk", 0o600)
    (ring.directory / "folder.jwk").mkdir(mode=0o700)
    (ring.directory / "large.jwk").touch(mode=0o600)
    os.truncate(ring.directory / "large.jwk", 10**6)
    for name in ("pipe", "folder", "large"):
        with pytest.raises(KeyFileError, match="no ordinary small file"):
            ring.signing(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_files_of_somebody_else_are_refused(ring: KeyRing) -> None:
    ring.signing("issuer")
    os.chown(ring.directory / "issuer.jwk", 12345, 12345)
    with pytest.raises(KeyFileError, match="belongs to user 12345"):
        KeyRing(ring.directory).signing("issuer")


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b"[]", b'{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}', b"\xff\xfe"])
def test_damaged_files_are_refused_and_never_replaced(ring: KeyRing, content: bytes) -> None:
    ring.signing("issuer")
    path = ring.directory / "issuer.jwk"
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=r"issuer\.jwk"):
        KeyRing(ring.directory).signing("issuer")
    assert path.read_bytes() == content


def test_a_secret_of_another_length_is_refused(ring: KeyRing) -> None:
    ring.secret("log-hmac")
    (ring.directory / "log-hmac.secret").write_bytes(b"short")
    with pytest.raises(KeyFileError, match="does not hold 32 bytes"):
        ring.secret("log-hmac")


# Trust


def test_a_rotated_key_still_verifies_and_no_longer_signs(ring: KeyRing) -> None:
    old = ring.signing("issuer")
    token = jose.sign(b"{}", old, "t")
    new = ring.rotate("issuer")
    assert ring.signing("issuer").kid == new.kid != old.kid
    assert KeyRing(ring.directory).signing("issuer").kid == new.kid
    assert jose.verify(token, ring.anchors("issuer"), "t")[1] == old.kid
    assert {anchor.key.kid for anchor in ring.anchors("issuer")} == {old.kid, new.kid}
    retired = json.loads((ring.directory / "retired" / "issuer" / f"{old.kid}.jwk").read_text())
    assert "d" not in retired


def test_one_purpose_is_not_another(ring: KeyRing) -> None:
    issuer, alice = ring.signing("issuer"), ring.signing("approver-alice")
    assert [anchor.key for anchor in ring.anchors("issuer")] == [issuer.public]
    assert [(anchor.key, anchor.name) for anchor in ring.anchors("approver")] == [(alice.public, "approver-alice")]
    with pytest.raises(TokenError):
        jose.verify(jose.sign(b"{}", issuer, "t"), ring.anchors("approver"), "t")
    ring.rotate("approver-alice")
    assert len(ring.anchors("approver")) == 2


def test_keys_of_others_are_trusted_for_one_purpose(ring: KeyRing) -> None:
    theirs = SigningKey.generate()
    ring.trust("issuer", "partner", theirs.public, issuer="https://partner.example")
    found = {anchor.name: anchor.issuer for anchor in ring.anchors("issuer")}
    assert found == {"partner": "https://partner.example"}
    assert len(ring.anchors("approver")) == 0
    with pytest.raises(KeyFileError, match="exists already"):
        ring.trust("issuer", "partner", SigningKey.generate().public)
    path = ring.directory / "trusted" / "issuer" / "partner.jwk"
    path.chmod(0o644)  # a public key may be read by everybody
    assert len(ring.anchors("issuer")) == 1
    path.chmod(0o664)
    with pytest.raises(KeyFileError, match="can be written by others"):
        ring.anchors("issuer")


def test_a_private_key_among_the_trusted_is_refused(ring: KeyRing) -> None:
    ring.trust("issuer", "partner", SigningKey.generate().public)
    path = ring.directory / "trusted" / "issuer" / "partner.jwk"
    path.write_text(json.dumps(SigningKey.generate().jwk()))
    with pytest.raises(KeyFileError, match="private material"):
        ring.anchors("issuer")


def test_nothing_is_trusted_where_nothing_is(tmp_path: Path) -> None:
    assert KeyRing(tmp_path / "none").anchors("issuer") == TrustAnchors()
    assert not (tmp_path / "none").exists()


# Races


ROUNDS = 10


def _race(directory: Path, start: Any, found: Any) -> None:
    for round_ in range(ROUNDS):
        ring = KeyRing(directory / str(round_))
        start.wait()
        found.put((round_, ring.signing("issuer").kid, ring.secret("log-hmac")))
        start.wait()
        found.put((round_, ring.rotate("issuer").kid, b""))


def test_processes_that_create_at_once_have_one_key_and_those_that_rotate_at_once_lose_none(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, found = context.Barrier(EIGHT), context.SimpleQueue()
    processes = [context.Process(target=_race, args=(tmp_path, start, found)) for _ in range(EIGHT)]
    for process in processes:
        process.start()
    seen = [found.get() for _ in range(2 * ROUNDS * EIGHT)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    for round_ in range(ROUNDS):
        created = {(kid, secret) for number, kid, secret in seen if number == round_ and secret}
        rotated = {kid for number, kid, secret in seen if number == round_ and not secret}
        ring = KeyRing(tmp_path / str(round_))
        assert len(created) == 1
        assert len(rotated) == EIGHT
        assert {anchor.key.kid for anchor in ring.anchors("issuer")} == rotated | {kid for kid, _ in created}
        assert sorted(path.name for path in ring.directory.iterdir()) == ["issuer.jwk", "log-hmac.secret", "retired"]


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with keyfile.directory(tmp_path / "keys"):
        monkeypatch.setattr(keyfile.os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        keyfile.read_or_create(tmp_path / "keys" / "issuer.jwk", lambda: b"{}")
    assert list((tmp_path / "keys").iterdir()) == []
