"""Passkeys: what counts as a yes of a person's authenticator, attack by attack; whose they are on disk; and that others can verify them."""

from __future__ import annotations

import base64
import doctest
import json
import shutil
import stat
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("webauthn", reason="passkeys need capgate[inbox]")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gate.tokens.assertion
from gate.errors import KeyFileError, TokenError
from gate.tokens import passkey
from gate.tokens.assertion import check, enrolled_as, enrolment, kept
from gate.tokens.jwk import decode, encode
from tests.authenticator import AT, BS, UP, UV, Authenticator

CALL = sha256(b"pay 5 eur to acme, question 1").digest()


def refused(because: str, assertion: Any, device: Authenticator, challenge: bytes = CALL, **how: Any) -> None:
    with pytest.raises(TokenError, match=because):
        check(assertion, challenge=challenge, credentials=how.pop("credentials", [device.credential._replace(sign_count=0)]), fresh=True)


@pytest.fixture
def device() -> Authenticator:
    return Authenticator()


def test_the_example() -> None:
    outcome = doctest.testmod(gate.tokens.assertion)
    assert outcome.attempted
    assert not outcome.failed


@pytest.mark.parametrize("kind", ["ES256", "EdDSA", "RS256"])
def test_a_yes(kind: str) -> None:
    device = Authenticator(kind=kind)
    mine, other = device.credential, Authenticator().credential
    assert check(device.sign(CALL), challenge=CALL, credentials=[other, mine]) == mine._replace(sign_count=1)
    assert check(json.dumps(device.sign(CALL)), challenge=CALL, credentials=[mine]).sign_count == 2


# What is no yes


def test_for_another_call(device: Authenticator) -> None:
    refused("signed something else", device.sign(sha256(b"pay 5000 eur").digest()), device)
    refused("signed something else", device.sign(CALL[:31]), device)
    refused("signed something else", device.sign(b""), device)


@pytest.mark.parametrize("challenge", [None, 5, ["a"], {"a": 1}, "", encode(CALL) + "=", encode(CALL) + "\n"], ids=repr)
def test_a_challenge_of_another_form(device: Authenticator, challenge: Any) -> None:
    refused("signed something else", device.sign(CALL, challenge=challenge), device)


def test_by_somebody_else(device: Authenticator) -> None:
    refused("none of this person's", Authenticator().sign(CALL), device)
    stranger = Authenticator(id=device.id)  # who says that it is the credential
    refused("signature", stranger.sign(CALL), device)
    refused("none of this person's", device.sign(CALL), device, credentials=[])


def test_on_another_page(device: Authenticator) -> None:
    for origin in (
        "http://localhost:3000",
        "https://localhost:8766",
        "http://LOCALHOST:8766",
        "http://localhost:8766/",
        "https://evil.example",
        None,
        5,
    ):
        refused("it was enrolled at", device.sign(CALL, origin=origin), device)


def test_for_another_relying_party(device: Authenticator) -> None:
    refused("RP ID", device.sign(CALL, rp_id="evil.example"), device)


@pytest.mark.parametrize(
    "said", [{"crossOrigin": True}, {"crossOrigin": "false"}, {"crossOrigin": 0}, {"topOrigin": "https://evil.example"}], ids=repr
)
def test_inside_a_frame_of_somebody_else(device: Authenticator, said: dict[str, Any]) -> None:
    refused("inside a page of somebody else", device.sign(CALL, **said), device)


def test_without_the_member_cross_origin(device: Authenticator) -> None:
    assert check(device.sign(CALL, crossOrigin=None), challenge=CALL, credentials=[device.credential._replace(sign_count=0)])


def test_of_a_new_credential_instead_of_a_yes(device: Authenticator) -> None:
    refused("of type 'webauthn.create'", device.sign(CALL, kind="webauthn.create"), device)
    refused("of type 'payment.get'", device.sign(CALL, kind="payment.get"), device)
    refused("canonical form", device.create(CALL), device)


@pytest.mark.parametrize(("flags", "because"), [(0, "present"), (UV, "present"), (UP, "verif"), (UP | UV | BS, "backed up")])
def test_without_the_person(device: Authenticator, flags: int, because: str) -> None:
    refused(because, device.sign(CALL, flags=flags), device)


def test_with_a_counter_that_went_back(device: Authenticator) -> None:
    first, second = device.sign(CALL), device.sign(CALL)
    used = check(second, challenge=CALL, credentials=[device.credential._replace(sign_count=0)])
    refused("sign count", first, device, credentials=[used])
    refused("sign count", second, device, credentials=[used])  # a copy of the authenticator that has counted as far
    assert check(first, challenge=CALL, credentials=[used], fresh=False) == used._replace(sign_count=1)  # verified once more, later


def test_of_an_authenticator_that_does_not_count(device: Authenticator) -> None:
    device.count = -1
    assert check(device.sign(CALL), challenge=CALL, credentials=[device.credential]).sign_count == 0


@pytest.mark.parametrize("part", ["authenticatorData", "clientDataJSON", "signature"])
def test_with_one_bit_changed(device: Authenticator, part: str) -> None:
    said = device.sign(CALL)
    whole = bytearray(decode(said["response"][part]))
    for place in range(len(whole)):
        whole[place] ^= 4
        refused(".", said | {"response": said["response"] | {part: encode(bytes(whole))}}, device)
        whole[place] ^= 4


def test_with_something_behind_the_authenticator_data(device: Authenticator) -> None:
    refused("malformed", device.sign(CALL, more=b"\0"), device)
    refused("malformed", device.sign(CALL, flags=UP | UV | AT), device)


def test_with_a_doubled_member(device: Authenticator) -> None:
    twice = device.client(CALL, "webauthn.get").replace(b'{"type"', b'{"challenge": "AAAA", "type"')
    refused("no strict JSON", device.sign(CALL, client=twice), device)
    text = json.dumps(device.sign(CALL))
    refused("no strict JSON", text.replace('"type"', '"type": "x", "type"', 1), device)
    refused("no strict JSON", text[:-1], device)


@pytest.mark.parametrize("data", ["", "[]", "null", "5", '"x"', b"\xff", "{}", '{"response": []}', "[" * 3000], ids=repr)
def test_what_is_no_assertion(device: Authenticator, data: str | bytes) -> None:
    refused(".", data, device)


def test_too_much(device: Authenticator) -> None:
    refused("more than", json.dumps(device.sign(CALL) | {"x": "y" * 9000}), device)
    said = device.sign(CALL)
    said["response"]["signature"] = "A" * 100_000
    refused("canonical form", said, device)


@pytest.mark.parametrize("part", ["authenticatorData", "clientDataJSON", "signature"])
@pytest.mark.parametrize(
    "change", [lambda text: text + "=", lambda text: text + " ", lambda text: " " + text, lambda _: "", lambda _: None, lambda _: 5]
)
def test_base64url_is_written_one_way(device: Authenticator, part: str, change: Any) -> None:
    said = device.sign(CALL)
    said["response"][part] = change(said["response"][part])
    refused("canonical form", said, device)


@pytest.mark.parametrize(
    "change", [{"id": "AAAA"}, {"rawId": "AAAA"}, {"id": None}, {"id": 5, "rawId": 5}, {"type": "password"}, {"type": None}], ids=repr
)
def test_an_envelope_that_contradicts_itself(device: Authenticator, change: dict[str, Any]) -> None:
    refused(".", device.sign(CALL) | change, device)


def test_only_what_was_signed_is_kept(device: Authenticator) -> None:
    said = device.sign(CALL)
    held = kept(said | {"more": "words", "response": said["response"] | {"more": ["words"]}})
    assert held.keys() == {"id", "rawId", "type", "response"}
    assert held["response"].keys() == {"authenticatorData", "clientDataJSON", "signature"}
    assert check(held, challenge=CALL, credentials=[device.credential._replace(sign_count=0)])


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=9)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # other tests may be running
@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3), max_leaves=5))
def test_nothing_else_is_a_yes_and_nothing_breaks(data: Any) -> None:
    device = Authenticator(kind="EdDSA")
    said = device.sign(CALL)
    for wrong in (data, said | {"response": data}, said | {"id": data}):
        text = json.dumps(wrong)
        with pytest.raises(TokenError):
            check(text, challenge=CALL, credentials=[device.credential])


def test_without_the_package(device: Authenticator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webauthn", None)
    refused(r"pip install 'capgate\[inbox\]'", device.sign(CALL), device)


# A new one


def new(said: Any, challenge: bytes = CALL) -> Any:
    return enrolled_as(said, challenge=challenge, rp_id="localhost", origin="http://localhost:8766", handle="aGFuZGxl", now=12.5)


@pytest.mark.parametrize("kind", ["ES256", "EdDSA", "RS256"])
def test_a_new_passkey_signs(kind: str) -> None:
    device = Authenticator(kind=kind)
    made = new(json.dumps(device.create(CALL)))
    assert made == device.credential._replace(handle="aGFuZGxl", added=12)
    assert check(device.sign(CALL), challenge=CALL, credentials=[made])


@pytest.mark.parametrize(
    "how",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"crossOrigin": True},
        {"flags": UP},
        {"flags": UV},
        {"kind": "webauthn.get"},
        {"challenge": encode(b"another")},
    ],
    ids=repr,
)
def test_a_new_passkey_that_is_refused(device: Authenticator, how: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        new(device.create(CALL, **how))


def test_what_signs_one_more_names_it_whole(device: Authenticator) -> None:
    one = device.credential
    bound = enrolment("ann", one, audience="gate")
    assert len(bound) == 32
    assert enrolment("ann", one._replace(sign_count=5, added=6), audience="gate") == bound
    others = [one._replace(**{name: value}) for name, value in (("id", "x"), ("public_key", b"x"), ("rp_id", "x"), ("origin", "x"), ("handle", "x"))]
    digests = {enrolment("ann", other, audience="gate") for other in others}
    assert len(digests | {bound, enrolment("bob", one, audience="gate"), enrolment("ann", one, audience="other")}) == 8


# On disk


def test_whose_they_are(tmp_path: Path, device: Authenticator) -> None:
    keys = tmp_path / "keys"
    assert not passkey.enrolled(keys, "ann")
    assert not keys.exists()
    passkey.add(keys, "ann", device.credential)
    assert passkey.credentials(keys, "ann") == (device.credential,)
    assert passkey.names(keys) == ("ann",)
    assert not passkey.enrolled(keys, "bob")
    for path in (keys, keys / "passkeys", keys / "passkeys" / "ann.json"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700)
    for name in ("ann", "bob"):
        with pytest.raises(TokenError, match="enrolled already"):
            passkey.add(keys, name, device.credential)
    assert passkey.handle(keys, "ann") == device.credential.handle
    assert passkey.handle(keys, "bob") != passkey.handle(keys, "bob")
    assert passkey.remove(keys, "ann", device.credential.id) == device.credential
    with pytest.raises(TokenError, match="has no passkey"):
        passkey.remove(keys, "ann", device.credential.id)


def test_accepted_once(tmp_path: Path, device: Authenticator) -> None:
    passkey.add(tmp_path, "ann", device.credential)
    said = device.sign(CALL)
    assert passkey.accept(tmp_path, "ann", said, challenge=CALL).sign_count == 1
    assert passkey.credentials(tmp_path, "ann")[0].sign_count == 1
    with pytest.raises(TokenError, match="sign count"):
        passkey.accept(tmp_path, "ann", said, challenge=CALL)
    assert check(said, challenge=CALL, credentials=passkey.credentials(tmp_path, "ann"), fresh=False)


def test_accepted_once_by_threads(tmp_path: Path, device: Authenticator) -> None:
    passkey.add(tmp_path, "ann", device.credential)
    said, ready, outcomes = device.sign(CALL), threading.Barrier(8), []

    def use() -> None:
        ready.wait()
        try:
            outcomes.append(passkey.accept(tmp_path, "ann", said, challenge=CALL).sign_count)
        except TokenError:
            outcomes.append(0)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0] * 7 + [1]


def test_too_many(tmp_path: Path) -> None:
    for _ in range(passkey.MOST):
        passkey.add(tmp_path, "ann", Authenticator().credential)
    with pytest.raises(TokenError, match="remove one first"):
        passkey.add(tmp_path, "ann", Authenticator().credential)
    with pytest.raises(TokenError, match="do not fit"):
        passkey.add(tmp_path, "bob", Authenticator(id=bytes(15000)).credential)
    assert passkey.credentials(tmp_path, "bob") == ()


@pytest.mark.parametrize("name", ["", ".", "../ann", "a/b", ".ann", "a\n"])
def test_names_are_no_paths(tmp_path: Path, device: Authenticator, name: str) -> None:
    with pytest.raises(KeyFileError, match="no name for a key"):
        passkey.credentials(tmp_path, name)
    with pytest.raises(KeyFileError, match="no name for a key"):
        passkey.add(tmp_path, name, device.credential)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"credentials": 5}', '{"credentials": [], "credentials": []}', '{"credentials": [{}]}', '{"credentials": [5]}']
)
def test_a_file_that_is_wrong_is_nobodys_passkey(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "passkeys"
    folder.mkdir(mode=0o700)
    file = folder / "ann.json"
    file.touch(0o600)
    file.write_text(content)
    with pytest.raises(KeyFileError, match="cannot be used"):
        passkey.enrolled(tmp_path, "ann")


def test_a_file_that_others_could_change_is_refused(tmp_path: Path, device: Authenticator) -> None:
    passkey.add(tmp_path, "ann", device.credential)
    file = tmp_path / "passkeys" / "ann.json"
    for mode in (0o644, 0o660, 0o666):
        file.chmod(mode)
        with pytest.raises(KeyFileError, match="can be read by others"):
            passkey.credentials(tmp_path, "ann")
    file.chmod(0o600)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="symbolic link"):
        passkey.credentials(tmp_path, "ann")
    file.unlink()
    (tmp_path / "passkeys").chmod(0o777)
    with pytest.raises(KeyFileError, match="can be written by others"):
        passkey.credentials(tmp_path, "ann")


# Verified by others, from what is kept and the public key alone


@pytest.mark.parametrize("kind", ["ES256", "EdDSA", "RS256"])
def test_another_package_verifies_it(kind: str) -> None:
    pytest.importorskip("fido2", reason="the other verifier is the package fido2")
    from fido2.cose import CoseKey
    from fido2.webauthn import AuthenticationResponse

    device = Authenticator(kind=kind)
    said = AuthenticationResponse.from_dict(kept(device.sign(CALL)))
    data, client = said.response.authenticator_data, said.response.client_data
    assert (client.type, client.challenge, client.origin, client.cross_origin) == ("webauthn.get", CALL, device.origin, False)
    assert data.rp_id_hash == sha256(b"localhost").digest()
    assert data.is_user_present()
    assert data.is_user_verified()
    from fido2 import cbor

    key = CoseKey.parse(cbor.decode(device.credential.public_key))
    key.verify(data + client.hash, said.response.signature)
    with pytest.raises(Exception, match=r"^$|[Ss]ignature"):
        key.verify(data + sha256(b"another").digest(), said.response.signature)


@pytest.mark.parametrize("kind", ["ES256", "RS256"])
def test_openssl_verifies_it(tmp_path: Path, kind: str) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    device = Authenticator(kind=kind)
    response: Any = kept(device.sign(CALL))["response"]
    client = decode(response["clientDataJSON"])
    (tmp_path / "key.der").write_bytes(device.credential.spki)
    (tmp_path / "signature").write_bytes(decode(response["signature"]))
    (tmp_path / "signed").write_bytes(decode(response["authenticatorData"]) + sha256(client).digest())
    command = [openssl, "dgst", "-sha256", "-verify", "key.der", "-keyform", "DER", "-signature", "signature", "signed"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout == b"Verified OK\n"
    (tmp_path / "signed").write_bytes(decode(response["authenticatorData"]) + sha256(client + b" ").digest())
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1
    assert base64.urlsafe_b64decode(json.loads(client)["challenge"] + "=") == CALL
