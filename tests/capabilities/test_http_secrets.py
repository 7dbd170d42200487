"""Secrets by reference: put in after deciding, only where they are bound to, and never seen again."""

from __future__ import annotations

import base64
import html
import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities import http
from capabilities._http.connect import Blocked
from capabilities._http.headers import check_headers
from capabilities._http.only import Headers
from capabilities._http.secrets import Scrubber
from gate import ANY, Gate, NeedsApproval
from gate.constraint import AllOf, AnyOf, OneOf, Wildcard, parse
from tests.capabilities.sites import Script, Site, serving
from tests.kit import ASK, look_again, write_rules

VALUE = 'gh p/+"<&>_0123456789=='
BEARER = {"Authorization": "Bearer {secret:github}"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A site on loopback."""
    with serving() as number:
        yield number


@pytest.fixture
def options(port: int) -> dict[str, Any]:
    """Of a tool or transport: the site under two names, and a secret for one of them."""
    Site.seen.clear()
    bound = http.secret(lambda: VALUE, "site.example", schemes="http", ports=port)
    names = Script(site_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    return {"private": ["site.example", "other.example"], "resolver": names, "secrets": {"github": bound}}


def test_the_value_goes_where_it_is_bound_to_and_comes_back_as_its_reference(port: int, options: dict[str, Any]) -> None:
    answer: Any = http.tool(**options)(f"http://site.example:{port}/?echo=authorization", headers=BEARER)
    assert Site.seen[0][2]["authorization"] == f"Bearer {VALUE}"
    assert answer["text"] == "Bearer {secret:github}|"
    assert VALUE not in repr(answer)


@pytest.mark.parametrize(
    ("url", "headers", "why"),
    [
        ("http://other.example:{port}/", BEARER, "not for GET http://other.example"),
        ("https://site.example:{port}/", BEARER, "not for GET https://site.example"),
        ("http://site.example:{port}/", {"authorization": "{secret:aws}"}, "no secret 'aws'"),
        ("http://site.example:{port}/", {"x-a": "{secret:github} {secret:aws}"}, "no secret 'aws'"),
        ("http://site.example:{port}/", {"authorization": "Bearer abc"}, "name a secret instead"),
        ("http://site.example:{port}/", {"cookie": "a=b"}, "name a secret instead"),
        ("http://site.example:{port}/", {"x_api_key": "b"}, "name a secret instead"),
        ("http://site.example:{port}/", {"x-a": "{secret:GITHUB}"}, "malformed reference"),
        ("http://site.example:{port}/", {"x-a": "{Secret:github}"}, "malformed reference"),
        ("http://site.example:{port}/", {"x-a": "{secret:github"}, "malformed reference"),
        ("http://site.example:{port}/", {"x-{secret:github}": "a"}, "malformed"),
    ],
)
def test_a_secret_goes_nowhere_else(port: int, options: dict[str, Any], url: str, headers: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        http.tool(**options)(url.format(port=port), headers=headers)
    assert Site.seen == []


def test_a_reference_in_the_url_or_the_body_stays_one(port: int, options: dict[str, Any]) -> None:
    answer: Any = http.tool(**options)(f"http://site.example:{port}/?echo=x&a={{secret:github}}", method="POST", body="{secret:github}")
    assert answer["text"] == "|{secret:github}" and VALUE not in repr(Site.seen)


@pytest.mark.parametrize("value", ["short", "", "a\r\nX-Evil: 1", "é" * 10, None, 5, b"0123456789", " 123456789", "x" * 5000])
def test_a_value_that_cannot_be_a_header_or_not_be_found_again_is_refused_unsaid(port: int, options: dict[str, Any], value: Any) -> None:
    options["secrets"] = {"github": http.secret(lambda: value, "site.example", schemes="http", ports=port)}
    with pytest.raises(ValueError, match="no printable text of 8 to 4096") as caught:
        http.tool(**options)(f"http://site.example:{port}/", headers=BEARER)
    assert not value or str(value) not in str(caught.value)


def test_a_resolver_of_secrets_that_fails_says_nothing_of_them(port: int, options: dict[str, Any]) -> None:
    def fails() -> str:
        raise RuntimeError(f"no access to {VALUE}")

    options["secrets"] = {"github": http.secret(fails, "site.example", schemes="http", ports=port)}
    with pytest.raises(ValueError, match="could not be had: RuntimeError") as caught:
        http.tool(**options)(f"http://site.example:{port}/", headers=BEARER)
    assert VALUE not in str(caught.value) and caught.value.__cause__ is None
    with pytest.raises(ValueError, match="is no name of a secret"):
        http.tool(secrets={"Git Hub": http.secret(VALUE, "site.example")})


def test_a_redirect_to_elsewhere_does_not_carry_it(port: int, options: dict[str, Any]) -> None:
    options["follow"] = http.hosts("site.example", "other.example", schemes="http", ports=port)
    http.tool(**options)(f"http://site.example:{port}/?to=http://other.example:{port}/", headers=BEARER | {"X-Mine": "{secret:github}", "X-A": "b"})
    first, second = (seen[2] for seen in Site.seen)
    assert first["x-mine"] == VALUE and first["x-a"] == second["x-a"] == "b"
    assert "authorization" not in second and "x-mine" not in second


def test_an_echo_in_a_redirect_is_cleaned(port: int, options: dict[str, Any]) -> None:
    place = quote(f"/?token={quote(VALUE, safe='')}", safe="")
    answer: Any = http.tool(**options)(f"http://site.example:{port}/?to={place}", headers=BEARER)
    assert "secret:github" in answer["location"] and quote(VALUE, safe="") not in answer["location"]


# --- taking a value out of a stream


def spellings(value: str) -> list[str]:
    """How a server may send a value back."""
    data = value.encode()
    coded = [base64.b64encode(lead + data + tail).decode() for lead in (b"", b"a", b"ab", b"user:") for tail in (b"", b"z", b"zz")]
    plain = [value, value.upper(), quote(value), quote(value, safe=""), data.hex(), data.hex().upper(), json.dumps(value), html.escape(value)]
    return [*plain, *coded, base64.urlsafe_b64encode(data).decode()]


@settings(max_examples=50, deadline=None)
@given(value=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=40), seed=st.integers())
def test_no_spelling_passes_however_the_stream_is_cut(value: str, seed: int) -> None:
    chosen = random.Random(seed)
    for said in spellings(value):
        scrub, data = Scrubber({"s": value}), f"before {said} after".encode()
        out = b""
        while data:
            size = chosen.randrange(1, 9)
            out, data = out + scrub.feed(data[:size]), data[size:]
        out += scrub.end()
        assert out.startswith(b"before ") and out.endswith(b" after") and b"{secret:s}" in out, said
        assert value.lower().encode() not in out.lower()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=8))
def test_what_holds_no_secret_passes_as_it_is(pieces: list[bytes]) -> None:
    scrub = Scrubber({"s": "0123456789abcdef"})
    assert b"".join(map(scrub.feed, pieces)) + scrub.end() == b"".join(pieces)
    none = Scrubber({})
    assert [none.feed(piece) for piece in pieces] == pieces and none.end() == b""


def test_only_what_may_become_a_value_is_kept_back() -> None:
    scrub = Scrubber({"s": "0123456789abcdef"})
    assert scrub.feed(b"data: one\n\n") == b"data: one\n\n"  # an event is passed on at once
    assert scrub.feed(b"data: 0123") == b"data: " and scrub.feed(b"!") == b"0123!"


def test_what_a_value_in_base64_says_is_one_too() -> None:
    scrub = Scrubber({"basic": base64.b64encode(b"alice:correct horse").decode()})
    assert scrub.text("hello alice:correct horse, your password is correct horse") == "hello {secret:basic}, your password is {secret:basic}"
    assert scrub.text("correct horse".encode("utf-16-le").decode("latin-1")) == "{secret:basic}"


def test_a_body_in_another_character_set_is_cleaned_as_text() -> None:
    class Wide(Site):
        def do_GET(self) -> None:
            self.answer(200, self.headers["authorization"].encode("utf-16"), ("Content-Type", "text/plain; charset=utf-16"))

    with serving(Wide) as port:
        bound = http.secret(VALUE, "site.example", schemes="http", ports=port)
        tool: Any = http.tool(private=["site.example"], resolver=Script(site_example=[["127.0.0.1"]]), secrets={"github": bound})
        assert VALUE not in tool(f"http://site.example:{port}/", headers=BEARER)["text"]


@pytest.mark.parametrize("how", ["line", "encoding", "status", "length"])
def test_an_error_that_quotes_the_answer_does_not_quote_the_value(how: str) -> None:
    """A server that answers what is no HTTP gets its answer into the error's text."""

    class Rude(Site):
        def do_GET(self) -> None:
            value = self.headers["authorization"].encode()
            said = {
                "line": b"HTTP/1.1 200 OK\r\n" + value + b"\r\n\r\n",
                "encoding": b"HTTP/1.1 200 OK\r\nContent-Encoding: " + value + b"\r\nContent-Length: 0\r\n\r\n",
                "status": value + b" 200 OK\r\n\r\n",
                "length": b"HTTP/1.1 200 OK\r\nContent-Length: " + value + b"\r\n\r\n",
            }
            self.wfile.write(said[how])
            self.close_connection = True

    with serving(Rude) as port:
        bound = http.secret("0123456789abcdef", "site.example", schemes="http", ports=port)
        tool: Any = http.tool(private=["site.example"], resolver=Script(site_example=[["127.0.0.1"]]), secrets={"github": bound})
        with pytest.raises(Exception, match=".") as caught:
            tool(f"http://site.example:{port}/", headers=BEARER)
    shown, error = "", caught.value
    while error is not None:
        shown += repr(error) + str(error)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # any exception
    assert "0123456789" not in shown


# --- behind a gate


def test_neither_log_nor_question_nor_result_holds_the_value(gate: Gate, port: int, options: dict[str, Any]) -> None:
    write_rules(gate, "")
    request: Any = gate.wrap(http.tool(**options))
    calls = gate.grant("agent-7", tools={"http.request": {"url": http.hosts("site.example", schemes="http", ports=port), "headers": ANY}})
    with gate.acting(calls):
        said = [repr(request(f"http://site.example:{port}/?echo=authorization", headers=BEARER))]
        write_rules(gate, ASK)
        look_again(gate)
        with pytest.raises(NeedsApproval) as caught:
            gate.call("http.request", {"url": f"http://site.example:{port}/", "headers": BEARER})
    asked = caught.value.question
    assert asked is not None and asked.headline == f"agent-7 wants to GET / from site.example:{port}, unencrypted, with the secret github"
    assert ("github", "goes to site.example") in asked.preview[2].rows
    said += [json.dumps(asked.to_json(), default=str), *map(repr, gate.home.ledger.records())]
    assert "{secret:github}" in said[0] and "secret:github" in "".join(said[2:])
    assert not [text for text in said if VALUE in text or json.dumps(VALUE)[1:-1] in text or "0123456789" in text]


def test_the_preview_says_which_secret_is_not_for_this_host(options: dict[str, Any]) -> None:
    described = http.described(options["secrets"])
    assert described.preview is not None and http.TOOLS["http.request"].preview is not None
    arguments = {"url": "https://evil.example/", "headers": {"authorization": "Bearer {secret:github}"}}
    assert "is not for GET https://evil.example" in str(described.preview(arguments))
    assert "there is no secret" in str(http.TOOLS["http.request"].preview(arguments))


# --- the constraint

NAMES = st.lists(st.sampled_from(["accept", "authorization", "x-a", "*"]), max_size=3)
SECRETS = st.lists(st.sampled_from(["github", "aws"]), max_size=2)
VALUES: list[Any] = [
    {},
    *(
        {name: value}
        for name in ("accept", "authorization", "x-a", "x-b")
        for value in ("v", "Bearer {secret:github}", "{secret:aws}{secret:github}")
    ),
    {"accept": "v", "x-a": "{secret:aws}"},
    {"Accept": "v"},
    {"accept": 5},
    {"host": "v"},
    None,
    [],
    "accept",
]


@settings(max_examples=200, deadline=None)
@given(NAMES, SECRETS, NAMES, SECRETS)
def test_headers_that_are_subsumed_admit_nothing_more(names: list[str], secrets: list[str], fewer: list[str], less: list[str]) -> None:
    wide, narrow = Headers(names, secrets), Headers(fewer, less)
    if wide.subsumes(narrow):
        assert all(wide.check(value) for value in VALUES if narrow.check(value))
    assert parse(wide.to_json()) == wide and wide.subsumes(wide)
    assert all(wide.check(value) or len(wide.explain(value)) > 5 for value in VALUES)


def test_what_headers_subsume() -> None:
    wide = http.headers("*", secrets=["github"])
    assert wide.subsumes(http.headers("accept")) and not http.headers("accept").subsumes(wide) and not wide.subsumes(Wildcard())
    assert wide.subsumes(AllOf([http.headers("accept"), Wildcard()])) and not wide.subsumes(OneOf(["accept"]))
    assert wide.subsumes(AllOf([Wildcard(), wide])) and not wide.subsumes(AnyOf([wide, Wildcard()]))
    for bad in (
        {"names": ["Accept"]},
        {"names": ["host"]},
        {"names": "accept"},
        {"names": [5]},
        {"names": ["a"], "secrets": ["A"]},
        {"names": [], "x": 1},
        {},
    ):
        with pytest.raises(ValueError, match="."):
            parse({"constraint_type": "headers", **bad})


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "Content-Length", "content_length", "Transfer-Encoding", "TE", "Trailer", "Connection", "Keep-Alive", "Upgrade", "Expect", "Via"),
        *("Proxy-Authorization", "Proxy-Anything", "X-Forwarded-For", "x_forwarded_for", "X-Forwarded-Anything", "Forwarded", "X-Real-IP"),
        *("X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "Metadata", "Metadata-Flavor", "X-aws-ec2-metadata-token", "Accept-Encoding"),
        *("Sec-Fetch-Site", "Sec-WebSocket-Key", "HTTP2-Settings", ":authority", "Content-Encoding", "CF-Connecting-IP", "Remote_User", "Early-Data"),
    ],
)
def test_what_is_not_a_callers_to_set(name: str) -> None:
    for value in ("v", "{secret:github}"):
        with pytest.raises(ValueError, match="header"):
            check_headers({name: value})


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "X-Api-Key", "x_api_key", "Private-Token", "X-Amz-Security-Token", "X-Shopify-Access-Token"]
)
def test_credentials_are_taken_only_by_reference(name: str) -> None:
    assert check_headers({name: "a {secret:github}"})
    for value in ("abc", "", "secret:github", "{secret}"):
        with pytest.raises(ValueError, match=r"credentials|reference"):
            check_headers({name: value})


def test_ordinary_headers_are_taken_and_many_are_not() -> None:
    ordinary = {
        "Accept": "text/html",
        "Content-Type": "application/json",
        "If-None-Match": '"a"',
        "Idempotency-Key": "1",
        "User-Agent": "me",
        "Range": "bytes=0-",
    }
    assert check_headers(ordinary) == {name.lower(): value for name, value in ordinary.items()}
    for many in ({f"x-{number}": "" for number in range(65)}, {f"x-{number}": "v" * 4000 for number in range(5)}):
        with pytest.raises(ValueError, match=r"at most|more than"):
            check_headers(many)


def test_a_secret_of_a_host_that_leads_elsewhere_is_not_sent(port: int, options: dict[str, Any]) -> None:
    options |= {"private": [], "resolver": Script(site_example=[["127.0.0.1"]])}
    with pytest.raises(Blocked):
        http.tool(**options)(f"http://site.example:{port}/", headers=BEARER)
    assert Site.seen == []
