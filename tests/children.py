"""Child processes that do one thing and end, and what they leave in the file `effects`, one line per run, as a tool would."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path


def child(work: Callable[[], None]) -> int:
    """Starts a process that does the work and nothing else; its id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001  # it ends here, and somebody wants to know why
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(process: int) -> int:
    """Waits; the signal that killed it, or 0. A child that failed fails the test."""
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def effect(folder: Path, call_id: str) -> None:
    """What the tool does."""
    with (folder / "effects").open("a") as file:
        file.write(f"{call_id}\n")


def effects(folder: Path) -> list[str]:
    """The calls that ran."""
    return (folder / "effects").read_text().split() if (folder / "effects").exists() else []
