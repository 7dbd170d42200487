"""`gate inbox`: the page in a process of its own, signed in to by the link that it prints."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gate import Gate
from gate.commands.inbox import whose
from gate.errors import ConfigError
from gate.people import People, Person
from tests.approvers.inbox.kit import ask, wrap
from tests.commands.kit import environment, run

pytest.importorskip("uvicorn")
RUN = [sys.executable, "-m", "gate", "inbox"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Gate]:
    (tmp_path / "home").mkdir()
    made = Gate(tmp_path / "home" / ".gate")
    assert made.home.origin  # it is there
    wrap(made)
    yield made
    made.close()


@contextmanager
def running(gate: Gate, *options: str) -> Iterator[tuple[str, str]]:
    """The inbox in a process of its own; its origin, and the link that signs in."""
    argv = [*RUN, "--home", str(gate.home.path), "--port", "0", *options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None and process.stderr is not None
        said = process.stdout.readline()
        origin = re.search(r"at (\S+)", said)
        assert origin, said + process.stderr.read()
        found = re.search(r"(http\S+/login/\S+)", process.stdout.readline() if "--trust-header" not in options else "")
        try:
            yield origin[1], found[1] if found else ""
        finally:
            process.terminate()
            assert process.wait(20) is not None
            assert "Traceback" not in process.stderr.read()


def test_from_the_command_to_a_yes(home: Gate) -> None:
    """The agent's process asks, the person's browser signs in and answers, the agent's process sees it."""
    asked = ask(home, "note", {"text": "hello"})
    same = {"sec-fetch-site": "same-origin"}
    with running(home) as (origin, link), httpx.Client(base_url=origin, headers=same) as browser:
        assert origin.startswith("http://localhost:") and browser.get("/").status_code == 401
        page = browser.get(link)
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token and "set-cookie" not in page.headers
        signed = browser.post("/login", data={"token": token[1]})
        assert "HttpOnly" in signed.headers["set-cookie"] and "SameSite=strict" in signed.headers["set-cookie"]
        assert browser.post("/login", data={"token": token[1]}).status_code == 410
        assert asked.id in browser.get("/").text
        seal = re.search(r'name="seal" value="([^"]+)" form="approve"', browser.get(f"/questions/{asked.id}").text)
        assert seal
        assert browser.post(f"/questions/{asked.id}/approve", data={"seal": seal[1]}).status_code == 303
        assert "server" not in browser.get("/").headers
    case = home.home.desk.case(asked.id)
    assert case is not None and case.state == "approved" and case.approved_by == ("owner",)


def test_a_channel_whose_secret_is_missing_is_said_at_the_start(home: Gate) -> None:
    from gate.commands.inbox import untold
    from gate.peoplefile import load

    file = b"""
        [[person]]
        name = "ann"
        notify = ["webhook:pager"]
        [[webhook]]
        name = "pager"
        url = "https://pager.example.com/"
        secret = "env:GATE_NO_SUCH"
    """
    assert untold(load(file)) == ["nobody is told through webhook 'pager': there is no secret in env:GATE_NO_SUCH"]


def test_a_link_for_somebody(home: Gate, tmp_path: Path) -> None:
    made = run("inbox", "link", "--home", str(home.home.path), "--url", "https://gate.example.com/")
    assert made.code == 0 and made.out.startswith("https://gate.example.com/login/")
    assert whose(People.EMPTY, "") == "owner"
    people = People([Person("ann", logins=("root", "ann@example.com"))])
    assert whose(people, "ann@example.com") == "ann"
    with pytest.raises(ConfigError, match="approvers.toml"):
        whose(people, "eve")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--host", "0.0.0.0"], "others reach it too"),
        (["--url", "http://gate.example.com"], "read on the way"),
        (["--url", "https://gate.example.com/path"], "no address such as"),
        (["--url", "gate.example.com"], "no address such as"),
        (["--host", "192.0.2.1"], "others reach it too"),
        (["--trust-header", "X-Forwarded-Email"], "--from"),
        (["--oidc-issuer", "http://login.example.com", "--oidc-client", "x"], "https"),
    ],
)
def test_what_would_travel_in_the_clear_does_not_start(home: Gate, options: list[str], why: str) -> None:
    done = run("inbox", "--home", str(home.home.path), "--port", "0", *options)
    assert done.code == 2 and why in done.err


def test_no_gate_and_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("inbox", "--home", str(tmp_path / ".gate"))
    assert done.code == 2 and "there is no gate" in done.err
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jinja2" else found(name))
    done = run("inbox", "--home", str(tmp_path / ".gate"))
    assert done.code == 2 and "the page needs jinja2; install it with: pip install 'capgate[inbox]'" in done.err


def test_the_port_is_taken(home: Gate) -> None:
    with running(home) as (origin, _):
        done = run("inbox", "--home", str(home.home.path), "--port", origin.rpartition(":")[2])
        assert done.code == 2 and "--port" in done.err


def test_behind_a_proxy_there_is_no_link(home: Gate) -> None:
    with running(home, "--trust-header", "X-Forwarded-Email", "--from", "127.0.0.1/32", "--url", "https://gate.example.com") as (origin, link):
        assert (origin, link) == ("https://gate.example.com", "")


def test_the_command_needs_no_page_to_be_listed(tmp_path: Path) -> None:
    """Without the extra the command line still says what the command does."""
    hidden = "import sys; sys.modules.update(dict.fromkeys(['starlette', 'jinja2', 'uvicorn', 'markupsafe']))"
    argv = [sys.executable, "-c", f"{hidden}; from gate.cli import cli; cli.main(['inbox', '--help'])"]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(), timeout=60, check=False)
    assert done.returncode == 0 and "Open the page where people answer" in done.stdout, done.stderr
