"""Fixtures of the laws' tests: what a tool was really given, and a gate that other processes share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import Gate


@pytest.fixture
def ran() -> list[Any]:
    """What the tool was really given."""
    return []


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Gate]:
    """A gate by the system's clock, which other processes can share."""
    (tmp_path / "real").mkdir()
    with Gate(tmp_path / "real" / ".gate", clear={"*": ["*"]}) as gate:

        @gate.tool
        def pay(eur: int) -> None:
            raise AssertionError("this process does not pay")

        yield gate
