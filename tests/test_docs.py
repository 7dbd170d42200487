"""Every Python example of the README, the documents and the docstrings runs and prints what it says; the README is the first page of docs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

import capabilities
import gate

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = sorted(
    module.name
    for package in (gate, capabilities)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if "__main__" not in module.name
)


@pytest.mark.parametrize("example", list(find_examples(*map(str, PAGES))), ids=str)
def test_an_example_runs_and_prints_what_it_says(
    example: CodeExample, eval_example: EvalExample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if example.prefix_settings().get("test") == "skip":
        pytest.skip("marked so in the page")
    monkeypatch.chdir(tmp_path)
    eval_example.set_config(line_length=150)
    eval_example.run_print_check(example)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(name)
    except gate.ConfigError as missing:  # an adapter whose framework has an environment of its own
        assert name.startswith("gate.agents.") and "pip install" in str(missing)
        pytest.skip(str(missing))
    failed, _ = doctest.testmod(module, optionflags=doctest.IGNORE_EXCEPTION_DETAIL | doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    broken = [target for target in targets if not target.startswith(("http", "mailto:")) and not (page.parent / target).exists()]
    assert not broken


def test_the_first_page_of_the_documents_is_the_readme() -> None:
    index, readme = (ROOT / "docs" / "index.md").read_text(), (ROOT / "README.md").read_text()
    assert index == readme.replace("](docs/", "](").replace("`docs/", "`"), "copy README.md to docs/index.md, with links from there"
