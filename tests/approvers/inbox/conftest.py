"""A gate whose calls are asked about."""

from __future__ import annotations

import pytest

from gate import Gate
from tests.approvers.inbox.kit import Browser, wrap

pytest.importorskip("starlette")
pytest.importorskip("jinja2")


@pytest.fixture
def tools(gate: Gate) -> None:
    wrap(gate)


@pytest.fixture
def ann(gate: Gate, tools: None) -> Browser:
    return Browser(gate, "ann")
