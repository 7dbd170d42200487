"""http: URLs in one form, the constraint, and requests that go where they were checked to go (loopback only, names by an injected resolver)."""

from __future__ import annotations

import ipaddress
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import ada_url
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities import http
from capabilities._http.addresses import special
from capabilities._http.connect import Blocked, PinnedBackend
from capabilities._http.constraint import UrlConstraint
from capabilities._http.url import parse as parse_url
from gate.constraint import AllOf, AnyOf, Exact, OneOf, Wildcard, parse
from gate.effect import Risk
from gate.kind import Kind
from tests.attacks.verdict import rows

URLS = [row.args["url"] for row in rows() if row.kind == "http" and isinstance(row.args["url"], str) and len(row.args["url"]) < 200]

# --- the value


PIECES = [
    *"a1.:/@?#[]%\\ \t-_xé。0'\"<>^|`{};&=~!$()*+,٠İſ²ü",
    *("http://", "https://", "HTTPS://", "127.0.0.1", "xn--", "xn--bcher-kva", "%2e", "%2E%2e", "..", "::1", "[::1]", "h.example", "ß", "ﬀ", "0x7f"),
    *(
        ".com",
        ":80",
        ":443",
        ":0443",
        "1e3",
        "%41",
        "%c3%a9",
        "\u00ad",
        "\u200d",
        "a.b",
        "..;",
        "-a",
        "a-",
        "--",
        "0177.1",
        "1.2.3.4",
        "//",
        "localhost",
    ),
]


def components(text: str) -> tuple[str, str, int, str, str]:
    """What the WHATWG parser of `ada-url` sees: scheme, host, port, path, query."""
    url = ada_url.URL(text)
    return url.protocol[:-1], url.hostname, int(url.port or http_port(url.protocol[:-1])), url.pathname, url.search[1:]


def agree(text: str) -> bool:
    """Whether the URL is taken. If so, browsers, httpx and the standard library see in its form exactly what we do, and browsers in the text."""
    try:
        url = parse_url(text)
    except ValueError as error:
        assert str(error)
        return False
    form, host = str(url), f"[{url.host}]" if ":" in url.host else url.host
    assert parse_url(form) == url
    assert components(form) == (url.scheme, host, url.port, url.path, url.query) and ada_url.URL(form).href == form
    scheme, their_host, port, path, query = components(text)
    assert (scheme, their_host, port, unquote(path), unquote(query)) == (url.scheme, host, url.port, unquote(url.path), unquote(url.query))
    theirs = httpx.URL(form)
    assert (theirs.scheme, theirs.raw_host.decode(), theirs.port or http_port(theirs.scheme)) == (url.scheme, url.host, url.port)
    assert theirs.raw_path.decode() == url.path + (f"?{url.query}" if url.query else "")
    split = urlsplit(form)
    assert (split.hostname, split.path, split.query, split.username) == (url.host, url.path, url.query, None)
    return True


@pytest.mark.parametrize("text", URLS)
def test_every_parser_agrees_about_every_listed_url_that_is_taken(text: str) -> None:
    agree(text)


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.characters(), max_size=9).map("".join))
def test_every_parser_agrees_about_any_url_that_is_taken(text: str) -> None:
    for candidate in (text, f"https://{text}", f"https://h.example/{text}", f"https://h.example{text}", f"http://{text}.example{text}"):
        agree(candidate)


def test_enough_of_them_are_taken_for_that_to_say_something() -> None:
    chosen = random.Random(11)
    taken = sum(agree(f"https://{''.join(chosen.choices(PIECES, k=chosen.randrange(1, 7)))}") for _ in range(20_000))
    assert taken > 500, taken


def http_port(scheme: str) -> int:
    return {"http": 80, "https": 443}[scheme]


def test_the_kinds_say_what_a_request_does() -> None:
    assert isinstance(http.URL, Kind) and isinstance(http.METHOD, Kind) and isinstance(http.HEADERS, Kind)
    assert http.URL.assess("https://example.com/").risk == Risk.MEDIUM
    assert http.URL.assess("http://10.0.0.1/").risk == http.URL.assess("http://localhost/").risk == Risk.HIGH
    metadata = http.URL.assess("http://169.254.169.254/latest/")
    assert metadata.risk == Risk.CRITICAL and metadata.techniques == {"T1552.005"}
    assert http.METHOD.parse("post") == "POST" and "writes" in http.METHOD.assess("POST").effects
    assert http.METHOD.assess("GET").risk == Risk.LOW and http.METHOD.assess("DELETE").risk == Risk.HIGH
    assert http.URL.assess("nonsense").risk == Risk.HIGH


# --- addresses


def special_networks() -> list[str]:
    """Every range of the IANA special-purpose registries, and what carries an IPv4 address in an IPv6 one."""
    return [
        *(
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
        ),
        *(
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
        ),
        *("240.0.0.0/4", "255.255.255.255/32", "168.63.129.16/32"),
        *(
            "::/128",
            "::1/128",
            "::/96",
            "::ffff:0:0/96",
            "::ffff:0:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "100:0:0:1::/64",
            "2001::/23",
        ),
        *(
            "2001::/32",
            "2001:2::/48",
            "2001:10::/28",
            "2001:20::/28",
            "2001:db8::/32",
            "2002::/16",
            "2620:4f:8000::/48",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
        ),
        *("fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::254/128"),
    ]


@pytest.mark.parametrize("network", special_networks())
def test_no_address_of_a_special_range_is_public(network: str) -> None:
    chosen, found = random.Random(network), ipaddress.ip_network(network)
    size = found.num_addresses
    for offset in (0, size - 1, *(chosen.randrange(size) for _ in range(50))):
        assert special(str(found[offset])), found[offset]


def test_ordinary_addresses_are_public() -> None:
    chosen = random.Random(7)
    for text in (
        "1.1.1.1",
        "8.8.8.8",
        "93.184.215.14",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.0.1",
        "100.128.0.1",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
    ):
        assert special(text) == "", text
    for _ in range(3000):
        address = ipaddress.ip_address(chosen.getrandbits(32))
        if special(str(address)) == "":
            assert address.is_global and not address.is_multicast
        six = ipaddress.ip_address(chosen.getrandbits(128))
        if special(str(six)) == "":
            assert six.is_global and six in ipaddress.ip_network("2000::/3")
    with pytest.raises(ValueError, match="."):
        special("nonsense")


# --- the constraint

HOSTS = st.sampled_from(
    ["api.example.com", "*.example.com", "*.api.example.com", "*", "127.0.0.1", "localhost", "db.internal", "*.internal", "[::1]", "1.1.1.1", "*.com"]
)
CONSTRAINTS = st.builds(
    UrlConstraint,
    st.lists(HOSTS, min_size=1, max_size=3),
    st.sampled_from([["https"], ["http"], ["http", "https"]]),
    st.sampled_from([None, [443], [80, 443], [8080], [80]]),
    st.sampled_from([None, ["GET"], ["GET", "POST"], ["POST"]]),
    st.sampled_from([None, ["/v1/*"], ["/v1/x"], ["/*"], ["/v1*", "/v2/*"], ["/v1/x", "/v1/y/*"]]),
)
VALUES: list[Any] = [
    value
    for host in ("api.example.com", "x.api.example.com", "example.com", "a.com", "127.0.0.1", "localhost", "db.internal", "[::1]", "1.1.1.1")
    for port in ("", ":80", ":443", ":8080")
    for scheme in ("http", "https")
    for path in ("/", "/v1/x", "/v1/y/z", "/v1", "/v1x", "/v2/q", "/v1/%2fx")
    for url in (f"{scheme}://{host}{port}{path}",)
    for value in (url, {"method": "POST", "url": url})
]


@settings(max_examples=120, deadline=None)
@given(CONSTRAINTS, CONSTRAINTS)
def test_a_constraint_that_is_subsumed_admits_nothing_more(wide: UrlConstraint, narrow: UrlConstraint) -> None:
    if wide.subsumes(narrow):
        admits, narrower = wide.compile(), narrow.compile()
        assert all(admits(value) for value in VALUES if narrower(value))
    assert parse(wide.to_json()) == wide and wide.subsumes(wide)


def test_what_subsumes_what() -> None:
    wide = http.hosts("*.example.com", "db.internal", schemes=["http", "https"], paths="/v1/*")
    assert wide.subsumes(http.hosts("a.example.com", paths="/v1/x")) and wide.subsumes(http.hosts("*.b.example.com", paths="/v1/y/*"))
    assert not wide.subsumes(http.hosts("example.com", paths="/v1/x")) and not wide.subsumes(http.hosts("a.example.com"))
    assert not wide.subsumes(http.hosts("a.example.com", paths="/v1/*", ports=8443)) and not http.hosts("*").subsumes(http.hosts("localhost"))
    assert not http.hosts("a.example.com", methods="GET").subsumes(http.hosts("a.example.com"))
    assert wide.subsumes(Exact("https://a.example.com/v1/x")) and not wide.subsumes(OneOf(["https://a.example.com/v1/x", "https://evil.example/"]))
    assert wide.subsumes(AllOf([Wildcard(), wide])) and not wide.subsumes(AnyOf([wide, Wildcard()]))


def test_methods_are_of_the_request() -> None:
    posts = http.hosts("a.example.com", methods="POST")
    assert posts.check({"method": "POST", "url": "https://a.example.com/"}) and not posts.check("https://a.example.com/")
    assert http.hosts("a.example.com", methods="GET").check("https://a.example.com/")
    assert not posts.check({"method": "POST"}) and not posts.check({"method": ("POST",), "url": "https://a.example.com/"})
    entries = http.requests("a.example.com", methods=["GET", "HEAD"], paths="/v1/*")
    assert entries["method"].optional and not http.requests("a.example.com", methods="POST")["method"].optional


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"hosts": bad}
            for bad in (
                [],
                "a b",
                ["a*b.example"],
                ["http://a.example"],
                ["a.example/x"],
                ["a.example:80"],
                ["*.127.0.0.1"],
                [5],
                None,
                ["127.1"],
                ["a@b"],
            )
        ),
        *({"schemes": bad} for bad in ([], ["ftp"], None, [5])),
        *({"ports": bad} for bad in ([], [0], [70000], [True], ["80"], None)),
        *({"methods": bad} for bad in ([], ["get"], ["CONNECT"], None)),
        *({"paths": bad} for bad in ([], ["v1"], ["/a*b"], ["/../x"], None)),
        {"more": 1},
    ],
)
def test_a_malformed_wire_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="."):
        parse({"constraint_type": "url", "hosts": ["a.example"], **change})


# --- the tool


class Site(BaseHTTPRequestHandler):
    """Answers, redirects (`to`), sends much (`n`), or says what it was sent."""

    seen: list[tuple[str, str, str]] = []

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.seen.append((self.command, self.headers["Host"], self.headers.get("authorization", "") or self.headers.get("x-mine", "")))
        if to := query.get("to"):
            self.send_response(int(query.get("code", ["302"])[0]))
            self.send_header("Location", to[0])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0))) or b"x" * int(query.get("n", ["2"])[0])
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A site on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


class Names:
    """A resolver that counts, and answers differently the second time for one name."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        known = {
            "site.example": ["127.0.0.1"],
            "mixed.example": ["1.1.1.1", "10.0.0.1"],
            "metadata.example": ["169.254.169.254"],
            "nat64.example": ["64:ff9b::7f00:1"],
            "mapped.example": ["::ffff:127.0.0.1"],
            "loop.example": ["127.0.0.1"],
            "rebind.example": ["127.0.0.1"] if self.asked.count(host) > 1 else ["1.1.1.1"],
            "none.example": [],
        }
        if host not in known:
            raise OSError(-2, "Name or service not known")
        return known[host]


@pytest.fixture
def fetch(port: int) -> Any:
    """The tool: `site.example` is named as private, so that it may be on loopback."""
    Site.seen.clear()
    return http.tool(private=["site.example"], resolver=Names(), largest=1000)


def test_a_request_and_its_answer(fetch: Any, port: int) -> None:
    answer = fetch(f"http://site.example:{port}/a")
    assert (answer["status"], answer["text"], answer["location"]) == (200, "xx", "")
    assert Site.seen == [("GET", f"site.example:{port}", "")]
    assert fetch(f"http://site.example:{port}/a", method="POST", body="hé")["text"] == "hé"


@pytest.mark.parametrize(
    "host", ["mixed.example", "metadata.example", "nat64.example", "mapped.example", "loop.example", "127.0.0.1", "[::1]", "169.254.169.254"]
)
def test_an_address_that_is_not_public_is_not_connected_to(fetch: Any, port: int, host: str) -> None:
    resolver = Names()
    resolver.asked.clear()
    tool: Any = http.tool(private=["site.example"], resolver=lambda name, number: resolver(name, number) if "example" in name else [name.strip("[]")])
    with pytest.raises(Blocked, match="which is"):
        tool(f"http://{host}:{port}/")
    assert Site.seen == []


def test_a_name_is_resolved_once_and_the_checked_address_is_used() -> None:
    names = Names()
    assert PinnedBackend((), names).checked("rebind.example", 80) == ["1.1.1.1"]
    assert names.asked == ["rebind.example"]
    with pytest.raises(Blocked):
        PinnedBackend((), names).checked("rebind.example", 80)
    with pytest.raises(Blocked, match="no host"):
        PinnedBackend().connect_unix_socket("/run/x.sock")


def test_a_name_that_does_not_exist(fetch: Any) -> None:
    with pytest.raises(httpx.ConnectError, match="cannot be resolved"):
        fetch("http://nowhere.example/")
    with pytest.raises(ValueError, match="no address"):
        fetch("http://none.example/")


def test_a_redirect_is_returned_not_followed(fetch: Any, port: int) -> None:
    answer = fetch(f"http://site.example:{port}/?to=http://loop.example/x")
    assert (answer["status"], answer["location"]) == (302, "http://loop.example/x")
    assert len(Site.seen) == 1


def test_redirects_are_followed_only_where_a_constraint_admits_them(port: int) -> None:
    Site.seen.clear()
    follow = http.hosts("site.example", "loop.example", schemes="http", ports=port, methods="GET")
    tool: Any = http.tool(private=["site.example"], resolver=Names(), follow=follow)
    assert tool(f"http://site.example:{port}/?to=/next")["url"] == f"http://site.example:{port}/next"
    with pytest.raises(Blocked):  # admitted by name, and still not a public address
        tool(f"http://site.example:{port}/?to=http://loop.example:{port}/")
    assert tool(f"http://site.example:{port}/?to=http://other.example/")["location"] == "http://other.example/"
    for place in ("file:///etc/passwd", "gopher://127.0.0.1/", "http://127.1/", "http://a@b.example/"):
        with pytest.raises(ValueError, match="redirects to where no request may go"):
            tool(f"http://site.example:{port}/?to={place}")
    with pytest.raises(ValueError, match="more than 5 redirects"):
        tool(loop(port))
    assert tool(f"http://site.example:{port}/?code=307&to=/x", method="POST", body="b")["status"] == 307  # a POST there is not admitted
    assert tool(f"http://site.example:{port}/?code=303&to=/x", method="POST", body="b")["status"] == 200


def loop(port: int) -> str:
    """A URL that redirects more often than is followed."""
    url = "/end"
    for _ in range(7):
        url = "/?to=" + url.replace("%", "%25").replace("?", "%3F").replace("=", "%3D").replace("&", "%26")
    return f"http://site.example:{port}{url}"


def test_secrets_do_not_travel_to_another_origin(port: int) -> None:
    Site.seen.clear()
    names = Names()
    bound = http.secret("0123456789", "site.example", "other.example", schemes="http", ports=port)
    tool: Any = http.tool(
        private=["site.example", "other.example"],
        resolver=lambda host, number: ["127.0.0.1"] if host == "other.example" else names(host, number),
        follow=http.hosts("site.example", "other.example", schemes="http", ports=port),
        secrets={"s": bound},
    )
    for header in ("Authorization", "X-Mine"):
        Site.seen.clear()
        tool(f"http://site.example:{port}/?to=http://other.example:{port}/", headers={header: "{secret:s}"})
        tool(f"http://site.example:{port}/?to=/same", headers={header: "{secret:s}"})
        assert [secret for _, _, secret in Site.seen] == ["0123456789", "", "0123456789", "0123456789"]


def test_the_answer_is_limited(fetch: Any, port: int) -> None:
    with pytest.raises(ValueError, match="larger than 1000"):
        fetch(f"http://site.example:{port}/?n=1001")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "x"}, {"a": "b\r\nc: d"}, {"a b": "c"}, {"a": "é"}, {"Content-Length": "1"}, {"A": "1", "a": "2"}, {"a": " x"}, {"a": 1}, {"": "x"}],
)
def test_headers_that_could_break_or_redirect_a_request_are_refused(fetch: Any, port: int, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="header"):
        fetch(f"http://site.example:{port}/", headers=headers)
    assert Site.seen == []


def test_proxies_of_the_environment_are_not_used(fetch: Any, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    tool: Any = http.tool(private=["site.example"], resolver=Names())
    assert tool(f"http://site.example:{port}/")["status"] == 200
