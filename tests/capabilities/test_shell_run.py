"""Commands that really run: our own processes, no shell, nothing left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from capabilities._process.environment import absolute, fresh
from capabilities.shell import COMMAND, tool


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """The tool, in an empty folder."""
    made = tool(tmp_path)
    return lambda command, **more: made(COMMAND.parse(command), **more)


def test_pipelines_conditions_and_redirections(run: Any, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("b\na\nb\n")
    assert run("sort f | uniq -c | head -1")["stdout"].split() == ["1", "a"]
    assert run("false && echo x || echo y; echo z")["stdout"] == "y\nz\n"
    assert run("true || echo x")["exit"] == 0
    assert run("cat nope")["exit"] == 1 and "nope" in run("cat nope")["stderr"]
    assert run("cat nope 2>&1 | wc -l")["stdout"].strip() == "1"
    assert run("cat nope 2>/dev/null")["stderr"] == ""
    assert run("echo hi >&2")["stderr"] == "hi\n"
    run("sort f > g && sort -r f >> g")
    assert (tmp_path / "g").read_text() == "a\nb\nb\nb\nb\na\n"
    assert run("wc -l < g")["stdout"].strip() == "6"
    run("cat nope f > both 2>&1")
    assert "nope" in (tmp_path / "both").read_text() and "b" in (tmp_path / "both").read_text()


def test_words_reach_the_program_exactly(run: Any) -> None:
    odd = ["printf", "[%s]", "a b", "$HOME", "`id`", "*", "'\"", "\\", "", "ñ", "line\nbreak", "-n", "{a,b}", "~", ";", "|"]
    assert run(odd)["stdout"] == "".join(f"[{text}]" for text in odd[2:])


def test_the_folder_that_was_judged_is_the_one_changed_to(run: Any, tmp_path: Path) -> None:
    """Also when an option follows it and something has that option's name."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "-P").symlink_to("/")
    assert run("cd sub -P && pwd")["stdout"].strip() == str(tmp_path.resolve() / "sub")


def test_a_folder_change_holds_for_what_follows(run: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert run("cd sub && pwd")["stdout"] == f"{tmp_path.resolve()}/sub\n"
    assert run("cd nope && pwd")["stdout"] == "" and run("cd nope")["exit"] == 1


def test_a_pattern_cannot_become_an_option(run: Any, tmp_path: Path) -> None:
    (tmp_path / "-l").touch()
    assert run("ls *")["stdout"] == "./-l\n"


def test_the_environment_is_made_from_scratch(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("LD_PRELOAD", "/nonexistent.so")
    shown = run("env")["stdout"]
    assert "s3cret" not in shown and "LD_PRELOAD" not in shown
    assert {line.partition("=")[0] for line in shown.splitlines()} <= {*fresh(), "PWD", "OLDPWD", "SHLVL", "_"}


def test_a_program_is_found_on_the_fixed_path_only(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ls").write_text("#!/bin/sh\necho fake\n")
    (tmp_path / "ls").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "fake" not in run("ls")["stdout"]
    assert run("./ls")["stdout"] == "fake\n"
    with pytest.raises(FileNotFoundError):
        absolute("nonesuch", str(tmp_path))
    assert run("nonesuch")["exit"] == 127


def test_time_is_limited_and_children_end_too(run: Any, tmp_path: Path) -> None:
    began = time.monotonic()
    result = run("bash -c 'sleep 60 & echo $! > pid; sleep 60'", timeout=0.5)
    assert "longer than 0.5 s" in result["stopped"] and result["exit"] < 0
    assert time.monotonic() - began < 10
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_process_in_the_background_does_not_outlive_the_call(run: Any, tmp_path: Path) -> None:
    result = run("bash -c 'sleep 60 & echo $! > pid; echo done'")
    assert result["stdout"] == "done\n" and result["stopped"] == ""
    assert not alive(int((tmp_path / "pid").read_text()))


def test_output_is_limited(tmp_path: Path) -> None:
    result: Any = tool(tmp_path, output=1000)("yes")
    assert len(result["stdout"]) == 1000 and "more than 1000 bytes" in result["stopped"]


def test_redirections_do_not_follow_links_or_open_devices(run: Any, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("keep")
    (tmp_path / "link").symlink_to("target")
    os.mkfifo(tmp_path / "fifo")
    assert run("echo x > link")["exit"] == 127 and (tmp_path / "target").read_text() == "keep"
    assert run("cat < fifo")["exit"] == 127
    assert run("echo x > /dev/null")["exit"] == 0


def test_a_repository_cannot_make_git_run_a_program(run: Any, tmp_path: Path) -> None:
    run("git init -q .")
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "diff.external"):
        run(["git", "config", key, str(hook)])
    (tmp_path / "a").write_text("1")
    run("git add a")
    (tmp_path / "a").write_text("2")
    for command in ("git status", "git diff", "git log"):
        run(command)
    assert not (tmp_path / "ran").exists()


def test_a_repository_cannot_make_git_run_a_filter_or_a_conversion(run: Any, tmp_path: Path) -> None:
    run("git init -q .")
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\necho ran >> ran\ncat\n")
    hook.chmod(0o755)
    (tmp_path / ".gitattributes").write_text("*.txt diff=d filter=f\n")
    (tmp_path / "a.txt").write_text("1\n")
    run("git add a.txt")
    for key in ("filter.f.clean", "filter.f.process", "diff.d.textconv", "gpg.program"):
        run(["git", "config", key, str(hook)])
    (tmp_path / "a.txt").write_text("22\n")
    assert "+22" in run("git diff")["stdout"]
    run("git status; git blame a.txt; git diff --cached")
    assert not (tmp_path / "ran").exists()
    run(["git", "config", "diff.d.command", str(hook)])
    assert "names a program" in run("git diff")["stderr"]
    assert not (tmp_path / "ran").exists()


def alive(process: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    "command",
    [
        "cat sub/*", "cat */*", "head */l*", "cd sub; cat *", "timeout 5 cat sub/*", "x='sub/*'; cat $x", "for f in sub/*; do cat $f; done",
        "find . -exec cat {} +", "find sub -exec head {} ';'", "find . ! -name -exec -exec cat {} +", "diff -r sub other",
        "find . -exec false ';' -prune -o -exec cat {} ';'", "find . -name x | xargs cat sub/*",
    ],
)  # fmt: skip
def test_a_link_out_of_the_place_that_was_judged_is_not_followed(run: Any, tmp_path: Path, command: str) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.write_text("SECRET")
    for folder in ("sub", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_text("A")
    (tmp_path / "x").touch()
    (tmp_path / "sub" / "link").symlink_to(outside)
    made = run(command)
    assert "SECRET" not in made["stdout"] and "not run" in made["stderr"]


def test_links_inside_are_followed(run: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_text("A")
    (tmp_path / "sub" / "link").symlink_to("../a")
    assert run("cat sub/*")["stdout"] == "A" and run("find . -name link -exec cat {} +")["stdout"] == "A"


def test_memory_and_programs_are_bounded(run: Any) -> None:
    assert "longer than" in run("x=a; for i in {1..60}; do x=$x$x; done; echo $x | wc -c")["stderr"]
    assert "more than 1000 programs" in run("for a in {1..400}; do true; true; true; done")["stopped"]
