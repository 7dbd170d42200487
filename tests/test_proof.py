"""Proofs of possession: for one holder, one capability, one call, one moment."""

from __future__ import annotations

from typing import Any

import pytest

from gate.constraint import ANY, Range
from gate.errors import Denied, TokenError
from gate.token import Presentation, attenuate, mint, verify
from gate.tokens import jose
from gate.tokens.jwk import SigningKey, TrustAnchors
from gate.tokens.proof import TYP, Proof, admit, check, prove
from tests.kit import label

ISSUER, HOLDER, OTHER = (SigningKey(bytes([number]) * 32) for number in range(3))
ANCHORS = TrustAnchors.of(ISSUER.public)
NOW = 1_764_000_000.0
HERE = "https://gate.example"
TOKEN = mint(ISSUER, agent="a", tools={"read": {"path": ANY, "n": Range(max=5)}}, expires=NOW + 900, holder=HOLDER.public, now=NOW)
CAPABILITY = verify([TOKEN], ANCHORS, audience=None, now=NOW)
CALL: dict[str, Any] = {"tool": "read", "arguments": {"path": "x", "n": 1}}


def proof(key: SigningKey = HOLDER, **changes: Any) -> str:
    """A proof for CALL."""
    return prove(CAPABILITY, key, **{**CALL, "now": NOW, **changes})


def checked(text: str, **changes: Any) -> Proof:
    """The proof, checked for CALL."""
    return check(text, CAPABILITY, **{**CALL, "now": NOW, **changes})


def changed(**claims: Any) -> str:
    """A proof with other claims (None: without), signed by the holder."""
    given = jose.open_token(proof(), HOLDER.public, TYP).claims | claims
    return jose.sign(jose.dumps({name: value for name, value in given.items() if value is not None}), HOLDER, TYP, kid=False)


def test_a_proof_is_good_for_its_call() -> None:
    made = checked(proof())
    assert made.issued == NOW
    assert made.expires > NOW + 30
    assert checked(proof()).jti != made.jti
    assert checked(changed()).jti


def test_it_is_canonical_and_has_no_key_of_its_own() -> None:
    head, payload, _ = proof(audience=HERE, nonce="n").split(".")
    assert head == "eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYWF0LXBvcCtqd3QifQ"  # {"alg":"Ed25519","typ":"aat-pop+jwt"}, as in the draft
    body = jose.decode(payload)
    assert jose.dumps(jose.loads(body)) == body


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (proof(OTHER), "signature"),
        (proof(ISSUER), "signature"),
        (TOKEN, "typ is 'aat\\+jwt'"),
        (proof(tool="write"), "another tool"),
        (proof(arguments={"path": "x", "n": 2}), "other arguments"),
        (proof(arguments={"path": "x"}), "other arguments"),
        (proof(arguments={"path": "x", "n": 1, "more": None}), "other arguments"),
        (proof(arguments={"path": "x", "n": True}), "other arguments"),
        (proof(now=NOW - 31), "31 s ago"),
        (proof(now=NOW + 31), "31 s from now"),
        (proof(audience="https://elsewhere.example"), "somebody else"),
        (changed(aat_aud=None, jti=None), "lacks"),
        (changed(jti=""), "lacks"),
        (changed(aat_hash=None), "lacks"),
        (changed(aat_hash="x"), "another capability"),
        (changed(aat_id="x"), "another capability"),
        (changed(hta=None), "no object hta"),
        (changed(hta=[]), "no object hta"),
        (changed(iat=None), "no whole number"),
        (changed(iat=True), "no whole number"),
        (changed(iat=NOW + 0.5), "no whole number"),
        (changed(aat_aud=[]), "somebody else"),
        (changed(aat_aud=5), "somebody else"),
    ],
    ids=label,
)
def test_proofs_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(TokenError, match=message):
        checked(text, audience=HERE)


def test_the_number_1_is_1_however_it_is_written() -> None:
    assert checked(proof(arguments={"path": "x", "n": 1.0}))


def test_audience_and_nonce_when_they_are_required() -> None:
    assert checked(proof(audience=HERE), audience=HERE, require_audience=True)
    assert checked(changed(aat_aud=["https://x.example", HERE]), audience=HERE)
    with pytest.raises(TokenError, match="requires it"):
        checked(proof(), audience=HERE, require_audience=True)
    with pytest.raises(TokenError, match="somebody else"):
        checked(proof(audience=HERE))  # a gate without a name is nobody's audience
    assert checked(proof(nonce="n-1"), nonces={"n-1", "n-2"})
    for wrong in (None, "n-3"):
        with pytest.raises(TokenError, match="nonce"):
            checked(proof(nonce=wrong), nonces={"n-1"})
    with pytest.raises(TokenError, match="nonce"):
        checked(proof(), nonces=())


def test_the_window() -> None:
    for moment in (NOW - 30, NOW + 30):
        assert checked(proof(now=moment))
    with pytest.raises(TokenError, match="5 s are accepted"):
        checked(proof(now=NOW - 6), window=5)


def admitted(text: str | None, arguments: Any = CALL["arguments"], tool: str = "read") -> Any:
    """What a presentation with this proof allows."""
    return admit(Presentation((TOKEN,), text), ANCHORS, tool=tool, arguments=arguments, now=NOW)


def test_admit_is_chain_proof_and_grant() -> None:
    capability, made = admitted(proof())
    assert (capability.jti, made.issued) == (CAPABILITY.jti, NOW)
    with pytest.raises(TokenError, match="no proof of possession"):
        admitted(None)
    with pytest.raises(Denied, match="argument 'n': 9 is over the maximum 5"):
        admitted(proof(arguments={"path": "x", "n": 9}), {"path": "x", "n": 9})
    with pytest.raises(Denied, match="does not grant the tool 'write'"):
        admitted(proof(tool="write"), tool="write")
    with pytest.raises(TokenError, match="signature"):
        admitted(proof(OTHER), {"path": "x", "n": 9})  # who doesn't hold the key learns nothing about the grant


@pytest.mark.parametrize("arguments", [None, [], "x", {"n": float("nan")}, {"n": 10**400}, {1: 2}, {"n": "\ud800"}], ids=label)
def test_arguments_that_cannot_be_carried(arguments: Any) -> None:
    with pytest.raises(TokenError, match="arguments"):
        admitted(proof(), arguments)


def test_the_proof_of_a_parent_is_none_for_its_child() -> None:
    chain = attenuate([TOKEN], HOLDER, agent="b", holder=HOLDER.public, now=NOW)
    with pytest.raises(TokenError, match="another capability"):
        admit(Presentation(chain, proof()), ANCHORS, **CALL, now=NOW)
    assert admit(Presentation(chain, prove(chain, HOLDER, **CALL, now=NOW)), ANCHORS, **CALL, now=NOW)
