"""Slices of budgets: never more used than granted, every use counted where it survives the process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.store import Charge
from gate.store.lease import Leases
from gate.store.liveness import ProcessFile, boot_id


@pytest.fixture
def file(tmp_path: Path) -> Iterator[ProcessFile]:
    """A process file."""
    made = ProcessFile(tmp_path / "run")
    yield made
    made.close(remove=True)


@pytest.fixture
def leases(file: ProcessFile) -> Leases:
    """Slices counted in it."""
    return Leases(file)


def grant(leases: Leases, key: str, units: int) -> int:
    """Leases units; the slot of their counter."""
    held = leases.slice(key)
    leases.add(key, held, units)
    return held.slot


def charge(key: str, amount: int = 1) -> Charge:
    """A charge of any limit."""
    return Charge(key, amount, 10**9)


def test_what_was_not_granted_is_not_taken(leases: Leases) -> None:
    assert not leases.take((charge("a"),))
    grant(leases, "a", 2)
    assert leases.take((charge("a"),))
    assert leases.take((charge("a"),))
    assert not leases.take((charge("a"),))
    assert leases.left("a") == 0


def test_every_use_is_counted_in_the_file_before_it_returns(leases: Leases, file: ProcessFile) -> None:
    slot = grant(leases, "a", 10)
    for used in range(1, 4):
        leases.take((charge("a"),))
        assert file.counters[slot] == used
    leases.take((charge("a", 5),))
    assert file.counters[slot] == 8


def test_all_or_nothing(leases: Leases, file: ProcessFile) -> None:
    one, other = grant(leases, "a", 5), grant(leases, "b", 1)
    assert not leases.take((charge("a"), charge("b", 2)))
    assert not leases.take((charge("a"), charge("c")))
    assert not leases.take((charge("a", 3), charge("a", 3)))
    assert not leases.take((charge("a", -3),))
    assert not leases.take((charge("b"), charge("a", -3)))
    assert (file.counters[one], file.counters[other], leases.left("a"), leases.left("b")) == (0, 0, 5, 1)
    assert leases.take((charge("a", 3), charge("a", 2)))
    assert leases.left("a") == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.booleans()), max_size=60))
def test_used_and_left_are_what_was_granted(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, bool]]) -> None:
    file = ProcessFile(tmp_path_factory.mktemp("run") / "run")
    try:
        leases, granted, used = Leases(file), dict.fromkeys("abc", 0), dict.fromkeys("abc", 0)
        for key, units, grants in steps:
            if grants:
                grant(leases, key, units)
                granted[key] += units
            elif leases.take((charge(key, units),)):
                used[key] += units
            assert used[key] <= granted[key]
            assert leases.left(key) == granted[key] - used[key]
            if key in leases.held():
                assert file.counters[leases.slice(key).slot] == used[key]
    finally:
        file.close(remove=True)


def test_what_is_missing(leases: Leases) -> None:
    grant(leases, "a", 3)
    wanted = leases.missing((charge("a", 2), charge("b", 4), charge("a", 2)))
    assert [(each.key, each.amount) for each in wanted] == [("a", 1), ("b", 4)]
    assert leases.missing((charge("a", 3),)) == []


def test_a_slice_goes_back_once(leases: Leases) -> None:
    grant(leases, "a", 5)
    leases.take((charge("a", 2),))
    held = leases.detach("a")
    assert held is not None
    assert (held.used, held.left) == (2, 3)
    assert leases.detach("a") is None
    assert not leases.take((charge("a"),))
    leases.attach("a", held)  # it could not be given back
    assert leases.take((charge("a", 3),))


def test_units_that_come_after_the_slice_went_back_are_not_kept(leases: Leases) -> None:
    held = leases.slice("a")
    assert leases.detach("a") is held
    leases.slice("a")
    leases.add("a", held, 100)
    assert leases.left("a") == 0


def test_a_pinned_slice_stays(leases: Leases) -> None:
    grant(leases, "a", 5)
    leases.take((charge("a"),))
    leases.pin((charge("a"),))
    assert leases.detach("a") is None
    leases.unpin((charge("a"),))
    assert leases.detach("a") is not None


def test_idle_slices(leases: Leases) -> None:
    grant(leases, "a", 5)
    grant(leases, "b", 5)
    assert leases.idle() == []
    leases.take((charge("a"),))
    assert leases.idle() == ["b"]
    assert leases.idle() == ["a", "b"]


def test_a_counter_serves_again_from_zero(leases: Leases, file: ProcessFile) -> None:
    slot = grant(leases, "a", 5)
    leases.take((charge("a", 5),))
    held = leases.detach("a")
    assert held is not None
    leases.free(held)
    assert grant(leases, "b", 1) == slot
    assert file.counters[slot] == 0


def test_more_budgets_than_the_file_had_counters_for(leases: Leases, file: ProcessFile) -> None:
    count = len(file.counters) + 3
    for number in range(count):
        grant(leases, f"k{number}", number + 1)
        assert leases.take((charge(f"k{number}", number + 1),))
    assert len(file.counters) > count
    for number in range(count):
        assert file.counters[leases.slice(f"k{number}").slot] == number + 1
    assert boot_id()
