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
import unicodedata
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
from capabilities._files.spelling import misspelt
from capabilities._paths.fold import fold
from capabilities._paths.links import resolve
from capabilities._paths.secret import secret
from capabilities._paths.steers import steers
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


# --- spellings


@pytest.mark.parametrize(
    "path",
    [
        "/w/.SSH/id",
        "/w/.Env",
        "/w/ID_RSA",
        "/w/.ssh./id",
        "/w/.ssh /id",
        "/w/.env::$DATA",
        "/w/.env:x",
        "/w/SSH~1/id",
        "/w/ENV~1",
        "/w/\uff0e\uff53\uff53\uff48/id",
        "/w/.\u017f\u017fh/id",
        "/w/.\u1d49\u207f\u1d5b",
        "/w/.s\ufe00sh/id",
        "/w/server.\u212aey",
        "/ETC/Shadow",
        "/w/GNUPG~1/x",
    ],
)
def test_a_secret_place_is_one_in_every_spelling(path: str) -> None:
    assert secret(path)


@pytest.mark.parametrize(
    "path", ["/w/.GIT/config", "/w/.git/HOOKS/pre-commit", "/w/GIT~1/config", "/w/.g\ufe00it/config", "/w/.git./x", "/w/Gate.TOML", "/w/.BASHRC"]
)
def test_what_other_programs_obey_is_so_in_every_spelling(path: str) -> None:
    assert steers(path)
    assert files.Path("writes", "/w").assess(path).risk == Risk.HIGH


@pytest.mark.parametrize(
    "path", ["/w/notes.md", "/w/a~1.txt", "/w/straße", "/w/Ünï.txt", "/w/git.md", "/w/env.txt", "/w/.gitignore", "/w/.env.example", "/w/a:b"]
)
def test_ordinary_names_are_none_of_these(path: str) -> None:
    assert not secret(path) and not steers(path)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30))
def test_folding_again_changes_nothing_and_case_never_matters(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text.swapcase()) == fold(text) or not text.isascii()


class Insensitive:
    """The look-ups of a file system that ignores case and composition: the pure part of what the tools ask."""

    def __init__(self, *paths: str) -> None:
        self.paths = paths

    def look(self, path: str) -> tuple[int, int] | None:
        return next(((1, number) for number, known in enumerate(self.paths) if fold(known) == fold(path)), None)

    def names(self, path: str) -> list[str]:
        return [known.rpartition("/")[2] for known in self.paths if (known.rpartition("/")[0] or ".") == path.rstrip("/")]


def test_a_file_has_the_one_name_that_its_folder_lists() -> None:
    disk = Insensitive("Data", "Data/Secret", "Data/\u00e9t\u00e9.txt")
    assert misspelt("Data/Secret", disk.look, disk.names) is None and misspelt("Data/new", disk.look, disk.names) is None
    assert misspelt("data/Secret", disk.look, disk.names) == ("data", "Data")
    assert misspelt("Data/SECRET", disk.look, disk.names) == ("SECRET", "Secret")
    assert misspelt("Data/Secret.", disk.look, disk.names) == ("Secret.", "Secret")
    decomposed = unicodedata.normalize("NFD", "\u00e9t\u00e9.txt")
    assert misspelt(f"Data/{decomposed}", disk.look, disk.names) == (decomposed, "\u00e9t\u00e9.txt")


def test_nothing_behind_a_link_is_listed(tools: dict[str, Callable[..., Any]], places: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (f"{places[1]}/longna~1", f"{places[0]}/longna~1"):
        Path(place).write_text("x")
    listed: list[object] = []
    monkeypatch.setattr(os, "listdir", lambda folder, real=os.listdir: listed.append(folder) or real(folder))
    assert tools["files.read"]("longna~1") == "x" and len(listed) == 1
    with pytest.raises(OSError, match="goes through a link"):
        tools["files.read"]("link-out/longna~1")
    assert len(listed) == 1


PARTS = st.sampled_from(
    ["sub", "deep", "link-out", "secret", "notes.md", "link-inside", "nested", "link-up", "link-loop", "new", "link-dir", "config"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, max_size=4))
def test_what_the_kernel_calls_free_of_links_leads_where_it_says(parts: list[str], places: tuple[str, str]) -> None:
    path = "/".join([places[0], *parts])
    try:
        leads = resolve(path)
    except ValueError:
        leads = ""
    if beneath.RACE_FREE:
        assert beneath.free_of_links(path) == (leads == path)


def test_on_a_file_system_that_ignores_case_another_spelling_is_refused(tmp_path: Path) -> None:
    image, mounted = tmp_path / "image", tmp_path / "mounted"
    image.write_bytes(b"")
    os.truncate(image, 16 << 20)
    mounted.mkdir()
    made = subprocess.run(["mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8", image], check=False, capture_output=True)
    if made.returncode or subprocess.run(["mount", "-o", "loop", image, mounted], check=False, capture_output=True).returncode:
        pytest.skip("no file system that ignores case can be mounted here")
    try:
        (mounted / "folder").mkdir()
        subprocess.run(["chattr", "+F", mounted / "folder"], check=True)
        tools = files.tools(mounted)
        tools["files.write"]("folder/Secret", "x")
        with pytest.raises(ValueError, match="spelled 'Secret'"):
            tools["files.read"]("folder/SECRET")
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_two_names_that_differ_in_case_are_two_files_where_they_are(tools: dict[str, Callable[..., Any]], places: tuple[str, str]) -> None:
    tools["files.write"]("Two", "1")
    try:
        tools["files.write"]("tWO", "2")
    except ValueError:
        pytest.skip("this file system ignores case")
    assert (tools["files.read"]("Two"), tools["files.read"]("tWO")) == ("1", "2")
    os.link(f"{places[0]}/Two", f"{places[0]}/tWo")  # a second name in another spelling is a name of its own
    assert files.tools(places[0], shared=True)["files.read"]("tWo") == "1"


# --- what a person reads


def say(places: tuple[str, str], tool: str, **arguments: Any) -> tuple[str, str]:
    """Headline and preview as text, of a call with paths below the workspace."""
    described = files.described(places[0])[tool]
    parsed = {name: described.arguments[name].parse(value) for name, value in arguments.items()}
    panels = described.preview(parsed) if described.preview else []
    return described.headline(parsed) if described.headline else "", "\n".join(line for panel in panels for line in panel.lines())


def test_headlines_say_what_a_call_does(places: tuple[str, str]) -> None:
    Path(places[0], "a.txt").write_text("x" * 80)
    assert say(places, "files.write", path="a.txt", text="y" * 120, overwrite=True)[0] == "write 120 bytes to a.txt, replacing 80 bytes"
    assert say(places, "files.write", path="out/new", text="é")[0] == "write 2 bytes to out/new, a new file"
    assert say(places, "files.write", path="a.txt", text="")[0] == "write 0 bytes to a.txt, which is there already and will be refused"
    assert say(places, "files.append", path="a.txt", text="1")[0] == "add 1 byte to the end of a.txt"
    assert say(places, "files.move", source="a.txt", target="sub/b")[0] == "move a.txt to sub/b, a new file"
    assert say(places, "files.delete", path="a.txt")[0] == "delete a.txt, which holds 80 bytes"
    assert say(places, "files.list", path=".")[0] == "list ." and say(places, "files.read", path="/etc/hosts")[0] == "read /etc/hosts"
    assert say(places, "files.make_folder", path="new")[0] == "make the folder new"


def test_a_preview_shows_the_change_or_why_it_cannot(places: tuple[str, str]) -> None:
    root = Path(places[0])
    (root / "a.txt").write_text("one\ntwo\n")
    (root / "binary").write_bytes(b"\0\1\2")
    (root / "latin").write_bytes(b"\xe9")
    (root / "long").write_text("x\n" * 200_000)
    (root / ".env").write_text("TOKEN=hunter2\n")
    os.mkfifo(root / "fifo")
    shown = say(places, "files.write", path="a.txt", text="one\nthree\n", overwrite=True)[1]
    assert "- two" in shown and "+ three" in shown and "now: 8 bytes" in shown
    assert (
        "+ three" in say(places, "files.append", path="a.txt", text="three")[1] and "- " not in say(places, "files.append", path="a.txt", text="3")[1]
    )
    assert "it is a new file" in say(places, "files.write", path="new", text="x")[1]
    assert "no text" in say(places, "files.write", path="binary", text="x")[1] and "no text" in say(places, "files.write", path="latin", text="x")[1]
    assert "larger than" in say(places, "files.write", path="long", text="x")[1]
    assert "too long to compare" in say(places, "files.write", path="new", text="x\n" * 5000)[1]
    (root / "same").write_text("a\n" * 1000)
    began = time.thread_time()
    assert "- a" in say(places, "files.write", path="same", text="a\nb\n" * 500)[1]
    assert time.thread_time() - began < 1
    hidden = say(places, "files.write", path=".env", text="x")[1]
    assert "not shown" in hidden and "hunter2" not in hidden and "hunter2" not in say(places, "files.delete", path=".env")[1]
    assert "no regular file" in say(places, "files.write", path="fifo", text="x")[1]
    assert (
        "SECRET" not in say(places, "files.write", path="link-file", text="x")[1] + say(places, "files.append", path="link-out/secret", text="x")[1]
    )
    assert "two" in say(places, "files.delete", path="a.txt")[1] and "can be undone: no" in say(places, "files.delete", path="a.txt")[1]
    moved = say(places, "files.move", source="a.txt", target="binary", overwrite=True)[1]
    assert "which is: 8 bytes" in moved and "where there is: 3 bytes" in moved
