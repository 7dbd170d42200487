"""Who is at the page: sessions that end, cookies that others see, a header that only a proxy may say, and logins that look alike."""

from __future__ import annotations

import asyncio
import doctest
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")

import httpx
from starlette.requests import Request

import gate.approvers.inbox.signin
from gate.approvers.inbox import peer, sessions
from gate.approvers.inbox.signin import SignIn, TrustedHeader, person_of
from gate.errors import ConfigError
from gate.people import People
from tests.approvers.inbox.site import ANN, BOB, Site, enter, served

HEADER = "X-Forwarded-Email"


def in_a_browser(site: Site, step: Callable[[Any], Coroutine[Any, Any, None]], client: tuple[str, int] = ("192.0.2.7", 4711)) -> None:
    async def run() -> None:
        async with site.browser(client) as browser:
            await step(browser)

    asyncio.run(run())


def test_the_example() -> None:
    outcome = doctest.testmod(gate.approvers.inbox.signin)
    assert outcome.attempted
    assert not outcome.failed


# Sessions


@pytest.mark.parametrize(
    ("origin", "cookie"),
    [
        ("http://localhost:8766", "gate={}; HttpOnly; Path=/; SameSite=strict"),
        ("https://localhost", "__Host-gate={}; HttpOnly; Path=/; SameSite=strict; Secure"),
    ],
)
def test_the_cookie(tmp_path: Path, origin: str, cookie: str) -> None:
    site = Site(tmp_path, origin=origin)

    async def run(browser: Any) -> None:
        said = (await enter(site, browser)).headers.get_list("set-cookie")
        token = said[0].partition("=")[2].partition(";")[0]
        assert len(token) == 43
        assert said == [cookie.format(token)]
        assert token not in repr(vars(site.sessions))  # only its digest is kept
        assert (await browser.get("/")).text == "ann by link"

    in_a_browser(site, run)


def test_an_hour_unused_ends_it(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run(browser: Any) -> None:
        await enter(site, browser)
        for _ in range(3):
            site.clock.now += sessions.IDLE - 1
            assert (await browser.get("/")).status_code == 200
        for _ in range(4):  # a page that only listens does not keep it alive
            site.clock.now += sessions.IDLE / 4
            assert (await browser.get("/events", headers={"sec-fetch-mode": "cors"})).status_code == 200
        site.clock.now += 1
        assert (await browser.get("/")).status_code == 401

    in_a_browser(site, run)


def test_twelve_hours_end_it(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run(browser: Any) -> None:
        await enter(site, browser)
        for _ in range(24):
            site.clock.now += 1800
            assert (await browser.get("/")).status_code == 200
        site.clock.now += 1
        assert (await browser.get("/")).status_code == 401

    in_a_browser(site, run)


def test_signing_out_ends_it_everywhere(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run(browser: Any) -> None:
        await enter(site, browser)
        stolen = dict(browser.cookies)
        assert (await browser.get("/logout")).status_code == 405
        assert (await browser.post("/logout", headers={"sec-fetch-site": "cross-site"})).status_code == 403
        assert (await browser.get("/")).status_code == 200
        assert (await browser.post("/logout")).status_code == 303
        assert not browser.cookies
        browser.cookies.update(stolen)
        assert (await browser.get("/")).status_code == 401

    in_a_browser(site, run)


def test_signing_in_again_makes_another_and_ends_the_first(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run(browser: Any) -> None:
        browser.cookies.set("gate", "A" * 43)  # planted by somebody who waits for it to become a session
        first = (await enter(site, browser)).cookies["gate"]
        assert first != "A" * 43
        browser.cookies.clear()
        second = (await enter(site, browser, "bob", cookie=f"gate={first}")).cookies["gate"]
        assert second not in {first, "A" * 43}
        assert (await browser.get("/")).text == "bob by link"
        browser.cookies.clear()
        for known in (first, "A" * 43):
            assert (await browser.get("/", headers={"cookie": f"gate={known}"})).status_code == 401

    in_a_browser(site, run)


def test_a_second_cookie_of_the_name_is_none(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run(browser: Any) -> None:
        await enter(site, browser)
        token = browser.cookies["gate"]
        browser.cookies.clear()
        assert (await browser.get("/", headers={"cookie": f"other=1; gate={token}"})).status_code == 200
        for said in (f"gate={token}; gate={'A' * 43}", f"gate={'A' * 43}; gate={token}", f"gate={token}x", f'gate="{token}"', "gate=", "gate"):
            assert (await browser.get("/", headers={"cookie": said})).status_code == 401

    in_a_browser(site, run)


def test_who_is_taken_out_of_the_file_is_out(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run(browser: Any) -> None:
        await enter(site, browser)
        site.people = People([BOB])
        assert (await browser.get("/")).status_code == 403
        site.people = People([ANN, BOB])
        assert site.sessions.end_all("ann") == 1
        assert (await browser.get("/")).status_code == 401

    in_a_browser(site, run)


def test_there_is_an_end_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST", 3)
    site = Site(tmp_path)

    async def run() -> None:
        browsers = []
        for _ in range(4):
            async with site.browser() as browser:
                await enter(site, browser)
                site.clock.now += 1
                browsers.append(dict(browser.cookies))
        async with site.browser() as browser:
            seen = [(await browser.get("/", headers={"cookie": f"gate={one['gate']}"})).status_code for one in browsers]
        assert seen == [401, 200, 200, 200]

    asyncio.run(run())


def test_a_link_from_a_chat_asks_once_more_by_itself(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run(browser: Any) -> None:
        page = await browser.get("/questions/q1", headers={"sec-fetch-site": "cross-site"})
        assert page.status_code == 200
        assert 'content="0;url=/questions/q1"' in page.text
        page = await browser.get("/questions/q1", headers={"sec-fetch-site": "same-origin"})
        assert page.status_code == 401
        assert "http-equiv" not in page.text

    in_a_browser(site, run)


# The same browser sends its cookie to every port of this machine


AGENT = r"""
    exec 3<>/dev/tcp/$1/$2
    printf 'GET / HTTP/1.1\r\nHost: localhost:%s\r\nCookie: gate=%s\r\nX-Forwarded-Email: ann@example.com\r\n\r\n' $2 $3 >&3
    read -r -u 3 version status words
    echo $status
"""


def as_another_user(host: str, port: int, cookie: str = "") -> str:
    if os.geteuid() or not shutil.which("setpriv") or not shutil.which("bash") or not sys.platform.startswith("linux"):
        pytest.skip("only root can become somebody else here, and only Linux says whose a socket is")
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c", textwrap.dedent(AGENT), "agent"]
    return subprocess.run([*command, host, str(port), cookie], capture_output=True, text=True, check=True, cwd="/").stdout.strip()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_cookie_that_another_users_server_was_sent_opens_nothing(tmp_path: Path, host: str) -> None:
    site = Site(tmp_path)
    with served(site.app, host) as port:
        base = f"http://{'[::1]' if ':' in host else host}:{port}"
        with httpx.Client(base_url=base, headers={"host": f"localhost:{port}"}) as browser:
            browser.post("/login", data={"token": site.links.make("ann")})
            cookie = browser.cookies["gate"]
            assert browser.get("/").status_code == 200
            assert as_another_user(host, port, cookie) == "401"
            assert browser.get("/").status_code == 200


def test_a_session_of_this_machine_is_none_elsewhere(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux says whose a socket is")
    site = Site(tmp_path)
    with served(site.app) as port, httpx.Client(base_url=f"http://localhost:{port}") as browser:
        browser.post("/login", data={"token": site.links.make("ann")})
        cookie = browser.cookies["gate"]

    async def run(elsewhere: Any) -> None:
        assert (await elsewhere.get("/", headers={"cookie": f"gate={cookie}"})).status_code == 401

    in_a_browser(site, run)


@pytest.mark.parametrize(("bound", "there"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "::1"), ("::", "127.0.0.1")])
def test_a_socket_that_was_closed_is_nobodys(bound: str, there: str) -> None:
    """The kernel shows a closed socket as root's."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux says whose a socket is")
    six = ":" in bound
    with socket.create_server((bound, 0), family=socket.AF_INET6 if six else socket.AF_INET, dualstack_ipv6=six) as server:
        client = socket.create_connection((there, server.getsockname()[1]))
        theirs, came = server.accept()
        scope = {"type": "http", "client": came[:2], "server": theirs.getsockname()[:2], "headers": []}
        with theirs:
            assert peer.owner(Request(scope)) == os.geteuid()
            client.close()
            assert peer.owner(Request(scope)) is None


# A header that a proxy says


def behind_a_proxy(tmp_path: Path, *networks: str, users: tuple[int, ...] = ()) -> Site:
    return Site(tmp_path, header=TrustedHeader.of(HEADER, networks or ["192.0.2.0/24"], users))


def test_what_the_proxy_says(tmp_path: Path) -> None:
    site = behind_a_proxy(tmp_path)

    async def run(proxy: Any) -> None:
        assert (await proxy.get("/", headers={HEADER: "Ann@example.com"})).text == "ann by header"
        unknown = await proxy.get("/", headers={HEADER: "eve@example.com"})
        assert unknown.status_code == 403
        assert "logins = [&#34;eve@example.com&#34;]" in unknown.text
        assert (await proxy.get("/login/x")).status_code == 404  # there is no other way in

    in_a_browser(site, run)


@pytest.mark.parametrize("client", ["198.51.100.1", "192.0.3.1", "::ffff:198.51.100.1", "127.0.0.1", "::1", "testclient", ""])
def test_what_anybody_else_says(tmp_path: Path, client: str) -> None:
    site = behind_a_proxy(tmp_path)

    async def run(direct: Any) -> None:
        for headers in ({HEADER: "ann@example.com"}, {HEADER: "ann@example.com", "x-forwarded-for": "192.0.2.1"}, {}):
            assert (await direct.get("/", headers=headers)).status_code == 403

    in_a_browser(site, run, (client, 4711))


def test_an_address_written_in_the_other_family_is_the_same(tmp_path: Path) -> None:
    async def run(proxy: Any) -> None:
        assert (await proxy.get("/", headers={HEADER: "ann@example.com"})).status_code == 200

    in_a_browser(behind_a_proxy(tmp_path), run, ("::ffff:192.0.2.9", 4711))


@pytest.mark.parametrize(
    "said",
    [
        [],
        [""],
        ["ann@example.com", "ann@example.com"],
        ["eve@example.com", "ann@example.com"],
        ["eve@example.com, ann@example.com"],
        ["ann@example.com,"],
        ["ann@example.com bob@example.com"],
        ['"ann@example.com"'],
        ["ann@example.com\x00"],
        ["ann@example.com\x85"],
        ["x" * 400],
    ],
    ids=repr,
)
def test_one_login_said_once(tmp_path: Path, said: list[str]) -> None:
    async def run(proxy: Any) -> None:
        reply = await proxy.get("/", headers=[(HEADER.encode(), one.encode("latin-1")) for one in said])
        assert reply.status_code in {401, 403}
        assert "ann by" not in reply.text

    in_a_browser(behind_a_proxy(tmp_path), run)


def test_loopback_is_trusted_for_listed_users_only(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux says whose a socket is")
    site = behind_a_proxy(tmp_path, "127.0.0.1/32")
    with served(site.app) as port:
        mine = httpx.get(f"http://127.0.0.1:{port}/", headers={HEADER: "ann@example.com"})
        assert mine.text == "ann by header"
        assert as_another_user("127.0.0.1", port) == "403"
    site = behind_a_proxy(tmp_path, "127.0.0.1/32", users=(65534,))
    with served(site.app) as port:
        assert httpx.get(f"http://127.0.0.1:{port}/", headers={HEADER: "ann@example.com"}).status_code == 403
        assert as_another_user("127.0.0.1", port) == "200"


def test_nobody_says_where_they_come_from(tmp_path: Path) -> None:
    """Through the real server: what a client says of its address is not its address."""
    site = behind_a_proxy(tmp_path)
    with served(site.app) as port:
        for name in ("x-forwarded-for", "x-real-ip", "forwarded", "x-forwarded-host"):
            headers = {HEADER: "ann@example.com", name: "for=192.0.2.1" if name == "forwarded" else "192.0.2.1"}
            assert httpx.get(f"http://127.0.0.1:{port}/", headers=headers).status_code == 403


def test_a_session_is_no_way_around_the_proxy(tmp_path: Path) -> None:
    site = behind_a_proxy(tmp_path)

    async def run(direct: Any) -> None:
        from starlette.responses import PlainTextResponse

        response = PlainTextResponse("")
        site.sessions.begin(Request({"type": "http", "headers": []}), response, name="ann", how="link", since=0)
        assert (await direct.get("/", headers={"cookie": response.headers["set-cookie"].partition(";")[0]})).status_code == 403

    in_a_browser(site, run, ("198.51.100.1", 1))


@pytest.mark.parametrize(
    ("name", "networks"),
    [("X-A b", ["192.0.2.1"]), ("", ["192.0.2.1"]), ("Host", ["192.0.2.1"]), ("Cookie", ["192.0.2.1"])]
    + [(HEADER, networks) for networks in ([], ["0.0.0.0/0"], ["::/0"], ["192.0.2.1/24"], ["proxy"], [""], ["192.0.2.1", "0.0.0.0/0"])],
)
def test_headers_and_networks_that_are_refused(name: str, networks: list[str]) -> None:
    with pytest.raises(ConfigError):
        TrustedHeader.of(name, networks)


def test_a_user_who_is_not_there() -> None:
    assert TrustedHeader.of(HEADER, ["192.0.2.1"], ["root", 7]).users == {0, 7}
    with pytest.raises(ConfigError, match="no user"):
        TrustedHeader.of(HEADER, ["192.0.2.1"], ["nobody-of-this-name"])


def test_never_a_header_and_another_way(tmp_path: Path) -> None:
    site = Site(tmp_path)
    header = TrustedHeader.of(HEADER, ["192.0.2.1"])
    for more in ({"links": site.links}, {"provider": "Example"}):
        with pytest.raises(ConfigError, match="any other way"):
            SignIn(lambda: site.people, site.clock, sessions=site.sessions, header=header, **more)


# Logins that look alike


@pytest.mark.parametrize(
    ("login", "name"),
    [
        ("ann@example.com", "ann"),
        ("ANN@EXAMPLE.COM", "ann"),
        ("stra\u00dfe@example.com", "bob"),
        ("strasse@example.com", ""),
        ("STRASSE@example.com", ""),
        ("stra\u1e9ee@example.com", ""),
        ("\uff41nn@example.com", ""),
        ("ann@example.com ", ""),
        ("ann@example.com\n", ""),
        ("ann", ""),
        ("", ""),
    ],
)
def test_whose_login(login: str, name: str) -> None:
    person = person_of(People([ANN, BOB]), login)
    assert (person.name if person else "") == name


def test_an_identifier_of_a_provider_counts_to_the_letter() -> None:
    people = People([ANN, BOB])
    assert person_of(people, "sub-ann", exact=True) == ANN
    assert person_of(people, "SUB-ANN", exact=True) is None
