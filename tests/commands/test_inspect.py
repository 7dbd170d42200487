"""`gate inspect`: a list of tools becomes rules and a grant that the other commands take."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.kit import run

TOOLS = {
    "tools": [{"name": "read_file", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}, "x": {}}, "required": ["path"]}}]
}


def test_rules_and_grant_are_written_and_taken(folder: Path) -> None:
    (folder / "tools.json").write_text(json.dumps(TOOLS))
    done = run("inspect", "tools.json", "--rules", "made.toml", "--grant", "grant.json")
    assert done.code == 0 and "read_file: x (its form is not said)" in done.out and "kept by subpath" in done.out
    assert run("rules", "check", "made.toml").code == 0
    assert run("init").code == 0
    assert run("grant", "bot", "--tools", "grant.json", "--json").data["tools"]["read_file"]["x"] == {"constraint_type": "wildcard", "optional": True}
    calls = b'{"tool": "read_file", "args": {"path": "/etc/passwd"}}\n{"tool": "other", "args": {}}\n'
    assert [one["decision"] for one in run("check", "--rules", "made.toml", "-", stdin=calls).lines] == ["deny", "deny"]
    again = run("inspect", "tools.json", "--rules", "made.toml")
    assert again.code == 2 and "nothing is overwritten" in again.err


def test_as_data_and_from_standard_input(folder: Path) -> None:
    found = run("inspect", "-", "--json", stdin=json.dumps(TOOLS))
    assert found.code == 0 and found.data["unbound"] == ["read_file: x"] and "[[rule]]" in found.data["toml"]


def test_what_cannot_be_inspected(folder: Path) -> None:
    (folder / "odd.json").write_text(json.dumps({"tools": [{"name": "p\u0430y", "inputSchema": {}}]}))
    odd = run("inspect", "odd.json")
    assert odd.code == 1 and "REFUSED: its name is none that a gate takes: it holds U+0430 CYRILLIC SMALL LETTER A" in odd.out
    for text, said in (("{", "no JSON"), ('{"a": 1, "a": 2}', "twice"), ("5", "no set of tools")):
        (folder / "bad.json").write_text(text)
        bad = run("inspect", "bad.json")
        assert bad.code == 2 and said in bad.err
    assert run("inspect", "missing.json").code == 2
