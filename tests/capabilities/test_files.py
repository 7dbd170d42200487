"""files: paths as values, the constraint, and tools that cannot be led out of their folder."""

# ruff: noqa: PTH101, PTH116, PTH208  # what the tools do by descriptors is looked at the same way
from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capabilities import files
from capabilities._files import beneath, folder
from capabilities._files.constraint import SubPath
from capabilities._paths.links import resolve
from capabilities._paths.text import normal
from gate.constraint import AllOf, AnyOf, Exact, Wildcard, parse
from gate.effect import Risk
from gate.kind import Kind
from tests.attacks.verdict import furnish


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    """A furnished workspace and a folder outside it."""
    return furnish(tmp_path)


@pytest.fixture
def tools(places: tuple[str, str]) -> dict[str, Callable[..., Any]]:
    """The tools for the workspace."""
    return files.tools(places[0], largest=1000)


# --- the value


@pytest.mark.parametrize(
    ("text", "made"),
    [("a", "/w/a"), ("./a//b/", "/w/a/b"), ("/x/./y", "/x/y"), (".", "/w"), ("//etc//passwd", "/etc/passwd"), ("a~b", "/w/a~b")],
)
def test_a_path_has_one_normal_form(text: str, made: str) -> None:
    assert files.Path("reads", "/w").parse(text) == made
    assert normal("/", made) == made


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_normalised_once_or_refused(text: str) -> None:
    try:
        made = normal("/w", text)
    except ValueError as error:
        assert str(error)
    else:
        assert normal("/elsewhere", made) == made
        assert made.startswith("/") and ".." not in made.split("/")


def test_the_kind_says_where_a_path_leads(places: tuple[str, str]) -> None:
    reading, writing, deleting = (files.Path(verb, places[0]) for verb in ("reads", "writes", "deletes"))
    inside = f"{places[0]}/notes.md"
    assert isinstance(reading, Kind)
    assert [kind.assess(inside).risk for kind in (reading, writing, deleting)] == [Risk.LOW, Risk.MEDIUM, Risk.HIGH]
    assert reading.assess(f"{places[0]}/link-out/secret").risk == Risk.MEDIUM
    assert "a link to" in reading.assess(f"{places[0]}/link-out/secret").reasons[0]
    assert reading.assess("/etc/shadow").risk == writing.assess("/etc/hosts").risk == Risk.HIGH
    assert reading.assess(f"{places[0]}/link-loop").risk == Risk.HIGH
    assert reading.assess(inside).pure_read and "irreversible" in deleting.assess(inside).effects


# --- the constraint

NAMES = st.sampled_from(
    ["", "/sub", "/sub/deep", "/link-out", "/link-out/x", "/notes.md", "/link-inside", "/nested/link-up", "/new/x", "/link-chain"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_root_that_is_subsumed_admits_nothing_more(data: st.DataObject, places: tuple[str, str]) -> None:
    roots = st.lists(NAMES.map(lambda name: places[0] + name) | st.sampled_from(["/", places[1], "/etc"]), min_size=1, max_size=3)
    wide, narrow = SubPath(data.draw(roots)), SubPath(data.draw(roots))
    values = [
        place + name
        for place in places
        for name in ("", "/sub", "/sub/deep/a", "/link-out/secret", "/secret", "/notes.md", "/link-inside", "/nested/link-up/secret")
    ]
    if wide.subsumes(narrow):
        assert all(wide.check(value) for value in values if narrow.check(value))
    assert parse(wide.to_json()) == wide and wide.subsumes(wide)


def test_what_subsumes_what(places: tuple[str, str]) -> None:
    root = SubPath(["/data", "/srv"])
    assert root.subsumes(SubPath(["/data/a"])) and root.subsumes(SubPath(["/srv", "/data"]))
    assert not root.subsumes(SubPath(["/data2"])) and not root.subsumes(SubPath(["/"])) and not root.subsumes(SubPath(["/data", "/etc"]))
    assert not root.subsumes(Exact("/data/a"))  # it would not look at links again
    assert root.subsumes(AllOf([SubPath(["/data/a"]), Exact("/data/a/b")]))
    assert not root.subsumes(AnyOf([SubPath(["/data"]), Exact("/data")]))
    assert not root.subsumes(Wildcard()) and SubPath(["/"]).subsumes(root)


def test_below_follows_links_of_the_root_when_it_is_granted(places: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places[0])
    assert files.below("sub").roots == (f"{places[0]}/sub",)
    assert files.below("link-out").roots == (places[1],)
    taken_from_the_wire = SubPath([f"{places[0]}/link-out"])
    assert not taken_from_the_wire.check(f"{places[0]}/link-out/secret")


def test_a_relative_value_is_refused_and_told_why() -> None:
    one = files.below("/data")
    assert not one.check("a") and "relative" in one.explain("a")
    for value in (None, 5, "", "/data/../etc", "/data//a", "/data/a\0", ("a",), {"a": "b"}, "\ud800", "/data/" + "x" * 300):
        assert not one.check(value) and one.explain(value)


@pytest.mark.parametrize("roots", [[], ["a"], ["/a/../b"], ["/a/"], [5], "/a", None, [""], ["/a\0"]])
def test_a_malformed_wire_form_is_refused(roots: object) -> None:
    with pytest.raises(ValueError, match="."):
        parse({"constraint_type": "subpath", "roots": roots})


# --- the tools


@pytest.fixture(params=["openat2", "walk"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both ways to open: the kernel's, and the one for hosts without it."""
    if request.param == "walk":
        monkeypatch.setattr(beneath, "RACE_FREE", False)
        monkeypatch.setattr(folder, "RACE_FREE", False)
    elif not beneath.RACE_FREE:
        pytest.skip("this host has no openat2")
    yield request.param


@pytest.mark.usefixtures("either_way")
def test_reading_writing_and_listing(tools: dict[str, Callable[..., Any]], places: tuple[str, str]) -> None:
    assert tools["files.read"]("notes.md") == tools["files.read"](f"{places[0]}/notes.md") == "notes"
    assert tools["files.write"]("sub/new.txt", "é") == 2
    with pytest.raises(FileExistsError):
        tools["files.write"]("sub/new.txt", "x")
    os.chmod(f"{places[0]}/sub/new.txt", 0o600)
    tools["files.write"]("sub/new.txt", "xy", overwrite=True)
    assert os.stat(f"{places[0]}/sub/new.txt").st_mode & 0o777 == 0o600
    tools["files.append"]("sub/new.txt", "z")
    assert tools["files.read"]("sub/new.txt") == "xyz"
    assert [row["name"] for row in tools["files.list"]("sub")] == ["deep", "new.txt"]
    assert {row["name"]: row["type"] for row in tools["files.list"](".")}["link-out"] == "link"
    tools["files.delete"]("sub/new.txt")
    assert os.listdir(f"{places[0]}/sub") == ["deep"]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    "path",
    [
        "link-out/secret",
        "link-file",
        "nested/link-up/secret",
        "link-chain",
        "link-proc/environ",
        "link-loop",
        "../outside/secret",
        "/etc/passwd",
        "/proc/self/environ",
        "sub",
        "fifo",
        "",
    ],
)
def test_what_leads_out_or_is_no_regular_file_is_refused(tools: dict[str, Callable[..., Any]], places: tuple[str, str], path: str) -> None:
    os.mkfifo(f"{places[0]}/fifo")
    for call in (("files.read", path), ("files.write", path, "x", True), ("files.append", path, "x"), ("files.delete", path)):
        name, *args = call
        if name in ("files.write", "files.delete") and path in ("link-file", "link-chain", "link-loop"):
            with pytest.raises((ValueError, OSError)):  # replacing or removing the link itself would not leave, and is refused all the same
                tools[name](*args)
        else:
            with pytest.raises((ValueError, OSError)):
                tools[name](*args)
    assert Path(places[1], "secret").read_text() == "SECRET"


@pytest.mark.usefixtures("either_way")
def test_a_second_name_of_a_file_is_not_written_through(tools: dict[str, Callable[..., Any]], places: tuple[str, str]) -> None:
    os.link(f"{places[1]}/secret", f"{places[0]}/second-name")
    with pytest.raises(ValueError, match="other names"):
        tools["files.append"]("second-name", "x")
    tools["files.write"]("second-name", "mine", overwrite=True)
    assert Path(places[1], "secret").read_text() == "SECRET"


def test_sizes_are_limited(tools: dict[str, Callable[..., Any]], places: tuple[str, str]) -> None:
    Path(places[0], "big").write_text("x" * 1001)
    with pytest.raises(ValueError, match="larger than 1000"):
        tools["files.read"]("big")
    with pytest.raises(ValueError, match="more than the 1000"):
        tools["files.write"]("new", "x" * 1001)
    tools["files.write"]("new", "x" * 999)
    with pytest.raises(ValueError, match="larger than 1000"):
        tools["files.append"]("new", "xx")
    with pytest.raises(ValueError, match="more than 2 entries"):
        files.tools(places[0], entries=2)["files.list"](".")


def test_a_failed_write_leaves_nothing_behind(tools: dict[str, Callable[..., Any]], places: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(os.listdir(places[0]))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for overwrite in (False, True):
        with pytest.raises(OSError, match="No space"):
            tools["files.write"]("notes.md" if overwrite else "fresh", "x", overwrite=overwrite)
    assert sorted(os.listdir(places[0])) == before and Path(places[0], "notes.md").read_text() == "notes"


_SWAP = """
import ctypes, sys, time
libc = ctypes.CDLL(None)
one, two, end = sys.argv[1].encode(), sys.argv[2].encode(), time.time() + float(sys.argv[3])
while time.time() < end:
    for _ in range(100):
        libc.renameat2(-100, one, -100, two, 2)
"""


@pytest.mark.slow
@pytest.mark.skipif(not beneath.RACE_FREE, reason="this host cannot open without a race")
def test_a_folder_that_turns_into_a_link_while_it_is_opened_leads_nowhere(tmp_path: Path) -> None:
    inside, outside = tmp_path / "root" / "d", tmp_path / "out"
    inside.mkdir(parents=True)
    outside.mkdir()
    (inside / "f").write_text("inside")
    (outside / "f").write_text("OUTSIDE")
    (tmp_path / "root" / "link").symlink_to(outside)
    tools: Any = files.tools(tmp_path / "root")
    naive, got = 0, {"inside": 0, "refused": 0}
    with subprocess.Popen([sys.executable, "-c", _SWAP, str(inside), str(tmp_path / "root" / "link"), "2.0"]) as swapping:
        while swapping.poll() is None:
            try:
                checked = os.path.realpath(inside / "f").startswith(str(tmp_path / "root"))
                naive += checked and (inside / "f").read_text() == "OUTSIDE"
            except OSError:
                pass
            try:
                got[tools["files.read"]("d/f")] += 1
            except (OSError, ValueError):
                got["refused"] += 1
    assert got["inside"] > 0 and got["refused"] > 0, "the two were not swapped while the file was being opened"
    assert naive > 0, "the race did not happen: checking and then opening was never fooled"


def test_the_kernel_refuses_every_way_out(tmp_path: Path) -> None:
    if not beneath.RACE_FREE:
        pytest.skip("this host has no openat2")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "magic").symlink_to("/proc/self/root/etc/passwd")
    root = os.open(tmp_path / "root", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for path in ("..", "../root", "magic", "/etc/passwd", "", "a\0b", "./../x"):
            with pytest.raises(OSError):
                os.close(beneath.open_beneath(root, path, os.O_RDONLY))
    finally:
        os.close(root)
    assert ctypes.sizeof(ctypes.c_void_p) == 8


def test_links_are_followed_as_the_kernel_does(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "up").symlink_to("a/b/..")
    (tmp_path / "abs").symlink_to(tmp_path / "up")
    for name in ("up", "abs", "abs/b/../b", "a/./b", "missing/x", "up/missing"):
        assert resolve(f"{tmp_path}/{name}") == os.path.realpath(f"{tmp_path}/{name}")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ValueError, match="more than 40 links"):
        resolve(f"{tmp_path}/loop")
    assert resolve("x/../y", "/base") == "/base/y" and resolve("/") == "/"


def test_threads_share_one_folder(tools: dict[str, Callable[..., Any]]) -> None:
    threads = [threading.Thread(target=tools["files.write"], args=(f"out/{number}", str(number))) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tools["files.list"]("out")) == 16
