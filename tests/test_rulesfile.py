"""The rules file on disk: what it must be, time zones by name, and reading it again when it changes. Real files, a real clock."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gate.errors import RulesError
from gate.policy.rulesfile import MAX_BYTES, Watch, load, named_zone, watch
from gate.rules import version_of
from tests.rules_data import FakeCatalogue, call

DENY = '[[rule]]\nid = "r"\ndeny = { tool = "pay" }\n'
ASK = '[[rule]]\nid = "r"\nask = { tool = "pay" } \n'  # as many bytes as DENY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "gate.toml"
    made.write_text(DENY)
    made.chmod(0o644)
    return made


def verdict(watched: Watch) -> str:
    return watched.current().match(call(), 0.0).verdict


def eager(path: Path, **options: Any) -> Watch:
    """Looks at the file at every call."""
    return watch(path, interval=0.0, catalogue=FakeCatalogue(), **options)


# ---- loading -----------------------------------------------------------------------------------------------------------------------------


def test_a_file_is_loaded_with_its_version(path: Path) -> None:
    made = load(path, catalogue=FakeCatalogue())
    assert made.version == version_of(path.read_bytes()) and made.file == "gate.toml" and made.rules[0].line == 2


def test_a_mistake_names_the_whole_path(path: Path) -> None:
    path.write_text(DENY + "resaon = 'x'\n")
    with pytest.raises(RulesError) as caught:
        load(str(path))
    assert (caught.value.file, caught.value.line) == (str(path), 4)


def test_examples_are_checked_by_the_kinds_of_installed_packages(path: Path) -> None:
    path.write_text(DENY + "match = ['no.such.tool.anywhere']\n")
    with pytest.raises(RulesError, match=r":4: rule 'r': the example 'no.such.tool.anywhere' is no call: there is no tool"):
        load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="the rules cannot be read: no such file or directory"):
        load(tmp_path / "none.toml")


def test_a_folder_or_pipe_is_no_file_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", tmp_path):
        with pytest.raises(RulesError, match=r"not a regular file|is a directory"):
            load(odd)


def test_a_file_that_everybody_may_write_to_is_refused(path: Path) -> None:
    path.chmod(0o646)
    with pytest.raises(RulesError, match="everybody on this host may change the rules; take that away with: chmod o-w"):
        load(path)


def test_a_file_without_end_is_refused(path: Path) -> None:
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(RulesError, match="the file is over 4 MiB"):
        load(path)


# ---- time zones --------------------------------------------------------------------------------------------------------------------------


def test_a_time_zone_by_name_knows_summer_and_winter() -> None:
    vienna = named_zone("Europe/Vienna")
    assert vienna(datetime(2027, 1, 15, 22, 30, 5, tzinfo=UTC).timestamp()) == 23 * 3600 + 30 * 60 + 5
    assert vienna(datetime(2027, 7, 15, 22, 30, tzinfo=UTC).timestamp()) == 30 * 60
    assert named_zone("UTC")(0.0) == 0 and named_zone("-01:00")(0.0) == 23 * 3600


@pytest.mark.parametrize("name", ["Europe/Wien2", "Europe", "../../etc/passwd", "/etc/passwd", "", "europe\n", "\x00", "+99:00", "\ud800"])
def test_a_time_zone_nobody_knows(name: str) -> None:
    with pytest.raises(ValueError, match="zone|UTC"):
        named_zone(name)


def test_a_named_zone_in_a_file(path: Path) -> None:
    path.write_text(
        '[[rule]]\nid = "night"\nask = { hours = "22:00-06:00", tz = "America/New_York", tool = "pay" }\n'
        "match = ['@time=23:00 pay', '@time=2027-07-16T02:00:00Z pay']\nnot_match = ['@time=07:00 pay', '@time=2027-07-16T01:59:59Z pay']\n"
    )
    assert load(path, catalogue=FakeCatalogue())
    path.write_text(path.read_text().replace("New_York", "New_Yrok"))
    with pytest.raises(RulesError, match=r":3: rule 'night': 'America/New_Yrok' is no time zone of this host"):
        load(path, catalogue=FakeCatalogue())


# ---- reading again -----------------------------------------------------------------------------------------------------------------------


def test_a_change_takes_effect(path: Path) -> None:
    watched = eager(path)
    assert verdict(watched) == "deny"
    path.write_text(ASK)
    assert verdict(watched) == "ask"


def test_a_change_that_leaves_size_and_times_as_they_were_takes_effect(path: Path) -> None:
    watched = eager(path)
    assert verdict(watched) == "deny"
    before = path.stat()
    assert len(ASK) == before.st_size
    path.write_text(ASK)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verdict(watched) == "ask"


def test_changes_too_quick_for_the_times_of_the_file_take_effect(path: Path) -> None:
    watched = eager(path)
    for text, expected in [(DENY, "deny"), (ASK, "ask")] * 30:
        path.write_text(text)
        assert verdict(watched) == expected


def test_a_file_that_has_just_changed_is_read_again_whatever_its_times_say(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = eager(path)
    watched.current()
    assert watched._seen is None  # on a coarse clock the next change might leave all times as they are
    monkeypatch.setattr("gate.policy.rulesfile._RACY", -3600.0)  # as if the change were an hour old
    first = watched.current()
    assert watched._seen is not None and watched.current() is first


def test_a_file_that_replaces_it_takes_effect(path: Path) -> None:
    watched = eager(path)
    assert verdict(watched) == "deny"
    beside = path.with_suffix(".new")
    beside.write_text(ASK)
    beside.chmod(0o644)
    beside.replace(path)
    assert verdict(watched) == "ask"


def test_between_two_looks_the_file_is_not_read(path: Path) -> None:
    watched = watch(path, interval=3600.0)
    first = watched.current()
    path.write_text(ASK)
    assert watched.current() is first


def test_rules_that_did_not_change_stay_the_same_object_and_keep_what_they_learned(path: Path) -> None:
    watched = eager(path)
    first = watched.current()
    os.utime(path)
    assert watched.current() is first and watched.current() is first


@pytest.mark.parametrize("broken", ["[[rule]\n", "", None])
def test_fail_closed_a_file_that_became_wrong_refuses_until_it_is_right(path: Path, broken: str | None) -> None:
    watched = eager(path)
    watched.current()
    if broken is None:
        path.unlink()
    elif broken:
        path.write_text(broken)
    else:
        path.chmod(0o646)
    for _ in range(2):
        with pytest.raises(RulesError, match="every call is refused until the file is right") as caught:
            watched.current()
        assert caught.value.file == str(path)
    path.write_text(ASK)
    path.chmod(0o644)
    assert verdict(watched) == "ask"


def test_fail_closed_a_file_that_was_never_right_refuses(path: Path) -> None:
    path.write_text("nonsense")
    watched = watch(path, interval=3600.0)
    for _ in range(2):
        with pytest.raises(RulesError, match="gate.toml:1: no TOML"):
            watched.current()


def test_the_version_is_reported_before_it_is_in_force(path: Path) -> None:
    told = list[str]()
    watched = eager(path, changed=told.append)
    watched.current()
    watched.current()
    path.write_text(ASK)
    watched.current()
    assert told == [version_of(DENY.encode()), version_of(ASK.encode())]


def test_fail_closed_rules_that_cannot_be_recorded_are_not_in_force(path: Path) -> None:
    full = [False]

    def changed(version: str) -> None:
        if full[0]:
            raise OSError("disk full")

    watched = eager(path, changed=changed)
    assert verdict(watched) == "deny"
    path.write_text(ASK)
    full[0] = True
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            watched.current()
    full[0] = False
    assert verdict(watched) == "ask"


def test_threads_read_it_once(path: Path) -> None:
    told = list[str]()
    watched = watch(path, changed=told.append, interval=3600.0)
    barrier = threading.Barrier(8)

    def read(_: int) -> object:
        barrier.wait()
        return watched.current()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(read, range(8))))) == 1
    assert len(told) == 1
