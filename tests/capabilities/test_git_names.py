"""Names of refs, revisions, files and remotes that the git kind takes and refuses, and its two constraints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities import git
from capabilities._git.names import paths, ref, revision
from capabilities._git.remote import remote
from gate.constraint import Exact, OneOf, Wildcard, parse


@pytest.mark.parametrize(
    "value",
    [
        "ext::sh -c id",
        "file:///srv/x.git",
        "/srv/x.git",
        "../x.git",
        "git://h.example/x",
        "http://h.example/x",
        "-oProxyCommand=x",
        "ssh://-oProxyCommand=x/y",
        "git@-oProxyCommand=x:y",
        "ssh://git@h.example/-x",
        "ssh://git@h.example/../x",
        "git@h.example:../x",
        "ssh://git@h.example/x y",
        "https://u:p@h.example/x",
        "https://u@h.example/x",
        "https://h.example/x?service=y",
        "https://h.example/x#y",
        "origin",
        "ftp://h.example/x",
        "ssh://git@h.example",
        "https://h.example",
        "https://h.example/",
        "git@h.example:",
        "ssh://git@a@b.example/x",
        "fd::17",
        "transport::https://h.example/x",
        "https::/h.example/x",
        "https://h.example\\@evil.example/x",
        "ssh://git@0x7f.1/x",
        "ssh://GIT@h.example/x",
        "https://h.example/a%2fb",
        "git@h.example:x\n",
        "",
        None,
        5,
        ["https://h.example/x"],
        "x" * 10_000_000,
    ],
    ids=lambda value: str(value)[:40],
)
def test_remotes_that_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="."):
        remote(value)


def test_remotes_have_one_form() -> None:
    assert remote("git@GitHub.com:acme/app") == remote("ssh://git@github.com/acme/app") == "ssh://git@github.com/acme/app"
    assert remote("https://github.com:443/acme/app.git") == "https://github.com/acme/app.git"
    assert remote("ssh://git@h.example:2222/x") == "ssh://git@h.example:2222/x" == remote(remote("ssh://git@h.example:2222/x"))
    assert remote("ssh://h.example/x") == "ssh://h.example/x"


@pytest.mark.parametrize(
    "value",
    [
        "--force",
        "-x",
        "+main",
        ":main",
        "a:b",
        "a..b",
        "a b",
        "a~1",
        "a^",
        "a?",
        "a*",
        "a[",
        "a\\b",
        "a//b",
        "/a",
        "a/",
        ".a",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "@",
        "a@{0}",
        "HEAD",
        "a.",
        "refs/remotes/x/y",
        "refs/heads/",
        "refs/heads/refs/heads/x",
        "refs/notes/x",
        "0" * 40,
        "m\u0430in",
        "main\n",
        "main\u200b",
        "",
        None,
        5,
        "x" * 201,
    ],
    ids=ascii,
)
def test_names_that_are_no_branch(value: object) -> None:
    with pytest.raises(ValueError, match="."):
        ref(value)


@pytest.mark.parametrize(
    "value",
    [
        "--output=x",
        "-x",
        "HEAD:a.txt",
        ":/fix",
        "a b",
        "@{u}",
        "HEAD@{1}",
        "a..b..c",
        "^main",
        "main^{/x}",
        "main^{tree}",
        "a...b...c",
        "",
        None,
        "..",
        "x\0",
    ],
)
def test_revisions_that_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="."):
        revision(value)


@pytest.mark.parametrize("value", ["HEAD", "main", "HEAD~2", "main..HEAD", "a...b", "v1.2^", "agent/x~3^2", "0" * 40, "refs/heads/main"])
def test_revisions(value: str) -> None:
    assert revision(value) == value


def test_paths_are_inside_and_not_gits_own() -> None:
    assert paths(["a//b/./c", ".", ":(glob)**", "-x"]) == ["a/b/c", ".", ":(glob)**", "-x"]  # literal to git, by its option
    for bad in (["../a"], ["/a"], [".git/config"], ["a/.GIT/x"], ["~x"], ["a\n"], [""], "a", None, [5], ["x"] * 1001):
        with pytest.raises(ValueError, match="."):
            paths(bad)


REFS = st.lists(st.sampled_from(["main", "agent/*", "agent/x", "agent/x/*", "refs/tags/*", "refs/tags/v1", "a/*"]), min_size=1, max_size=3).map(
    git.Refs
)
SOME = [
    "refs/heads/main",
    "refs/heads/agent/x",
    "refs/heads/agent/x/y",
    "refs/heads/agent",
    "refs/tags/v1",
    "refs/heads/a/b",
    "refs/heads/ab",
    "agent/x",
    "--x",
    None,
    5,
    ("main",),
]
URLS = ["https://h.example/*", "https://h.example/a/*", "https://h.example/a/b", "git@h.example:a/b", "ssh://git@h.example/a/*"]
REMOTES = st.lists(st.sampled_from(URLS), min_size=1, max_size=3).map(git.Remotes)
PLACES = [
    "https://h.example/a",
    "https://h.example/a/b",
    "https://h.example/ab",
    "ssh://git@h.example/a/b",
    "ssh://h.example/a/b",
    "https://h.example.evil.example/a/b",
    None,
]


@given(REFS, REFS)
def test_refs_that_are_subsumed_admit_nothing_more(wide: git.Refs, narrow: git.Refs) -> None:
    if wide.subsumes(narrow):
        assert all(wide.check(value) for value in SOME if narrow.check(value))
    assert parse(wide.to_json()) == wide


@given(REMOTES, REMOTES)
def test_remotes_that_are_subsumed_admit_nothing_more(wide: git.Remotes, narrow: git.Remotes) -> None:
    if wide.subsumes(narrow):
        assert all(wide.check(value) for value in PLACES if narrow.check(value))
    assert parse(wide.to_json()) == wide


def test_the_constraints() -> None:
    some = git.refs("agent/*", "main")
    assert [value for value in SOME if some.check(value)] == ["refs/heads/main", "refs/heads/agent/x", "refs/heads/agent/x/y", "agent/x"]
    assert some.subsumes(OneOf(["main", "agent/z"])) and not some.subsumes(Wildcard()) and not some.subsumes(Exact("dev"))
    assert not some.subsumes(git.remotes("https://h.example/*"))
    assert "is not" in some.explain("dev") and "no name of a branch" in some.explain("--x")
    for bad in ({}, {"refs": []}, {"refs": "main"}, {"refs": ["*"]}, {"refs": ["a*"]}, {"refs": ["main"], "more": 1}, {"refs": [5]}):
        with pytest.raises(ValueError, match="."):
            parse({"constraint_type": "git_ref", **bad})
