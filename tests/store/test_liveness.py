"""Liveness: the kernel's word that a process is gone, and what it had counted."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import gate.store.liveness
from gate.errors import ConfigError
from gate.store.liveness import ProcessFile, boot_id, dead, names

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the children only run what is here, and end by _exit


def counted(folder: Path, name: str) -> list[int] | None:
    """The first counters of a dead process; None when they are not known."""
    body = dead(folder, name)
    assert body is not None
    counters = body.counters()
    body.close(remove=False)
    return None if counters is None else list(counters[:3])


def killed(folder: Path) -> str:
    """The name of a process that counted 1, 2, 3 and was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        file = ProcessFile(folder)
        for slot in range(3):
            file.counters[slot] = slot + 1
        os.write(writing, file.name.encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    name = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)
    return name


def test_a_living_process_is_not_dead(tmp_path: Path) -> None:
    file = ProcessFile(tmp_path / "run")
    assert names(tmp_path / "run") == [file.name]
    assert dead(tmp_path / "run", file.name) is None
    file.close(remove=False)
    assert counted(tmp_path / "run", file.name) == [0, 0, 0]


def test_a_killed_process_is_dead_and_its_counters_are_known(tmp_path: Path) -> None:
    assert counted(tmp_path / "run", killed(tmp_path / "run")) == [1, 2, 3]


def test_only_one_looks_after_a_dead_process_at_a_time(tmp_path: Path) -> None:
    name = killed(tmp_path / "run")
    body = dead(tmp_path / "run", name)
    assert body is not None
    assert dead(tmp_path / "run", name) is None
    body.close(remove=True)
    assert names(tmp_path / "run") == []


def test_a_file_of_another_boot_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = killed(tmp_path / "run")
    monkeypatch.setattr(gate.store.liveness, "_boot", b"another")
    assert counted(tmp_path / "run", name) is None


@pytest.mark.parametrize("content", [b"", b"x" * 5000, bytes(8192)])
def test_a_damaged_file_is_not_believed(tmp_path: Path, content: bytes) -> None:
    name = killed(tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    assert counted(tmp_path / "run", name) is None


def test_a_process_whose_file_is_gone_is_dead_and_nothing_is_known(tmp_path: Path) -> None:
    assert counted(tmp_path, "gone") is None


def test_a_file_that_cannot_be_looked_at_is_no_proof_of_death(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert dead(tmp_path, "link") is None


def test_growing_keeps_the_counters_and_the_lock(tmp_path: Path) -> None:
    file = ProcessFile(tmp_path / "run")
    file.counters[7] = 42
    before = len(file.counters)
    file.grow()
    assert len(file.counters) == 2 * before
    assert (file.counters[7], file.counters[2 * before - 1]) == (42, 0)
    assert dead(tmp_path / "run", file.name) is None
    file.close(remove=True)


def test_a_name_is_never_given_twice(tmp_path: Path) -> None:
    files = [ProcessFile(tmp_path / "run") for _ in range(20)]
    assert len({file.name for file in files}) == 20
    for file in files:
        file.close(remove=True)


def test_a_file_that_was_swept_away_before_it_was_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, swept = gate.store.liveness.fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        if not swept:
            swept.extend(names(tmp_path / "run"))
            (tmp_path / "run" / swept[0]).unlink()
        real(descriptor, operation)

    monkeypatch.setattr(gate.store.liveness.fcntl, "flock", flock)
    file = ProcessFile(tmp_path / "run")
    assert names(tmp_path / "run") == [file.name] != swept
    file.close(remove=True)


def test_the_boot_id_stays_the_same() -> None:
    assert boot_id() == boot_id()
    assert 0 < len(boot_id()) <= 64


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o777)
    (tmp_path / "run").chmod(0o777)
    with pytest.raises(ConfigError, match="can be written by others"):
        ProcessFile(tmp_path / "run")
