"""The words every process maps."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from gate.errors import ConfigError
from gate.store.shared import Shared


def test_what_one_writes_the_other_reads(tmp_path: Path) -> None:
    one, other = Shared(tmp_path / "shared"), Shared(tmp_path / "shared")
    before = other.words[0]
    one.changing()
    assert other.words[0] & 1
    one.changed()
    assert not other.words[0] & 1
    assert other.words[0] > before
    assert one.writing() == other.writes == 1
    one.saw(1_800_000_000.25)
    one.saw(5.0)
    assert other.floor == 1_800_000_000.25
    one.close()
    other.close()


def test_a_change_after_one_that_was_cut_off_is_still_a_change(tmp_path: Path) -> None:
    shared = Shared(tmp_path / "shared")
    shared.changing()
    cut_off = shared.words[0]
    shared.changing()
    shared.changed()
    assert shared.words[0] == cut_off + 1
    assert not shared.words[0] & 1
    shared.close()


def test_it_knows_when_it_was_replaced(tmp_path: Path) -> None:
    shared = Shared(tmp_path / "shared")
    assert shared.current()
    (tmp_path / "shared").unlink()
    assert not shared.current()
    other = Shared(tmp_path / "shared")
    assert other.current()
    assert not shared.current()
    shared.close()
    other.close()


def test_every_byte_is_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "shared").touch(mode=0o600)
    Shared(tmp_path / "shared").close()
    assert (tmp_path / "shared").stat().st_blocks * 512 >= mmap.PAGESIZE


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    with pytest.raises(ConfigError):
        Shared(tmp_path / "shared")
