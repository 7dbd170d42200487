"""Fixtures of the ledger's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.ledger import Ledger
from tests.ledgers import ledger


@pytest.fixture
def book(tmp_path: Path) -> Ledger:
    """A ledger; the test closes it, or the end of the process does."""
    return ledger(tmp_path)
