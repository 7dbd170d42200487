"""The gate over HTTP, on real sockets: who comes in, what goes on, and that nothing gets around it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from capabilities.mcp import kind_tools
from gate import ANY, Gate
from gate.mcp.behind import Behind
from gate.mcp.catalogue import Catalogue
from gate.mcp.door import Door
from gate.mcp.http import Relay
from gate.mcp.upstream import Upstream as Pinned
from tests.kit import log
from tests.mcp.kit import OPEN, Seen, Upstream, event, serving, start, tool

MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
BOTH = "application/json, text/event-stream"


class Site:
    """A gate between a client and an upstream, each a server on loopback."""

    def __init__(self, folder, upstream, stack: ExitStack, *, rules: str = OPEN, own: bool = False, credential=None, **more) -> None:
        (folder / "gate.toml").write_text(rules)
        self.upstream, self.gate = upstream, stack.enter_context(Gate(folder / ".gate"))
        self.capability = self.grant("agent", "echo")
        catalogue = Catalogue("s")
        self.behind = Behind(self.gate, "s", catalogue, kinds=kind_tools, capability=lambda: self.capability.presentation if own else "")
        self.there = stack.enter_context(serving(upstream))
        self.relay = Relay(self.behind, Pinned(f"{self.there}/mcp", credential), Door(self.behind, own=own), **more)
        self.url = stack.enter_context(serving(self.relay)) + "/mcp"
        self.client = stack.enter_context(httpx.Client(trust_env=False, timeout=20))

    def grant(self, agent: str, *names: str, **more):
        return self.gate.grant(agent, tools={f"s/{name}": ANY for name in names}, minutes=5, **more)

    def bearer(self, capability=None) -> str:
        text = (capability or self.capability).presentation
        return "Bearer " + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def post(self, body, headers=None, **more) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        plain = {"content-type": "application/json", "accept": BOTH, "authorization": self.bearer()}
        wanted = {name: value for name, value in (plain | (headers or {})).items() if value is not None}
        return self.client.post(self.url, content=content, headers=wanted, **more)

    def call(self, name: str = "echo", arguments=None, *, modern: bool = True, headers=None, ident=1) -> httpx.Response:
        params = {"name": name, "arguments": arguments or {}} | ({"_meta": MODERN} if modern else {})
        routed = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name} if modern else {}
        return self.post({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": params}, routed | (headers or {}))

    def session(self, capability=None) -> dict[str, str]:
        """The headers of a legacy session that has begun."""
        who = {"authorization": self.bearer(capability)}
        body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}}
        return who | {"mcp-session-id": self.post(body, who).headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}


@pytest.fixture
def site(tmp_path):
    with ExitStack() as stack:

        def made(upstream: Upstream | None = None, **more) -> Site:
            return Site(tmp_path, upstream or Upstream(), stack, **more)

        yield made


# ---- the door ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example.com"},
        {"host": "evil.example.com:80"},
        {"host": "localhost.evil.example.com"},
        {"origin": "http://evil.example.com"},
        {"origin": "null"},
        {"origin": "http://localhost@evil.example.com"},
    ],
)
def test_a_page_elsewhere_is_refused(site, headers):
    here = site(own=True)
    answer = here.call(headers=headers | {"authorization": None})
    assert (answer.status_code, here.upstream.seen) == (403, [])


def test_a_page_here_comes_in(site):
    here = site()
    assert here.call(headers={"origin": "http://localhost:3000"}).status_code == 200


@pytest.mark.parametrize(
    "bearer",
    [None, "", "Bearer", "Basic eyJ", "Bearer x.y.z", "Bearer e30", "Bearer " + "A" * 100_000, 'Bearer {"aat_chain": []}'],
)
def test_without_a_capability_nobody_comes_in(site, bearer):
    here = site()
    answer = here.call(headers={"authorization": bearer})
    assert answer.status_code in (401, 431)  # the web server itself refuses headers beyond its limit
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="gate"')
    assert here.upstream.seen == []


def test_capabilities_that_do_not_do(site, tmp_path):
    here = site()
    ended = here.grant("agent", "echo")
    here.gate.revoke(ended)
    elsewhere = Gate(tmp_path / "other" / ".gate")
    with elsewhere:
        foreign = elsewhere.grant("agent", tools={"s/echo": ANY})
    for capability in (ended, foreign):
        answer = here.call(headers={"authorization": here.bearer(capability)})
        assert (answer.status_code, 'error="invalid_token"' in answer.headers["www-authenticate"]) == (401, True)
    weak = here.gate.grant("agent", tools={"other/tool": ANY})
    answer = here.call(headers={"authorization": here.bearer(weak)})
    assert (answer.status_code, 'error="insufficient_scope"' in answer.headers["www-authenticate"]) == (403, True)
    assert here.upstream.seen == []


def test_one_that_names_no_gate_does_not_do(site):
    from gate import token

    here = site()
    home = here.gate.home
    issuer = home.keys.signing("issuer")
    made = token.mint(issuer, agent="a", tools={"s/echo": ANY}, expires=home.now() + 60, holder=issuer.public, now=home.now())
    assert here.gate.verify(json.dumps({"aat_chain": [made]})).agent == "a"
    answer = here.call(headers={"authorization": f"Bearer {made}"})
    assert (answer.status_code, here.upstream.seen) == (401, [])


def test_the_token_ends_at_the_door(site):
    here = site(credential=[("x-api-key", "the gate's own")])
    answer = here.call(headers={"cookie": "a=b", "x-forwarded-for": "1.2.3.4", "proxy-authorization": "Basic x", "accept-encoding": "gzip"})
    assert answer.status_code == 200
    for seen in here.upstream.seen:
        names = {name for name, _ in seen.headers}
        assert not names & {"authorization", "cookie", "x-forwarded-for", "proxy-authorization", "origin"}
        assert seen.header("accept-encoding") == "identity"
        assert seen.header("x-api-key") == "the gate's own"
        assert here.capability.token.encode() not in seen.body


def test_a_capability_in_the_message_acts_and_goes_no_further(site):
    here = site()
    part = here.grant("sub", "wipe")
    meta = {**MODERN, "io.github.capgate/capability": part.presentation}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wipe", "arguments": {}, "_meta": meta}}
    assert here.post(body).json()["result"]["content"][0]["text"] == "did wipe"
    assert all(b"capgate/capability" not in seen.body for seen in here.upstream.seen)
    meta["io.github.capgate/capability"] = "nonsense"
    assert here.post(body).status_code == 401
    assert len(here.upstream.calls()) == 1


def test_whoever_has_none_acts_under_the_gates_own_where_it_has_one(site):
    here = site(own=True)
    assert here.call(headers={"authorization": None}).json()["result"]["content"][0]["text"] == "did echo"
    assert "Unknown tool" in here.call("wipe", headers={"authorization": None}).text


# ---- messages ----------------------------------------------------------------------------------------------------------------------------

CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe","arguments":{}}}'


@pytest.mark.parametrize(
    "body",
    [
        f"[{CALL}]",
        f"[{CALL},{CALL}]",
        CALL.replace('"name":"wipe"', '"name":"echo","name":"wipe"'),
        CALL.replace('"name":"wipe"', '"name":"echo","Name":"wipe"'),
        CALL.replace('"method":"tools/call"', '"method":"ping","Method":"tools/call"'),
        CALL.replace('"id":1', '"id":1.0'),
        CALL.replace('"wipe"', '["wipe"]'),
        CALL.replace('"tools/call"', '["tools/call"]'),
        CALL + CALL,
        "\ufeff" + CALL,
        CALL.replace("{}", "NaN"),
        "",
        "nonsense",
    ],
)
def test_what_readers_may_take_differently_is_refused(site, body):
    here = site()
    answer = here.post(body.encode())
    assert answer.status_code == 400 or "error" in answer.json()
    assert here.upstream.calls() == []


def test_limits_of_the_body(site):
    here = site(longest=1000)
    assert here.post({"x": "y" * 2000}).status_code == 413
    assert here.post(CALL.encode(), {"content-type": "text/plain"}).status_code == 415
    assert here.client.post(here.url.replace("/mcp", "/"), content=CALL, headers={"authorization": here.bearer()}).status_code == 404
    assert here.client.put(here.url, content=CALL, headers={"authorization": here.bearer()}).status_code == 405
    assert here.upstream.seen == []


def test_what_is_not_granted_is_not_there(site):
    here = site()
    listed = here.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": MODERN}}).json()["result"]
    assert [one["name"] for one in listed["tools"]] == ["echo"]
    assert listed["cacheScope"] == "private"
    assert here.call("wipe").json()["error"]["message"] == "Unknown tool: wipe"
    assert here.call("nothing").json()["error"]["message"] == "Unknown tool: nothing"
    assert here.upstream.calls() == []


def test_a_denial_is_a_result_that_the_model_reads(site):
    here = site(rules=OPEN + '[[rule]]\nid = "no"\ndeny = { tool = "s/echo" }\nreason = "not today"\n')
    for modern in (True, False):
        result = here.call(modern=modern).json()["result"]
        assert (result["isError"], "not today" in result["content"][0]["text"]) == (True, True)
        assert ("resultType" in result) is modern
    assert here.upstream.calls() == []


# ---- headers -----------------------------------------------------------------------------------------------------------------------------

REGION = tool(
    "echo",
    inputSchema={
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "n": {"type": "integer", "x-mcp-header": "N"}},
    },
)


@pytest.mark.parametrize(
    "headers",
    [
        {"mcp-method": "ping"},
        {"mcp-method": "Tools/Call"},
        {"mcp-name": "wipe"},
        {"mcp-name": "=?base64?d2lwZQ==?="},
        {"mcp-name": "=?base64?bad?="},
        {"mcp-protocol-version": "2025-11-25"},
        {"mcp-param-region": "us"},
        {"mcp-param-region": "=?base64?ZXU?="},
        {"mcp-param-region": None},
        {"mcp-param-n": "6"},
        {"mcp-param-n": None},
    ],
)
def test_headers_that_say_otherwise(site, headers):
    here = site(Upstream([REGION, tool("wipe")]))
    good = {"mcp-param-region": "eu", "mcp-param-n": "5"}
    answer = here.call(arguments={"region": "eu", "n": 5}, headers=good | headers)
    assert (answer.status_code, answer.json()["error"]["code"], here.upstream.calls()) == (400, -32020, [])
    again = here.call(arguments={"region": "eu", "n": 5}, headers=good)
    assert again.json()["result"]["content"][0]["text"] == "did echo"
    assert here.upstream.calls()[0].header("mcp-param-region") == "eu"


def test_two_headers_of_one_name(site):
    here = site()
    lines = [("content-type", "application/json"), ("authorization", here.bearer()), ("mcp-name", "echo"), ("mcp-name", "wipe")]
    answer = here.client.post(here.url, content=CALL.replace("wipe", "echo"), headers=lines)
    assert (answer.status_code, answer.json()["error"]["code"], here.upstream.calls()) == (400, -32020, [])


def test_headers_of_arguments_are_made_of_what_goes_on(site):
    here = site(Upstream([REGION]))
    here.call(
        arguments={"region": "Zürich", "n": 5}, headers={"mcp-param-region": "=?base64?WsO8cmljaA==?=", "mcp-param-n": "5", "mcp-param-other": "x"}
    )
    (seen,) = here.upstream.calls()
    assert (seen.json["params"]["arguments"], seen.header("mcp-param-n")) == ({"region": "Zürich", "n": 5}, "5")
    assert (seen.header("mcp-param-region"), seen.header("mcp-param-other")) == ("=?base64?WsO8cmljaA==?=", None)


# ---- the server --------------------------------------------------------------------------------------------------------------------------


def test_a_redirect_is_followed_nowhere(site):
    other = Upstream()
    with serving(other) as elsewhere:
        here = site(Upstream(tools__call=lambda seen: (307, [("location", f"{elsewhere}/mcp")])))
        answer = here.call()
    assert (answer.status_code, "location" in answer.headers, other.seen) == (502, False, [])


def test_the_servers_401_is_the_gates_business(site):
    here = site(Upstream(tools__call=lambda seen: (401, [("www-authenticate", 'Bearer resource_metadata="http://evil.example"')])))
    answer = here.call()
    assert (answer.status_code, "www-authenticate" in answer.headers) == (502, False)


async def _zipped(seen: Seen, send) -> None:
    await start(send, "application/json", [("content-encoding", "gzip")])
    await send({"type": "http.response.body", "body": gzip.compress(b"{}")})


async def _cut(seen: Seen, send) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b": nothing\n\n"})


@pytest.mark.parametrize(
    "answer",
    [
        _zipped,
        _cut,
        lambda seen: 500,
        lambda seen: b"data: nonsense\n\n",
        lambda seen: b"\xff\xfe",
        lambda seen: 202,
        lambda seen: event({"jsonrpc": "2.0", "id": 99, "result": {}}),
    ],
    ids=["zipped", "cut", "500", "nonsense", "no text", "no answer", "another answer"],
)
def test_a_server_that_does_not_answer(site, answer):
    here = site(Upstream(tools__call=answer))
    got = here.call()
    text = got.text
    assert '"error"' in text
    assert '"result"' not in text
    assert not here.relay._lines
    assert _open_calls(here) == 0


def _open_calls(here: Site) -> int:
    """Calls of which the log has an intent and no outcome."""
    return len(log(here.gate, "intent")) - len(log(here.gate, "outcome"))


def test_a_server_that_is_not_there(tmp_path):
    with ExitStack() as stack:
        here = Site(tmp_path, Upstream(), stack)
        here.relay._server.upstream.url = "http://127.0.0.1:1/mcp"
        assert here.call().status_code == 502


# ---- streams -----------------------------------------------------------------------------------------------------------------------------


def test_events_pass_one_by_one(site):
    """The second event is sent only after the client has the first."""
    had = threading.Event()

    async def slow(seen: Seen, send) -> None:
        await start(send)
        progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "t", "progress": 1}}
        await send({"type": "http.response.body", "body": event(progress, ": hello\r\nid: 7\r\nretry: 40\r\n"), "more_body": True})
        assert await asyncio.to_thread(had.wait, 10)
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": []}}, indent=1)
        lines = "".join(f"data: {line}\r\n" for line in text.splitlines())
        await send({"type": "http.response.body", "body": f"event: message\r\n{lines}\r\n".encode()})

    here = site(Upstream(tools__call=slow))
    params = {"name": "echo", "arguments": {}, "_meta": {**MODERN, "progressToken": "t"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"content-type": "application/json", "accept": BOTH, "authorization": here.bearer()}
    with here.client.stream("POST", here.url, json=body, headers=headers) as answer:
        lines = answer.iter_lines()
        first = [next(lines) for _ in range(4)]
        assert first[:3] == [": hello", "id: 7", "retry: 40"]
        assert json.loads(first[3].removeprefix("data: "))["params"]["progress"] == 1
        had.set()
        last = [line for line in lines if line]
    assert last == ["event: message", 'data: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}']


def test_a_list_in_a_stream_loses_what_is_not_granted(site):
    def listed(seen: Seen) -> bytes:
        return event({"jsonrpc": "2.0", "id": seen.json["id"], "result": {"tools": [tool("echo"), tool("wipe")]}})

    here = site(Upstream(tools__list=listed))
    text = here.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": MODERN}}).text
    assert ('"name":"echo"' in text, "wipe" in text) == (True, False)


def test_events_of_another_type_are_no_messages(site):
    def answer(seen: Seen) -> bytes:
        said = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "unjudged"}]}}
        return event(said, "event: other\n") + event({**said, "result": {"content": []}})

    here = site(Upstream(tools__call=answer))
    assert "unjudged" not in here.call().text


def test_a_request_of_the_server_inside_a_stream_is_refused_and_told(site):
    def answer(seen: Seen) -> bytes:
        wanted = {"jsonrpc": "2.0", "id": "s1", "method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 5}}
        return event(wanted) + event({"jsonrpc": "2.0", "id": seen.json["id"], "result": {"content": []}})

    here = site(Upstream(tools__call=answer))
    headers = here.session()
    text = here.call(modern=False, headers=headers).text
    assert "sampling" not in text
    (told,) = [seen.json for seen in here.upstream.seen if seen.json and seen.json.get("id") == "s1"]
    assert "Refused" in told["error"]["message"]


def test_a_stream_ends_with_its_capability(site):
    go = threading.Event()

    async def get(seen: Seen, send) -> None:
        await start(send)
        note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "one"}}
        await send({"type": "http.response.body", "body": event(note), "more_body": True})
        await asyncio.to_thread(go.wait, 10)
        note["params"]["data"] = "two"
        await send({"type": "http.response.body", "body": event(note)})

    here = site(Upstream(GET=get))
    headers = here.session() | {"accept": "text/event-stream"}
    with here.client.stream("GET", here.url, headers=headers) as answer:
        lines = answer.iter_lines()
        assert '"one"' in next(lines)
        here.gate.revoke(here.capability)
        go.set()
        assert "two" not in "".join(lines)


def test_a_modern_client_that_leaves_has_cancelled(site):
    left = threading.Event()

    async def slow(seen: Seen, send) -> None:
        await start(send)
        try:
            for _ in range(200):
                await send({"type": "http.response.body", "body": b": wait\n\n", "more_body": True})
                await asyncio.sleep(0.05)
        finally:
            left.set()

    here = site(Upstream(tools__call=slow))
    params = {"name": "echo", "arguments": {}, "_meta": MODERN}
    headers = {"content-type": "application/json", "accept": BOTH, "authorization": here.bearer()}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    with here.client.stream("POST", here.url, json=body, headers=headers) as answer:
        next(answer.iter_lines())
    end = time.monotonic() + 10
    while _open_calls(here) and time.monotonic() < end:
        time.sleep(0.05)
    assert _open_calls(here) == 0


# ---- sessions ----------------------------------------------------------------------------------------------------------------------------


def test_a_session_is_whose_it_is(site):
    here = site()
    mine, other = here.session(), here.grant("other", "echo")
    assert mine["mcp-session-id"] != "there-1"
    before = len(here.upstream.seen)
    for headers in (mine | {"authorization": here.bearer(other)}, mine | {"mcp-session-id": "there-1"}, mine | {"mcp-session-id": "guess"}):
        assert here.call(modern=False, headers=headers).status_code == 404
        assert here.client.get(here.url, headers=headers | {"accept": "text/event-stream"}).status_code == 404
        assert here.client.delete(here.url, headers=headers).status_code == 404
    assert len(here.upstream.seen) == before
    renewed = here.grant("agent", "echo")
    assert here.call(modern=False, headers=mine | {"authorization": here.bearer(renewed)}).status_code == 200
    assert here.upstream.calls()[0].header("mcp-session-id") == "there-1"


def test_a_session_that_was_ended_is_gone(site):
    here = site(Upstream(DELETE=204))
    mine = here.session()
    assert here.client.delete(here.url, headers=mine).status_code == 204
    assert here.call(modern=False, headers=mine).status_code == 404


# ---- when the gate fails -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["context", "decide", "at_once", "settle", "declare"])
def test_a_gate_that_crashes_lets_nothing_run(site, monkeypatch, step, caplog):
    here = site()
    here.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": MODERN}})

    def crash(*_, **__):
        raise RuntimeError("boom")

    if step == "declare":
        here.behind.catalogue.changed()
    monkeypatch.setattr(here.behind, step, crash)
    caplog.set_level(logging.CRITICAL)
    answer = here.call()
    assert answer.status_code >= 400 or "did echo" not in answer.text or step in ("settle", "at_once")
    if step not in ("settle", "at_once"):
        assert here.upstream.calls() == []


def test_five_hundred_at_once_each_get_their_own(site):
    def answer(seen: Seen) -> dict:
        return {"content": [{"type": "text", "text": seen.json["params"]["arguments"]["x"]}]}

    here = site(Upstream(tools__call=answer))

    async def all_of_them() -> list[str]:
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits) as client:
            headers = {"content-type": "application/json", "accept": BOTH, "authorization": here.bearer()}

            async def one(number: int) -> str:
                params = {"name": "echo", "arguments": {"x": str(number)}, "_meta": MODERN}
                got = await client.post(here.url, headers=headers, json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
                return got.json()["result"]["content"][0]["text"]

            return await asyncio.gather(*[one(number) for number in range(500)])

    assert asyncio.run(all_of_them()) == [str(number) for number in range(500)]
    assert _open_calls(here) == 0
