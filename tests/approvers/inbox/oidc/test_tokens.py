"""ID tokens that the provider did not give, or not to us, for this sign-in: each is refused."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")

from joserfc.jwk import RSAKey

from gate.tokens.jwk import encode
from tests.approvers.inbox.oidc.kit import gets_in, in_a_browser, refused, signed_in, using
from tests.approvers.inbox.provider import FakeProvider
from tests.approvers.inbox.site import Site


def test_alg_none(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    for alg in ("none", "None", "NONE", ""):
        provider.sign = lambda header, payload, alg=alg: f"{encode(json.dumps({**header, 'alg': alg}).encode())}.{encode(payload)}."
        refused(site, provider, "could not be signed in")
        provider.sign = lambda header, payload, alg=alg: f"{encode(json.dumps({**header, 'alg': alg}).encode())}.{encode(payload)}.AAAA"
        refused(site, provider, "accepted are")


def test_the_public_key_or_the_clients_secret_as_a_shared_secret(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    pem = provider.rsa.as_pem(private=False)
    for key in (pem, pem.strip(), json.dumps(provider.jwks[0]).encode(), b"s3cret-s3cret-s3cret"):
        provider.sign = provider.hs256(key)
        refused(site, provider, "accepted are")


def test_a_symmetric_key_among_the_providers(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    provider.header = {"kid": "k1", "typ": "JWT", "jwk": {"kty": "oct", "k": "AAAA"}, "jku": "https://evil.example"}
    in_a_browser(site, gets_in)  # what a header says of keys is not looked at
    for alg in ("HS256", "RS256"):
        provider.more_keys = [{"kty": "oct", "k": encode(b"known to everybody, and long enough"), "kid": "k1", "use": "sig", "alg": alg}]
        provider.sign = provider.hs256(b"known to everybody, and long enough")
        refused(site, provider, "accepted are")


def test_two_keys_of_one_name(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    other = RSAKey.generate_key(2048)
    provider.more_keys = [{**other.as_dict(private=False), "kid": "k1", "use": "sig", "alg": "RS256"}]
    refused(site, provider, "more than one key")


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_by_another_key(site: Site, provider: FakeProvider, alg: str) -> None:
    using(site, provider)
    provider.alg, provider.sign = alg, FakeProvider().sign
    refused(site, provider, "signature")


def test_by_a_key_that_is_too_short(site: Site, provider: FakeProvider) -> None:

    using(site, provider)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        provider.rsa = RSAKey.generate_key(1024, auto_kid=False)
    refused(site, provider, "could not be signed in")


def test_a_changed_signature(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    good = provider.sign
    for change in (
        lambda token: token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
        lambda token: token + "=",
        lambda token: token.rpartition(".")[0] + ".",
    ):
        provider.sign = lambda header, payload, change=change: change(good(header, payload))
        refused(site, provider, "could not be signed in")


WRONG: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "other issuer": (lambda claims: claims | {"iss": "https://evil.example"}, "another issuer"),
    "no issuer": (lambda claims: claims | {"iss": None}, "another issuer"),
    "issuer with a slash": (lambda claims: claims | {"iss": claims["iss"] + "/"}, "another issuer"),
    "other audience": (lambda claims: claims | {"aud": "other"}, "somebody else"),
    "two audiences": (lambda claims: claims | {"aud": ["inbox", "other"]}, "somebody else"),
    "no audience": (lambda claims: claims | {"aud": []}, "somebody else"),
    "audience in a word": (lambda claims: claims | {"aud": "inbox other"}, "somebody else"),
    "other azp": (lambda claims: claims | {"azp": "other"}, "somebody else"),
    "wrong nonce": (lambda claims: claims | {"nonce": "another"}, "another sign-in"),
    "no nonce": (lambda claims: claims | {"nonce": None}, "another sign-in"),
    "nonce in a list": (lambda claims: claims | {"nonce": [claims["nonce"]]}, "another sign-in"),
    "expired": (lambda claims: claims | {"exp": claims["iat"] - 61}, "expired"),
    "no exp": (lambda claims: {name: value for name, value in claims.items() if name != "exp"}, "until when"),
    "exp in words": (lambda claims: claims | {"exp": "9999999999"}, "until when"),
    "exp true": (lambda claims: claims | {"exp": True}, "until when"),
    "old": (lambda claims: claims | {"iat": claims["iat"] - 700}, "just now"),
    "from the future": (lambda claims: claims | {"iat": claims["iat"] + 700}, "just now"),
    "not yet": (lambda claims: claims | {"nbf": claims["iat"] + 700}, "just now"),
    "other access token": (lambda claims: claims | {"at_hash": "AAAA"}, "another access token"),
    "no subject": (lambda claims: claims | {"sub": ""}, "who you are"),
    "address not verified": (lambda claims: claims | {"email_verified": False}, "not verified"),
    "address verified in a word": (lambda claims: claims | {"email_verified": "true"}, "not verified"),
    "verification not said": (lambda claims: {name: value for name, value in claims.items() if name != "email_verified"}, "not verified"),
    "no address": (lambda claims: claims | {"email": None}, "does not say"),
}


@pytest.mark.parametrize("what", WRONG)
def test_claims_that_are_wrong(site: Site, provider: FakeProvider, what: str) -> None:
    using(site, provider)
    provider.claims, because = WRONG[what]
    refused(site, provider, because)


def test_a_claim_that_is_said_twice(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    good = provider.sign
    provider.sign = lambda header, payload: good(header, payload[:-1] + b', "email": "bob@example.com"}')
    refused(site, provider, "no strict JSON")


@pytest.mark.parametrize(
    "header", [{"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"crit": ["exp"]}, {"b64": False}, {"kid": 5}, {"kid": ["k1"]}], ids=repr
)
def test_headers_that_are_refused(site: Site, provider: FakeProvider, header: dict[str, Any]) -> None:
    using(site, provider)
    whole = {"alg": "EdDSA", "kid": "k1", "typ": "JWT"} | header

    def sign(_: Any, payload: bytes) -> str:
        signed = f"{encode(json.dumps(whole).encode())}.{encode(payload)}"
        return f"{signed}.{encode(provider.ed.sign(signed.encode()))}"

    provider.sign = sign
    refused(site, provider, "could not be signed in")


def test_an_id_token_of_another_sign_in(site: Site, provider: FakeProvider) -> None:
    """The provider, or whoever can swap its reply, gives the same token twice."""
    using(site, provider)
    tokens: list[Any] = []
    provider.said = lambda said: tokens.append(said) or tokens[0]

    async def run(browser: Any) -> None:
        assert (await signed_in(browser)).status_code == 200
        assert "another sign-in" in (await signed_in(browser)).text

    in_a_browser(site, run)


def test_an_address_that_folds_into_another(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    provider.user = {"sub": "x", "email": "strasse@example.com", "email_verified": True}
    refused(site, provider, "no approver has that login")
    using(site, provider, claim="sub")
    provider.user = {"sub": "SUB-ANN"}
    refused(site, provider, "no approver has that login")
