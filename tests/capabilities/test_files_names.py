"""files: the spellings of a name, and what a person reads about a call."""

# ruff: noqa: PTH101, PTH116, PTH208  # what the tools do by descriptors is looked at the same way
from __future__ import annotations

import os
import subprocess
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capabilities import files
from capabilities._files import beneath
from capabilities._files.spelling import misspelt
from capabilities._paths.fold import fold
from capabilities._paths.links import resolve
from capabilities._paths.secret import secret
from capabilities._paths.steers import steers
from gate.effect import Risk

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
    "path",
    [
        "/w/.GIT/config",
        "/w/.git/HOOKS/pre-commit",
        "/w/GIT~1/config",
        "/w/.g\ufe00it/config",
        "/w/.git./x",
        "/w/Gate.TOML",
        "/w/Approvers.TOML",
        "/w/.BASHRC",
    ],
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
