"""Places for the tests of the MCP gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mcp.behind import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder for a gate and a scripted server."""
    return Place(tmp_path)
