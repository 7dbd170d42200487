"""The one-time link: it signs one person in, once, within its time, and only when somebody presses the button."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")

from gate.approvers.inbox.login import Links
from gate.errors import KeyFileError
from gate.people import People
from tests.approvers.inbox.site import Clock, Site, button, enter, press


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def in_a_browser(site: Site, *steps: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        for step in steps:
            async with site.browser() as browser:
                await step(browser)

    asyncio.run(run())


def test_signs_in_once(site: Site) -> None:
    link = f"/login/{site.links.make('ann')}"

    async def ann(browser: Any) -> None:
        assert (await browser.get("/")).status_code == 401
        page = await browser.get(link)
        assert "Sign in as ann" in page.text
        done = await press(browser, page)
        assert done.status_code == 200
        assert 'content="0;url=/"' in done.text
        assert (await browser.get("/")).text == "ann by link"

    async def another(browser: Any) -> None:
        for reply in (await browser.get(link), await browser.post("/login", data={"token": link.removeprefix("/login/")})):
            assert reply.status_code == 410
            assert "set-cookie" not in reply.headers
        assert (await browser.get("/")).status_code == 401

    in_a_browser(site, ann, another)


def test_a_preview_does_not_use_it_up(site: Site) -> None:
    link = f"/login/{site.links.make('ann')}"

    async def preview(bot: Any) -> None:
        for _ in range(3):
            assert (await bot.get(link, headers={"user-agent": "Slackbot-LinkExpanding 1.0"})).status_code == 200
            assert (await bot.head(link)).status_code == 200
            assert not bot.cookies
            assert (await bot.get("/login")).status_code == 405

    async def ann(browser: Any) -> None:
        assert (await press(browser, await browser.get(link))).status_code == 200

    in_a_browser(site, preview, ann)


def test_ten_minutes(site: Site) -> None:
    link = f"/login/{site.links.make('ann')}"

    async def late(browser: Any) -> None:
        page = await browser.get(link)
        assert page.status_code == 200
        site.clock.now += 600
        assert (await press(browser, page)).status_code == 410
        assert (await browser.get(link)).status_code == 410

    in_a_browser(site, late)


def test_another_site_cannot_press_the_button(site: Site) -> None:
    async def evil(browser: Any) -> None:
        page = await browser.get(f"/login/{site.links.make('ann')}")
        for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://localhost:3000", "sec-fetch-site": ""}):
            assert (await press(browser, page, **headers)).status_code == 403
        assert (await press(browser, page)).status_code == 200

    in_a_browser(site, evil)


def test_by_eight_at_once_one_gets_in(tmp_path: Path) -> None:
    clock = Clock()
    token, ready, got = Links(tmp_path, clock).make("ann"), threading.Barrier(8), []

    def use() -> None:
        links = Links(tmp_path, clock)
        ready.wait()
        got.append(links.use(token))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [link.name for link in got if link] == ["ann"]


def test_what_is_kept_signs_nobody_in(site: Site, tmp_path: Path) -> None:
    token = site.links.make("ann")
    [file] = (tmp_path / "links").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert token not in file.name + file.read_text()
    for guess in (file.stem, file.name, token[:-1], token + "A", "", "../" + file.stem, token.lower() + "\n"):
        assert site.links.use(guess) is None
    assert site.links.use(token)
    assert not list(file.parent.iterdir())


def test_for_one_purpose(site: Site) -> None:
    login, passkey = site.links.make("ann"), site.links.make("ann", purpose="passkey")
    assert site.links.use(login, "passkey") is None
    assert site.links.use(passkey) is None
    assert site.links.use(passkey, "passkey")
    assert site.links.use(login)


def test_old_ones_are_cleared_away(site: Site, tmp_path: Path) -> None:
    for _ in range(5):
        site.links.make("ann")
    site.clock.now += 700
    site.links.make("ann")
    assert len(list((tmp_path / "links").iterdir())) == 1


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"for": "login", "name": "ann", "until": "never"}', '{"for": "login", "name": "ann", "until": null}']
)
def test_a_file_that_is_wrong_is_no_link(site: Site, tmp_path: Path, content: str) -> None:
    token = site.links.make("ann")
    [file] = (tmp_path / "links").iterdir()
    file.write_text(content)
    assert site.links.look(token) is None
    assert site.links.use(token) is None


def test_a_folder_that_others_can_write_is_refused(site: Site, tmp_path: Path) -> None:
    token = site.links.make("ann")
    (tmp_path / "links").chmod(0o777)
    with pytest.raises(KeyFileError, match="written by others"):
        site.links.use(token)


@pytest.mark.parametrize("name", ["", "../ann", "a b", "ann\n"])
def test_names_are_no_paths(site: Site, name: str) -> None:
    with pytest.raises(KeyFileError, match="no name"):
        site.links.make(name)


def test_for_somebody_who_is_no_approver(site: Site) -> None:
    async def eve(browser: Any) -> None:
        refused = await enter(site, browser, "eve")
        assert refused.status_code == 403
        assert "approvers.toml" in refused.text
        assert not browser.cookies

    async def where_nobody_is_named(browser: Any) -> None:
        site.people = People.EMPTY
        await enter(site, browser, "owner")
        assert (await browser.get("/")).text == "owner by link"

    in_a_browser(site, eve, where_nobody_is_named)


def test_forms_that_are_no_forms(site: Site) -> None:
    async def run(browser: Any) -> None:
        token = site.links.make("ann")
        for body in (b"token=%s&token=%s", b'{"token": "%s%s"}', b"\xfftoken=%s%s"):
            reply = await browser.post(
                "/login", content=body % (token.encode(), token.encode()), headers={"content-type": "application/x-www-form-urlencoded"}
            )
            assert reply.status_code == 410
        assert (await browser.post("/login", files={"token": token})).status_code == 410
        action, data = button(await browser.get(f"/login/{token}"))
        assert (action, data) == ("/login", {"token": token})

    in_a_browser(site, run)


def test_a_name_is_text_in_the_page(site: Site, tmp_path: Path) -> None:
    token = site.links.make("ann")
    [file] = (tmp_path / "links").iterdir()
    file.write_text(file.read_text().replace('"ann"', '"<b>\u202e"'))

    async def run(browser: Any) -> None:
        page = await browser.get(f"/login/{token}")
        assert "<b>" not in page.text
        assert "\u202e" not in page.text

    in_a_browser(site, run)


def test_another_user_of_the_machine_cannot_read_or_make_one() -> None:
    """The agent, where it runs as a user of its own, through its shell."""
    if os.geteuid() or shutil.which("setpriv") is None:
        pytest.skip("only root can become somebody else here")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # so that it is not this folder which keeps them out
        token = Links(home, Clock()).make("ann")
        shell = f"ls {home} && ! ls {home}/links && ! cat {home}/links/* && ! touch {home}/links/x && echo kept out"
        agent = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", shell]
        tried = subprocess.run(agent, capture_output=True, text=True, check=False)
        assert tried.stdout == "links\nkept out\n"
        assert Links(home, Clock()).use(token)
