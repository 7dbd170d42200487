"""OpenID Connect against a real provider on loopback: people get in, and each attack on the flow is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")

from joserfc.jwk import RSAKey
from starlette.responses import PlainTextResponse, RedirectResponse

from gate.approvers.inbox import oidc
from gate.approvers.inbox.oidc import Client, Provider
from gate.errors import ConfigError
from tests.approvers.inbox.oidc.kit import ORIGIN, gets_in, in_a_browser, refused, signed_in, there, using
from tests.approvers.inbox.provider import FakeProvider
from tests.approvers.inbox.site import Site

# Who gets in


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("how", [{}, {"claim": "sub"}], ids=["email", "sub"])
def test_signs_in(site: Site, provider: FakeProvider, alg: str, how: dict[str, str]) -> None:
    using(site, provider, **how)
    provider.alg = alg

    async def run(browser: Any) -> None:
        before = await browser.get("/")
        assert before.status_code == 401
        assert 'href="/oidc/start"' in before.text
        done = await signed_in(browser)
        assert done.status_code == 200
        assert 'content="0;url=/"' in done.text
        assert list(browser.cookies) == ["__Host-gate"]
        assert (await browser.get("/")).text == "ann by oidc"

    in_a_browser(site, run)


def test_a_public_client_and_one_whose_secret_is_posted(site: Site, provider: FakeProvider) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    using(site, provider)
    in_a_browser(site, gets_in)
    provider.secret = ""
    using(site, provider, secret="")
    in_a_browser(site, gets_in)


def test_in_two_tabs(site: Site, provider: FakeProvider) -> None:
    using(site, provider)

    async def run(browser: Any) -> None:
        first, second = await there(browser), await there(browser)
        assert (await browser.get(first)).status_code == 200
        assert (await browser.get("/")).text == "ann by oidc"
        assert (await browser.get(second)).status_code == 403  # the first took the cookie with it; being signed in stays

    in_a_browser(site, run)


def test_the_providers_new_key(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    in_a_browser(site, gets_in)
    provider.rsa, provider.header = RSAKey.generate_key(2048), {"kid": "k2", "typ": "JWT"}
    refused(site, provider, "no key")  # asked for less than a minute ago
    site.clock.now += 61
    in_a_browser(site, gets_in)
    assert provider.asked == ["jwks", "jwks"]


def test_somebody_who_is_no_approver(site: Site, provider: FakeProvider) -> None:
    using(site, provider)
    provider.user = {"sub": "x", "email": "eve@example.com", "email_verified": True}
    refused(site, provider, "logins = [&#34;eve@example.com&#34;]")


# The flow


def test_without_the_cookie_of_this_browser(site: Site, provider: FakeProvider) -> None:
    """The attacker begins, and gets the victim to open the way back: they would act in the attacker's name, or hand over a code."""
    using(site, provider)

    async def run(attacker: Any) -> None:
        back = await there(attacker)
        async with site.browser() as victim:
            assert "another browser" in (await victim.get(back)).text
            await victim.get("/oidc/start")
            assert (await victim.get(back)).status_code == 403
            assert (await victim.get("/")).status_code == 401
        assert (await attacker.get(back)).status_code == 403  # it was the only try

    in_a_browser(site, run)


def test_state_and_code_are_good_once(site: Site, provider: FakeProvider) -> None:
    using(site, provider)

    async def run(browser: Any) -> None:
        back = await there(browser)
        binder = browser.cookies["__Host-gate-oidc"]
        assert (await browser.get(back)).status_code == 200
        again = await browser.get(back, headers={"cookie": f"__Host-gate-oidc={binder}"})
        assert "not begun here" in again.text
        other = await there(browser)
        state = parse_qs(urlsplit(other).query)["state"][0]
        code = parse_qs(urlsplit(back).query)["code"][0]
        assert (await browser.get(f"/oidc/callback?code={code}&state={state}")).status_code == 403

    in_a_browser(site, run)


def test_a_stolen_code_without_its_verifier(site: Site, provider: FakeProvider) -> None:
    """The code of the victim in the attacker's own sign-in: PKCE and the nonce hold."""
    using(site, provider)

    async def run(attacker: Any) -> None:
        async with site.browser() as victim:
            stolen = parse_qs(urlsplit(await there(victim)).query)["code"][0]
        mine = parse_qs(urlsplit(await there(attacker)).query)["state"][0]
        assert "HTTP 400" in (await attacker.get(f"/oidc/callback?code={stolen}&state={mine}")).text

    in_a_browser(site, run)


def test_after_ten_minutes(site: Site, provider: FakeProvider) -> None:
    using(site, provider)

    async def run(browser: Any) -> None:
        back = await there(browser)
        site.clock.now += oidc.PENDING_SECONDS
        assert (await browser.get(back)).status_code == 403

    in_a_browser(site, run)


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer | {"state": "A" * 43},
        lambda answer: {"code": answer["code"]},
        lambda answer: {"state": answer["state"]},
        lambda answer: answer | {"code": ""},
        lambda answer: answer | {"error": "access_denied"},
        lambda answer: answer | {"iss": "https://evil.example"},
        lambda answer: answer | {"iss": ""},
        lambda answer: answer | {"code": "made-up"},
    ],
)
def test_answers_that_are_refused(site: Site, provider: FakeProvider, change: Any) -> None:
    using(site, provider)
    provider.answer = change
    refused(site, provider, "could not be signed in")


def test_an_answer_that_says_something_twice(site: Site, provider: FakeProvider) -> None:
    using(site, provider)

    async def run(browser: Any) -> None:
        for more in ("&code=x", "&state=x", "&iss=x&iss=y"):
            assert "twice" in (await browser.get(await there(browser) + more)).text

    in_a_browser(site, run)


def test_a_provider_that_says_its_name_must_say_it(site: Site, provider: FakeProvider) -> None:
    """Mix-up: the answer of another provider arrives at ours (RFC 9207)."""
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    using(site, provider)
    refused(site, provider, "not by the provider")
    provider.answer = lambda answer: answer | {"iss": provider.issuer}
    in_a_browser(site, gets_in)


def test_where_a_provider_leads_is_never_ours_to_choose(site: Site, provider: FakeProvider) -> None:
    using(site, provider)

    async def run(browser: Any) -> None:
        start = await browser.get("/oidc/start?redirect_uri=https://evil.example&next=https://evil.example")
        assert parse_qs(urlsplit(start.headers["location"]).query)["redirect_uri"] == [f"{ORIGIN}/oidc/callback"]
        assert "evil" not in start.headers["location"]
        done = await browser.get(await there(browser) + "&next=https://evil.example")
        assert "evil" not in done.text

    in_a_browser(site, run)


def test_there_is_an_end_to_sign_ins_that_wait(site: Site, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "MOST_PENDING", 5)
    made = using(site, provider)

    async def run(browser: Any) -> None:
        for _ in range(9):
            await browser.get("/oidc/start")
        assert len(made._pending) == 5
        site.clock.now += oidc.PENDING_SECONDS
        await browser.get("/oidc/start")
        assert len(made._pending) == 1

    in_a_browser(site, run)


# What the provider says of itself


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"jwks_uri": "http://169.254.169.254/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@evil.example/"},
        {"authorization_endpoint": "https://a.example/\r\nset-cookie: x=y"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": ["https://a.example"]},
    ],
    ids=repr,
)
def test_metadata_that_is_refused(site: Site, provider: FakeProvider, metadata: dict[str, Any]) -> None:
    using(site, provider)
    provider.metadata = metadata

    async def run(browser: Any) -> None:
        assert (await browser.get("/oidc/start")).status_code == 403

    in_a_browser(site, run)


def test_a_provider_elsewhere_may_not_name_this_machine(site: Site) -> None:
    made = Provider(Client("https://idp.example", "inbox", ORIGIN), site.signin, now=site.clock)
    said = {f"{name}": "http://127.0.0.1:1/x" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    with pytest.raises(Exception, match="no https URL"):
        made._metadata_of(said | {"issuer": "https://idp.example"})


@pytest.mark.parametrize(
    "issuer", ["http://idp.example", "idp.example", "https://", "https://a:b@idp.example", "https://idp.example/?tenant=1", "https://idp.example#x"]
)
def test_issuers_that_are_refused(site: Site, issuer: str) -> None:
    with pytest.raises(ConfigError):
        Provider(Client(issuer, "inbox", ORIGIN), site.signin, now=site.clock)


def test_clients_that_are_refused(site: Site) -> None:
    for how in ({"claim": "name"}, {"id": ""}, {"origin": "https://localhost/path"}, {"origin": "https://localhost/"}):
        with pytest.raises(ConfigError):
            Provider(Client(**({"issuer": "https://idp.example", "id": "inbox", "origin": ORIGIN} | how)), site.signin, now=site.clock)


def test_a_provider_that_is_not_there(site: Site, provider: FakeProvider) -> None:
    provider.issuer = "http://127.0.0.1:1"
    using(site, provider)

    async def run(browser: Any) -> None:
        assert "cannot be reached" in (await browser.get("/oidc/start")).text

    in_a_browser(site, run)


@pytest.mark.parametrize(
    "reply",
    [
        PlainTextResponse("{"),
        PlainTextResponse("[]"),
        PlainTextResponse('{"id_token": "a", "id_token": "b"}'),
        PlainTextResponse(" " * 600_000),
        PlainTextResponse("{}", 500),
        RedirectResponse("https://evil.example", 307),
        {"access_token": "x"},
        {"id_token": 5},
        {"id_token": ""},
        {"id_token": "a.b"},
        {"id_token": "a.b.c"},
        {"id_token": "A" * 70_000},
    ],
    ids=lambda reply: repr(getattr(reply, "body", reply))[:40],
)
def test_token_replies_that_are_refused(site: Site, provider: FakeProvider, reply: Any) -> None:
    using(site, provider)
    provider.said = lambda _: reply
    refused(site, provider, "could not be signed in")
