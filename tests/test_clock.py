"""The clock never goes back, whoever sets it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import clock as clocks
from gate.clock import NeverBack, SystemClock
from gate.testing import FakeClock


class Host:
    """The two clocks of a host."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.uptime = 1_000_000.0, 50.0
        monkeypatch.setattr(clocks, "time", lambda: self.wall)
        monkeypatch.setattr(clocks, "monotonic", lambda: self.uptime)

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.uptime += seconds


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def test_it_tells_the_time_of_the_host(host: Host) -> None:
    clock = SystemClock()
    assert clock.now() == 1_000_000
    host.passes(60)
    assert clock.now() == 1_000_060


def test_a_host_that_is_set_back_is_not_believed(host: Host) -> None:
    clock = SystemClock()
    host.wall -= 3600
    assert clock.now() == 1_000_000
    host.passes(60)
    assert clock.now() == 1_000_060, "time goes on all the same"


def test_a_host_that_is_set_forward_is_believed(host: Host) -> None:
    clock = SystemClock()
    host.wall += 3600
    assert clock.now() == 1_003_600


def test_it_begins_where_somebody_has_been_before(host: Host) -> None:
    clock = SystemClock(floor=2_000_000)
    assert clock.now() == 2_000_000
    host.passes(60)
    assert clock.now() == 2_000_060
    assert SystemClock(floor=5).now() == 1_000_060


@given(st.lists(st.floats(-1e6, 1e6), max_size=20))
def test_a_given_clock_is_held_to_what_it_said(steps: list[float]) -> None:
    fake = FakeClock()
    clock, told = NeverBack(fake), [fake.now()]
    for step in steps:
        fake.advance(step)
        told.append(clock.now())
        assert told[-1] >= fake.now()
    assert told == sorted(told)
    assert told[-1] == max(1_800_000_000.0, *told)
