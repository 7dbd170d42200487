"""A furnished workspace, and the file tools for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capabilities import files
from tests.attacks.verdict import furnish


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    """A furnished workspace and a folder outside it."""
    return furnish(tmp_path)


@pytest.fixture
def tools(places: tuple[str, str]) -> dict[str, Callable[..., Any]]:
    """The tools for the workspace."""
    return files.tools(places[0], largest=1000)
