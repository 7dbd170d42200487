"""Describing calls without making them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import MappingProxyType

import pytest

from gate.call import Acting
from gate.effect import Assessment, Risk
from gate.errors import BadCall, ConfigError
from gate.kind import KindTool
from gate.policy.catalogue import KindCatalogue, installed_kinds
from gate.tool import make_tool

ACTING = Acting("ann")


class Amount:
    """A kind: whole numbers, risky from 1,000."""

    name = "amount"

    def parse(self, value: object) -> object:
        if not isinstance(value, int):
            raise ValueError("no amount")
        return value

    def assess(self, value: object) -> Assessment:
        return Assessment(frozenset({"spends"}), Risk.HIGH if isinstance(value, int) and value >= 1000 else Risk.LOW)


PAY = KindTool("pay", {"eur": Amount(), "tip": Amount()}, frozenset({"tip"}))


def test_a_call_is_described_by_its_kinds() -> None:
    call = KindCatalogue([PAY]).describe("pay", {"eur": 5000}, ACTING)
    assert dict(call.arguments) == {"eur": 5000, "tip": None} and call.defaulted == {"tip"}
    assert call.assessment.risk is Risk.HIGH and call.acting is ACTING


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("pya", {}, "there is no tool 'pya'"),
        ("p\u0430y", {}, "CYRILLIC SMALL LETTER A"),
        ("pay", {"eur": "x"}, "argument 'eur': no amount"),
        ("pay", {}, "argument 'eur' is missing"),
        ("pay", {"eur": 1, "x": 2}, "unknown argument 'x'"),
    ],
)
def test_what_is_no_call_is_refused(tool: str, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(BadCall) as caught:
        KindCatalogue([PAY]).describe(tool, arguments, ACTING)
    assert any(said in reason for reason in caught.value.reasons)


def test_tools_behind_a_gate_come_first_and_are_looked_up_live() -> None:
    tools = dict[str, object]()
    catalogue = KindCatalogue([PAY], tools=MappingProxyType(tools))  # type: ignore[arg-type]  # filled below

    def pay(eur: str) -> None: ...
    def other(**rest: int) -> None: ...

    assert catalogue.names() == {"pay": {"eur", "tip"}}
    for function in (pay, other):
        tools[function.__name__] = make_tool(function, {"effects": "spends"})
    assert catalogue.describe("pay", {"eur": "five"}, ACTING).assessment.effects == {"spends"}
    assert catalogue.names() == {"pay": {"eur"}, "other": None}


def test_the_kinds_of_installed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "seven_kinds.py"
    package.write_text(
        "from gate.kind import KindTool\nONE = KindTool('seven.one', {})\nSOME = {'x': KindTool('seven.two', {})}\n"
        "MANY = [KindTool('seven.three', {})]\nBAD = [5]\n"
    )
    metadata = tmp_path / "seven_kinds-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: seven-kinds\nVersion: 1\n")
    points = metadata / "entry_points.txt"
    points.write_text("[gate.kinds]\none = seven_kinds:ONE\nsome = seven_kinds:SOME\nmany = seven_kinds:MANY\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert {"seven.one", "seven.two", "seven.three"} <= {kind.name for kind in installed_kinds()}
    assert KindCatalogue().describe("seven.one", {}, ACTING).tool == "seven.one"
    for bad, said in (("BAD", "brings something that is no tool"), ("NONE", "cannot be loaded")):
        points.write_text(f"[gate.kinds]\nodd = seven_kinds:{bad}\n")
        with pytest.raises(ConfigError, match=said):
            list(installed_kinds())
    sys.modules.pop("seven_kinds", None)
