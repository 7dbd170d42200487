"""Disks that are full, limited or read-only: nothing is let through that the log could not take."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gate.audit import verify
from gate.errors import ConfigError, Unavailable
from tests.children import child, effect, effects, ended
from tests.ledgers import KEY, calls, end, ledger, records, run, spend

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the children only run what is here, and end by _exit


def fill(folder: Path, durability: str, full: Callable[[bool], None]) -> None:
    """Calls until the disk is full and some more; then the disk is well again."""
    book = ledger(folder)
    run(book, calls(10_000), durability="buffered")
    book.flush()
    full(True)
    refused = 0
    for number in range(5000):
        made = spend(book, f"c-{number}", calls(10_000), durability=durability)  # type: ignore[arg-type]  # one of the words
        try:
            book.spend(made)
        except Unavailable as error:
            assert "nothing was let through" in str(error), error  # noqa: PT017  # most calls do run
            refused += 1
            if refused > 5:
                break
            continue
        effect(folder.parent, made.call_id)
        with suppress(Unavailable):
            book.settle(end(book, made.call_id))
    assert refused > 5
    full(False)
    run(book, calls(10_000), durability=durability)  # type: ignore[arg-type]  # one of the words
    book.close()


def filled(folder: Path) -> None:
    """Everything that ran is in the log."""
    told = {record["call"] for record in records(folder) if record["type"] in ("intent", "call")}
    assert len(effects(folder.parent)) > 10
    assert set(effects(folder.parent)) <= told
    report = verify(folder / "gate" / "gate.db", KEY)
    assert report.ok, report.problems
    assert not report.unsettled


@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_a_limit_on_file_sizes_lets_nothing_through(tmp_path: Path, durability: str) -> None:
    folder = tmp_path / "home"
    folder.mkdir()

    def full(on: bool) -> None:  # noqa: FBT001  # a switch
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000 if on else resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        fill(folder, durability, full)

    assert ended(child(work)) == 0
    filled(folder)


@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_a_full_disk_lets_nothing_through(tmp_path: Path, durability: str) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False, capture_output=True)  # noqa: S603, S607  # fixed
    if mounted.returncode:
        pytest.skip(f"no disk to fill: {mounted.stderr.decode().strip()}")
    ballast = folder / "ballast"

    def full(on: bool) -> None:  # noqa: FBT001  # a switch
        if on:
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            with ballast.open("rb+") as file:
                file.truncate(ballast.stat().st_size - 200_000)
        else:
            ballast.unlink()

    try:
        assert ended(child(lambda: fill(folder, durability, full))) == 0
        filled(folder)
    finally:
        subprocess.run(["umount", folder], check=True)  # noqa: S603, S607  # fixed


@pytest.fixture
def entered() -> Iterator[Path]:
    """A folder that another user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("what", ["the folder", "the files"])
def test_a_log_that_cannot_be_written_lets_nothing_through(entered: Path, what: str) -> None:
    nobody = os.geteuid() or 65_534  # root may write whatever it likes
    with closing(ledger(entered)) as book:
        run(book)
    home = entered / "gate"
    for path in (home, *home.rglob("*")):
        os.chown(path, nobody, -1)
        if what == "the folder" or path.is_file():
            path.chmod(0o500 if path.is_dir() else 0o400)

    def work() -> None:
        os.setuid(nobody)
        try:
            book = ledger(entered)
            book.spend(spend(book, "c"))
        except (Unavailable, ConfigError) as refused:
            assert "cannot" in str(refused), refused  # noqa: PT017  # in a child there is no pytest.raises
        else:
            raise AssertionError("it ran")

    assert ended(child(work)) == 0
    assert not [record for record in records(entered) if record.get("call") == "c"]


def test_a_log_that_becomes_read_only_lets_nothing_through(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as book:
        run(book, calls(9))
        book.flush()
        book._store._db.execute("PRAGMA query_only = ON")  # noqa: SLF001  # SQLite then refuses writes, as it does for a read-only file
        for durability in ("durable", "buffered"):
            with pytest.raises(Unavailable, match="readonly"):
                book.spend(spend(book, f"c-{durability}", calls(9, f"cap-{durability}"), durability=durability))  # type: ignore[arg-type]
        book._store._db.execute("PRAGMA query_only = OFF")  # noqa: SLF001  # as above
        run(book, calls(9))
    assert verify(tmp_path / "gate" / "gate.db", KEY).ok
