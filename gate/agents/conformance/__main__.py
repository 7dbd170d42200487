"""`python -m gate.agents.conformance MODULE:HARNESS [SCENARIO…] [--json]`: runs the scenarios, says how each ended, exits with 1 when one failed."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import traceback
from importlib import import_module
from typing import TYPE_CHECKING

from gate.agents.conformance.bench import run_here
from gate.agents.conformance.scenarios import SCENARIOS, check

if TYPE_CHECKING:
    from gate.agents.conformance.harness import Harness


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gate.agents.conformance", description="What an adapter must do, shown with its framework.")
    parser.add_argument("harness", metavar="MODULE:HARNESS", help="a class of yours, made from gate.agents.conformance.Harness")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"only these, of: {', '.join(SCENARIOS)}, and the harness's own traps")
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    parser.add_argument("--run", metavar="FOLDER", help=argparse.SUPPRESS)
    said = parser.parse_args()
    harness = _harness(parser, said.harness)
    if unknown := [one for one in said.scenarios if one not in SCENARIOS and one not in harness.traps]:
        parser.error(f"there is no scenario '{unknown[0]}'")
    if said.run:
        print(run_here(harness, said.run, json.load(sys.stdin)))
        return 0
    results = {scenario: _result(harness, scenario) for scenario in said.scenarios or (*SCENARIOS, *harness.traps)}
    if said.json:
        print(json.dumps({"framework": harness.framework, "version": harness.version, "results": results}))
    else:
        for scenario, result in results.items():
            print(f"{scenario:22} {result}")
    return 1 if any(result not in {"yes", ""} and not result.startswith("none:") for result in results.values()) else 0


def _harness(parser: argparse.ArgumentParser, said: str) -> Harness:
    """A harness that is named; ends with 2 and a line where there is none."""
    from gate.agents.conformance.harness import Harness

    module, _, name = said.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, ValueError, AttributeError) as error:
        parser.error(f"'{said}' is no MODULE:HARNESS here: {error}")
    if not (isinstance(found, type) and issubclass(found, Harness)):
        parser.error(f"'{said}' is no class made from gate.agents.conformance.Harness")
    return found()


def _result(harness: Harness, scenario: str) -> str:
    """Either "yes", or "none: why the framework has no such thing", or what is wrong."""
    if why := harness.without.get(scenario):
        return f"none: {why}"
    with tempfile.TemporaryDirectory(prefix="gate-conformance-") as folder:
        try:
            check(harness, scenario, folder)
        except BaseException:  # whatever it was, this scenario failed
            return "NO: " + traceback.format_exc(limit=-3)[-1500:]
    return "yes"


if __name__ == "__main__":
    sys.exit(main())
