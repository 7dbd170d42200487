"""Every adapter does what an adapter must, with its framework's newest and oldest version, each in an environment of its own."""

from __future__ import annotations

import pytest

from gate.agents.conformance.scenarios import SCENARIOS, words
from tests.agents.table import PAGE, column, written
from tests.agents.venvs import PINS, Environment, NotInstalledError, environments, harnesses, results

NEWEST = [(environment, harness) for environment in environments("newest") for harness in harnesses(environment.framework)]
RECIPES = [(environment, PINS[environment.framework]["recipe"]) for environment in environments("newest") if "recipe" in PINS[environment.framework]]


def named(value: object) -> str:
    return value.framework if isinstance(value, Environment) else str(value).rpartition(":")[2]


def checked(environment: Environment, harness: str):
    """What the kit says; skipped where the framework cannot be installed."""
    try:
        environment.python()
    except NotInstalledError as error:
        pytest.skip(f"{environment.framework} cannot be installed here: {error}")
    found = results(environment, harness)
    wrong = {scenario: said for scenario, said in found["results"].items() if said != "yes" and not said.startswith("none: ")}
    assert not wrong, "\n".join(f"{scenario}: {said}" for scenario, said in wrong.items())
    assert SCENARIOS.keys() <= found["results"].keys()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("environment", "harness"), NEWEST, ids=named)
def test_the_newest_version_does_what_it_must_and_the_page_says_so(environment: Environment, harness: str) -> None:
    found = checked(environment, harness)
    assert written(harness) == column(found), "python -m tests.agents.venvs writes the page anew"


@pytest.mark.slow
@pytest.mark.parametrize(("environment", "recipe"), RECIPES, ids=named)
def test_a_recipe_allows_refuses_and_fails_closed(environment: Environment, recipe: str) -> None:
    try:
        environment.python()
    except NotInstalledError as error:
        pytest.skip(f"{environment.framework} cannot be installed here: {error}")
    done = environment.run("-m", f"tests.agents.recipes.{recipe}")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "allowed, refused, failed closed", done.stdout + done.stderr[-4000:]


def test_the_page_says_what_every_scenario_shows() -> None:
    text = PAGE.read_text()
    assert all(f"- `{scenario}`: {words(scenario).splitlines()[0]}" in text for scenario in SCENARIOS)
    assert all(harness.rpartition(":")[2] in text for framework in PINS for harness in harnesses(framework))


def test_versions_are_pinned() -> None:
    for framework, said in PINS.items():
        for which in ("newest", "oldest"):
            first = said.get(which, [""])[0]
            assert "==" in first or not first, f"{framework}: {first}"
