"""files: paths as values, the constraint, and tools that cannot be led out of their folder."""

# ruff: noqa: PTH101, PTH116, PTH208  # what the tools do by descriptors is looked at the same way
from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
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
    os.link(f"{places[1]}/secret", f"{places[0]}/other-name")
    os.link(f"{places[0]}/notes.md", f"{places[0]}/also-notes.md")
    for call in (
        lambda: tools["files.append"]("other-name", "x"),
        lambda: tools["files.write"]("other-name", "mine", overwrite=True),
        lambda: tools["files.write"]("also-notes.md", "mine", overwrite=True),
        lambda: tools["files.move"]("new", "other-name", overwrite=True),
        lambda: tools["files.read"]("other-name"),
    ):
        tools["files.write"]("new", "x", overwrite=True)
        with pytest.raises(ValueError, match="other names"):
            call()
    assert files.tools(places[0], shared=True)["files.read"]("other-name") == "SECRET"
    assert files.Path("reads", places[0]).assess(f"{places[0]}/other-name").risk == Risk.HIGH
    tools["files.delete"]("other-name")  # takes the name, and leaves the file
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
import ctypes, sys, os
libc = ctypes.CDLL(None)
one, two = sys.argv[1].encode(), sys.argv[2].encode()
while os.getppid() == int(sys.argv[3]):
    for _ in range(100):
        libc.renameat2(-100, one, -100, two, 2)
"""


@pytest.mark.slow
@pytest.mark.skipif(not beneath.RACE_FREE, reason="this host cannot open without a race")
def test_a_folder_that_turns_into_a_link_while_it_is_used_leads_nowhere(tmp_path: Path) -> None:
    """A folder and a link to the outside change places all the time. Checking and then opening is fooled; no tool ever is."""
    root, outside = tmp_path / "root", tmp_path / "out"
    (root / "d").mkdir(parents=True)
    (root / "e").mkdir()
    outside.mkdir()
    (root / "d" / "f").write_text("inside")
    (outside / "f").write_text("OUTSIDE")
    (root / "link").symlink_to(outside)
    got: dict[str, Counter[str]] = {name: Counter() for name in (*_STEPS, "naive read", "naive write")}
    arguments = [sys.executable, "-c", _SWAP, str(root / "d"), str(root / "link"), str(os.getpid())]
    with subprocess.Popen(arguments) as swapping:
        try:
            began = time.monotonic()
            while (took := time.monotonic() - began) < 2 or (took < 60 and not all(_raced(name, found) for name, found in got.items())):
                _naive(root, outside, got)
                _all_steps(files.tools(root), root, outside, got)
        finally:
            swapping.kill()
    assert got["naive read"]["escaped"] and got["naive write"]["escaped"], f"void: checking and then opening was never fooled: {got}"
    assert all(_raced(name, found) for name, found in got.items()), f"void: not every tool met both the folder and the link: {got}"
    assert not any(got[name]["escaped"] for name in _STEPS), got


_STEPS: dict[str, tuple[tuple[str, tuple[Any, ...]], ...]] = {
    "read": (("files.read", ("d/f",)),),
    "append": (("files.append", ("d/f", "")),),
    "list": (("files.list", ("d",)),),
    "write, delete": (("files.write", ("d/new", "x")), ("files.delete", ("d/new",))),
    "overwrite": (("files.write", ("d/f", "inside", True)),),
    "move": (("files.write", ("e/new", "x", True)), ("files.move", ("e/new", "d/moved", True))),
    "move from": (("files.move", ("d/moved", "e/back", True)),),
    "make, remove": (("files.make_folder", ("d/folder",)), ("files.remove_folder", ("d/folder",))),
}


def _raced(name: str, found: Counter[str]) -> bool:
    return found["escaped"] > 0 if name.startswith("naive") else found["done"] > 0 and found["refused"] > 0


def _all_steps(tools: Any, root: Path, outside: Path, got: dict[str, Counter[str]]) -> None:
    """Every tool once. The outside must be as it was, and what was read must be the inside's."""
    for name, calls in _STEPS.items():
        for tool, arguments in calls:
            try:
                result = tools[tool](*arguments)
            except (OSError, ValueError):
                got[name]["refused"] += 1
                continue
            got[name]["done"] += 1
            got[name]["escaped"] += "OUTSIDE" in str(result)
        got[name]["escaped"] += os.listdir(outside) != ["f"] or (outside / "f").read_text() != "OUTSIDE"


def _naive(root: Path, outside: Path, got: dict[str, Counter[str]]) -> None:
    """What most programs do: look where the path leads, then use the path."""
    for _ in range(20):
        with contextlib.suppress(OSError):
            inside = os.path.realpath(root / "d" / "f") == str(root / "d" / "f")
            got["naive read"]["escaped"] += inside and (root / "d" / "f").read_text() == "OUTSIDE"
            if os.path.realpath(root / "d") == str(root / "d"):
                (root / "d" / "naive").write_text("x")
        if (outside / "naive").exists():
            got["naive write"]["escaped"] += 1
            (outside / "naive").unlink()


@pytest.mark.usefixtures("either_way")
def test_the_way_to_the_root_may_not_become_a_link(tmp_path: Path) -> None:
    (tmp_path / "a" / "root").mkdir(parents=True)
    (tmp_path / "evil" / "root").mkdir(parents=True)
    (tmp_path / "evil" / "root" / "f").write_text("OUTSIDE")
    tools = files.tools(tmp_path / "a" / "root")
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "a").symlink_to(tmp_path / "evil")
    for name, *arguments in (("files.read", "f"), ("files.write", "new", "x"), ("files.list", "."), ("files.delete", "f")):
        with pytest.raises((OSError, ValueError)):
            tools[name](*arguments)
    assert os.listdir(tmp_path / "evil" / "root") == ["f"]


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


# --- moving, and folders


@pytest.mark.usefixtures("either_way")
def test_moving_takes_nothing_elses_place_unless_asked(tools: dict[str, Callable[..., Any]], places: tuple[str, str]) -> None:
    tools["files.write"]("one", "1")
    tools["files.write"]("two", "2")
    with pytest.raises(FileExistsError):
        tools["files.move"]("one", "two")
    assert tools["files.read"]("two") == "2"
    tools["files.move"]("one", "sub/three")
    tools["files.move"]("sub/three", "two", overwrite=True)
    assert tools["files.read"]("two") == "1" and not os.path.lexists(f"{places[0]}/one")
    tools["files.make_folder"]("sub/made")
    with pytest.raises(FileExistsError):
        tools["files.make_folder"]("sub/made")
    for source, target in (
        ("sub/made", "x"),
        ("link-file", "x"),
        ("two", "link-out/x"),
        ("link-out/secret", "x"),
        ("two", "../x"),
        ("not-there", "x"),
    ):
        with pytest.raises((OSError, ValueError)):
            tools["files.move"](source, target)
    for target in ("link-file", "link-dangling-out", "sub"):
        with pytest.raises((OSError, ValueError)):
            tools["files.move"]("two", target, overwrite=True)
    with pytest.raises(OSError):
        tools["files.remove_folder"]("sub")  # not empty
    tools["files.remove_folder"]("sub/made")
    for path in (".", "link-out", "notes.md", "/", ".."):
        with pytest.raises((OSError, ValueError)):
            tools["files.remove_folder"](path)
    assert Path(places[1], "secret").read_text() == "SECRET" and Path(places[0], "link-file").is_symlink()


def test_a_file_system_without_a_rename_that_spares_is_served_by_links(
    tools: dict[str, Callable[..., Any]], places: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beneath, "_libc", None)
    monkeypatch.setattr(beneath, "RACE_FREE", False)
    monkeypatch.setattr(folder, "RACE_FREE", False)
    tools["files.write"]("new", "x")
    with pytest.raises(FileExistsError):
        tools["files.move"]("new", "notes.md")
    tools["files.move"]("new", "newer")
    assert tools["files.read"]("newer") == "x" and os.stat(f"{places[0]}/newer").st_nlink == 1


def test_devices_pipes_and_sockets_are_not_opened(tools: dict[str, Callable[..., Any]], places: tuple[str, str]) -> None:
    os.mkfifo(f"{places[0]}/fifo")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"{places[0]}/socket")
        names = ["fifo", "socket"]
        if os.getuid() == 0:
            with contextlib.suppress(PermissionError):
                os.mknod(f"{places[0]}/null", 0o20666, os.makedev(1, 3))
                names.append("null")
        for name in names:
            for tool, *more in (("read",), ("append", "x"), ("write", "x", True), ("delete",), ("move", "elsewhere")):
                with pytest.raises(ValueError, match="no regular file"):
                    tools[f"files.{tool}"](name, *more)
    rows = {row["name"]: row["type"] for row in tools["files.list"](".")}
    assert rows["fifo"] == rows["socket"] == "other"


def test_a_name_that_is_no_text_is_listed_escaped(tools: dict[str, Callable[..., Any]], places: tuple[str, str]) -> None:
    try:
        Path(os.fsdecode(os.fsencode(places[0]) + b"/sub/\xff")).touch()
    except OSError:
        pytest.skip("this file system takes only text")
    assert "\\xff" in [row["name"] for row in tools["files.list"]("sub")]
