"""The secrets kind: names and never values, bound to where they may go, and taken out of what comes back."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities import secrets
from gate import Denied, Gate
from gate.constraint import Exact, Wildcard, parse
from gate.effect import Risk

VALUES = [
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0123456789",
    "sk-proj-abcdefghijklmnop",
    "AKIAIOSFODNN7EXAMPLE",
    "xoxb-123456789012-abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
    "-----BEGIN PRIVATE KEY-----",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "glpat-abcdefghij0123456789",
    "AIzaSyA-1234567890abcdefghijklmnopqrs",
    "hf_abcdefghijklmnop1234",
    "npm_abcdefghijklmnopqrstuvwxyz",
    "deadbeefdeadbeefdeadbeef00",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_refused_where_a_name_is_meant_and_not_repeated(value: str) -> None:
    with pytest.raises(ValueError, match="not shown") as caught:
        secrets.NAME.parse(value)
    assert value not in str(caught.value) and value[4:12] not in str(caught.value)
    with pytest.raises(ValueError, match="not shown") as caught:
        secrets.TEXT.parse(f"Bearer {{secret:{value}}}")
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "A",
        "a b",
        "a--b",
        "-a",
        "a-",
        "../x",
        "a/b",
        "a\n",
        "\u0430",
        "a\u200b",
        "x" * 65,
        None,
        5,
        True,
        ["a"],
        {"a": 1},
        "x" * 10_000_000,
        "\ud800",
        "a\0",
    ],
    ids=lambda v: ascii(v)[:30],
)
def test_what_is_no_name(value: object) -> None:
    with pytest.raises(ValueError, match="...."):
        secrets.NAME.parse(value)


@pytest.mark.parametrize(
    "text",
    [
        "{secret:}",
        "{secret: x}",
        "{ secret:x}",
        "{secret:x",
        "{SECRET:x}",
        "{secret:X}",
        "{secret:a}{secret:b",
        "{secret:a/../b}",
        "{secret:{secret:a}}",
        "{secret:a\n}",
        "a\0{secret:a}",
        "\ud800",
    ],
)
def test_references_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="...."):
        secrets.TEXT.parse(text)


def test_names_and_references() -> None:
    for name in ("github-token", "a", "smtp.password", "db_2", "key1"):
        assert secrets.NAME.parse(name) == name
    assert secrets.references("{secret:a} and {secret:b} and {secret:a} and {other}") == ("a", "b")
    assert secrets.filled("{secret:a}-{secret:b}", {"a": "{secret:b}", "b": "x"}.__getitem__) == "{secret:b}-x"  # once, and no further
    assert secrets.TEXT.assess("Bearer {secret:a}").risk is Risk.MEDIUM and secrets.TEXT.assess("plain").risk is Risk.LOW


SETS = st.builds(
    secrets.SecretUse,
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2),
    st.none() | st.lists(st.sampled_from(["h.example", "*.h.example", "*.x.h.example"]), min_size=1, max_size=2),
    st.none() | st.lists(st.sampled_from(["http.request", "email.send"]), min_size=1, max_size=2),
)
SOME = [
    "a",
    "b",
    "{secret:a}",
    "{secret:a}{secret:b}",
    "text",
    "",
    None,
    5,
    *[
        {"secret": name, "host": host, "tool": tool}
        for name in "ab"
        for host in ("h.example", "x.h.example", "H.example", "evil.example", "")
        for tool in ("http.request", "")
    ],
    {"secret": "a"},
    {"secret": "a", "more": 1},
    {"host": "h.example"},
]


@given(SETS, SETS)
def test_a_constraint_that_is_subsumed_admits_nothing_more(wide: secrets.SecretUse, narrow: secrets.SecretUse) -> None:
    if wide.subsumes(narrow):
        assert all(wide.check(value) for value in SOME if narrow.check(value))  # type: ignore[arg-type]  # plain data
    assert parse(wide.to_json()) == wide


def test_the_constraint() -> None:
    bound = secrets.named("a", hosts="h.example", tools="http.request")
    assert bound.check({"secret": "a", "host": "H.example", "tool": "http.request"})
    for value in (
        "a",
        "{secret:a}",
        {"secret": "a", "host": "h.example"},
        {"secret": "a", "host": "h.example.evil.example", "tool": "http.request"},
        {"secret": "b", "host": "h.example", "tool": "http.request"},
    ):
        assert not bound.check(value)  # type: ignore[arg-type]  # plain data
        assert bound.explain(value)  # type: ignore[arg-type]  # as above
    assert (
        secrets.named("a").subsumes(Exact("a"))
        and secrets.named("a").subsumes(bound)
        and not bound.subsumes(secrets.named("a"))
        and not bound.subsumes(Wildcard())
    )
    for bad in (
        {},
        {"names": []},
        {"names": [VALUES[0]]},
        {"names": ["a"], "hosts": None},
        {"names": ["a"], "hosts": []},
        {"names": ["a"], "tools": ["p\u0430y"]},
        {"names": ["a"], "x": 1},
        {"names": "a"},
    ):
        with pytest.raises(ValueError, match="."):
            parse({"constraint_type": "secret", **bad})


def test_files_of_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    folder.mkdir(mode=0o700)
    vault = secrets.Files(folder)
    (folder / "token").write_text("s3cr3t-value\n")
    (folder / "token").chmod(0o600)
    assert vault.names() == ("token",) and vault.value("token") == "s3cr3t-value"
    (folder / "open").write_text("s3cr3t-value")
    (folder / "open").chmod(0o644)
    (folder / "link").symlink_to(folder / "token")
    os.link(folder / "token", folder / "hard")
    os.mkfifo(folder / "pipe", 0o600)
    (folder / "short").write_text("x")
    (folder / "short").chmod(0o600)
    for name, error in (
        ("open", PermissionError),
        ("link", OSError),
        ("hard", PermissionError),
        ("token", PermissionError),
        ("pipe", PermissionError),
        ("short", ValueError),
        ("none", KeyError),
        ("../token", KeyError),
    ):
        with pytest.raises(error):
            vault.value(name)
    (folder / "hard").unlink()
    folder.chmod(0o755)
    with pytest.raises(PermissionError, match="nobody else's to read"):
        vault.value("token")


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = secrets.Environment({"token": "THE_TOKEN"})
    monkeypatch.setenv("THE_TOKEN", "s3cr3t-value")
    assert vault.value("token") == "s3cr3t-value" and vault.names() == ("token",)
    monkeypatch.delenv("THE_TOKEN")
    with pytest.raises(ValueError, match="fewer than 8"):
        vault.value("token")
    with pytest.raises(KeyError):
        vault.value("PATH")


VAULT = secrets.Bound(
    secrets.Memory({"token": "s3cr3t-value", "other": "another-s3cr3t"}),
    {"token": secrets.Binding(("api.example.com", "*.example.org"), ("http.request",))},
)


def test_a_secret_goes_only_where_it_is_bound_to() -> None:
    text, scrubber = secrets.fill("Bearer {secret:token}", VAULT, host="API.example.com", tool="http.request")
    assert text == "Bearer s3cr3t-value" and scrubber.text(f"you sent {text}") == "you sent Bearer {secret:token}"
    for host, tool in (
        ("evil.example", "http.request"),
        ("api.example.com.evil.example", "http.request"),
        ("api.example.com", ""),
        ("", "http.request"),
        ("example.org", "http.request"),
    ):
        with pytest.raises(PermissionError):
            VAULT.value("token", host=host, tool=tool)
    for host in (
        "evil.example/.example.org",
        "evil.example#.example.org",
        "evil.example@x.example.org",
        "evil.example\n.example.org",
        "evil.example\0.example.org",
    ):
        with pytest.raises(PermissionError):
            VAULT.value("token", host=host, tool="http.request")
        assert not secrets.named("token", hosts="*.example.org").check({"secret": "token", "host": host})
    with pytest.raises(KeyError):
        secrets.fill("{secret:other}", VAULT, host="api.example.com", tool="http.request")
    assert "s3cr3t" not in repr(VAULT) + repr(scrubber) + repr(secrets.Memory({"a": "s3cr3t-value"}))


@given(st.text(min_size=8, max_size=40), st.text(max_size=9), st.text(max_size=9))
def test_no_usual_form_of_a_value_gets_through(value: str, before: str, after: str) -> None:
    try:
        value.encode(), before.encode(), after.encode()
    except UnicodeEncodeError:
        return
    scrubber = secrets.Scrubber({"token": value})
    whole = before + value + after
    for form in (whole, quote(whole, safe=""), json.dumps(whole), whole.encode().hex()):
        left = scrubber.text(form)
        assert value not in left or value in "{secret:token}"
    coded = scrubber.text(base64.b64encode(whole.encode()).decode())
    assert "{secret:token}" in coded
    found = scrubber.data({"a": [whole, {"b": whole}], "n": 1})
    assert "{secret:token}" in json.dumps(found)


def test_behind_a_gate(gate: Gate) -> None:
    describe = gate.wrap(secrets.tool(VAULT))
    with gate.acting(gate.grant("a", tools={"secrets.describe": {"name": secrets.named("token", "missing")}})):
        assert describe("token") == {
            "exists": True,
            "hosts": ["api.example.com", "*.example.org"],
            "tools": ["http.request"],
            "write": "{secret:token}",
        }
        assert describe("missing")["exists"] is False
        for bad in ("other", VALUES[0], "../token"):
            with pytest.raises(Denied) as caught:
                describe(bad)
            assert VALUES[0] not in str(caught.value)
