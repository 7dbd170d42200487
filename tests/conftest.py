"""Fixtures of the engine's tests: a real gate in a folder of its own, and a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate import Gate
from gate.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def gate(tmp_path: Path, clock: FakeClock) -> Iterator[Gate]:
    """A gate whose log shows every argument."""
    made = Gate(tmp_path / "home" / ".gate", clock=clock, clear={"*": ["*"]})
    made.home.path.parent.mkdir()
    yield made
    made.close()


LONG = ("tests/agents/test_frameworks", "tests/agents/test_claude", "tests/mcp/", "tests/hooks/", "tests/laws/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes come first, so that several processes end at about the same time."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
