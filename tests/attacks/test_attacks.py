"""Every row of the attack list, attacks and ordinary calls alike."""

from __future__ import annotations

import pytest

from tests.attacks.make_table import DOCS, incidents, ordinary, pages
from tests.attacks.verdict import Row, filled, furnish, rows, verdict

ROWS = list(rows())


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A furnished workspace, and a folder outside it."""
    return furnish(tmp_path_factory.mktemp("attacks"))


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_each_row_gets_the_verdict_it_must(row: Row, places: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places[0])
    got, reasons = verdict(row.tool, filled(row.args, *places), filled(row.grant, *places), places[0])
    assert got == row.expected, f"{row.args!r}: {got} because {'; '.join(reasons)}"


def test_every_row_has_an_id_of_its_own() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_every_refusal_says_why(places: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places[0])
    for row in ROWS:
        if row.expected == "refused":
            reasons = verdict(row.tool, filled(row.args, *places), filled(row.grant, *places), places[0])[1]
            assert reasons and all(len(reason) > 8 for reason in reasons), row.id


def test_the_published_tables_are_up_to_date() -> None:
    made = pages()
    assert set((DOCS / "attacks").glob("*.md")) | {DOCS / "attacks.md"} == made.keys()
    for path, text in made.items():
        assert path.read_text() == text, "run: python -m tests.attacks.make_table"


def test_no_attack_runs_silently_and_every_kind_is_tried_both_ways() -> None:
    for kind in {row.kind for row in ROWS}:
        assert any(not ordinary(row) for row in ROWS if row.kind == kind), kind
        assert any(ordinary(row) for row in ROWS if row.kind == kind), kind
    assert [row.id for row in ROWS if not ordinary(row) and row.expected == "allowed"] == []


def test_every_incident_names_a_test_that_exists() -> None:
    written = "".join(path.read_text() for path in (DOCS.parent / "tests").rglob("test_*.py"))
    for incident in incidents():
        assert f"def {incident['test']}(" in written, incident
