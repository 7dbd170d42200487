"""Signed tokens and strict JSON: what is read, and everything that is refused before anyone looks at a claim."""

from __future__ import annotations

import doctest
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.tokens.jose
from gate.errors import TokenError
from gate.tokens import jose
from gate.tokens.jwk import Anchor, SigningKey, TrustAnchors, encode

KEY = SigningKey(bytes(32))
OTHER = SigningKey(bytes([1]) * 32)
ANCHORS = TrustAnchors.of(KEY.public)
TYP = "test+jwt"


def raw(header: dict[str, Any], payload: bytes, key: SigningKey = KEY) -> str:
    """A correctly signed token over any header at all."""
    signed = f"{encode(json.dumps(header).encode())}.{encode(payload)}"
    return f"{signed}.{encode(key.sign(signed.encode()))}"


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.tokens.jose)
    assert outcome.attempted
    assert not outcome.failed


def test_a_token_is_read_by_whoever_trusts_its_key() -> None:
    token = jose.sign(b'{"a":1}', KEY, TYP)
    assert jose.verify(token, ANCHORS, TYP) == ({"a": 1}, KEY.kid)
    assert jose.verify(token, TrustAnchors.of(OTHER.public, KEY.public), TYP)[1] == KEY.kid
    with pytest.raises(TokenError, match="not by a key that is trusted"):
        jose.verify(token, TrustAnchors.of(OTHER.public), TYP)
    with pytest.raises(TokenError, match="not by a key that is trusted"):
        jose.verify(token, TrustAnchors(), TYP)


def test_the_name_of_a_key_selects_and_never_decides() -> None:
    token = raw({"alg": "Ed25519", "typ": TYP, "kid": OTHER.kid}, b"{}")
    with pytest.raises(TokenError, match="signature"):
        jose.verify(token, TrustAnchors.of(OTHER.public, KEY.public), TYP)
    foreign = raw({"alg": "Ed25519", "typ": TYP, "kid": "2026-11"}, b"{}")
    assert jose.verify(foreign, TrustAnchors.of(OTHER.public, Anchor("https://issuer.example", KEY.public, "", "2026-11")), TYP)[1] == KEY.kid
    assert jose.verify(foreign, TrustAnchors.of(OTHER.public, KEY.public), TYP)[1] == KEY.kid  # an unknown name: every key is tried


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"alg": "none", "typ": TYP}, "only 'Ed25519'"),
        ({"alg": "None", "typ": TYP}, "only 'Ed25519'"),
        ({"alg": "HS256", "typ": TYP}, "only 'Ed25519'"),
        ({"alg": "EdDSA", "typ": TYP}, "only 'Ed25519'"),
        ({"alg": "ES256", "typ": TYP}, "only 'Ed25519'"),
        ({"alg": ["Ed25519"], "typ": TYP}, "only 'Ed25519'"),
        ({"typ": TYP}, "only 'Ed25519'"),
        ({"alg": "Ed25519"}, "typ is None"),
        ({"alg": "Ed25519", "typ": "JWT"}, "typ is 'JWT'"),
        ({"alg": "Ed25519", "typ": TYP.upper()}, "typ is 'TEST"),
        ({"alg": "Ed25519", "typ": TYP, "crit": ["exp"], "exp": 1}, "header has 'crit'"),
        ({"alg": "Ed25519", "typ": TYP, "crit": []}, "header has 'crit'"),
        ({"alg": "Ed25519", "typ": TYP, "b64": False}, "header has 'b64'"),
    ],
)
def test_headers(header: dict[str, Any], message: str) -> None:
    with pytest.raises(TokenError, match=message):
        jose.verify(raw(header, b"{}"), ANCHORS, TYP)


def test_hs256_with_the_public_key_as_secret_is_refused() -> None:
    from hashlib import sha256
    from hmac import digest

    signed = f"{encode(json.dumps({'alg': 'HS256', 'typ': TYP}).encode())}.{encode(b'{}')}"
    forged = f"{signed}.{encode(digest(KEY.public.raw, signed.encode(), sha256))}"
    with pytest.raises(TokenError):
        jose.verify(forged, ANCHORS, TYP)


@pytest.mark.parametrize("member", ["jwk", "jku", "x5c", "x5u"])
def test_a_key_in_the_header_is_never_used(member: str) -> None:
    value = OTHER.public.jwk() if member == "jwk" else ["AAAA"] if member == "x5c" else "https://attacker.example/key"
    with pytest.raises(TokenError, match="not by a key that is trusted"):
        jose.verify(raw({"alg": "Ed25519", "typ": TYP, member: value}, b"{}", OTHER), ANCHORS, TYP)
    assert jose.verify(raw({"alg": "Ed25519", "typ": TYP, member: value}, b"{}"), ANCHORS, TYP)[0] == {}


def test_header_members_that_appear_twice() -> None:
    head = encode(b'{"alg":"none","alg":"Ed25519","typ":"test+jwt"}')
    signed = f"{head}.{encode(b'{}')}"
    with pytest.raises(TokenError, match="'alg' appears twice"):
        jose.verify(f"{signed}.{encode(KEY.sign(signed.encode()))}", ANCHORS, TYP)


def test_every_single_character_counts() -> None:
    token = jose.sign(b'{"a":1}', KEY, TYP)
    for position in range(len(token)):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(TokenError):
            jose.verify(changed, ANCHORS, TYP)


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "",
        lambda token: "a.b.c",
        lambda token: token.rpartition(".")[0],
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token + ".",
        lambda token: token + "=",
        lambda token: token + "==",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace(".", "=.", 1),
        lambda token: token.replace(".", "..", 1),
        lambda token: token.replace(".", "\u2024", 1),
        lambda token: token[:-1] + chr(ord(token[-1]) + 1),  # the last character's unused bits
        lambda token: json.dumps({"payload": token.split(".")[1], "protected": token.split(".")[0], "signature": token.split(".")[2]}),
    ],
)
def test_only_one_way_to_write_a_token(change: Any) -> None:
    token = jose.sign(b'{"a":1}', KEY, TYP)
    with pytest.raises(TokenError):
        jose.verify(change(token), ANCHORS, TYP)


def test_size_has_an_end() -> None:
    with pytest.raises(TokenError, match="65536"):
        jose.sign(b'{"a":"' + b"x" * 60_000 + b'"}', KEY, TYP)
    with pytest.raises(TokenError, match="65536"):
        jose.verify(raw({"alg": "Ed25519", "typ": TYP}, b'{"a":"' + b"x" * 60_000 + b'"}'), ANCHORS, TYP)
    with pytest.raises(TokenError, match="65536"):
        jose.verify("A" * 10_000_000, ANCHORS, TYP)
    fits = jose.sign(b'{"a":"' + b"x" * 48_900 + b'"}', KEY, TYP)
    assert jose.verify(fits, ANCHORS, TYP)[0]


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b'"x"', b"1", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e400}', b"{} {}", b"\xff", b"{'a':1}"]
)
def test_payloads_that_are_no_strict_object(payload: bytes) -> None:
    with pytest.raises(TokenError):
        jose.verify(raw({"alg": "Ed25519", "typ": TYP}, payload), ANCHORS, TYP)


def test_the_payload_is_not_parsed_before_the_signature_holds() -> None:
    token = raw({"alg": "Ed25519", "typ": TYP}, b'{"a":1,"a":2}', OTHER)
    with pytest.raises(TokenError, match="signature"):
        jose.verify(token, ANCHORS, TYP)


# Strict JSON


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '[{"b":{"a":1,"a":1}}]',
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "9007199254740993",
        "-9007199254740993",
        "1.00000000000000001",
        "0.1000000000000000055511151231257827",
        "123456789012345678901234567890",
        "1" * 400,
        "1" * 5000,
        "0." + "1" * 500,
        "1e999999999999999999",
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '{"\\ud800":1}',
        "\ufeff{}",
        "",
        "{",
        "[1,]",
        "'a'",
        "01",
        "+1",
        "1.",
        '"\n"',
        "[" * 97 + "]" * 97,
        "[" * 100_000,
        '{"a":' * 50_000,
    ],
    ids=lambda text: text[:24],
)
def test_json_that_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        jose.loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740991", 2**53 - 1),
        ("9007199254740994", 9007199254740994.0),
        ("1e20", 1e20),
        ("100000000000000000000", 1e20),
        ("0.1", 0.1),
        ("-0", 0),
        ("1.0", 1.0),
        ("5e-324", 5e-324),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"{[\\"{["', '{["{['),
        ("[" * 96 + "]" * 96, json.loads("[" * 96 + "]" * 96)),
    ],
    ids=lambda text: str(text)[:24],
)
def test_json_that_is_read(text: str, value: object) -> None:
    assert jose.loads(text) == value
    assert type(jose.loads(text)) is type(value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_canonical_json_is_read_back_unchanged(value: Any) -> None:
    written = jose.dumps(value)
    assert jose.loads(written) == value
    assert jose.dumps(jose.loads(written)) == written


@given(st.binary(max_size=60))
def test_no_bytes_make_the_reader_fail_otherwise(data: bytes) -> None:
    try:
        jose.loads(data)
    except ValueError:
        return
    json.loads(data)  # what was read is JSON to others too


@given(st.text(max_size=80))
def test_no_text_makes_the_verifier_fail_otherwise(text: str) -> None:
    with pytest.raises(TokenError):
        jose.verify(text, ANCHORS, TYP)


def test_what_is_signed_is_what_the_library_signs() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    token = jose.sign(b'{"a":1}', KEY, TYP, kid=False)
    head = urlsafe_b64encode(b'{"alg":"Ed25519","typ":"test+jwt"}').rstrip(b"=").decode()
    signed = f"{head}.eyJhIjoxfQ"
    signature = Ed25519PrivateKey.from_private_bytes(bytes(32)).sign(signed.encode())
    assert token == f"{signed}.{encode(signature)}"


@pytest.mark.parametrize(
    "parameter",
    [
        {"kid": 1},
        {"kid": None},
        {"cty": ["x"]},
        {"jku": "ftp://keys.example"},
        {"x5u": 1},
        {"x5c": "MII"},
        {"x5c": [1]},
        {"x5t": {}},
        {"x5t#S256": 1},
        {"jwk": "key"},
    ],
)
def test_a_registered_parameter_that_is_malformed_is_refused(parameter: dict[str, Any]) -> None:
    token = raw({"alg": "Ed25519", "typ": TYP, **parameter}, b"{}")
    assert not _joserfc_verifies(token)
    with pytest.raises(TokenError, match="cannot have"):
        jose.verify(token, ANCHORS, TYP)


def _joserfc_verifies(token: str) -> bool:
    """What joserfc says of a token, which is the slow and obvious reference of our own few lines."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import OKPKey

    registry = jws.JWSRegistry(algorithms=["Ed25519"], strict_check_header=False)
    registry.max_header_length, registry.max_payload_length = 4096, jose.MAX_TOKEN
    try:
        jws.deserialize_compact(token, OKPKey.import_key(KEY.public.jwk()), registry=registry)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _we_verify(token: str) -> bool:
    try:
        jose.open_token(token, ANCHORS, TYP)
    except TokenError:
        return False
    return True


_VALUE = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "x", "http://x", "https://x"]) | st.lists(st.sampled_from(["x", 1]))
_NAMES = st.sampled_from(["kid", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "cty", "crit", "b64", "other"])


@given(
    extra=st.dictionaries(_NAMES, _VALUE | st.dictionaries(st.just("a"), _VALUE), max_size=3),
    ours=st.booleans(),
    bit=st.none() | st.integers(0, 511),
)
def test_we_accept_no_token_that_joserfc_refuses(extra: dict[str, Any], ours: bool, bit: int | None) -> None:
    token = raw({"alg": "Ed25519", "typ": TYP, **extra}, b"{}", KEY if ours else OTHER)
    if bit is not None:
        signed, _, signature = token.rpartition(".")
        flipped = bytearray(jose.decode(signature))
        flipped[bit // 8] ^= 1 << bit % 8
        token = f"{signed}.{encode(bytes(flipped))}"
    if {"crit", "b64"} & extra.keys():
        assert not _we_verify(token)
    else:
        assert _we_verify(token) == _joserfc_verifies(token) == (_joserfc_verifies(token) and ours and bit is None)


def test_reading_a_token_loads_no_other_algorithm() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from gate.tokens import jose; from gate.tokens.jwk import PublicKey; jose.open_token(sys.argv[1], "
        "PublicKey(bytes.fromhex(sys.argv[2])), 'test+jwt'); print(*{'joserfc', 'cryptography.x509', 'ssl'} & sys.modules.keys())"
    )
    token = jose.sign(b"{}", KEY, TYP)
    done = subprocess.run([sys.executable, "-c", program, token, KEY.public.raw.hex()], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
