"""docs/reference/rules.md: every example loads, with the real kinds, and every key of the format is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gate.effect import EFFECTS
from gate.errors import RulesError
from gate.policy.catalogue import KindCatalogue
from gate.policy.rulesfile import load
from gate.policy.rulesform import AskForm, DefaultForm, RuleForm, SelectorForm
from gate.rules import BUILT_IN

PAGE = (Path(__file__).parent.parent / "docs" / "reference" / "rules.md").read_text()
FENCES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def kinds() -> KindCatalogue:
    from capabilities import compute, files, http, shell

    return KindCatalogue([tool for kind in (compute, files, http, shell) for tool in kind.TOOLS.values()])


@pytest.mark.parametrize("number", range(len(FENCES)))
def test_an_example_of_the_page_loads(tmp_path: Path, number: int) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(FENCES[number])
    made = load(path, catalogue=kinds())
    assert made.rules or made.default


def test_the_page_has_examples() -> None:
    assert len(FENCES) >= 6 and sum(fence.count("match =") for fence in FENCES) >= 10


def test_the_error_on_the_page_is_the_one_that_comes(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text('[[rule]]\nid = "no-tunnels"\ndeny = { technique = "T1572" }\n\n\nnot_match = [\'shell.run command="ssh -R 1:h:2 gw"\']\n')
    with pytest.raises(RulesError) as caught:
        load(path, catalogue=kinds())
    said = str(caught.value).replace(str(path), "gate.toml")
    assert any(said.startswith(line) for line in PAGE.splitlines() if line.startswith("gate.toml:"))


@pytest.mark.parametrize("form", [RuleForm, SelectorForm, AskForm, DefaultForm])
def test_every_key_is_explained(form: type[RuleForm]) -> None:
    for key in form._fields:
        assert re.search(rf"^\|[^|]*`{key}`", PAGE, re.MULTILINE), key


def test_what_the_page_lists_is_what_there_is() -> None:
    for effect in EFFECTS:
        assert f"`{effect}`" in PAGE
    for risk, verdict in BUILT_IN.items():
        assert f'| `{risk.word}` | `"{verdict}"` |' in PAGE
