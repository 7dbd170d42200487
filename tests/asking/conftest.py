"""A tool that a person has to approve, and an agent that calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gate import ANY, Gate
from tests.kit import ASK, write_rules


@pytest.fixture
def paid() -> list[int]:
    """What was paid."""
    return []


@pytest.fixture(autouse=True)
def tool(gate: Gate, paid: list[int]) -> None:
    """A tool that a person has to approve."""
    write_rules(gate, ASK)

    @gate.tool
    def pay(eur: int) -> int:
        paid.append(eur)
        return eur


@pytest.fixture
def acting(gate: Gate) -> Iterator[Any]:
    with gate.acting(gate.grant("agent-7", tools={"pay": ANY}), session="s1", task="settle the bills") as acting:
        yield acting
