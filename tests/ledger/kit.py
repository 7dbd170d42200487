"""What the tests of the ledger share."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.audit import verify
from gate.errors import Exhausted
from gate.ledger import Ledger
from gate.store import Burn, Charge
from tests.ledgers import KEY, records, spend

LATER = 4e9


def kinds(folder: Path) -> list[str]:
    """The types of the records, in order."""
    return [record["type"] for record in records(folder)]


def right(folder: Path) -> None:
    """Log and ledger agree."""
    report = verify(folder / "gate" / "gate.db", KEY)
    assert report.ok, report.problems


def exhausted(book: Ledger, *charges: Charge, durability: str = "durable") -> tuple[str, ...]:
    """The keys that are refused."""
    with pytest.raises(Exhausted) as refused:
        book.spend(spend(book, "", *charges, durability=durability))  # type: ignore[arg-type]  # one of three words
    return refused.value.keys


def burned(book: Ledger, jti: str, expires: float = LATER, *charges: Charge) -> None:
    """Spends a call with an approval."""
    book.spend(spend(book, "", *charges, burns=(Burn(jti, expires),)))
