"""Recipes: a tested example for each framework that has no adapter of its own. Each module runs in its framework's environment, see ../venvs.py.

What stands between the lines `# recipe` and `# end` is what docs/how-to/frameworks/recipes.md shows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from gate import ANY, Gate

ran: list[str] = []
REFUSED = "Refused by Gate, it did not run"


def read_file(path: str) -> str:
    """Reads a file.

    Args:
        path: which one
    """
    ran.append(f"read {path}")
    return f"data:{path}"


def remove(path: str) -> str:
    """Removes a file.

    Args:
        path: which one
    """
    ran.append(f"remove {path}")
    return "gone"


@contextmanager
def standing() -> Iterator[tuple[Gate, object]]:
    """A gate, and the capability of an agent that may read, and nothing else."""
    ran.clear()
    with tempfile.TemporaryDirectory() as folder, Gate(Path(folder) / ".gate") as gate:
        yield gate, gate.grant("reader", tools={"read_file": ANY})


@contextmanager
def broken(gate: Gate) -> Iterator[None]:
    """The gate breaks at every call inside."""

    def fail() -> None:
        raise RuntimeError("broke")

    with patch.object(gate.home, "rules", fail):
        yield


def shown(text: str) -> None:
    """Ends a recipe: what was allowed ran, what was refused did not, and the model read why."""
    assert ran == ["read a"], ran
    assert "data:a" in text and REFUSED in text and "remove" in text, text


def closed(run) -> None:
    """With a broken gate nothing runs, whatever the framework does about it."""
    ran.clear()
    try:
        run()
    except Exception as error:
        print("the framework ended the run:", repr(error)[:200])
    assert not ran, ran
    print("allowed, refused, failed closed")
