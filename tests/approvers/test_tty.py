"""A terminal for one person and one question: who else may write to it is refused, as far as that can be told."""

from __future__ import annotations

import doctest
import fcntl
import os
import pty
import stat
import threading
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gate import ConfigError
from gate.approvers import tty as module
from gate.approvers.tty import Tty, shared_with, unsafe

TIOCGEXCL = 0x80045440


@pytest.fixture
def device() -> Iterator[str]:
    ours, theirs = pty.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def exclusive(tty: Tty) -> bool:
    """Whether nobody else may open it (Linux: ioctl_tty(2), TIOCGEXCL)."""
    held = array("i", [0])
    fcntl.ioctl(tty._fd, TIOCGEXCL, held)
    return bool(held[0])


def test_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0


def test_a_device_that_anybody_may_write_to_is_refused(device: str) -> None:
    os.chmod(device, 0o622)
    with pytest.raises(ConfigError, match="anybody may write to it"):
        Tty(device)
    os.chmod(device, 0o620)
    Tty(device).close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a device away")
def test_a_device_of_another_user_is_refused(device: str) -> None:
    os.chown(device, 12345, -1)
    with pytest.raises(ConfigError, match="another user"):
        Tty(device)
    os.chown(device, 0, -1)


@pytest.mark.parametrize(
    ("mode", "owner", "why"),
    [(0o620, 7, ""), (0o620, 0, ""), (0o600, 7, ""), (0o622, 7, "anybody"), (0o620, 8, "another user"), (0o602, 0, "anybody")],
)
def test_who_may_write(mode: int, owner: int, why: str) -> None:
    found: Any = SimpleNamespace(st_mode=stat.S_IFCHR | mode, st_uid=owner)
    assert why in unsafe(found, 7)
    assert bool(why) == bool(unsafe(found, 7))


def test_while_somebody_is_asked_nobody_else_opens_it_and_its_group_does_not_write(device: str) -> None:
    os.chmod(device, 0o620)
    with Tty(device) as tty:
        with tty.alone(1.0) as alone:
            assert alone
            assert exclusive(tty)
            assert stat.S_IMODE(os.stat(device).st_mode) == 0o600
        assert not exclusive(tty)
    assert stat.S_IMODE(os.stat(device).st_mode) == 0o620


def test_it_is_given_back_when_the_question_fails(device: str) -> None:
    os.chmod(device, 0o620)
    with Tty(device) as tty:
        with pytest.raises(ZeroDivisionError), tty.alone(1.0):
            raise ZeroDivisionError
        assert not exclusive(tty)
    assert stat.S_IMODE(os.stat(device).st_mode) == 0o620


def test_two_questions_are_not_asked_at_once(device: str) -> None:
    """Else the answer to one would be taken for the other's."""
    inside, done = threading.Event(), threading.Event()

    def first() -> None:
        with Tty(device) as tty, tty.alone(10.0):
            inside.set()
            done.wait(10.0)

    thread = threading.Thread(target=first)
    with Tty(device) as tty:
        thread.start()
        assert inside.wait(10.0)
        with tty.alone(0.1) as alone:
            assert not alone
        done.set()
        with tty.alone(10.0) as alone:
            assert alone
    thread.join(10.0)


def test_a_line_without_end_is_no_endless_work(device: str) -> None:
    ours = os.open(device, os.O_RDWR | os.O_NOCTTY)
    with Tty(device) as tty:
        assert tty.line(0.05) is None
    os.close(ours)


def test_a_process_with_the_gate_open_elsewhere_is_not_at_this_terminal(tmp_path: Path) -> None:
    with (tmp_path / "gate.db").open("w"):
        assert shared_with(os.makedev(136, 999), tmp_path / "gate.db") == []
        assert shared_with(0, tmp_path / "gate.db") == []
