"""The transport: every request of any httpx or httpx2 client is a call, decided before it connects and recorded when it ends."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from capabilities import http
from capabilities._http.connect import Blocked
from gate import ANY, Denied, Gate
from gate.errors import BadCall
from gate.gate import Gate as RealGate
from tests.capabilities.sites import Script, Site, serving

SECRET = "value-0123456789"
Send = Callable[..., Any]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A site on loopback."""
    with serving() as number:
        yield number


class Client:
    """A client of one library, for threads or for an event loop, driven the same way."""

    def __init__(self, gate: Gate, library: str, flavour: str, port: int, **options: Any) -> None:
        self.library = pytest.importorskip(library)
        self.flavour, self.port = flavour, port
        self.names = Script(site_example=[["127.0.0.1"]], loop_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
        bound = {"s": http.secret(SECRET, "site.example", schemes="http", ports=port)}
        given = {"private": ["site.example", "other.example"], "resolver": self.names, "secrets": bound, "library": library, "largest": 1000}
        self.options = given | options
        self.gate = gate

    def send(self, method: str, url: str, *, follow: bool = False, read: int | None = None, **more: Any) -> Any:
        """The response, read whole, or only so many chunks of it."""
        url = url.replace("PORT", str(self.port))
        return self._send(method, url, follow, read, more) if self.flavour == "sync" else asyncio.run(self._asend(method, url, follow, read, more))

    def _send(self, method: str, url: str, follow: bool, read: int | None, more: Any) -> Any:
        client = self.library.Client(transport=http.transport(self.gate, **self.options), trust_env=False, follow_redirects=follow)
        with client, client.stream(method, url, **more) as response:
            if read is None:
                response.read()
            else:
                for _, _ in zip(range(read), response.iter_bytes(), strict=False):
                    pass
            return response

    async def _asend(self, method: str, url: str, follow: bool, read: int | None, more: Any) -> Any:
        client = self.library.AsyncClient(transport=http.transport(self.gate, **self.options), trust_env=False, follow_redirects=follow)
        async with client, client.stream(method, url, **more) as response:
            if read is None:
                await response.aread()
            else:
                chunks = response.aiter_bytes()
                for _ in range(read):
                    await anext(chunks)
                await chunks.aclose()
            return response


@pytest.fixture(params=[(library, flavour) for library in ("httpx", "httpx2") for flavour in ("sync", "async")], ids="-".join)
def client(request: pytest.FixtureRequest, gate: Gate, port: int) -> Client:
    """Each library, each flavour."""
    Site.seen.clear()
    return Client(gate, *request.param, port)


def granted(gate: Gate, port: int, **more: Any) -> Any:
    """What the agent may do: requests to the site."""
    where = http.hosts("site.example", "loop.example", schemes="http", ports=port)
    return gate.acting(gate.grant("agent", tools={"http.request": {"url": where, **more}}))


def records(gate: Gate) -> list[dict[str, Any]]:
    """What the log holds."""
    gate.home.ledger.flush()
    return [json.loads(record) for record in gate.home.ledger.records()]


def test_a_request_that_is_granted_is_made_and_recorded(client: Client) -> None:
    with granted(client.gate, client.port):
        response = client.send("GET", "http://site.example:PORT/a?say=hello")
    assert (response.status_code, response.text) == (200, "hello")
    assert [(method, path) for method, path, _ in Site.seen] == [("GET", "/a?say=hello")]
    written = json.dumps(records(client.gate))
    assert f"http://site.example:{client.port}/a?say=hello" in written and '"ok"' in written


def test_what_is_not_granted_makes_no_connection_and_asks_no_resolver(client: Client) -> None:
    with granted(client.gate, client.port):
        for method, url, more in (
            ("GET", "http://other.example:PORT/", {}),
            ("POST", "http://site.example:PORT/", {"content": b"x"}),
            ("GET", "http://site.example:PORT/", {"headers": {"X-A": "b"}}),
            ("GET", "http://site.example:1/", {}),
            ("GET", "http://127.0.0.1:PORT/", {}),
            ("GET", "http://site.example:PORT/", {"cookies": {"a": "b"}}),
            ("GET", "http://site.example:PORT/", {"auth": ("user", "password")}),
        ):
            with pytest.raises(Denied):
                client.send(method, url, **more)
    assert Site.seen == [] and client.names.asked == []


def test_without_a_capability_nothing_goes_out(client: Client) -> None:
    with pytest.raises(Denied):
        client.send("GET", "http://site.example:PORT/")
    assert Site.seen == [] and client.names.asked == []


def test_each_hop_of_a_redirect_is_a_call_of_its_own(client: Client) -> None:
    with granted(client.gate, client.port):
        assert client.send("GET", "http://site.example:PORT/?to=/next", follow=True).status_code == 200
        with pytest.raises(Denied):
            client.send("GET", f"http://site.example:PORT/?to=http://other.example:{client.port}/", follow=True)
        with pytest.raises(Blocked):
            client.send("GET", f"http://site.example:PORT/?to=http://loop.example:{client.port}/", follow=True)
    assert [path for _, path, _ in Site.seen][:2] == ["/?to=/next", "/next"] and len(Site.seen) == 4


def test_body_and_headers_are_part_of_the_call(client: Client) -> None:
    with granted(client.gate, client.port, method=ANY, body=ANY, headers=http.headers("x-a", "content-type")):
        assert client.send("POST", "http://site.example:PORT/?echo=x-a", json={"a": 1}, headers={"X-A": "b"}).text == 'b|{"a":1}'
        with pytest.raises(Denied, match="encoding"):
            client.send("POST", "http://site.example:PORT/?echo=x-a", content=b"\xff\x00")
    assert Site.seen[0][2]["content-type"] == "application/json"
    with granted(client.gate, client.port, method=ANY, body=ANY, encoding=ANY):
        assert client.send("PUT", "http://site.example:PORT/?echo=x-a", content=b"\xff\x00").content == b"|\xff\x00"
    assert "/wA=" in json.dumps(records(client.gate))


def test_a_secret_is_put_in_and_taken_out(client: Client) -> None:
    with granted(client.gate, client.port, headers=http.headers("authorization", secrets=["s"])):
        response = client.send("GET", "http://site.example:PORT/?echo=authorization", headers={"Authorization": "Bearer {secret:s}"})
        with pytest.raises(Denied):
            client.send("GET", "http://site.example:PORT/", headers={"Authorization": "Bearer {secret:other}"})
        with pytest.raises(Denied, match="name a secret instead"):
            client.send("GET", "http://site.example:PORT/", headers={"Authorization": f"Bearer {SECRET}"})
    assert Site.seen[0][2]["authorization"] == f"Bearer {SECRET}"
    assert response.text == "Bearer {secret:s}|" and response.headers["x-echo"] == "Bearer {secret:s}"
    assert SECRET not in json.dumps(records(client.gate)) + repr(response.headers) + repr(response.request.headers)
    assert "set-cookie" not in response.headers


def test_a_client_cannot_choose_the_host_the_certificate_or_the_target(client: Client) -> None:
    with granted(client.gate, client.port):
        for headers in ({"Host": "evil.example"}, {"Host": "other.example"}):
            with pytest.raises(Denied, match="host"):
                client.send("GET", "http://site.example:PORT/", headers=headers)
        odd = {"sni_hostname": "evil.example", "target": b"/evil"}
        assert client.send("GET", "http://site.example:PORT/a", extensions=odd).status_code == 200
        with pytest.raises(Denied, match="given twice"):
            client.send("GET", "http://site.example:PORT/", headers=[("X-A", "b"), ("x-a", "c")])
        for url in ("http://site.example:PORT/..;/x", "http://a@site.example:PORT/", "ftp://site.example/"):
            with pytest.raises(Denied):
                client.send("GET", url)
    assert [path for _, path, _ in Site.seen] == ["/a"]


def test_the_answer_is_limited_and_an_early_end_is_recorded(client: Client) -> None:
    with granted(client.gate, client.port):
        with pytest.raises(ValueError, match="larger than 1000"):
            client.send("GET", "http://site.example:PORT/?n=1001")
        with pytest.raises(ValueError, match="larger than 1000"):
            client.send("GET", "http://site.example:PORT/?pack=gzip&n=100000")
        assert client.send("GET", "http://site.example:PORT/?pack=gzip&n=900").text == "z" * 900
        client.send("GET", "http://site.example:PORT/?n=900", read=0 if client.flavour == "sync" else 1)
    ended = [record for record in records(client.gate) if "outcome" in json.dumps(record)]
    assert len(ended) >= 4


def test_a_slow_answer_ends_when_its_time_does(client: Client) -> None:
    client.options |= {"seconds": 0.3}
    with granted(client.gate, client.port):
        for where in ("head", "body"):
            with pytest.raises(client.library.ReadTimeout):
                client.send("GET", f"http://site.example:PORT/?drip={where}")


def test_a_client_that_waits_less_long_may(client: Client) -> None:
    with granted(client.gate, client.port):
        with pytest.raises(client.library.TimeoutException):
            client.send("GET", "http://site.example:PORT/?wait=2", timeout=0.4)
        assert client.send("GET", "http://site.example:PORT/?wait=0.01", timeout=None).text == "late"


def test_errors_are_those_of_the_library(client: Client) -> None:
    with granted(client.gate, client.port):
        with pytest.raises(client.library.ConnectError, match="cannot be resolved"):
            client.options["resolver"] = Script()
            client.send("GET", "http://site.example:PORT/")
        client.options["resolver"] = Script(site_example=[["127.0.0.1"]])
        with pytest.raises(Denied, match="only http and https"):
            client.send("GET", "gopher://site.example/")
    assert "only http and https" in json.dumps(records(client.gate))  # a refusal is recorded


def test_one_gate_serves_many_transports_and_the_tool(gate: Gate, port: int) -> None:
    Site.seen.clear()
    tool: Any = gate.wrap(http.tool(private=["site.example"], resolver=Script(site_example=[["127.0.0.1"]])))
    with granted(gate, port):
        assert tool(f"http://site.example:{port}/")["status"] == 200
        for library in ("httpx", "httpx"):
            assert Client(gate, library, "sync", port).send("GET", "http://site.example:PORT/").status_code == 200
    with pytest.raises(ValueError, match="not for 'requests'"):
        http.transport(gate, library="requests")


def test_a_gate_that_fails_lets_nothing_out(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with granted(client.gate, client.port):
        transport = http.transport(client.gate, **client.options)
        monkeypatch.setattr(RealGate, "authorize", lambda *_, **__: 1 / 0)
        monkeypatch.setattr(RealGate, "aauthorize", lambda *_, **__: 1 / 0)
        request = client.library.Request("GET", f"http://site.example:{client.port}/")
        with pytest.raises(ZeroDivisionError):
            transport.handle_request(request) if client.flavour == "sync" else asyncio.run(transport.handle_async_request(request))
    assert Site.seen == []


def test_bad_calls_are_denials(gate: Gate, port: int) -> None:
    importlib.import_module("httpx")
    with granted(gate, port), pytest.raises(BadCall):
        Client(gate, "httpx", "sync", port).send("TRACE", "http://site.example:PORT/")
