"""The oldest supported version of each framework, in an environment of its own. Where GATE_TEST_OLDEST is set, as in CI: it doubles the time."""

from __future__ import annotations

import os

import pytest

from tests.agents.test_frameworks import checked, named
from tests.agents.venvs import Environment, environments, harnesses

OLDEST = [(environment, harness) for environment in environments("oldest") for harness in harnesses(environment.framework)]
pytestmark = pytest.mark.skipif("GATE_TEST_OLDEST" not in os.environ, reason="GATE_TEST_OLDEST is not set")


@pytest.mark.slow
@pytest.mark.parametrize(("environment", "harness"), OLDEST, ids=named)
def test_the_oldest_version_does_what_it_must(environment: Environment, harness: str) -> None:
    checked(environment, harness)
