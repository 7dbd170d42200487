"""The table of docs/reference/frameworks.md, from what the conformance kit said in each environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gate.agents.conformance.scenarios import SCENARIOS, words
from tests.agents.venvs import PINS, ROOT, harnesses

PAGE = ROOT / "docs" / "reference" / "frameworks.md"
HEAD = """# Frameworks

What each adapter was seen to do, with the framework itself and a model that is a list. `python -m gate.agents.conformance MODULE:HARNESS` runs these
scenarios for an adapter, yours too; this page is written by `python -m tests.agents.venvs`, and a test compares it with the run.

"""


def page(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The page. found: what the kit said, by harness."""
    names = [harness for framework in PINS for harness in harnesses(framework) if harness in found]
    versions = ["| framework | adapter | version | oldest |", "|---|---|---|---|", *[version_row(name, found[name]) for name in names]]
    head = ["| scenario | " + " | ".join(title(name) for name in names) + " |", "|---|" + "---|" * len(names)]
    rows = [f"| `{scenario}` | " + " | ".join(cell(found[name], scenario) for name in names) + " |" for scenario in SCENARIOS]
    meaning = [f"- `{scenario}`: {words(scenario).splitlines()[0]}" for scenario in SCENARIOS]
    traps = [f"- {title(name)}: {', '.join(f'`{trap}`' for trap in own)}" for name in names if (own := traps_of(found[name]))]
    why = [f"- {title(name)}, `{scenario}`: {reason}" for name in names for scenario, reason in reasons(found[name])]
    parts = [*versions, "", *head, *rows, "", "## What each shows", "", *meaning]
    if why:
        parts += ["", "## What a framework does not have", "", *why]
    if traps:
        parts += [
            "",
            "## Traps of single frameworks",
            "",
            "Each is a careless gate's hole, shown open and then closed (tests/agents/traps).",
            "",
            *traps,
        ]
    return HEAD + "\n".join(parts) + "\n"


def title(harness: str) -> str:
    """The harness's name in the table."""
    return harness.rpartition(":")[2]


def version_row(harness: str, found: Mapping[str, Any]) -> str:
    """Framework, adapter, and the versions that are tested."""
    framework = next(name for name in PINS if harness in harnesses(name))
    oldest = next((pin for pin in PINS[framework].get("oldest", []) if pin.partition("==")[0] == found["framework"]), "")
    version = "" if framework == "raw" else found["version"]
    return f"| {found['framework'] if version else 'none'} | {title(harness)} | {version} | {oldest.partition('==')[2]} |"


def cell(found: Mapping[str, Any], scenario: str) -> str:
    """Yes, a dash for what the framework has not, or NO."""
    said = found["results"].get(scenario, "NO")
    return "yes" if said == "yes" else "–" if said.startswith("none: ") else "**NO**"


def column(found: Mapping[str, Any]) -> list[str]:
    """The cells of one harness."""
    return [cell(found, scenario) for scenario in SCENARIOS]


def reasons(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why a framework has no such thing."""
    return [(scenario, said.removeprefix("none: ")) for scenario, said in found["results"].items() if said.startswith("none: ")]


def traps_of(found: Mapping[str, Any]) -> list[str]:
    """The scenarios of this framework alone."""
    return [scenario for scenario in found["results"] if scenario not in SCENARIOS]


def written(harness: str) -> list[str]:
    """The column of one harness as the page has it."""
    lines = PAGE.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| scenario |"))
    where = [cell.strip() for cell in lines[start].split("|")].index(title(harness))
    return [line.split("|")[where].strip() for line in lines[start + 2 : start + 2 + len(SCENARIOS)]]
